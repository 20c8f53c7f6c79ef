"""Regions written as a DS9 region file in image pixels, for the eyes and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.masking.chip_sky import ChipSky, Floats
from tweakreg_steps.masking.ds9_regions import Ds9Region
from tweakreg_steps.masking.region_outlines import outlines_on_chip
from tweakreg_steps.masking.region_planes import PhysicalSystem, Plane, planes_of, sky_vectors

if TYPE_CHECKING:
    from astropy.wcs import WCS

_PLAIN_SHAPES = ("circle", "annulus", "ellipse", "box", "polygon")
"""Shapes that every reader of DS9 files knows; the others become polygons."""

_FAR = 99999.0
"""Pixels beyond which nobody asks how far away a region is."""


def image_regions_text(
    regions: Sequence[Ds9Region],
    *,
    shape: tuple[int, int],
    wcs: WCS,
    physical: PhysicalSystem,
    name: str,
    chip: str,
) -> str:
    """Write regions in the pixels of a chip, in their order and with their signs.

    Shapes in image pixels stay as they are. Those on the sky, those in a physical system of its
    own, and pandas become polygons (see ``region_outlines``). A region without area, or off the
    chip, becomes a point: an include region counts even so, for without one the whole chip would be
    used.

    Parameters
    ----------
    regions
        The regions; see `tweakreg_steps.masking.ds9_regions`.
    shape
        (ny, nx) of the chip.
    wcs
        WCS of the chip with all its distortion.
    physical
        Physical system of the chip.
    name
        Name of the region file.
    chip
        Name of the image and the chip.

    Returns
    -------
    str
        The region file. The mask it gives is that of the regions, but for pixels on an edge.

    Raises
    ------
    InputError
        A region, or the chip, is as large as half the sky.
    """
    sky = ChipSky(wcs, shape)
    areas = [region for region in regions if region.has_area]
    planes = planes_of(areas, sky, physical, name)
    lines = ["# Region file format: DS9 version 4.1", f"# {name} in pixels of {chip}", "image"]
    for region in regions:
        sign = "" if region.include else "-"
        if not region.has_area:
            shapes = [_point(_place(region, sky, physical))]
        elif _stays(region, physical):
            next(planes)
            shapes = [_shape(region)]
        else:
            _, plane, vertices = next(planes)
            lines.append(f"# From line {region.line} ({region.system}): {_body(region)}")
            shapes = list(_traced(region, plane, vertices)) or [
                _point(_place(region, sky, physical))
            ]
        lines += [sign + words for words in shapes]
    return "\n".join(lines) + "\n"


def _body(region: Ds9Region) -> str:
    """Return how a region was written, without its properties."""
    return region.text.partition("#")[0].strip()


def _stays(region: Ds9Region, physical: PhysicalSystem) -> bool:
    """Tell whether a region can be written as it is."""
    same = np.array_equal(physical.matrix, np.eye(2)) and not physical.offset.any()
    in_image = region.system == "image" or (region.system == "physical" and same)
    return in_image and region.shape in _PLAIN_SHAPES


def _traced(region: Ds9Region, plane: Plane, vertices: Floats) -> Iterator[str]:
    """Yield the polygons of a region."""
    for outline in outlines_on_chip(region, plane, vertices):
        yield _words("polygon", outline.T.ravel().round(3))


def _shape(region: Ds9Region) -> str:
    """Write a shape in image pixels, nested ones as their innermost and outermost outline."""
    if region.shape == "polygon":
        return _words("polygon", np.ravel(region.points))
    sizes = [size for outline in (region.inner, region.outer) if outline for size in outline]
    center = region.points[0]
    if region.shape in ("circle", "annulus"):
        radii = sizes[::2]
        return _words("circle" if len(radii) == 1 else "annulus", [*center, *radii])
    full = 2.0 if region.is_box else 1.0
    return _words(region.shape, [*center, *(full * size for size in sizes), region.angle])


def _point(place: Floats) -> str:
    """Write a point."""
    return _words("point", place.round(3))


def _words(shape: str, numbers: Sequence[float] | Floats) -> str:
    """Write a shape with its numbers."""
    return f"{shape}({','.join(f'{number:.10g}' for number in numbers)})"


def _place(region: Ds9Region, sky: ChipSky, physical: PhysicalSystem) -> Floats:
    """Give the 1-based pixels of a region's first point, on the sky but roughly; 0 if it has none.

    The distortion is left out: away from the chip its inverse means nothing.
    """
    first = np.array(region.points[0])
    if region.system == "image":
        return first
    if region.system == "physical":
        return np.asarray(physical.matrix @ first + physical.offset)
    rough = sky.rough_pixels_at(sky_vectors([region], sky)[0][:, :1])[:, 0]
    return np.nan_to_num(rough).clip(-_FAR, _FAR)
