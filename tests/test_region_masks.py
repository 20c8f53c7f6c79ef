"""Masks of chips from regions, FITS masks and DQ flags."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.ds9_regions import parse_regions, read_region_file
from tweakreg_steps.masking.region_masks import (
    check_exclusion_file,
    chip_mask,
    mask_of_regions,
    physical_system,
    read_fits_mask,
)
from tweakreg_steps.masking.region_planes import ChipSky

DATA = Path(__file__).parent / "data"
PIXEL = 0.05  # arcsec, of the plain WCS
UVIS = (2051, 4096)

Mask = NDArray[np.bool_]
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


@cache
def uvis_wcs() -> WCS:
    """Real WCS of a WFC3/UVIS chip: SIP, NPOL and D2IM."""
    with fits.open(DATA / "wfc3_uvis_flc_headers.fits.gz") as hdus:
        return WCS(hdus["SCI", 1].header, hdus)


def uvis_mask(text: str) -> Mask:
    regions = parse_regions(text, name="a.reg")
    physical = physical_system({})
    return mask_of_regions(regions, shape=UVIS, wcs=uvis_wcs(), physical=physical, name="a.reg")


@cache
def uvis_pixels() -> tuple[NDArray[np.int64], NDArray[np.int64], SkyCoord]:
    """Columns and rows (from 0) of random pixels, most of them central, and their places."""
    rng = np.random.default_rng(42)
    x = np.r_[rng.integers(0, 4096, 4000), rng.integers(1200, 2800, 16000)]
    y = np.r_[rng.integers(0, 2051, 4000), rng.integers(400, 1600, 16000)]
    return x, y, SkyCoord(*uvis_wcs().all_pix2world(x, y, 0), unit="deg")


def test_real_regions_hold_the_sources_that_tweakreg_found_with_them() -> None:
    xy = np.loadtxt(DATA / "ds9" / "jcdua3f4q_flc_sci1_xy_catalog.coo")[:, :2]
    column, row = np.round(xy.T - 1).astype(int)

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
    assert found("exclude", 0) == 1


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


@pytest.mark.parametrize("system", ["fk5", "icrs", "fk4", "galactic", "ecliptic"])
def test_circles_follow_the_distortion_in_every_system(system: str) -> None:
    x, y, pixels = uvis_pixels()
    frame = {"ecliptic": "barycentricmeanecliptic"}.get(system, system)
    center = SkyCoord(*uvis_wcs().all_pix2world(2000, 1000, 1), unit="deg").transform_to(frame)
    lon, lat = center.spherical.lon.deg, center.spherical.lat.deg
    mask = uvis_mask(f'{system};circle({lon:.10f},{lat:.10f},20")')[y, x]
    distance = pixels.transform_to(frame).separation(center).arcsec
    wrong = mask != (distance < 20)
    assert np.all(abs(distance[wrong] - 20) < 0.004)  # a tenth of a pixel
    assert 3000 < mask.sum() < 17000


@pytest.mark.parametrize("system", ["icrs", "galactic"])
@pytest.mark.parametrize("shape", ["ellipse", "box"])
def test_rotated_shapes_are_counted_from_west_to_north(system: str, shape: str) -> None:
    x, y, pixels = uvis_pixels()
    center = SkyCoord(*uvis_wcs().all_pix2world(2000, 1000, 1), unit="deg").transform_to(system)
    lon, lat = center.spherical.lon.deg, center.spherical.lat.deg
    mask = uvis_mask(f'{system};{shape}({lon:.10f},{lat:.10f},26",14",25)')[y, x]
    there = pixels.transform_to(system)
    distance, angle = center.separation(there).arcsec, center.position_angle(there).rad
    west, north = -distance * np.sin(angle), distance * np.cos(angle)
    turn = np.radians(25)
    along = west * np.cos(turn) + north * np.sin(turn)
    across = north * np.cos(turn) - west * np.sin(turn)
    if shape == "ellipse":
        beyond = (np.hypot(along / 26, across / 14) - 1) * 14
    else:
        beyond = np.maximum(abs(along) - 13, abs(across) - 7)
    wrong = mask != (beyond < 0)
    assert mask.sum() > 500
    assert np.all(abs(beyond[wrong]) < 0.004)  # a tenth of a pixel


def test_polygons_have_great_circles_as_edges() -> None:
    x, y, pixels = uvis_pixels()
    corners = np.array([[1300.0, 500.0], [2700.0, 600.0], [2500.0, 1500.0]])
    sky = SkyCoord(*uvis_wcs().all_pix2world(*corners.T, 1), unit="deg")
    words = ",".join(f"{c.ra.deg:.10f},{c.dec.deg:.10f}" for c in sky)
    mask = uvis_mask(f"icrs;polygon({words})")[y, x]
    vertices, points = sky.cartesian.xyz.value, pixels.cartesian.xyz.value
    edges = [np.cross(vertices[:, i], vertices[:, (i + 1) % 3]) for i in range(3)]
    sides = np.array([e @ points / np.linalg.norm(e) for e in edges])
    sides *= np.sign(edges[0] @ vertices[:, 2])
    wrong = mask != (sides.min(axis=0) > 0)
    assert mask.sum() > 3000
    assert np.all(abs(sides.min(axis=0)[wrong]) < np.radians(0.004 / 3600))


def test_interpolated_positions_are_those_of_every_pixel() -> None:
    sky = ChipSky(uvis_wcs(), UVIS)
    x, y, pixels = uvis_pixels()
    truth = pixels.cartesian.xyz.value
    window = slice(0, UVIS[0]), slice(0, UVIS[1])
    for axis in range(3):
        error = sky.interpolate(sky.nodes[axis], window)[y, x] - truth[axis]
        assert abs(error).max() < np.radians(4e-4 / 3600)  # a hundredth of a pixel


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
