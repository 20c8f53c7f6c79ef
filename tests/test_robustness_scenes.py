"""The scenes of the robustness benchmark: the same every time, their truth being true."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))

from robustness.conditions import (  # noqa: E402 - path set above
    KINDS,
    OWN_SCENES,
    SET_SIZE,
    draw_conditions,
)
from robustness.painting import CATALOG, paint  # noqa: E402 - path set above
from robustness.results import Result, add_results, read_results  # noqa: E402 - path set above
from robustness.table import missed  # noqa: E402 - path set above
from robustness.truth import Truth  # noqa: E402 - path set above
from robustness.verdicts import Outcome, Verdict, judge  # noqa: E402 - path set above

SPARSE, TURNED, WITH_CATALOG, ELSEWHERE = 1, 6, 10, 22
"""Scenes of one chip: few stars; a header in error by a roll; a catalog; another sky."""


def corrected(truth: Truth, path: Path) -> Path:
    """Write the exposure with its true WCS."""
    with fits.open(truth.path) as hdus:
        for chip in truth.view.chips:
            header = hdus["SCI", chip.number].header
            header["CRVAL1"], header["CRVAL2"] = map(float, chip.wcs.wcs.crval)
            for i, j in ((1, 1), (1, 2), (2, 1), (2, 2)):
                header[f"CD{i}_{j}"] = float(chip.wcs.wcs.cd[i - 1, j - 1])
        hdus.writeto(path)
    return path


def test_a_set_has_all_kinds_and_mixtures_of_them() -> None:
    scenes = [draw_conditions(number) for number in range(SET_SIZE, 2 * SET_SIZE)]
    alone = Counter(scene.kinds[0] for scene in scenes if len(scene.kinds) == 1)
    assert alone == dict.fromkeys(KINDS, OWN_SCENES)
    mixed = [scene for scene in scenes if len(scene.kinds) > 1]
    assert len(mixed) == SET_SIZE - OWN_SCENES * len(KINDS)
    assert {kind for scene in mixed for kind in scene.kinds} == set(KINDS)
    assert max(scene.offset for scene in scenes) > 9.0
    assert max(abs(scene.roll) for scene in scenes) > 150.0


def test_scenes_are_the_same_every_time(tmp_path: Path) -> None:
    files = []
    for name in ("once", "again"):
        folder = tmp_path / name
        folder.mkdir()
        paint(draw_conditions(SPARSE), folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(files[0]) == 2
    assert files[0] == files[1]
    assert draw_conditions(SPARSE) != draw_conditions(SPARSE + SET_SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("number", [SPARSE, TURNED, WITH_CATALOG])
def test_the_true_header_puts_the_stars_where_they_are(number: int, tmp_path: Path) -> None:
    truth = paint(draw_conditions(number), tmp_path)
    assert truth.n_common > 5
    assert truth.rms(truth.path) > 1.0
    assert truth.rms(corrected(truth, tmp_path / "right.fits")) < 1e-3
    assert (tmp_path / CATALOG).exists() == (number == WITH_CATALOG)


def test_common_stars_shine_where_the_truth_has_them(tmp_path: Path) -> None:
    truth = paint(draw_conditions(SPARSE), tmp_path)
    (chip,) = truth.view.chips
    common = truth.common[chip.star]
    pixels = fits.getdata(truth.path, ("SCI", 1))
    row, column = (np.rint(axis[common]).astype(int) - 1 for axis in (chip.y, chip.x))
    above = pixels[row, column] - np.median(pixels)
    assert above.min() > 5.0 * truth.view.sky_sigma


@pytest.mark.slow
def test_another_sky_has_no_common_stars(tmp_path: Path) -> None:
    conditions = draw_conditions(ELSEWHERE)
    assert conditions.kinds == ("no overlap",)
    assert paint(conditions, tmp_path).n_common == 0


def test_each_verdict_is_given_where_it_belongs(tmp_path: Path) -> None:
    truth = paint(draw_conditions(SPARSE), tmp_path)
    right = corrected(truth, tmp_path / "right.fits")
    verdicts = {
        Verdict.RIGHT: judge(Outcome(right, "", 0.0), truth),
        Verdict.WRONG: judge(Outcome(truth.path, "", 0.0), truth),
        Verdict.REFUSED: judge(Outcome(None, "", 0.0), truth),
    }
    assert [verdict for verdict, _ in verdicts.values()] == list(verdicts)
    assert verdicts[Verdict.REFUSED][1] is None


def test_results_are_kept_and_the_last_one_counts(tmp_path: Path) -> None:
    ours = Result("ours", 7, ("roll", "grid"), 12, Verdict.REFUSED, None, "few_matches", 1.0)
    theirs = Result("theirs", 7, ("roll", "grid"), 12, Verdict.RIGHT, 0.02, "ended", 2.0)
    add_results(tmp_path / "kept", [ours, theirs])
    kept = read_results(tmp_path / "kept")
    assert kept == {("ours", 7): ours, ("theirs", 7): theirs}
    assert missed(list(kept.values())) == [7]
    better = Result("ours", 7, ("roll", "grid"), 12, Verdict.RIGHT, 0.01, "aligned", 1.0)
    add_results(tmp_path / "kept", [better])
    assert missed(list(read_results(tmp_path / "kept").values())) == []
