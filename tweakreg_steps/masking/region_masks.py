"""The mask of a chip: which of its pixels may be searched for sources.

A region file is followed in its order: an include region adds its pixels, an exclude region takes
them away. Where a file holds exclude regions only, the whole chip is there to begin with, else
nothing is. A pixel belongs to a region when its centre does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.chip_sky import ChipSky
from tweakreg_steps.masking.dq_mask import good_pixels
from tweakreg_steps.masking.ds9_regions import Ds9Region, read_region_file
from tweakreg_steps.masking.pixel_systems import PhysicalSystem, physical_system
from tweakreg_steps.masking.rasterising import Window, polygon_pixels, shape_pixels

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from astropy.wcs import WCS

    from tweakreg_steps.masking.region_outlines import Outline

log = logging.getLogger(__name__)

Mask = BoolArray

__all__ = [
    "check_exclusion_file",
    "chip_mask",
    "is_fits_mask",
    "mask_of_regions",
    "physical_system",
    "read_fits_mask",
]


def chip_mask(
    shape: tuple[int, int],
    wcs: WCS | None,
    exclusion: Path | None,
    dq: NDArray[np.integer[Any]] | None,
    dqbits: int | str | None,
    *,
    physical: PhysicalSystem | None,
) -> Mask | None:
    """Mask of a chip from its exclusion file and its DQ array.

    Parameters
    ----------
    shape
        (ny, nx) of the chip.
    wcs
        WCS of the chip with all its distortion; may be None where there is no region file.
    exclusion
        DS9 region file or FITS mask, None for none.
    dq
        DQ flags of the chip, (ny, nx), or None.
    dqbits
        Bits that count as good, see `tweakreg_steps.masking.dq_mask`.
    physical
        Pixel systems of the chip, see `physical_system`; may be None where there is no region
        file.

    Returns
    -------
    ndarray of bool, shape (ny, nx), or None
        True where sources are looked for; None when that is everywhere.

    Raises
    ------
    InputError
        The file cannot be read or does not fit, or the DQ array has another shape.
    """
    mask = None
    if exclusion is not None:
        if is_fits_mask(exclusion):
            mask = read_fits_mask(exclusion, shape)
        elif wcs is None or physical is None:
            raise TypeError("regions need the WCS and the physical system of the chip")
        else:
            regions = read_region_file(exclusion)
            mask = mask_of_regions(
                regions, shape=shape, wcs=wcs, physical=physical, name=str(exclusion)
            )
        if not mask.any():
            log.warning("%s: leaves no pixel of the chip to search", exclusion)
    if dq is None and dqbits is not None:
        log.warning("dqbits %s: the chip has no DQ array, and so no pixel is bad", dqbits)
    if dq is not None and dqbits is not None:
        if dq.shape != shape:
            raise InputError(f"the DQ array has shape {dq.shape}, its chip {shape}")
        good = good_pixels(dq, dqbits)
        mask = good if mask is None else mask & good
    return None if mask is None or mask.all() else mask


def check_exclusion_file(path: Path, shape: tuple[int, int]) -> None:
    """Read a region file or FITS mask once, to learn before any job whether it can be used.

    ``shape`` is (ny, nx) of the chip.

    Raises
    ------
    InputError
        The file cannot be read, or is a mask of another shape.
    """
    if is_fits_mask(path):
        read_fits_mask(path, shape)
    else:
        read_region_file(path)


def mask_of_regions(
    regions: tuple[Ds9Region, ...],
    *,
    shape: tuple[int, int],
    wcs: WCS,
    physical: PhysicalSystem,
    name: str,
) -> Mask:
    """Mask of a chip from regions, in their order.

    Parameters
    ----------
    regions
        The regions; see `tweakreg_steps.masking.ds9_regions`.
    shape
        (ny, nx) of the chip.
    wcs
        WCS of the chip with all its distortion.
    physical
        Pixel systems of the chip, see `physical_system`.
    name
        Name of the file in messages.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True inside what the regions leave.
    """
    from tweakreg_steps.masking.region_outlines import lay_out

    if not regions:
        log.warning("%s: holds no region; the whole chip is used", name)
    mask = np.full(shape, all(not region.include for region in regions))
    areas = [region for region in regions if region.has_area]
    _warn_of_sectors(areas, name)
    for region, outline in lay_out(areas, ChipSky(wcs, shape), physical, name):
        for window, inside in _pixels(outline, shape):
            mask[window] = mask[window] | inside if region.include else mask[window] & ~inside
    return mask


def _pixels(outline: Outline, shape: tuple[int, int]) -> Iterator[tuple[Window, Mask]]:
    """Yield the pixels of a region, in the parts that its outline has."""
    if isinstance(outline, Ds9Region):
        yield shape_pixels(outline, shape)
        return
    for rings in outline:
        yield polygon_pixels(rings, shape)


def _warn_of_sectors(regions: list[Ds9Region], name: str) -> None:
    """Say where DS9 reads its own file otherwise than the sky would have it."""
    lines = [
        str(region.line) for region in regions if region.has_turned_sector and not region.by_ds9
    ]
    if lines:
        log.warning(
            "%s, line %s: epanda and bpanda on the sky in a file that DS9 did not write: DS9 would "
            "count the rotation of the image twice in their sectors, here it counts once; save "
            "them from DS9 in image coordinates",
            name,
            ", ".join(lines),
        )


def read_fits_mask(path: Path, shape: tuple[int, int]) -> Mask:
    """Mask from the first image of a FITS file whose shape is the chip's.

    Zeros (and nan) are bad. ``shape`` is (ny, nx).

    Raises
    ------
    InputError
        The file cannot be read, or no image in it has this shape.
    """
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            found, shapes = _image_of_shape(hdus, shape)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: the FITS mask cannot be read: {error}") from error
    if found is None:
        held = ", ".join(f"{s[::-1]}" for s in shapes) or "none"
        raise InputError(
            f"{path}: no image in this mask has the size of the chip, {shape[::-1]} (columns, "
            f"rows); its images: {held}"
        )
    return np.asarray((found != 0) & ~np.isnan(found))


def _image_of_shape(
    hdus: HDUList, shape: tuple[int, int]
) -> tuple[NDArray[Any] | None, list[tuple[int, ...]]]:
    """First image of the wanted shape, and the shapes of all images seen."""
    shapes = []
    for hdu in hdus:
        if hdu.is_image and hdu.shape:
            shapes.append(tuple(hdu.shape))
            if hdu.shape == shape:
                return np.asarray(hdu.data), shapes
    return None, shapes


def is_fits_mask(path: Path) -> bool:
    """Tell whether an exclusion file is a FITS mask, by its name or its first bytes.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if path.name.lower().removesuffix(".gz").endswith((".fits", ".fit", ".fits.fz")):
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(9) == b"SIMPLE  ="
    except OSError as error:
        raise InputError(f"{path}: the exclusion file cannot be read: {error.strerror}") from error
