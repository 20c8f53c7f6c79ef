"""Positions of a catalog at the epoch of an exposure, and what is known of them there."""

from __future__ import annotations

import time
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time

from tweakreg_steps.astrometry.catalog_motions import catalog_motions
from tweakreg_steps.astrometry.plane_errors import plane_covariances
from tweakreg_steps.astrometry.reference_plane import _make_plane
from tweakreg_steps.astrometry.space_motion import (
    MAS,
    MovingStars,
    covariances,
    earth_at,
    inflate,
    propagate,
    word_of_age,
)
from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.tables.motion_columns import MotionLimits, NoMotion, known_columns

NOWHERE = np.zeros(3)


def _stars(n: int, rng: np.random.Generator) -> MovingStars:
    none = np.zeros(n)
    return MovingStars(
        ra=rng.uniform(0.0, 360.0, n),
        dec=np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, n))),
        parallax=rng.uniform(0.5, 100.0, n),
        pmra=rng.normal(0.0, 1000.0, n),
        pmdec=rng.normal(0.0, 1000.0, n),
        radial_velocity=rng.normal(0.0, 50.0, n),
        covariance=covariances({"ra": none + 0.1, "dec": none + 0.2, "pmra": none + 0.3}, {}, n),
        epoch=np.full(n, 2016.0),
    )


def test_positions_are_those_of_astropy() -> None:
    stars = _stars(500, np.random.default_rng(1))
    stars = replace(stars, parallax=stars.parallax + 20.0)  # farther ones are too fast for ERFA
    coordinates = SkyCoord(
        stars.ra * u.deg,
        stars.dec * u.deg,
        Distance(parallax=stars.parallax * u.mas),
        pm_ra_cosdec=stars.pmra * u.mas / u.yr,
        pm_dec=stars.pmdec * u.mas / u.yr,
        radial_velocity=stars.radial_velocity * u.km / u.s,
        obstime=Time(2016.0, format="jyear", scale="tdb"),
    )
    there = coordinates.apply_space_motion(Time(1996.5, format="jyear", scale="tdb"))
    ours = propagate(stars, 1996.5, NOWHERE)
    assert np.max(separation(ours.ra, ours.dec, there.ra.deg, there.dec.deg)) < 1e-2


def test_the_direction_of_a_motion_is_east_and_north() -> None:
    stars = _one(dec=60.0, pmra=100.0, pmdec=-50.0)
    moved = propagate(stars, 2026.0, NOWHERE)
    east = (moved.ra[0] - 10.0) * np.cos(np.radians(60.0)) * 3.6e6
    assert east == pytest.approx(1000.0, rel=1e-5)
    assert (moved.dec[0] - 60.0) * 3.6e6 == pytest.approx(-500.0, rel=1e-4)


def _one(**changes: float) -> MovingStars:
    values = {"ra": 10.0, "dec": 0.0, "parallax": 0.0, "pmra": 0.0, "pmdec": 0.0,
              "radial_velocity": np.nan, "epoch": 2016.0} | changes  # fmt: skip
    arrays = {name: np.array([value]) for name, value in values.items()}
    return MovingStars(covariance=np.zeros((1, 5, 5)), **arrays)


def test_a_star_across_a_pole_comes_down_on_the_other_side() -> None:
    moved = propagate(_one(dec=89.9999, pmdec=1000.0), 2017.0, NOWHERE)
    assert moved.ra[0] == pytest.approx(190.0)
    assert moved.dec[0] == pytest.approx(90.0 + 0.0001 - 1 / 3600.0)


def test_right_ascension_stays_between_0_and_360() -> None:
    moved = propagate(_one(ra=0.0001, pmra=-1000.0), 2017.0, NOWHERE)
    assert moved.ra[0] == pytest.approx(360.0001 - 1 / 3600.0)


def test_a_year_of_parallax_is_an_ellipse() -> None:
    """At the pole of the ecliptic a circle, in its plane a line, of the size of the parallax."""
    epochs = np.linspace(2015.0, 2016.0, 25)
    earth = [earth_at(epoch) for epoch in epochs]
    for ra, dec, least in [(270.0, 66.56, 0.97), (0.0, 0.0, 0.0)]:
        star = _one(ra=ra, dec=dec, parallax=100.0)
        places = [propagate(star, 2016.0, place) for place in earth]
        xy = np.array(
            [[(p.ra[0] - ra + 180) % 360 - 180, p.dec[0] - dec] for p in places]
        ) * [3.6e6 * np.cos(np.radians(dec)), 3.6e6]  # fmt: skip
        axes = np.linalg.svd(xy - xy.mean(axis=0))[1]
        assert axes[1] / axes[0] == pytest.approx(least, abs=0.03)
        assert np.hypot(*xy.T).max() == pytest.approx(100.0, rel=0.03)


