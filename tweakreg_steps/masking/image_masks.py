"""The masks of all chips of an image, from its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.exposure import read_dq, read_header, read_wcs
from tweakreg_steps.masking.region_masks import Mask, chip_mask, physical_system


def image_masks(
    image: Path,
    chips: Sequence[Chip],
    *,
    exclusions: Mapping[int, Path],
    dqbits: int | str | None,
) -> dict[int, Mask | None]:
    """Masks of an image's chips.

    Parameters
    ----------
    image
        The file.
    chips
        The chips.
    exclusions
        Region file or FITS mask by chip number; chips without one are left out.
    dqbits
        DQ bits that count as good, or None: see `tweakreg_steps.masking.dq_mask`.

    Returns
    -------
    dict of int to (ndarray of bool, shape (ny, nx)) or None
        By chip number: True where sources are looked for; None where that is everywhere.

    Raises
    ------
    InputError
        As `tweakreg_steps.masking.region_masks.chip_mask`.
    """
    return {chip.number: _mask(image, chip, exclusions.get(chip.number), dqbits) for chip in chips}


def _mask(image: Path, chip: Chip, exclusion: Path | None, dqbits: int | str | None) -> Mask | None:
    """Mask of one chip; nothing is read that is not needed."""
    return chip_mask(
        shape=chip.shape,
        wcs=read_wcs(image, chip) if exclusion else None,
        physical=physical_system(read_header(image, chip)) if exclusion else None,
        exclusion=exclusion,
        dq=read_dq(image, chip) if dqbits is not None else None,
        dqbits=dqbits,
    )
