"""Masks of chips from regions, FITS masks and DQ flags."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.ds9_regions import parse_regions, read_region_file
from tweakreg_steps.masking.region_masks import (
    check_exclusion_file,
    chip_mask,
    mask_of_regions,
    physical_system,
    read_fits_mask,
)

DATA = Path(__file__).parent / "data"
PIXEL = 0.05  # arcsec, of the plain WCS

Mask = BoolArray
HDU = type[fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU]


def plain_wcs(ra: float = 150.0, dec: float = 30.0) -> WCS:
    """Undistorted chip of 200 x 300 pixels, north up and east to the left."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = ra, dec
    wcs.wcs.crpix = 150.5, 100.5
    wcs.wcs.cdelt = -PIXEL / 3600, PIXEL / 3600
    return wcs


def masked(text: str, *, wcs: WCS | None = None, header: dict[str, Any] | None = None) -> Mask:
    return mask_of_regions(
        parse_regions(text, name="a.reg"),
        shape=(200, 300),
        wcs=wcs or plain_wcs(),
        physical=physical_system(header or {}),
        name="a.reg",
    )


def test_real_regions_hold_the_sources_that_tweakreg_found_with_them() -> None:
    xy = np.loadtxt(DATA / "ds9" / "jcdua3f4q_flc_sci1_xy_catalog.coo")[:, :2]
    column, row = np.round(xy.T - 1).astype(int)
    assert len(xy) == 58  # what TweakReg counted with include_no_box_first

    def found(name: str, radius: int) -> int:
        path = DATA / "ds9" / f"jcdua3f4q_sci1_{name}.reg"
        regions, plane = read_region_file(path), physical_system({})
        mask = mask_of_regions(
            regions, shape=(2048, 4096), wcs=plain_wcs(), physical=plane, name="a"
        )
        steps = range(-radius, radius + 1)
        near = np.any([mask[row + i, column + j] for i in steps for j in steps], axis=0)
        return int(near.sum())

    assert found("include_no_box_first", 0) == 57  # the last one's centroid is 0.9 pixel outside
    assert found("include_no_box_first", 1) == 58
    assert found("include_no_box", 1) == 51  # what TweakReg counted with that file
    assert found("include", 1) == 58
    assert found("exclude", 0) == 1


def test_real_regions_in_another_order_are_another_mask() -> None:
    def mask(text: str) -> Mask:
        regions, physical = parse_regions(text, name="a"), physical_system({})
        return mask_of_regions(
            regions, shape=(2048, 4096), wcs=plain_wcs(), physical=physical, name="a"
        )

    names = ("include", "include_no_box", "include_no_box_first", "exclude")
    texts = [(DATA / "ds9" / f"jcdua3f4q_sci1_{name}.reg").read_text() for name in names]
    every, last, first, others = map(mask, texts)
    box, circle = mask("image;box(3541,393,113,96,0)"), mask("image;circle(3613,396,75)")
    assert np.array_equal(others, ~every)
    assert np.array_equal(last, every & ~box)
    # where the box goes first, what the circle holds of it comes back
    assert np.array_equal(first, every & ~(box & ~circle))
    assert (box & circle).any()


def test_a_polygon_that_crosses_itself_is_that_of_the_regions_package() -> None:
    from regions import PixCoord, PolygonPixelRegion

    corners = np.random.default_rng(5).uniform(5, 195, (9, 2))
    words = ",".join(f"{v:.6f}" for v in corners.ravel())
    y, x = np.mgrid[1:201, 1:301].astype(float)
    theirs = PolygonPixelRegion(PixCoord(*corners.round(6).T)).contains(PixCoord(x, y))
    assert np.array_equal(masked(f"image;polygon({words})"), theirs)
    assert 2000 < theirs.sum() < 30000


def test_order_matters() -> None:
    circle, box = "circle(100,100,20)", "-box(100,100,10,10,0)"
    last, first = masked(f"image;{circle};{box}"), masked(f"image;{box};{circle}")
    assert not last[99, 99]
    assert first[99, 99]
    assert np.array_equal(last | masked("image;box(100,100,10,10,0)"), first)


def test_only_excludes_leave_the_rest_of_the_chip() -> None:
    inside = masked("image;circle(100,100,20)")
    assert inside.sum() == pytest.approx(np.pi * 400, rel=0.01)
    assert np.array_equal(masked("image;-circle(100,100,20)"), ~inside)
    assert not masked("image;-circle(100,100,20);point(5,5)").any()


def test_a_file_without_regions_leaves_the_whole_chip(caplog: pytest.LogCaptureFixture) -> None:
    assert masked("# nothing\nimage\n# text(1,2) text={a}").all()
    assert "a.reg: holds no region; the whole chip is used" in caplog.text


