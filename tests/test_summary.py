"""summary.ecsv holds its contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tweakreg_steps.errors import InputError, Reason
from tweakreg_steps.reporting.summary import build_summary
from tweakreg_steps.reporting.summary_file import (
    SUMMARY_COLUMNS,
    Summary,
    read_summary,
    write_summary,
)
from tweakreg_steps.tables.ecsv import ColumnTable, write_table

FIT = {"dx": 1.25, "dy": -0.5, "rotation": 0.01, "scale": 1.00002, "skew": 0.0}
RMS = {"rms_x": 0.05, "rms_y": 0.06, "rms_ra": 2.0, "rms_dec": 2.4}
RMS |= {"error_x": 0.12, "error_y": 0.15}
COUNTS = {"n_sources": 900, "n_matched": 310, "n_fit": 300}
NO_FIT = dict.fromkeys([*FIT, *RMS, "matrix"])


def make_record(image: str, **changes: object) -> dict[str, Any]:
    record = {"image": image, "status": "aligned", "reason": "", **COUNTS, **FIT, **RMS}
    record |= {"matrix": [[1.0, 1e-5], [-1e-5, 1.0]], "fitgeometry": "rscale", "reference": "ref"}
    record |= {"detail": "", "cure": "", "error_x": 0.2, "error_y": 0.3}
    return record | changes


FAILED = make_record("c", status="not_aligned", reason=Reason.FEW_MATCHES, **NO_FIT)


def summarise(*records: dict[str, Any]) -> Summary:
    return build_summary(records, version="0.1.0", recipe_digest="ab12", reference="ref")


def test_the_columns_are_those_of_the_contract_in_order() -> None:
    names = (
        "image status reason n_sources n_matched n_fit dx dy rotation scale skew "
        "rms_x rms_y rms_ra rms_dec matrix fitgeometry reference detail cure error_x error_y "
        "n_absolute rms_absolute n_relative rms_relative worst_neighbour worst_offset worst_error "
        "wrms_ra wrms_dec"
    )
    assert list(summarise(make_record("a")).rows[0]) == names.split()


def test_rows_keep_the_input_order_and_the_values() -> None:
    records = [make_record("z"), make_record("a", dx=0.1 + 0.2)]
    rows = [dict(row) for row in summarise(*records).rows]
    assert [{key: row[key] for key in records[0]} for row in rows] == records


def test_astropy_reads_the_summary_with_units_and_metadata(tmp_path: Path) -> None:
    from astropy.table import Table

    records = [make_record("a"), FAILED]
    write_summary(tmp_path / "summary.ecsv", summarise(*records))
    table = Table.read(tmp_path / "summary.ecsv")
    assert table.colnames == [column.name for column in SUMMARY_COLUMNS]
    assert {c: str(table[c].unit) for c in ("dx", "rotation", "skew", "rms_x", "rms_dec")} == {
        "dx": "pix",
        "rotation": "deg",
        "skew": "deg",
        "rms_x": "pix",
        "rms_dec": "mas",
    }
    assert dict(table.meta) == {"version": "0.1.0", "recipe_digest": "ab12", "reference": "ref"}
    assert table["reason"].tolist() == ["", "few_matches"]
    assert table["matrix"].shape == (2, 2, 2)
    assert table["matrix"][0].tolist() == [[1.0, 1e-5], [-1e-5, 1.0]]


def test_the_summary_reads_back(tmp_path: Path) -> None:
    records = [make_record("a"), make_record("b", dx=0.1 + 0.2)]
    summary = summarise(*records)
    write_summary(tmp_path / "summary.ecsv", summarise(*records))
    got = read_summary(tmp_path / "summary.ecsv")
    assert repr(got.rows) == repr(summary.rows)  # nan is nan
    assert got.meta == summary.meta


def test_equal_summaries_have_equal_bytes_and_lose_nothing(tmp_path: Path) -> None:
    statement = {"inputs": [{"file": "é b.fits", "digest": None}], "text": "a: b\n'c'", "n": 1e-5}
    summary = summarise(make_record("ü b"), FAILED, make_record("d", rms_x=float("nan")))
    summary = replace(summary, meta={**summary.meta, "statement": statement})
    for name in ("one.ecsv", "two.ecsv"):
        write_summary(tmp_path / name, summary)
    got = read_summary(tmp_path / "one.ecsv")
    assert got.meta == summary.meta
    assert repr(got.rows) == repr(summary.rows)  # nan is nan
    assert (tmp_path / "one.ecsv").read_bytes() == (tmp_path / "two.ecsv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.ecsv", "two.ecsv"]


def test_an_image_not_aligned_has_counts_and_a_reason_but_no_numbers() -> None:
    refused = make_record("d", status="not_aligned", reason="few_matches")
    summary = summarise(make_record("a"), FAILED, refused)
    for name in [*FIT, *RMS, "matrix"]:
        assert np.isfinite(summary[name][0]).all()
        assert np.isnan(summary[name][1:]).all()
    assert summary["n_matched"] == [310, 310, 310]
    assert summary.n_not_aligned == 2


MINIMAL = {"image": "m", "n_sources": 9, "reference": "ref"}


def test_the_reference_is_the_identity_and_was_not_fitted() -> None:
    (found,) = summarise({**MINIMAL, "status": "reference", "reason": ""}).rows
    row: dict[str, Any] = dict(found)
    assert [row[name] for name in FIT] == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert row["matrix"] == [[1.0, 0.0], [0.0, 1.0]]
    assert np.isnan([row[name] for name in RMS]).all()
    assert (row["n_sources"], row["n_matched"], row["n_fit"]) == (9, 0, 0)


def test_a_record_without_a_fit_is_enough_for_an_image_not_aligned() -> None:
    summary = summarise({**MINIMAL, "status": "not_aligned", "reason": "no_sources"})
    assert np.isnan(summary["matrix"]).all()
    assert summary["n_fit"] == [0]
    assert summary["fitgeometry"] == [""]


@pytest.mark.parametrize(
    ("given", "kept"), [(359.9999, -0.0001), (-180.5, 179.5), (180.0, 180.0), (0.1, 0.1)]
)
def test_rotations_are_within_half_a_turn(given: float, kept: float) -> None:
    summary = summarise(make_record("a", rotation=given, skew=given))
    assert summary["rotation"][0] == pytest.approx(kept, abs=1e-10)
    assert summary["skew"][0] == pytest.approx(kept, abs=1e-10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "fine"}, "record of j1 has the unknown status 'fine'"),
        ({"status": "not_aligned"}, "record of j1: the reason '' does not go with"),
        ({"status": "not_aligned", "reason": "bad luck"}, "reason 'bad luck' does not go with"),
        ({"reason": "few_matches"}, "reason 'few_matches' does not go with the status 'aligned'"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        summarise(make_record("j1", **changes))


def test_a_record_with_missing_keys_is_refused() -> None:
    record = make_record("j1")
    del record["dx"], record["matrix"]
    with pytest.raises(InputError, match="fit record of j1 lacks dx, matrix"):
        summarise(record)


def test_a_table_that_is_no_summary_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "t.ecsv", ColumnTable({"dx": np.zeros(1)}))
    with pytest.raises(InputError, match=r"t\.ecsv is not a summary: its columns are \['dx'\]"):
        read_summary(tmp_path / "t.ecsv")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("1.25", "far", r"column 'dx': 'far' is no such value"),
        ("900", "9e2", r"column 'n_sources': '9e2' is no such value"),
        ("[[1.0,1e-05],[-1e-05,1.0]]", "7", r"column 'matrix': '7' is no such value"),
        ("[[1.0,1e-05],[-1e-05,1.0]]", "[[1.0,1e-05]]", "column 'matrix'"),
        ("1.25", "1.25 1.25", r"a row has 32 cells for 31 columns"),
    ],
)
def test_a_damaged_summary_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "summary.ecsv"
    write_summary(path, summarise(make_record("a")))
    header, row = path.read_text().rsplit("\na ", 1)
    assert before in row
    path.write_text(f"{header}\na {row.replace(before, after)}")
    with pytest.raises(InputError, match=f"not a table this program can read: .*{said}"):
        read_summary(path)