def test_the_earth_is_where_astropy_has_it() -> None:
    assert np.linalg.norm(earth_at(2020.0)) == pytest.approx(0.992, abs=0.003)
    # at the vernal equinox the Earth is on the far side of the Sun from it
    assert earth_at(2020.217)[0] < -0.98


def test_the_covariance_is_that_of_drawn_catalogs() -> None:
    rng = np.random.default_rng(2)
    star = _one(ra=200.0, dec=-40.0, parallax=5.0, pmra=30.0, pmdec=-20.0)
    n = 20_000
    errors = {"ra": 0.5, "dec": 0.4, "parallax": 0.6, "pmra": 0.3, "pmdec": 0.2}
    covariance = covariances(
        {name: np.array([value]) for name, value in errors.items()},
        {("ra", "dec"): np.array([0.3]), ("ra", "pmra"): np.array([-0.4]),
         ("parallax", "pmdec"): np.array([0.5])},
        1,
    )  # fmt: skip
    drawn = rng.multivariate_normal(np.zeros(5), covariance[0], n)
    many = MovingStars(
        ra=star.ra + drawn[:, 0] * MAS / np.cos(np.radians(star.dec)) * 180 / np.pi,
        dec=star.dec + drawn[:, 1] * MAS * 180 / np.pi,
        parallax=star.parallax + drawn[:, 2],
        pmra=star.pmra + drawn[:, 3],
        pmdec=star.pmdec + drawn[:, 4],
        radial_velocity=np.full(n, np.nan),
        covariance=np.zeros((n, 5, 5)),
        epoch=np.full(n, 2016.0),
    )
    observer = earth_at(2008.3)
    there = propagate(many, 2008.3, observer)
    scale = 3.6e6 * np.array([np.cos(np.radians(star.dec[0])), 1.0])
    scatter = np.cov((np.column_stack([there.ra, there.dec]) * scale).T)
    claimed = propagate(replace(star, covariance=covariance), 2008.3, observer).covariance[0]
    assert claimed == pytest.approx(scatter, rel=0.05, abs=0.1)


@pytest.mark.parametrize("no_pm", ["keep", "drop", "inflate"])
def test_stars_without_a_motion(no_pm: NoMotion) -> None:
    stars = _stars(40, np.random.default_rng(3))
    lacking = np.arange(40) < 10
    stars = replace(stars, pmra=np.where(lacking, np.nan, stars.pmra))
    columns = {"pmra": stars.pmra, "pmdec": stars.pmdec}
    used = MotionLimits(no_pm, None, None).passed("a", columns, 40)
    there = propagate(stars, 2008.0, NOWHERE)
    assert used.sum() == (30 if no_pm == "drop" else 40)
    assert there.ra[lacking] == pytest.approx(stars.ra[lacking])
    wide = inflate(there, stars, 2008.0).covariance[:, 0, 0]
    assert wide[~lacking] == pytest.approx(there.covariance[~lacking, 0, 0])
    assert np.sqrt(wide[lacking]) == pytest.approx(8000.0, rel=0.3)


def test_stars_that_gaia_fitted_badly_are_left_out() -> None:
    columns = {"ruwe": np.array([1.0, 2.0, np.nan])}
    used = MotionLimits("keep", 1.4, None).passed("a", columns, 3)
    assert used.tolist() == [True, False, True]


def test_a_catalog_without_motions_or_epoch_gets_a_word_with_the_number_of_mas() -> None:
    stars = _stars(20, np.random.default_rng(5))
    none = np.full(20, np.nan)
    epochs = np.array([2006.0, 2008.0])
    assert word_of_age(stars, epochs, least=1.0) == ""
    still = replace(stars, pmra=none, pmdec=none)
    assert "over the 10.0 years to the exposures a typical one moves by 50 mas" in word_of_age(
        still, epochs, least=1.0
    )
    assert word_of_age(still, np.array([2015.9]), least=1.0) == ""
    assert "names no epoch" in word_of_age(replace(still, epoch=none), epochs, least=1.0)


