"""The regions of a chip in its own pixels, from files."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.exposure import read_header, read_wcs
from tweakreg_steps.masking.ds9_regions import read_region_file
from tweakreg_steps.masking.region_masks import physical_system
from tweakreg_steps.masking.region_text import image_regions_text


def write_image_regions(path: Path, image: Path, chip: Chip, region_file: Path) -> None:
    """Write the regions of a chip in its pixels, see `tweakreg_steps.masking.region_text`.

    Parameters
    ----------
    path
        The region file to write.
    image
        The file of the image.
    chip
        The chip.
    region_file
        The regions, in any system.

    Raises
    ------
    InputError
        A file cannot be read, or a region cannot be traced.
    """
    text = image_regions_text(
        read_region_file(region_file),
        shape=chip.shape,
        wcs=read_wcs(image, chip),
        physical=physical_system(read_header(image, chip)),
        name=region_file.name,
        chip=f"{image.name}, {chip.label}",
    )
    write_text_atomically(path, text)