@pytest.mark.parametrize(
    ("shape", "inside", "outside"),
    [
        ("circle(101,51,3)", [(101, 51), (103, 51), (101, 49)], [(105, 51), (104, 54)]),
        ("ellipse(101,51,20,5,90)", [(101, 70), (105, 51)], [(120, 51), (101, 72)]),
        ("box(101,51,40,10,30)", [(117, 60), (85, 42)], [(117, 42), (101, 60)]),
        ("annulus(101,51,5,10,20)", [(111, 51), (101, 45)], [(101, 51), (101, 72)]),
        ("box(101,51,10,10,40,40,0)", [(110, 51), (119, 69)], [(104, 54), (122, 51)]),
        ("ellipse(101,51,4,8,10,20,0)", [(107, 51), (101, 69)], [(101, 57), (112, 51)]),
        ("polygon(10,10,60,10,60,60,35,20,10,60)", [(12, 50), (35, 15)], [(35, 40), (5, 30)]),
        ("panda(101,51,0,90,3,5,20,2)", [(110, 60), (118, 52)], [(92, 60), (103, 53)]),
        ("panda(101,51,315,405,1,5,20,1)", [(118, 51)], [(101, 68), (84, 51)]),
        ("epanda(101,51,0,90,1,4,2,40,20,1,90)", [(92, 80), (99, 85)], [(110, 80), (92, 30)]),
        ("bpanda(101,51,0,360,1,4,4,40,20,1,90)", [(110, 70), (92, 32)], [(101, 51), (115, 51)]),
    ],
)
def test_shapes_in_pixels(
    shape: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    mask = masked("image;" + shape)
    assert all(mask[round(y) - 1, round(x) - 1] for x, y in inside)
    assert not any(mask[round(y) - 1, round(x) - 1] for x, y in outside)


def on_sky(words: str) -> str:
    """Write a shape in pixels, angles in braces, as one on the sky of the plain WCS."""
    shape, *numbers = words.replace("(", " ").replace(")", " ").replace(",", " ").split()
    n_points = len(numbers) if shape == "polygon" else 2
    xy = np.array([float(n) for n in numbers[:n_points]]).reshape(-1, 2)
    places = plain_wcs().all_pix2world(xy, 1).ravel().round(9).tolist()
    sizes = [n[1:-1] if n[0] == "{" else f'{float(n) * PIXEL}"' for n in numbers[n_points:]]
    return f"icrs;{shape}({','.join(map(str, [*places, *sizes]))})"


@pytest.mark.parametrize(
    "shape",
    [
        "circle(101.3,51.4,30)",
        "ellipse(101.3,51.4,40,20,{30})",
        "box(101.3,51.4,80,40,{30})",
        "annulus(101.3,51.4,10,30)",
        "box(101.3,51.4,20,10,80,40,{30})",
        "polygon(20.3,20.1,150.2,40.7,80.4,150.6)",
        "panda(101.3,51.4,{20},{110},{1},10,30,{1})",
        "epanda(101.3,51.4,{20},{110},{1},10,5,40,20,{1},{30})",
        "bpanda(101.3,51.4,{20},{110},{1},20,10,80,40,{1},{30})",
    ],
)
def test_north_up_a_shape_on_the_sky_is_that_shape_in_pixels(shape: str) -> None:
    in_pixels = masked("image;" + shape.replace("{", "").replace("}", ""))
    differ = in_pixels ^ masked(on_sky(shape))
    assert in_pixels.sum() > 400
    assert differ.sum() <= 3  # pixels on the edge


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (0.0, 90.0), (10.0, -89.999)])
def test_the_meridian_and_the_poles_are_nothing_special(ra: float, dec: float) -> None:
    wcs = plain_wcs(ra, dec)
    corners = wcs.all_pix2world([[100.5, 50.5], [200.5, 50.5], [200.5, 150.5], [100.5, 150.5]], 1)
    words = ",".join(f"{a:.12f},{d:.12f}" for a, d in corners)
    assert masked(f"icrs;polygon({words})", wcs=wcs).sum() == pytest.approx(10000, abs=200)
    center = ",".join(f"{v:.12f}" for v in wcs.all_pix2world(120, 80, 1))
    circle = masked(f'icrs;circle({center},{30 * PIXEL}")', wcs=wcs)
    assert circle.sum() == pytest.approx(np.pi * 900, rel=0.01)


def test_regions_elsewhere_on_the_sky_touch_nothing() -> None:
    text = "fk5;circle(330,-30,80);polygon(329,-31,331,-31,330,-29);circle(150,31,0.5)"
    assert not masked(text).any()


