"""The plane on which exposures are compared."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from stwcs.distortion.utils import output_wcs
from stwcs.wcsutil import HSTWCS
from wcs_files import MATRIX, TPV, write_image, write_uvis

from tweakreg_steps.astrometry.reference_plane import (
    PlaneSource,
    build_reference_plane,
    plane_center,
    plane_of_image,
    plane_pixel_scale,
    read_reference_plane,
    write_reference_plane,
)
from tweakreg_steps.astrometry.undistortion import pixels_to_sky, separation, sky_to_plane
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure import list_chips, read_wcs

SHAPE = (2100, 2000)
CORNERS = np.array([1.0, 1.0, 2000.0, 2000.0]), np.array([1.0, 2100.0, 2100.0, 1.0])


def source(path: Path) -> PlaneSource:
    return path, list_chips(path, None)


def image(path: Path, ra: float, dec: float, **cards: Any) -> PlaneSource:  # noqa: ANN401
    data = np.broadcast_to(np.uint8(0), SHAPE)
    return source(write_image(path, data, CRVAL1=ra, CRVAL2=dec, **cards))


@pytest.fixture(scope="module")
def uvis(tmp_path_factory: pytest.TempPathFactory) -> list[PlaneSource]:
    folder = tmp_path_factory.mktemp("plane")
    return [source(write_uvis(folder / f"{i}_flc.fits", move=0.001 * i)) for i in range(2)]


def test_the_plane_of_hst_exposures_is_that_of_stwcs(uvis: list[PlaneSource]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chips = [HSTWCS(f"{path}[sci,{chip.number}]") for path, chips in uvis for chip in chips]
        expected = output_wcs(chips, undistort=True)
    plane = build_reference_plane(uvis)
    assert plane.pixel_shape == expected.pixel_shape
    assert np.array_equal(plane_center(plane), expected.wcs.crpix)
    x, y = np.array([0.0, 5000.0, 0.0, 5000.0]), np.array([0.0, 0.0, 5000.0, 5000.0])
    back = plane.wcs_world2pix(*expected.wcs_pix2world(x, y, 1), 1)
    assert np.allclose(back, (x, y), rtol=0, atol=1e-8)
    assert plane_pixel_scale(plane) == pytest.approx(0.03962, abs=1e-6)


def test_a_drizzled_hst_image_gives_its_own_plane(tmp_path: Path) -> None:
    square = {"CD1_1": -1.1e-5, "CD1_2": 2e-6, "CD2_1": 2e-6, "CD2_2": 1.1e-5}
    path, _ = image(tmp_path / "a_drz.fits", 150.0, 2.0, **square, TELESCOP="HST", INSTRUME="ACS")
    plane = build_reference_plane([source(path)])
    assert np.allclose(plane.wcs.cd, [[-1.1e-5, 2e-6], [2e-6, 1.1e-5]], rtol=1e-12)
    x, y = sky_to_plane(plane, [150.0], [2.0], where="a")
    # CRPIX (1000, 900) counted from the image's own corner
    assert np.allclose((x, y), ([1000.0], [900.0]), rtol=0, atol=1.0)


def test_the_plane_is_the_same_after_writing_and_reading(
    uvis: list[PlaneSource], tmp_path: Path
) -> None:
    plane = build_reference_plane(uvis)
    write_reference_plane(plane, tmp_path / "reference" / "wcs.fits", history=())
    write_reference_plane(build_reference_plane(uvis), tmp_path / "again.fits", history=())
    read = read_reference_plane(tmp_path / "reference" / "wcs.fits")
    for attribute in ("crval", "crpix", "cd"):
        assert np.array_equal(getattr(read.wcs, attribute), getattr(plane.wcs, attribute))
    assert read.pixel_shape == plane.pixel_shape
    content = (tmp_path / "reference" / "wcs.fits").read_bytes()
    assert content == (tmp_path / "again.fits").read_bytes()


def test_the_file_has_what_astrodrizzle_looks_for(uvis: list[PlaneSource], tmp_path: Path) -> None:
    plane = build_reference_plane(uvis)
    write_reference_plane(plane, tmp_path / "shifts_wcs.fits", history=())
    with fits.open(tmp_path / "shifts_wcs.fits") as hdus:
        header = hdus["WCS", 1].header
        assert hdus[1].data is None
    assert (header["NPIX1"], header["NPIX2"]) == plane.pixel_shape
    expected = np.degrees(np.arctan2(plane.wcs.cd[0, 1], plane.wcs.cd[1, 1]))
    assert header["ORIENTAT"] == pytest.approx(expected)


def test_no_pixel_is_read(uvis: list[PlaneSource], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    data = fits.ImageHDU.data.fget

    def spy(hdu: fits.ImageHDU) -> object:
        read.append(hdu.name)
        return data(hdu)

    monkeypatch.setattr(fits.ImageHDU, "data", property(spy))
    build_reference_plane(uvis)
    assert set(read) == {"WCSDVARR", "D2IMARR"}


@pytest.mark.parametrize(
    ("ra", "dec"), [(10.0, 20.0), (0.0, -72.0), (200.0, 89.995), (77.0, -90.0), (359.999, 0.0)]
)
def test_another_telescope_gets_a_square_plane_over_all_images(
    tmp_path: Path, ra: float, dec: float
) -> None:
    sources = [
        image(tmp_path / "a.fits", ra, dec),
        image(tmp_path / "b.fits", (ra + 0.005) % 360.0, min(dec + 0.004, 90.0)),
    ]
    plane = build_reference_plane(sources)
    cd = plane.wcs.cd / np.sqrt(abs(np.linalg.det(plane.wcs.cd)))
    assert np.allclose(cd @ cd.T, np.eye(2), rtol=0, atol=1e-12)
    assert np.sign(np.linalg.det(cd)) == -1
    nx, ny = plane.pixel_shape
    edges = []
    for path, chips in sources:
        sky = pixels_to_sky(read_wcs(path, chips[0]), *CORNERS, where="a")
        edges.append(sky_to_plane(plane, *sky, where="a"))
    x, y = np.concatenate(edges, axis=1)
    assert 0.5 <= x.min() <= 2 >= y.min() >= 0.5
    assert nx - 1 <= x.max() <= nx + 0.5
    assert ny - 1 <= y.max() <= ny + 0.5


@pytest.mark.parametrize(("ra", "dec"), [(10.0, 20.0), (200.0, 89.99), (200.0, -89.999)])
def test_the_planes_y_axis_and_scale_are_those_of_the_first_chips_centre(
    tmp_path: Path, ra: float, dec: float
) -> None:
    first = image(tmp_path / "a.fits", ra, dec, **TPV)
    others = [image(tmp_path / "b.fits", (ra + 30.0) % 360.0, dec)]
    plane = build_reference_plane([first, *others])
    wcs = read_wcs(first[0], first[1][0])
    sky = pixels_to_sky(wcs, [1000.5, 1000.5, 1010.5], [1050.5, 1060.5, 1050.5], where="a")
    x, y = sky_to_plane(plane, *sky, where="a")
    assert abs(x[1] - x[0]) < 1e-3 * abs(y[1] - y[0])
    assert y[1] > y[0]
    area = separation(*(v[0] for v in sky), *(v[1] for v in sky)) * separation(
        *(v[0] for v in sky), *(v[2] for v in sky)
    )
    # shear makes the sides' product a little larger than the area
    assert plane_pixel_scale(plane) == pytest.approx(np.sqrt(area) / 1e4, rel=0.01)


def test_handedness_is_kept(tmp_path: Path) -> None:
    flipped = MATRIX | {"CD1_1": 1e-5}
    plane = build_reference_plane([image(tmp_path / "a.fits", 10.0, 20.0, **flipped)])
    assert np.linalg.det(plane.wcs.cd) > 0


def test_fields_on_opposite_sides_of_the_sky_are_refused(tmp_path: Path) -> None:
    sources = [
        image(tmp_path / "a.fits", 10.0, 20.0),
        image(tmp_path / "b.fits", 10.1, 20.0),
        image(tmp_path / "c.fits", 190.0, -20.0),
    ]
    with pytest.raises(InputError, match=r"cannot be put on one plane.*separate recipes"):
        build_reference_plane(sources)


def test_an_hst_header_that_stwcs_cannot_read_gets_the_plane_of_its_wcs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise KeyError("CCDCHIP")

    monkeypatch.setattr("stwcs.wcsutil.HSTWCS", refuse)
    path, _ = image(tmp_path / "a.fits", 10.0, 20.0, TELESCOP="HST", INSTRUME="ACS")
    assert build_reference_plane([source(path)]).pixel_shape is not None
    assert "stwcs cannot read this HST header ('CCDCHIP')" in caplog.text


def test_a_file_that_is_no_plane_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU().writeto(tmp_path / "wcs.fits")
    with pytest.raises(InputError, match="is not a reference plane"):
        read_reference_plane(tmp_path / "wcs.fits")


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"RADESYS": "FK5", "EQUINOX": 2000.0},
        {"RADESYS": "FK4", "EQUINOX": 1950.0},
        {"EQUINOX": 1975.0},
        {"LONPOLE": 150.0},
        {"TELESCOP": "HST", "INSTRUME": "ACS", "CTYPE1O": "RA---TAN", "WCSNAMEO": "OPUS"},
    ],
)
def test_an_undistorted_image_is_its_own_plane(tmp_path: Path, cards: dict[str, Any]) -> None:
    square = {"CD1_1": -1.1e-5, "CD1_2": 2e-6, "CD2_1": 2e-6, "CD2_2": 1.1e-5}
    path, (chip,) = image(tmp_path / "a.fits", 150.0, 2.0, **square, **cards)
    write_reference_plane(plane_of_image(path, chip), tmp_path / "wcs.fits", history=())
    plane = read_reference_plane(tmp_path / "wcs.fits")
    assert plane.pixel_shape == SHAPE[::-1]
    sky = pixels_to_sky(read_wcs(path, chip), *CORNERS, where="a")
    x, y = sky_to_plane(plane, *sky, where="a")
    # astropy's way to FK4 and back is that exact
    assert np.allclose((x, y), CORNERS, rtol=0, atol=2e-4)


SIP = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "A_ORDER": 2,
    "A_2_0": 1e-6,
    "B_ORDER": 2,
}
SHEARED = {"CD1_1": -1.1e-5, "CD1_2": 3e-6, "CD2_1": 0.0, "CD2_2": 1.1e-5}
SIN = {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"}
GALACTIC = {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}


@pytest.mark.parametrize("cards", [TPV, SIP, SHEARED, SIN, GALACTIC])
def test_another_image_is_put_on_the_tangent_plane_at_its_centre(
    tmp_path: Path, cards: dict[str, Any]
) -> None:
    path, (chip,) = image(tmp_path / "a.fits", 150.0, 2.0, **cards)
    plane = plane_of_image(path, chip)
    assert list(plane.wcs.ctype) == ["RA---TAN", "DEC--TAN"]
    square = plane.wcs.cd @ plane.wcs.cd.T
    assert np.allclose(square, square[0, 0] * np.eye(2), rtol=0, atol=1e-9 * square[0, 0])
    sky = pixels_to_sky(read_wcs(path, chip), [1000.5, 1000.5], [1050.5, 1051.5], where="a")
    x, y = sky_to_plane(plane, *sky, where="a")
    assert x[0] == pytest.approx(plane.wcs.crpix[0], abs=120)  # the shear widens the image
    assert (x[1] - x[0], y[1] - y[0]) == pytest.approx((0.0, 1.0), abs=0.12)


def test_the_first_chip_of_a_reference_image_makes_its_plane(uvis: list[PlaneSource]) -> None:
    path, chips = uvis[0]
    theirs = output_wcs([HSTWCS(f"{path}[sci,1]")], undistort=True)
    plane = plane_of_image(path, chips[0])
    assert plane.pixel_shape == theirs.pixel_shape
    assert np.array_equal(plane_center(plane), theirs.wcs.crpix)
    assert np.allclose(plane.wcs.crval, theirs.wcs.crval, rtol=0, atol=1e-12)
