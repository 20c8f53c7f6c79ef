"""Weight maps: images of the size of a chip that say how much its pixels count."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, image_shape, select_image
from tweakreg_steps.fits_files.companions import find_companion
from tweakreg_steps.fits_files.exposure import FloatImage, read_pixels
from tweakreg_steps.fits_files.fits_blocks import Hdu, scan_hdus


def read_weights(path: Path, selection: str | None, shape: tuple[int, int]) -> FloatImage:
    """Read a weight map.

    Parameters
    ----------
    path
        Its file.
    selection
        The extension, ``wht,1`` or ``1``; None for the first image of the chip's size.
    shape
        (ny, nx) of the chip.

    Raises
    ------
    InputError
        As `find_weights`, or the file ends early.
    """
    return _read(path, find_weights(path, selection, shape), shape)


def find_weights(path: Path, selection: str | None, shape: tuple[int, int]) -> Hdu:
    """Find the image of a weight map in its file; parameters as for `read_weights`.

    Raises
    ------
    InputError
        The file is missing or is no FITS file, or it has no such image of this size.
    """
    hdus = scan_hdus(path)
    candidates = [select_image(path, selection, hdus)] if selection else hdus
    fitting = [hdu for hdu in candidates if image_shape(hdu) == shape]
    if not fitting:
        raise InputError(
            f"{path}{f'[{selection}]' if selection else ''}: holds no image of the size of the "
            f"chip, {shape[::-1]} (columns, rows); name another weight map"
        )
    return fitting[0]


def read_errors(path: Path, chip: Chip) -> FloatImage:
    """Read the errors of a chip, the image ``ERR,n`` of the same EXTVER or rank.

    Raises
    ------
    InputError
        As `find_errors`, or the file ends early.
    """
    return _read(path, find_errors(path, chip), chip.shape)


def find_errors(path: Path, chip: Chip) -> Hdu:
    """Find the image of a chip's errors.

    Raises
    ------
    InputError
        The file has no such image of the chip's size.
    """
    hdus = scan_hdus(path)
    found = find_companion(path, hdus, chip.extension, "ERR")
    if found is None or image_shape(found) != chip.shape:
        raise InputError(
            f"{path}: has no image ERR,{hdus[chip.extension].version} of the size of {chip.label}; "
            "give WEIGHT_IMAGE, or leave WEIGHT_TYPE out"
        )
    return found


def _read(path: Path, hdu: Hdu, shape: tuple[int, int]) -> FloatImage:
    """Read an image in the same way as a chip's pixels."""
    return read_pixels(path, Chip(number=1, extension=hdu.index, label=hdu.name, shape=shape))
