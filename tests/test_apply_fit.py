"""A moved header says what the fit says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from wcs_files import MATRIX, TPV, UVIS_HEADERS, UVIS_SHAPE, Motion, make_plane, motion, wcs_header

from tweakreg_steps.astrometry.apply_fit import TOLERANCE, MovedWcs, move_wcs, wanted_sky
from tweakreg_steps.astrometry.plane_fit import PlaneFit
from tweakreg_steps.astrometry.undistortion import pixels_to_sky, separation
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.fits_files.exposure import list_chips, make_wcs, read_header, read_wcs

EXPECTED = json.loads((Path(__file__).parent / "data" / "moved_wcs" / "expected.json").read_text())
ROTATED = {"CDELT1": -1e-5, "CDELT2": 1.2e-5}
FORMS: dict[str, dict[str, Any]] = {
    "cd": MATRIX,
    "pc": ROTATED | {"PC1_1": 0.9, "PC1_2": 0.1, "PC2_1": -0.1, "PC2_2": 0.9},
    "cdelt": ROTATED,
    "crota": ROTATED | {"CROTA2": 30.0},
    "lonpole": MATRIX | {"LONPOLE": 140.0},
    "swapped": MATRIX | {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"},
    "tpv": MATRIX | TPV,
    "tpv as tan": MATRIX | TPV | {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"},
    "tpv, pc": ROTATED | TPV,
    "tpv, defaults": MATRIX | {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_9": 0.3},
    "zpn": MATRIX | {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0},
    "zpn, corner": MATRIX
    | {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0}
    | {"CRPIX1": 30000.0, "CRPIX2": -20000.0},
    "stereographic": MATRIX | {"CTYPE1": "RA---STG", "CTYPE2": "DEC--STG"},
    "galactic": MATRIX | {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "b1950": MATRIX | {"RADESYS": "FK4", "EQUINOX": 1950.0},
}
PLACES = [(10.0, 20.0), (359.9999, -72.0), (20.0, 89.99), (0.0, 90.0), (33.0, -90.0)]


def header_of(form: str, ra: float, dec: float) -> Any:  # noqa: ANN401 - a Header
    header = wcs_header(ra, dec, **FORMS[form])
    if form == "swapped":
        header["CRVAL1"], header["CRVAL2"] = dec, ra
    return header


def with_cards(header: Any, moved: MovedWcs) -> WCS:  # noqa: ANN401 - a Header
    """Read the header again after its cards were set."""
    header = header.copy()
    for key, value in moved.cards.items():
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value
    return make_wcs(header, None, where="moved")


def largest_deviation(wcs: WCS, moved: WCS, plane: WCS, fit: Motion) -> float:
    x, y = np.random.default_rng(5).uniform(1, 2000, (2, 300))
    wanted = wanted_sky(*pixels_to_sky(wcs, x, y, where="a"), plane=plane, fit=fit, where="a")
    return float(separation(*pixels_to_sky(moved, x, y, where="b"), *wanted).max())


@pytest.mark.parametrize(("ra", "dec"), PLACES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "change",
    [
        {"rotation": 77.0, "scale": 1.001, "shift": (120.0, 160.0)},
        {"rotation": 180.0},
        {"rotation": 0.01, "skew": 0.001, "scale": 0.999, "shift": (-10.0, 3.0)},
    ],
)
def test_every_form_of_header_follows_the_fit(
    form: str, ra: float, dec: float, change: dict[str, Any]
) -> None:
    header = header_of(form, ra, dec)
    wcs = make_wcs(header, None, where="a")
    (middle_ra,), (middle_dec,) = pixels_to_sky(wcs, [900.0], [1100.0], where="a")
    plane = make_plane(middle_ra, min(middle_dec + 0.02, 89.9999))
    fit = motion((1e3, 1e3), **change)
    moved = move_wcs(header, wcs, plane=plane, fit=fit, where="a")
    # the radial polynomial of ZPN takes up a scale to first order
    allowed = 0.03 if form.startswith("zpn") else 0.002
    assert moved.deviation < allowed
    found = largest_deviation(wcs, with_cards(header, moved), plane, fit)
    assert found < moved.deviation * 1.1 + 1e-6


@pytest.mark.parametrize("chip", [1, 2])
@pytest.mark.parametrize("name", EXPECTED["fits"])
def test_hst_chips_go_where_drizzlepac_puts_them(name: str, chip: int) -> None:
    case, plane = EXPECTED["fits"][name], EXPECTED["plane"]
    (ra, dec), crpix = plane["crval"], plane["crpix"]
    reference = make_plane(ra, dec, scale=plane["scale"], angle=plane["angle"], crpix=crpix)
    fit = PlaneFit(np.array(case["matrix"]), np.array(case["shift"]), np.array(crpix))
    chips = list_chips(UVIS_HEADERS, None)
    wcs = read_wcs(UVIS_HEADERS, chips[chip - 1])
    wcs.pixel_shape = UVIS_SHAPE[::-1]
    header = read_header(UVIS_HEADERS, chips[chip - 1])
    moved = move_wcs(header, wcs, plane=reference, fit=fit, where="a")
    sky = pixels_to_sky(moved.wcs, EXPECTED["x"], EXPECTED["y"], where="a")
    assert moved.deviation < 0.003
    assert separation(*sky, *np.transpose(case["sky"][chip - 1])).max() < 0.003
    assert not {key for key in moved.cards if key[0] in "ABD" or "CRPIX" in key}


def test_no_motion_changes_nothing() -> None:
    header = wcs_header(**MATRIX)
    wcs = make_wcs(header, None, where="a")
    moved = move_wcs(header, wcs, plane=make_plane(10.0, 20.0), fit=motion((1e3, 1e3)), where="a")
    assert moved.deviation < 1e-5
    assert np.allclose(moved.wcs.wcs.crval, (10.0, 20.0), rtol=0, atol=1e-12)
    assert np.allclose(moved.wcs.wcs.cd, wcs.wcs.cd, rtol=1e-9)


def test_the_wanted_sky_is_that_of_the_fit_equation() -> None:
    plane = make_plane(10.0, 20.0)
    fit = motion((1e3, 1e3), rotation=30.0, scale=1.2, skew=5.0, shift=(7.0, -9.0))
    p = np.array([1200.0, 400.0])
    q = fit.center + fit.matrix @ (p - fit.center) + fit.shift
    present = plane.wcs_pix2world([q], 1)[0]
    ra, dec = wanted_sky(present[:1], present[1:], plane=plane, fit=fit, where="a")
    assert separation(ra, dec, *plane.wcs_pix2world(p[:1], p[1:], 1)) < 1e-6


@pytest.mark.parametrize(
    ("form", "kept", "gone"),
    [
        ("pc", {"PC1_1", "PC2_2"}, set()),
        ("cd", {"CD1_2"}, set()),
        ("crota", {"CD1_1"}, {"CROTA2", "CDELT1"}),
        ("tpv", {"PV1_1", "PV2_10", "CD1_1"}, set()),
    ],
)
def test_a_header_keeps_its_form(form: str, kept: set[str], gone: set[str]) -> None:
    header = header_of(form, 10.0, 20.0)
    wcs = make_wcs(header, None, where="a")
    fit = motion((1e3, 1e3), rotation=1.0)
    cards = move_wcs(header, wcs, plane=make_plane(10.0, 20.0), fit=fit, where="a").cards
    written = {key for key, value in cards.items() if value is not None}
    assert kept <= written
    assert {key for key in gone if cards[key] is None} == gone
    assert not any("CRPIX" in key for key in cards)


def test_units_other_than_degrees_become_degrees() -> None:
    header = wcs_header(
        36000.0, 72000.0, CUNIT1="arcsec", CUNIT2="arcsec", CDELT1=-0.05, CDELT2=0.05
    )
    wcs = make_wcs(header, None, where="a")
    plane, fit = make_plane(10.0, 20.0), motion((1e3, 1e3), rotation=1.0)
    moved = move_wcs(header, wcs, plane=plane, fit=fit, where="a")
    assert moved.cards["CUNIT1"] == "deg"
    assert largest_deviation(wcs, with_cards(header, moved), plane, fit) < 0.002


def test_a_projection_that_is_not_zenithal_moves_its_crpix() -> None:
    header = wcs_header(10.0, 0.0, **MATRIX | {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR"})
    wcs = make_wcs(header, None, where="a")
    plane, fit = make_plane(10.0, 0.0), motion((1e3, 1e3), rotation=0.2, shift=(30.0, 10.0))
    moved = move_wcs(header, wcs, plane=plane, fit=fit, where="a")
    assert "CRVAL1" not in moved.cards
    assert largest_deviation(wcs, with_cards(header, moved), plane, fit) < 0.05


def test_a_fit_that_no_header_can_hold_is_refused_with_the_number() -> None:
    # far from the equator of a plate carree a turned field is curved
    cards = MATRIX | {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRPIX2": 20.0 / -1.1e-5}
    header = wcs_header(10.0, 0.0, **cards)
    wcs = make_wcs(header, None, where="a")
    (ra,), (dec,) = pixels_to_sky(wcs, [1e3], [1e3], where="a")
    with pytest.raises(NotAlignedError, match=r"b: the best RA---CAR .* by \d.* mas") as caught:
        move_wcs(
            header, wcs, plane=make_plane(ra, dec), fit=motion((1e3, 1e3), rotation=77), where="b"
        )
    assert caught.value.reason is Reason.WCS_NOT_REPRESENTABLE
    assert f"{TOLERANCE} allowed" in caught.value.detail


def test_a_singular_fit_is_refused() -> None:
    header = wcs_header(**MATRIX)
    wcs = make_wcs(header, None, where="a")
    fit = Motion(np.zeros((2, 2)), np.zeros(2), np.zeros(2))
    with pytest.raises(NotAlignedError, match="cannot be inverted"):
        move_wcs(header, wcs, plane=make_plane(10.0, 20.0), fit=fit, where="a")
