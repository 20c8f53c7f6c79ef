"""Pixels to sky and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, BaseCoordinateFrame, FK4NoETerms, SkyCoord
from wcs_files import MATRIX, UVIS_HEADERS, make_plane, wcs_header

from tweakreg_steps.astrometry.undistortion import (
    pixels_to_sky,
    plane_to_sky,
    separation,
    sky_to_pixels,
    sky_to_plane,
)
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure import list_chips, make_wcs, read_wcs

PLACES = np.linspace(1.0, 2000.0, 7), np.linspace(2000.0, 1.0, 7)


def test_sip_and_lookup_tables_are_taken_out() -> None:
    wcs = read_wcs(UVIS_HEADERS, list_chips(UVIS_HEADERS, None)[0])
    x, y = np.array([100.0, 300.0]), np.array([50.0, 400.0])
    ra, dec = pixels_to_sky(wcs, x, y, where="a")
    back = wcs.all_world2pix(ra, dec, 1, tolerance=1e-9)
    assert np.allclose(back, (x, y), rtol=0, atol=1e-7)
    without = wcs.wcs_pix2world(x, y, 1)
    assert separation(ra, dec, *without).min() > 100.0


def test_the_plane_and_the_sky_are_inverse() -> None:
    plane = make_plane(0.001, 89.99)
    ra, dec = plane_to_sky(plane, *PLACES)
    assert ((ra >= 0) & (ra < 360)).all()
    assert np.allclose(sky_to_plane(plane, ra, dec, where="a"), PLACES, rtol=0, atol=1e-8)


def test_axes_in_the_other_order_give_the_same_sky() -> None:
    straight = make_wcs(wcs_header(**MATRIX), None, where="a")
    matrix: dict[str, Any] = {"CD1_1": 1e-6, "CD1_2": 1.1e-5, "CD2_1": -1e-5, "CD2_2": 1e-6}
    names: dict[str, Any] = {
        "CTYPE1": "DEC--TAN",
        "CTYPE2": "RA---TAN",
        "CRVAL1": 20.0,
        "CRVAL2": 10.0,
    }
    swapped = make_wcs(wcs_header(**matrix, **names), None, where="b")
    one, other = (pixels_to_sky(wcs, *PLACES, where="a") for wcs in (straight, swapped))
    assert separation(*one, *other).max() < 1e-6
    assert np.allclose(sky_to_plane(swapped, *one, where="a"), PLACES, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
        {"RADESYS": "FK4", "EQUINOX": 1950.0},
        {"RADESYS": "FK5", "EQUINOX": 1975.0},
    ],
)
def test_other_frames_are_turned_to_icrs(cards: dict[str, Any]) -> None:
    wcs = make_wcs(wcs_header(**MATRIX, **cards), None, where="a")
    ra, dec = pixels_to_sky(wcs, *PLACES, where="a")
    frame = "galactic" if "CTYPE1" in cards else str(cards["RADESYS"]).lower()
    epoch = {"fk4": "B1950", "fk5": "J1975"}.get(frame)
    equinox = {} if epoch is None else {"equinox": epoch}
    sky = SkyCoord(*wcs.all_pix2world(*PLACES, 1), unit="deg", frame=frame, **equinox).icrs
    assert separation(ra, dec, sky.ra.deg, sky.dec.deg).max() < 1e-5
    assert np.allclose(sky_to_plane(wcs, ra, dec, where="a"), PLACES, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "cards", [{}, {"RADESYS": "ICRS"}, {"RADESYS": "ICRS", "EQUINOX": 1975.0}, {"EQUINOX": 0.0}]
)
def test_icrs_stays_as_it_is(cards: dict[str, Any]) -> None:
    wcs = make_wcs(wcs_header(**MATRIX, **cards), None, where="a")
    assert np.array_equal(pixels_to_sky(wcs, *PLACES, where="a"), wcs.all_pix2world(*PLACES, 1))


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"RADESYS": "FK5"}, FK5()),
        ({"RADESYS": "fk5 "}, FK5()),
        ({"EQUINOX": 2000.0}, FK5()),
        ({"RADECSYS": "FK5", "EQUINOX": 1991.25}, FK5(equinox="J1991.25")),
        ({"EQUINOX": 1950.0}, FK4(equinox="B1950")),
        ({"EPOCH": 1950.0}, FK4(equinox="B1950")),
        ({"RADESYS": "FK4"}, FK4(equinox="B1950")),
        ({"RADESYS": "FK4-NO-E", "EQUINOX": 1950.0}, FK4NoETerms(equinox="B1950")),
    ],
)
def test_a_header_s_frame_is_that_of_the_standard(
    cards: dict[str, Any], frame: BaseCoordinateFrame
) -> None:
    wcs = make_wcs(wcs_header(**MATRIX, **cards), None, where="a")
    ra, dec = pixels_to_sky(wcs, *PLACES, where="a")
    own = wcs.all_pix2world(*PLACES, 1)
    sky = SkyCoord(*own, unit="deg", frame=frame).icrs
    assert separation(ra, dec, sky.ra.deg, sky.dec.deg).max() < 1e-6
    assert separation(ra, dec, *own).max() > 5.0
    assert np.allclose(sky_to_plane(wcs, ra, dec, where="a"), PLACES, rtol=0, atol=1e-4)
    assert np.allclose(sky_to_pixels(wcs, ra, dec), PLACES, rtol=0, atol=1e-4)


def test_a_frame_that_is_not_known_is_refused() -> None:
    wcs = make_wcs(wcs_header(**MATRIX, RADESYS="GAPPT"), None, where="a")
    with pytest.raises(InputError, match=r"RADESYS 'GAPPT'.*correct RADESYS"):
        pixels_to_sky(wcs, *PLACES, where="a")


def test_a_position_without_place_on_the_sky_is_named() -> None:
    cards: dict[str, Any] = {
        "CTYPE1": "RA---SIN",
        "CTYPE2": "DEC--SIN",
        "CDELT1": -0.1,
        "CDELT2": 0.1,
    }
    wcs = make_wcs(wcs_header(**cards), None, where="a")
    with pytest.raises(InputError, match=r"b\.fits: SCI,1: pixel \(1, 100000\) has.*1 of 2"):
        pixels_to_sky(wcs, [1000.0, 1.0], [900.0, 1e5], where="b.fits: SCI,1")


def test_a_position_on_the_other_half_of_the_sky_is_named() -> None:
    with pytest.raises(InputError, match=r"gaia: position \(190, -20\) cannot be projected"):
        sky_to_plane(make_plane(10.0, 20.0), [10.0, 190.0], [20.0, -20.0], where="gaia")


def test_nothing_becomes_nothing() -> None:
    plane = make_plane(10.0, 20.0)
    assert [v.size for v in pixels_to_sky(plane, [], [], where="a")] == [0, 0]
    assert [v.size for v in sky_to_plane(plane, [], [], where="a")] == [0, 0]
    assert [v.size for v in plane_to_sky(plane, [], [])] == [0, 0]


def test_separations_keep_their_digits() -> None:
    assert separation(0.0, 60.0, 2e-9, 60.0) == pytest.approx(3.6e-3, rel=1e-6)
    assert separation(359.9999, 0.0, 0.0001, 0.0) == pytest.approx(720.0, rel=1e-9)
    assert separation(0.0, 0.0, 180.0, 0.0) == pytest.approx(180 * 3.6e6)
