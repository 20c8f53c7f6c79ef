"""Regions written as a DS9 region file in image pixels, for the eyes and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.masking.chip_sky import ChipSky, Floats
from tweakreg_steps.masking.ds9_regions import Ds9Region
from tweakreg_steps.masking.pixel_systems import PhysicalSystem
from tweakreg_steps.masking.region_outlines import Outline, joined, lay_out, pie_in_pixels
from tweakreg_steps.masking.region_planes import image_points

if TYPE_CHECKING:
    from astropy.wcs import WCS

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

    Shapes in pixels stay such shapes. Those on the sky become polygons (see ``region_outlines``).
    A region without area, or off the chip, becomes a point: an include region counts even so, for
    without one the whole chip would be used.

    Parameters
    ----------
    regions
        The regions; see `tweakreg_steps.masking.ds9_regions`.
    shape
        (ny, nx) of the chip.
    wcs
        WCS of the chip with all its distortion.
    physical
        Pixel systems of the chip, see `tweakreg_steps.masking.pixel_systems`.
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
    outlines = lay_out([region for region in regions if region.has_area], sky, physical, name)
    lines = ["# Region file format: DS9 version 4.1", f"# {name} in pixels of {chip}", "image"]
    for region in regions:
        outline: Outline = next(outlines)[1] if region.has_area else []
        if region.system != "image":
            body = region.text.partition("#")[0].strip()
            lines.append(f"# From line {region.line} ({region.system}): {body}")
        shapes = _shapes(outline) or [_point(image_points(region, sky, physical)[:, 0])]
        lines += [("" if region.include else "-") + words for words in shapes]
    return "\n".join(lines) + "\n"


def _shapes(outline: Outline) -> list[str]:
    """Write the outline of one region."""
    if isinstance(outline, Ds9Region):
        if outline.sector is None:
            return [_shape(outline)]
        outline = pie_in_pixels(outline)  # pandas are known to DS9 alone
    return [_words("polygon", joined(rings).T.ravel().round(3)) for rings in outline]


def _shape(region: Ds9Region) -> str:
    """Write a shape in image pixels, nested ones as their innermost and outermost outline."""
    if region.shape == "polygon":
        return _words("polygon", np.ravel(region.points))
    sizes = [size for outline in (region.inner, region.outer) if outline for size in outline]
    sizes = [2.0 * size for size in sizes] if region.is_box else sizes
    center = region.points[0]
    if region.shape in ("circle", "annulus"):
        return _words("circle" if region.inner is None else "annulus", [*center, *sizes[::2]])
    return _words(region.shape, [*center, *sizes, region.angle])


def _point(place: Floats) -> str:
    """Write a point; one that has no place on the chip's plane, anywhere."""
    return _words("point", np.nan_to_num(place).clip(-_FAR, _FAR).round(3))


def _words(shape: str, numbers: Sequence[float] | Floats) -> str:
    """Write a shape with its numbers."""
    return f"{shape}({','.join(f'{number:.10g}' for number in numbers)})"