def test_motions_of_50_mas_a_year_over_8_years_leave_no_bias() -> None:
    """A field of stars that drift together: 400 mas off without the epoch, nothing with it."""
    rng = np.random.default_rng(6)
    stars = _stars(300, rng)
    stars = replace(
        stars, pmra=rng.normal(50.0, 5.0, 300), pmdec=rng.normal(0.0, 5.0, 300),
        dec=rng.uniform(20.0, 20.1, 300), radial_velocity=np.full(300, np.nan),
    )  # fmt: skip
    observer = earth_at(2024.0)
    truth = propagate(stars, 2024.0, observer)
    seen = stars.pmra + rng.normal(0.0, 0.02, 300)
    found = propagate(replace(stars, pmra=seen), 2024.0, observer)
    east = np.cos(np.radians(truth.dec)) * 3.6e6
    assert abs(np.mean((found.ra - truth.ra) * east)) < 0.1
    assert np.mean((stars.ra - truth.ra) * east) == pytest.approx(-400.0, abs=20.0)


def test_a_hundred_thousand_stars_take_no_time() -> None:
    stars = _stars(100_000, np.random.default_rng(7))
    start = time.process_time()
    propagate(stars, 2000.0, NOWHERE)
    assert time.process_time() - start < 1.0


def test_columns_are_known_by_gaias_names_and_by_viziers() -> None:
    gaia = known_columns(("source_id", "ra", "dec", "pmra", "pmra_error", "ra_dec_corr", "RUWE"))
    assert gaia == {"pmra": "pmra", "pmra_error": "pmra_error", "ra_dec_corr": "ra_dec_corr",
                    "ruwe": "RUWE"}  # fmt: skip
    vizier = known_columns(("RA_ICRS", "DE_ICRS", "Plx", "pmRA", "e_pmRA", "pmDE", "RADEcor"))
    assert vizier["pmdec"] == "pmDE"
    assert vizier["pmra_error"] == "e_pmRA"
    assert vizier["ra_dec_corr"] == "RADEcor"
    assert vizier["parallax"] == "Plx"
    assert known_columns(("pm_ra_cosdec", "pm_dec")) == {"pmra": "pm_ra_cosdec", "pmdec": "pm_dec"}


def test_a_catalog_is_put_together_from_its_columns() -> None:
    n, nan = 3, np.nan
    columns = {
        "pmra": np.array([10.0, nan, 30.0]),
        "pmdec": np.array([1.0, nan, 3.0]),
        "ra_error": np.array([0.1, 0.2, nan]),
        "pmra_error": np.array([0.3, nan, 0.5]),
        "ra_pmra_corr": np.array([0.5, nan, nan]),
        "ruwe": np.array([1.0, nan, 3.0]),
        "ref_epoch": np.full(n, 2016.0),
    }
    found = catalog_motions(
        np.zeros(n), np.zeros(n), columns, ref_epoch=None, error=np.array([9.0, 9.0, 0.7])
    )
    assert found.stars.has_motion.tolist() == [True, False, True]
    assert found.stars.epoch.tolist() == [2016.0] * n
    assert np.sqrt(found.stars.covariance[:, 0, 0]) == pytest.approx([0.1, 0.2, 0.7])
    assert found.stars.covariance[0, 0, 3] == pytest.approx(0.5 * 0.1 * 0.3)
    assert found.ruwe[2] == 3.0
    own = catalog_motions(np.zeros(n), np.zeros(n), columns, ref_epoch=2000.0, error=np.zeros(n))
    assert own.stars.epoch.tolist() == [2000.0] * n


@pytest.mark.parametrize("dec", [0.0, 60.0, 89.9])
def test_errors_on_the_plane_have_its_scale_and_turn(dec: float) -> None:
    turn = np.radians(30.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    cd = rotation @ np.diag([-1.0, 1.0]) * 0.04 / 3600.0
    plane = _make_plane(np.array([10.0, dec]), cd, np.zeros(2))
    on_sky = np.array([[[4.0, 1.0], [1.0, 9.0]]])
    found = plane_covariances(plane, np.array([10.0]), np.array([dec]), on_sky, where="a")
    back = np.linalg.inv(cd * 3.6e6)
    assert found[0] == pytest.approx(back @ on_sky[0] @ back.T, rel=1e-6)