def test_a_polygon_around_half_the_sky_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.reg, line 2: .*as large as half the sky"):
        masked("fk5\npolygon(0,0,120,0,240,0)")


def test_physical_pixels_follow_ltv_and_ltm() -> None:
    header = {"LTV1": -1000.0, "LTV2": -499.75, "LTM1_1": 0.5, "LTM2_2": 0.5}
    physical = masked("circle(2200,1200,40)", header=header)
    assert np.array_equal(physical, masked("image;circle(100,100.25,20)"))
    assert physical.any()
    physical = masked("polygon(2200,1200,2280,1200,2240,1290)", header=header)
    assert np.array_equal(physical, masked("image;polygon(100,100.25,140,100.25,120,145.25)"))


@pytest.mark.parametrize("form", [fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU])
def test_fits_mask_is_the_first_image_of_the_chips_shape(tmp_path: Path, form: HDU) -> None:
    wanted = np.random.default_rng(1).integers(0, 3, (20, 30)).astype("int16")
    other = np.zeros((30, 20), dtype="int16")
    head = [] if form is fits.PrimaryHDU else [fits.PrimaryHDU(), fits.ImageHDU(other)]
    path = tmp_path / "mask.fits"
    fits.HDUList([*head, form(wanted), fits.ImageHDU(wanted * 0)]).writeto(path)
    assert np.array_equal(read_fits_mask(path, (20, 30)), wanted != 0)
    with pytest.raises(InputError, match=r"size of the chip, \(10, 5\).*\(30, 20\)"):
        read_fits_mask(path, (5, 10))


def test_unreadable_fits_mask(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    path.write_text("circle(1,2,3)")
    with pytest.raises(InputError, match=r"mask.fits: the FITS mask cannot be read"):
        read_fits_mask(path, (5, 10))


def test_regions_and_dq_flags_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text("image;-circle(50,50,10)")
    dq = np.zeros((200, 300), dtype="int16")
    dq[0, :5] = [1, 2, 4, 6, 8]
    physical = physical_system({})
    mask = chip_mask((200, 300), plain_wcs(), path, dq, "2,4", physical=physical)
    assert mask is not None
    assert mask[0, :5].tolist() == [False, True, True, True, False]
    assert (~mask).sum() == 2 + masked("image;circle(50,50,10)").sum()


def test_files_are_checked_before_any_job(tmp_path: Path) -> None:
    good, bad, mask = (tmp_path / name for name in ("good.reg", "bad.reg", "mask.fits"))
    good.write_text("image;circle(1,2,3)")
    bad.write_text("image;circle(1,2)")
    fits.PrimaryHDU(np.ones((4, 5))).writeto(mask)
    check_exclusion_file(good, (4, 5))
    check_exclusion_file(mask, (4, 5))
    with pytest.raises(InputError, match=r"bad\.reg, line 1: "):
        check_exclusion_file(bad, (4, 5))
    with pytest.raises(InputError, match=r"mask\.fits: no image in this mask"):
        check_exclusion_file(mask, (5, 4))


def test_dqbits_without_flags_are_told(caplog: pytest.LogCaptureFixture) -> None:
    assert chip_mask((4, 5), None, None, None, 4, physical=None) is None
    assert "dqbits 4: the chip has no DQ array" in caplog.text


def test_nothing_excluded_is_no_mask() -> None:
    dq = np.full((4, 5), 2)
    assert chip_mask((4, 5), None, None, None, None, physical=None) is None
    assert chip_mask((4, 5), None, None, dq, None, physical=None) is None
    assert chip_mask((4, 5), None, None, dq, 2, physical=None) is None


def test_dq_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"DQ array has shape \(4, 5\), its chip \(5, 5\)"):
        chip_mask((5, 5), None, None, np.zeros((4, 5), dtype=int), 0, physical=None)


def test_a_mask_that_leaves_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.reg"
    path.write_text("image;circle(5000,50,10)")
    mask = chip_mask((200, 300), plain_wcs(), path, None, None, physical=physical_system({}))
    assert mask is not None
    assert not mask.any()
    assert "a.reg: leaves no pixel of the chip to search" in caplog.text


@pytest.mark.slow
def test_libraries_of_regions_are_loaded_where_there_are_regions() -> None:
    code = (
        "import sys, numpy\n"
        "from tweakreg_steps.masking.image_masks import image_masks\n"
        "from tweakreg_steps.masking.region_masks import chip_mask\n"
        "chip_mask((4, 5), None, None, numpy.zeros((4, 5), int), 0, physical=None)\n"
        "print({'regions', 'shapely'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
