"""The masks of an image as a FITS file: one extension a chip, 1 where sources may be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.atomic import atomic_path

Mask = BoolArray


def write_masks(
    path: Path, masks: Mapping[int, Mask | None], image: str, *, history: Sequence[str]
) -> None:
    """Write the masks of an image's chips, compressed.

    Parameters
    ----------
    path
        The file to write.
    masks
        By chip number, shape (ny, nx), True where sources may be found; None where they may be
        found everywhere. Such a chip gets an extension without pixels.
    image
        Name of the image.
    history
        Lines for the HISTORY of the primary header.
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    name = image.encode("ascii", "backslashreplace").decode()  # a header holds nothing else
    primary.header["IMAGE"] = (name, "image these masks belong to")
    primary.header["COMMENT"] = "One extension a chip: 1 where sources may be found, 0 elsewhere."
    primary.header["COMMENT"] = "An extension without pixels: sources may be found everywhere."
    for line in history:
        primary.header.add_history(line)
    hdus: list[fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU] = [primary]
    for number, mask in masks.items():
        hdu: fits.ImageHDU | fits.CompImageHDU
        if mask is None:
            hdu = fits.ImageHDU(name="MASK", ver=number)
        else:
            pixels = mask.astype(np.uint8)
            # gzip would write the time into each tile
            hdu = fits.CompImageHDU(pixels, name="MASK", compression_type="RICE_1")
            hdu.ver = number
        hdus.append(hdu)
    with atomic_path(path) as temporary:
        fits.HDUList(hdus).writeto(temporary)


def read_mask(path: Path, chip: int) -> Mask | None:
    """Return the mask of chip number `chip` (from 1), or None where all of it may be searched."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        pixels = hdus["MASK", chip].data
        return None if pixels is None else np.asarray(pixels, dtype=bool)
