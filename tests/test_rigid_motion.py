"""Rigid motions move an exposure as one body."""

import math

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_header

POINTING = (359.9999, -64.9)


def header(ra: float, dec: float, turn: float) -> fits.Header:
    scale, angle = 0.04 / 3600.0, math.radians(turn)
    return fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRPIX1": 100.0,
            "CRPIX2": 200.0,
            "CRVAL1": ra,
            "CRVAL2": dec,
            "CD1_1": -scale * math.cos(angle),
            "CD1_2": scale * math.sin(angle),
            "CD2_1": scale * math.sin(angle),
            "CD2_2": scale * math.cos(angle),
            "ORIENTAT": turn,
        }
    )


def places(headers: list[fits.Header]) -> SkyCoord:
    x, y = np.array([1.0, 4000.0, 17.0]), np.array([1.0, 33.0, 2000.0])
    sky = np.array([WCS(one).wcs_pix2world(x, y, 1) for one in headers])
    return SkyCoord(sky[:, 0].ravel(), sky[:, 1].ravel(), unit="deg")


def test_distances_between_chips_stay() -> None:
    chips = [header(359.98, -64.92, 30.0), header(0.02, -64.88, 31.0)]
    before = places(chips)
    matrix = motion_matrix(POINTING, Motion(5.0, -3.0, 1.5))
    for chip in chips:
        move_header(chip, matrix)
    after = places(chips)
    np.testing.assert_allclose(
        after[:, None].separation(after).mas, before[:, None].separation(before).mas, atol=2e-5
    )
    assert np.all(after.separation(before).arcsec > 3.0)


def test_pointing_goes_east_and_north_by_the_shift() -> None:
    chip = header(*POINTING, 0.0)
    move_header(chip, motion_matrix(POINTING, Motion(2.0, 1.0, 0.0)))
    before = SkyCoord(*POINTING, unit="deg")
    after = SkyCoord(chip["CRVAL1"], chip["CRVAL2"], unit="deg")
    east, north = before.spherical_offsets_to(after)
    assert east.arcsec == pytest.approx(2.0, abs=1e-6)
    assert north.arcsec == pytest.approx(1.0, abs=1e-6)


def test_roll_turns_from_north_to_east() -> None:
    chip = header(*POINTING, 0.0)
    move_header(chip, motion_matrix(POINTING, Motion(0.0, 0.0, 0.5)))
    top = SkyCoord(*WCS(chip).wcs_pix2world(100.0, 3000.0, 1), unit="deg")
    angle = SkyCoord(*POINTING, unit="deg").position_angle(top)
    assert angle.wrap_at("180d").deg == pytest.approx(0.5, abs=1e-6)
    assert chip["ORIENTAT"] == pytest.approx(0.5, abs=1e-6)


def test_no_motion_changes_nothing() -> None:
    chip = header(359.98, -64.92, 30.0)
    before = places([chip])
    move_header(chip, motion_matrix(POINTING, Motion(0.0, 0.0, 0.0)))
    assert np.all(places([chip]).separation(before).mas < 1e-6)
