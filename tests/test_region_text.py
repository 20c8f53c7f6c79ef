"""Regions written in the pixels of a chip give the mask of the regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from regions import PixCoord, PointPixelRegion, Regions
from test_sky_regions import SYSTEMS, surroundings, uvis_wcs

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.masking.ds9_regions import parse_regions
from tweakreg_steps.masking.region_masks import mask_of_regions, physical_system
from tweakreg_steps.masking.region_text import image_regions_text

SHAPE = (1200, 2300)  # the corner of a chip, around the centre of the regions

WINDOW = np.s_[700:1200, 1700:2300]

Mask = BoolArray


def mask_of(text: str, header: dict[str, Any] | None = None) -> Mask:
    return mask_of_regions(
        parse_regions(text, name="a.reg"),
        shape=SHAPE,
        wcs=uvis_wcs(),
        physical=physical_system(header or {}),
        name="a.reg",
    )


def rewritten(text: str, header: dict[str, Any] | None = None) -> str:
    return image_regions_text(
        parse_regions(text, name="a.reg"),
        shape=SHAPE,
        wcs=uvis_wcs(),
        physical=physical_system(header or {}),
        name="a.reg",
        chip="a.fits, SCI,1",
    )


def read_by_regions(text: str) -> Mask:
    """Mask of a file by the ``regions`` package, which knows nothing of include and exclude."""
    lines = text.splitlines()
    head, shapes = lines[:3], [line for line in lines[3:] if not line.startswith("#")]
    y, x = np.mgrid[WINDOW].astype(float)
    mask = np.full(x.shape, all(line.startswith("-") for line in shapes))
    for line in shapes:
        (region,) = Regions.parse("\n".join([*head, line.removeprefix("-")]), format="ds9")
        if not isinstance(region, PointPixelRegion):
            inside = region.contains(PixCoord(x, y))
            mask = mask & ~inside if line.startswith("-") else mask | inside
    return np.asarray(mask)


def is_same_but_for_edges(one: Mask, other: Mask) -> bool:
    """Tell whether masks differ only in pixels that have a neighbour of the other kind."""
    edge = np.zeros_like(one)
    for axis in (0, 1):
        step = np.diff(one.astype(np.int8), axis=axis) != 0
        pairs = [(slice(None), slice(None, -1)), (slice(None), slice(1, None))]
        for rows, columns in (pair[:: 1 if axis else -1] for pair in pairs):
            edge[rows, columns] |= step
    return not np.any((one ^ other) & ~edge)


SHAPES = (
    'circle({},9")',
    'annulus({},4",9")',
    'ellipse({},4.5",3",9",6",25)',
    'box({},16",10",25)',
    'panda({},20,130,2,4",9",1)',
    'epanda({},300,420,1,4.5",3",9",6",1,25)',
    'bpanda({},20,250,1,8",5",16",10",1,25)',
    'circle({},60")',
)


@pytest.mark.parametrize("system", SYSTEMS)
def test_shapes_on_the_sky_become_polygons_of_the_same_pixels(system: str) -> None:
    around = surroundings(system)
    place = f"{around.lon:.9f},{around.lat:.9f}"
    for shape in SHAPES if system == "icrs" else SHAPES[3:5]:
        text = f"{system};{shape.format(place)}"
        written = rewritten(text)
        assert "\npolygon(" in written
        assert is_same_but_for_edges(mask_of(text), mask_of(written)), shape


@pytest.mark.slow
def test_order_and_signs_are_kept_and_the_regions_package_reads_the_same() -> None:
    around = surroundings("icrs")
    place = f"{around.lon:.9f},{around.lat:.9f}"
    text = (
        f'icrs\n-circle({place},3")\nannulus({place},4",9")\n# ruler({place},1,2) ruler=arcsec\n'
        f"-polygon({place},{around.lon:.9f},{around.lat + 0.003:.9f},{around.lon + 0.006:.9f},"
        f"{around.lat:.9f})\nimage\nbox(2000,1010,60,40,30)\nellipse(1900,900,30,20,10)\n"
        "-panda(1900,900,0,90,1,0,25,1)\npoint(5,5)\n"
    )
    written = rewritten(text)
    signs = ["-" if line.startswith("-") else "+" for line in body(written)]
    assert signs == ["-", "+", "-", "+", "+", "-", "+"]
    assert "box(2000,1010,60,40,30)" in written
    assert "ruler" not in written
    wanted = mask_of(text)
    assert is_same_but_for_edges(wanted, mask_of(written))
    assert is_same_but_for_edges(wanted[WINDOW], read_by_regions(written))
    assert 20000 < wanted.sum() < 200000


def body(text: str) -> list[str]:
    """Lines of a region file that hold regions."""
    return [line for line in text.splitlines()[3:] if not line.startswith("#")]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("image;circle(10,20.5,3)", "circle(10,20.5,3)"),
        ("image;-annulus(10,20,3,5)", "-annulus(10,20,3,5)"),
        ("image;ellipse(10,20,3,5,30)", "ellipse(10,20,3,5,30)"),
        ("image;ellipse(10,20,1,2,3,6,30)", "ellipse(10,20,1,2,3,6,30)"),
        ("image;box(10,20,30,40,15)", "box(10,20,30,40,15)"),
        ("image;box(10,20,3,4,30,40,15)", "box(10,20,3,4,30,40,15)"),
        ("polygon(1,2,30,4,5,60)", "polygon(1,2,30,4,5,60)"),
        ("fk5;circle(10i,20i,3i)", "circle(10,20,3)"),
    ],
)
def test_shapes_in_the_image_stay_as_they_are(text: str, written: str) -> None:
    assert body(rewritten(text)) == [written]


def test_physical_pixels_of_their_own_become_image_pixels() -> None:
    header = {"LTV1": -1000.0, "LTV2": -499.75, "LTM1_1": 0.5, "LTM2_2": 0.5}
    text = "circle(4200,3200,400)\n-box(4200,3200,100,60,30)"
    assert is_same_but_for_edges(mask_of(text, header), mask_of(rewritten(text, header)))
    assert mask_of(text, header).any()


@pytest.mark.parametrize("far", ['circle(10,20,9")', 'circle(137.9,-64.5,9")', "point(10,20)"])
def test_an_include_region_off_the_chip_still_leaves_nothing(far: str) -> None:
    for sign in ("", "-"):
        text = f"fk5;{sign}{far}"
        written = rewritten(text)
        assert body(written)[0].startswith(f"{sign}point(")
        assert np.array_equal(mask_of(text), mask_of(written))


def test_a_region_cut_by_the_edge_of_the_chip_keeps_its_pixels() -> None:
    x, y = uvis_wcs().all_pix2world([3, 2298], [600, 1199], 1)
    text = f'icrs;circle({x[0]:.9f},{y[0]:.9f},20");circle({x[1]:.9f},{y[1]:.9f},12")'
    assert is_same_but_for_edges(mask_of(text), mask_of(rewritten(text)))
    assert mask_of(text)[600, 0]
