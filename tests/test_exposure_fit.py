"""What a mosaic says of one exposure, as the fit of a single image says it."""

from __future__ import annotations

from dataclasses import replace

import mosaics
import numpy as np
import pytest
import strips
import test_mosaic as parts

from tweakreg_steps.alignment.fit_record import fit_record
from tweakreg_steps.matching.acceptance import compare_with_present, judge_fit
from tweakreg_steps.solving.exposure_fit import ExposureFit, fit_of_exposure
from tweakreg_steps.solving.mosaic import AlignedMosaic
from tweakreg_steps.solving.mosaic_input import Method

CENTER = np.array([1200.0, 300.0])


def _fit(scene: mosaics.Scene, found: AlignedMosaic, i: int) -> ExposureFit:
    exposures = parts.exposures_of(scene)
    flux = np.full(len(exposures.lists[i]), 100.0)
    fit = fit_of_exposure(found, exposures, i, center=CENTER, flux=flux)
    assert fit is not None
    return fit


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simultaneous", "relative_absolute"])
def test_the_fit_puts_sources_where_the_solution_does(method: Method) -> None:
    scene = mosaics.draw(np.random.default_rng(1), mosaics.grid_corners(3, 2), rotation=1e-3)
    found = parts.align(scene, parts.match(scene, parts.grid_pairs(3, 2)), method=method)
    for i in range(scene.n):
        of = _fit(scene, found, i)
        xy = of.pairs.image
        assert of.fit.correct(xy) == pytest.approx(found.solution.move(i, xy), abs=1e-7)
        assert of.fit.correct(xy) == pytest.approx(scene.truly(i, xy), abs=0.15)
        assert of.fit.rms.max() < 0.05
        assert of.quality.n_reference >= 5
        assert of.quality.error_absolute > of.quality.error_relative > 0.0
        assert of.fit.uncertainty is not None
        assert 0.0 < of.fit.uncertainty.shift.min() < of.fit.uncertainty.shift.max() < 0.05
        assert of.fit.uncertainty.decomposition.scale == pytest.approx(0.0, abs=1e-9)


def test_residuals_are_those_of_detections_that_had_no_part_in_their_star() -> None:
    scene = mosaics.draw(np.random.default_rng(2), np.zeros((2, 2)), n_catalog=150)
    found = parts.align(scene, parts.match(scene, [(0, 1)]))
    of = _fit(scene, found, 1)
    # its own error, and that of the mean of the catalog and the other exposure
    expected = 0.02 * np.sqrt(1.0 + 0.5)
    assert mosaics.rms(of.fit.residuals[of.fit.kept]) == pytest.approx(expected, rel=0.12)
    assert np.median(of.pairs.reference_error) == pytest.approx(0.02 * np.sqrt(0.5), rel=0.15)


def test_the_record_and_the_gates_of_a_single_fit_serve() -> None:
    scene = mosaics.draw(np.random.default_rng(3), mosaics.strip_corners(4))
    found = parts.align(scene, parts.match(scene, [(0, 1), (1, 2), (2, 3)]))
    of = _fit(scene, found, 2)
    record = fit_record(of.fit, rms_sky=of.fit.rms * 100.0, wrms_sky=of.fit.rms * 100.0)
    assert record["dx"] == pytest.approx(of.fit.shift[0])
    assert record["uncertainty"] is not None
    assert record["uncertainty"]["rotation"] > 0.0
    comparison = compare_with_present(of.fit, of.pairs)
    assert comparison is not None
    assert comparison.is_better
    judged = judge_fit(
        of.fit, of.pairs, comparison=comparison, pixel_scale=0.1, rms_sky=of.fit.rms * 100.0,
        field_area=1e6, **strips.GATES,
    )  # fmt: skip
    assert not judged.failures


def test_relative_and_absolute_quality_stand_beside_each_other() -> None:
    scene = mosaics.draw(np.random.default_rng(4), mosaics.grid_corners(3, 2), catalog_noise=0.3)
    found = parts.align(scene, parts.match(scene, parts.grid_pairs(3, 2)))
    quality = _fit(scene, found, 4).quality
    assert quality.rms_relative < 0.04
    assert quality.rms_absolute == pytest.approx(0.3, rel=0.5)
    assert quality.error_relative < 0.01 < quality.error_absolute
    assert quality.n_reference >= 4
    assert quality.held == ""


def test_an_exposure_of_an_island_has_no_absolute_error() -> None:
    scene = mosaics.draw(np.random.default_rng(5), mosaics.strip_corners(3), n_catalog=0)
    found = parts.align(scene, parts.match(scene, [(0, 1), (1, 2)]))
    quality = _fit(scene, found, 1).quality
    assert quality.held == "shift, rotation of its first unit held"
    assert np.isnan(quality.error_absolute)
    assert np.isnan(quality.rms_absolute)
    assert quality.error_relative < 0.02


def test_an_exposure_that_nothing_tells_has_no_fit() -> None:
    scene = mosaics.draw(np.random.default_rng(6), mosaics.strip_corners(3))
    found = parts.align(scene, parts.match(scene, [(0, 1)]), reference=None)
    exposures = parts.exposures_of(scene)
    flux = np.full(len(exposures.lists[2]), 1.0)
    assert fit_of_exposure(found, exposures, 2, center=CENTER, flux=flux) is None
    assert replace(found).solution.solved.tolist() == [True, True, False]
