"""A FITS file that holds nothing but a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_notice(path: Path, text: str, history: Sequence[str]) -> None:
    """Write a FITS file whose primary header says something, and that holds no data.

    Parameters
    ----------
    path
        The file; it is replaced as a whole.
    text
        What COMMENT says; characters that no header can hold become question marks.
    history
        The lines of HISTORY.
    """
    from astropy.io import fits

    from tweakreg_steps.atomic import atomic_path

    hdu = fits.PrimaryHDU()
    hdu.header["COMMENT"] = "".join(c if " " <= c <= "~" else "?" for c in text)
    for line in history:
        hdu.header["HISTORY"] = line
    with atomic_path(path) as temporary:
        hdu.writeto(temporary, overwrite=True)
