"""Association tables of HST."""

from __future__ import annotations

from pathlib import Path

from astropy.io import fits


def write_association(
    folder: Path, rows: list[tuple[str, str, bool]], name: str = "j8bt06010"
) -> str:
    """Write an association table of MEMNAME, MEMTYPE and MEMPRSNT, and return its file name."""
    names, kinds, present = zip(*rows, strict=True)
    columns = [
        fits.Column("MEMNAME", "14A", array=names),
        fits.Column("MEMTYPE", "14A", array=kinds),
        fits.Column("MEMPRSNT", "L", array=present),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(folder / f"{name}_asn.fits")
    return f"{name}_asn.fits"
