"""What the parameters of matching and fitting do to the products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ledgers import entry_of
from matplotlib.figure import Figure

from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.reporting import plots
from tweakreg_steps.steps import fit_alignment, match_sources, plot_residuals
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.tables.table_file import ColumnTable, read_table

IMAGE = "paint02q_flc"
Match = Callable[..., ColumnTable]
Fit = Callable[..., tuple[dict[str, Any], ColumnTable]]


def record_of(out: Path, rule: str, section: str, changes: dict[str, Any]) -> JobRecord:
    """Return the record of a job that ran, with other values of some parameters."""
    entry = entry_of(out, rule, IMAGE)
    entry["record"]["parameters"][section].update(changes)
    record: JobRecord = entry["record"]
    return record


def call_of(record: JobRecord, files: dict[str, Path]) -> Any:  # noqa: ANN401  of any step
    """Return the call of a step."""
    parameters, inputs = record["parameters"], record["inputs"]
    return StepCall(record["rule"], record["name"], parameters, inputs, files, record, {})


@pytest.fixture
def match(finished_run: Path, tmp_path: Path) -> Match:
    """Return a function that matches an image again and gives the product."""
    out = finished_run / "out"

    def again(**changes: Any) -> ColumnTable:  # noqa: ANN401  values of parameters
        record = record_of(out, "match_sources", "object_matching", changes)
        files = {
            "sky": out / "sky" / f"{IMAGE}.fits",
            "plane": out / "reference" / "wcs.fits",
            "sources": out / "reference" / "sources.fits",
            "matches": tmp_path / "matches.ecsv",
        }
        match_sources.run(call_of(record, files))
        return read_table(files["matches"])

    return again


@pytest.fixture
def fit(finished_run: Path, tmp_path: Path) -> Fit:
    """Return a function that fits an image again and gives the products."""
    out = finished_run / "out"

    def again(**changes: Any) -> tuple[dict[str, Any], ColumnTable]:  # noqa: ANN401  values
        record = record_of(out, "fit_alignment", "catalog_fitting", changes)
        files = {
            "matches": out / "matches" / f"{IMAGE}.ecsv",
            "plane": out / "reference" / "wcs.fits",
            "fit": tmp_path / "fit.json",
            "pairs": tmp_path / "pairs.ecsv",
        }
        fit_alignment.run(call_of(record, files))
        return read_json(files["fit"]), read_table(files["pairs"])

    return again


@pytest.mark.effect("object_matching.minobj")
def test_minobj_is_the_least_number_of_matches(match: Match) -> None:
    found = len(match())
    assert match(minobj=found).meta["status"] == "matched"
    assert match(minobj=found + 1).meta["reason"] == "few_matches"
    assert match(minobj=100_000).meta["reason"] == "few_sources"


@pytest.mark.effect("object_matching.searchrad", "object_matching.searchunits")
def test_the_offset_is_found_within_searchrad(match: Match) -> None:
    wide = match()
    offset = np.hypot(*wide.meta["offset"])
    assert offset > 6.0
    assert match(searchrad=2.0, searchunits="pixels").meta["status"] == "not_aligned"
    near = match(searchrad=1.5 * offset, searchunits="pixels")
    assert np.array_equal(near["id"], wide["id"])
    assert near.meta["search_radius"] == pytest.approx(1.5 * offset)
    assert wide.meta["search_radius"] == pytest.approx(1.0 / 0.0396, rel=0.01)


@pytest.mark.effect(
    "object_matching.use2dhist", "object_matching.xoffset", "object_matching.yoffset"
)
def test_without_the_histogram_the_offset_is_the_one_given(match: Match) -> None:
    found = match()
    dx, dy = found.meta["offset"]
    given = match(use2dhist=False, xoffset=dx, yoffset=dy)
    assert np.array_equal(given["id"], found["id"])
    assert [found.meta["way"], given.meta["way"]] == ["histogram", "given offset"]
    for wrong in ({"xoffset": dx, "yoffset": 0.0}, {"xoffset": 0.0, "yoffset": dy}):
        assert match(use2dhist=False, **wrong).meta["status"] == "not_aligned"


@pytest.mark.effect("object_matching.tolerance")
def test_pairs_are_no_farther_apart_than_the_tolerance(match: Match) -> None:
    loose, strict = match(tolerance=1.0), match(tolerance=0.2, minobj=1)
    assert 0 < len(strict) < len(loose)
    separations = np.column_stack(
        [strict["x_image"] - strict["x_ref"], strict["y_image"] - strict["y_ref"]]
    )
    assert np.all(np.hypot(*(separations - strict.meta["offset"]).T) <= 0.2)


@pytest.mark.effect("object_matching.separation")
def test_matched_sources_are_farther_apart_than_the_separation(match: Match) -> None:
    thinned = match(separation=40.0, minobj=1)
    assert 0 < len(thinned) < len(match())
    x, y = thinned["x_ref"], thinned["y_ref"]
    distances = np.hypot(x[:, None] - x, y[:, None] - y)
    assert np.min(distances[distances > 0.0]) > 40.0


@pytest.mark.effect("catalog_fitting.fitgeometry")
def test_each_geometry_has_its_own_freedom(fit: Fit) -> None:
    fits = {name: fit(fitgeometry=name)[0] for name in ("shift", "rshift", "rscale", "general")}
    assert fits["shift"]["rotation"] == 0.0
    assert abs(fits["rshift"]["rotation"]) > 0.005
    assert [fits[name]["scale"] == 1.0 for name in fits] == [True, True, False, False]
    assert [abs(fits[name]["skew"]) > 1e-9 for name in fits] == [False, False, False, True]
    assert {name: record["fitgeometry"] for name, record in fits.items()} == {n: n for n in fits}


@pytest.mark.effect("catalog_fitting.nclip", "catalog_fitting.sigma")
def test_clipping_rejects_pairs(fit: Fit) -> None:
    kept = {n: fit(nclip=n, sigma=2.0)[0]["n_fit"] for n in (0, 1, 10)}
    assert kept[0] == len(fit()[1]) > kept[1] > kept[10]
    record, pairs = fit(nclip=1, sigma=1.5)
    assert record["n_fit"] < kept[1]
    assert record["n_fit"] == pairs["kept"].sum()


@pytest.mark.effect("catalog_fitting.ylimit", "catalog_fitting.labelsize")
def test_the_plots_of_residuals_follow_ylimit_and_labelsize(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = plots.save_figure

    def save_and_keep(figure: Figure, path: Path, *, texts: Mapping[str, str]) -> None:
        figures.append(figure)
        save(figure, path, texts=texts)

    monkeypatch.setattr(plots, "save_figure", save_and_keep)
    out = finished_run / "out"

    def draw(**changes: Any) -> bytes:  # noqa: ANN401  values of parameters
        record = record_of(out, "plot_residuals", "catalog_fitting", changes)
        files = {
            "pairs": out / "fits" / f"{IMAGE}.ecsv",
            "fit": out / "fits" / f"{IMAGE}.json",
            "residuals": tmp_path / "residuals.png",
            "vector": tmp_path / "vector.png",
        }
        plot_residuals.run(call_of(record, files))
        return b"".join(files[kind].read_bytes() for kind in ("residuals", "vector"))

    default, limited, large = draw(), draw(ylimit=0.3), draw(labelsize=14)
    assert default == b"".join(
        (out / "plots" / f"{kind}_{IMAGE}.png").read_bytes() for kind in ("residuals", "vector")
    )
    assert len({default, limited, large}) == 3
    assert {axes.get_ylim() for axes in figures[2].axes} == {(-0.3, 0.3)}
    for figure, size in ((figures[0], 8), (figures[4], 14), (figures[5], 14)):
        labels = [axes.yaxis.label for axes in figure.axes if axes.get_ylabel()]
        assert {label.get_fontsize() for label in labels} == {size}
