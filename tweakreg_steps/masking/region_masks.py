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

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.chip_sky import ChipSky, Floats, Window
from tweakreg_steps.masking.dq_mask import good_pixels
from tweakreg_steps.masking.ds9_regions import Ds9Region, read_region_file
from tweakreg_steps.masking.region_planes import PhysicalSystem, half_sizes, planes_of

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from astropy.wcs import WCS

log = logging.getLogger(__name__)

Mask = NDArray[np.bool_]

_BAND = 1 << 20  # pixels tested at once, which bounds the memory


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
        Physical system of the chip, see `physical_system`; may be None where there is no region
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
        Physical system of the chip, see `physical_system`.
    name
        Name of the file in messages.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True inside what the regions leave.
    """
    if not regions:
        log.warning("%s: holds no region; the whole chip is used", name)
    mask = np.full(shape, all(not region.include for region in regions))
    areas = [region for region in regions if region.has_area]
    for region, plane, vertices in planes_of(areas, ChipSky(wcs, shape), physical, name):
        window = plane.window(_radius(region, vertices))
        for part in _bands(window):
            inside = _inside(region, vertices, *plane.coordinates(part))
            if region.include:
                mask[part] |= inside
            else:
                mask[part] &= ~inside
    return mask


def physical_system(header: Any) -> PhysicalSystem:  # noqa: ANN401  any mapping of FITS cards
    """Physical system of a chip from the LTVi and LTMi_j of its header (absent: the image's)."""
    matrix = [[header.get(f"LTM{i}_{j}", float(i == j)) for j in (1, 2)] for i in (1, 2)]
    offset = [header.get(f"LTV{i}", 0.0) for i in (1, 2)]
    return PhysicalSystem(np.array(matrix, dtype=float), np.array(offset, dtype=float))


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


def _radius(region: Ds9Region, vertices: Floats) -> float:
    """Largest distance from the centre at which a pixel can lie inside, in units of the plane."""
    if region.shape == "polygon":
        return float(np.hypot(*vertices).max())
    return float(np.hypot(*half_sizes(region, region.outer)))


def _bands(window: Window | None) -> Iterator[Window]:
    """Cut a window into bands of rows of bounded size."""
    if window is None:
        return
    rows, columns = window
    step = max(1, _BAND // (columns.stop - columns.start))
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(start + step, rows.stop)), columns


def _inside(region: Ds9Region, vertices: Floats, u: Floats, v: Floats) -> Mask:
    """Whether points of the plane lie inside the region."""
    if region.shape == "polygon":
        return _inside_polygon(vertices, u, v)
    from astropy.units import deg
    from regions import EllipsePixelRegion, PixCoord, RectanglePixelRegion

    points = PixCoord(u, v)
    outline = RectanglePixelRegion if region.is_box else EllipsePixelRegion
    middle, angle = PixCoord(0, 0), region.angle * deg
    inside = outline(middle, *(2 * half_sizes(region, region.outer)), angle).contains(points)
    if region.inner is not None:
        hole = outline(middle, *(2 * half_sizes(region, region.inner)), angle)
        inside &= ~hole.contains(points)
    if region.sector is not None:
        inside &= _in_sector(region.sector, region.angle, u, v)
    return np.asarray(inside)


def _inside_polygon(vertices: Floats, u: Floats, v: Floats) -> Mask:
    """Whether points lie inside a polygon; where its edges cross, in and out take turns.

    ``regions`` gives the same, but takes seconds for a polygon of hundreds of vertices.
    """
    import shapely

    polygon = shapely.Polygon(vertices.T)
    shapely.prepare(polygon)
    return np.asarray(shapely.contains_xy(polygon, *np.broadcast_arrays(u, v)))


def _in_sector(sector: tuple[float, float], angle: float, u: Floats, v: Floats) -> Mask:
    """Whether points lie between two angles (deg) counted from an axis rotated by ``angle``."""
    start, stop = sector
    span = (stop - start) % 360 or 360.0
    turned = np.degrees(np.arctan2(v, u)) - angle - start
    return np.asarray(turned % 360 <= span)
