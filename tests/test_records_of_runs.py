"""What steps write for each other is what the types of their records say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledgers import entries
from test_inputs_of_steps import inputs_of
from typed_values import misfits

from tweakreg_steps.alignment.match_meta import MatchMeta
from tweakreg_steps.astrometry.footprint import Footprint
from tweakreg_steps.finding.catalog_meta import CatalogMeta, SkyMeta
from tweakreg_steps.fit_file import FitNumbers, FitRecord, numbers_of
from tweakreg_steps.fits_files.exposure_record import NotedExposure
from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.header_record import HeaderletRecord, HeaderRecord
from tweakreg_steps.records.manifest import Manifest
from tweakreg_steps.reporting.image_report import ImageFacts
from tweakreg_steps.reporting.quicklook import Quicklook
from tweakreg_steps.reporting.summary_file import SummaryRow, read_summary
from tweakreg_steps.solving.edge_table import EdgeMeta
from tweakreg_steps.solving.solution_file import SolutionRecord
from tweakreg_steps.steps import all_steps
from tweakreg_steps.tables.table_file import read_meta

RECORDS: dict[str, Any] = {
    "manifest.json": Manifest,
    "solution.json": SolutionRecord,
    "digests/*.json": NotedExposure,
    "headers/*.json": HeaderRecord,
    "headerlets/*.json": HeaderletRecord,
    "matches/*.ecsv": MatchMeta,
    "catalogs/*.fits": CatalogMeta,
    "positions/*.fits": CatalogMeta,
    "sky/*.fits": SkyMeta,
    "pairs/*.ecsv": EdgeMeta,
    "footprints/*.json": Footprint,
    "quicklooks/*.json": Quicklook,
    "report/*.json": ImageFacts,
}
"""The types of records and of the metadata of tables, by where these stand in the output folder."""


@pytest.fixture(params=["tiny_run", "solved_run", "psf_built_run", "failing_run"])
def outdir(request: pytest.FixtureRequest) -> Path:
    """Return the output folder of a finished run."""
    found = request.getfixturevalue(request.param)
    folder: Path = found[0] if isinstance(found, tuple) else found
    return folder if (folder / "summary.ecsv").is_file() else folder / "out"


def test_records_are_what_their_types_say(outdir: Path) -> None:
    assert len([*outdir.glob("sky/*.fits")]) > 1
    assert [*_misfits_of_records(outdir)] == []


def _misfits_of_records(outdir: Path) -> Iterator[str]:
    """Yield what in the records of a run is not as it is typed."""
    for pattern, kind in RECORDS.items():
        for path in outdir.glob(pattern):
            said = read_json(path) if path.suffix == ".json" else read_meta(path)
            own = {key: value for key, value in said.items() if key != "provenance"}
            yield from misfits(own, kind, path.name, closed=True)


def test_rows_of_the_summary_are_what_their_type_says(outdir: Path) -> None:
    for row in read_summary(outdir / "summary.ecsv").rows:
        assert misfits(row, SummaryRow, "row", closed=True) == []


def test_fits_are_what_their_types_say(outdir: Path) -> None:
    paths = [*(outdir / "fits").glob("*.json")]
    assert paths
    known = {*FitRecord.__annotations__, *FitNumbers.__annotations__, "provenance"}
    for path in paths:
        fit = read_json(path)
        assert fit.keys() <= known
        assert misfits(fit, FitRecord, path.name, closed=False) == []
        numbers = numbers_of(fit)
        if numbers is not None and fit["status"] != "reference":
            assert misfits(numbers, FitNumbers, path.name, closed=False) == []


def test_jobs_are_given_what_they_are_typed_for(outdir: Path) -> None:
    found = []
    for entry in entries(outdir).values():
        record = entry["record"]
        rule = record["rule"]
        consumed = all_steps()[rule].consumes
        found += misfits(record["inputs"], inputs_of(rule), rule, closed=False)
        if consumed and rule not in ("find_sources", "make_masks"):
            found += misfits(record["parameters"], consumed, rule, closed=False)
    assert found == []
