"""The table at the end of a run."""

import re
from typing import Any

import pytest

from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.reporting.report_table import format_plain, format_terminal
from tweakreg_steps.reporting.summary import build_summary
from tweakreg_steps.reporting.summary_file import Summary

LONG = "a_very_long_name_of_an_exposure_that_somebody_gave_it_[red]_and_meant_it_flc"


def make_record(image: str, status: str, reason: str = "", **changes: object) -> dict[str, Any]:
    numbers = {"dx": 1.25, "dy": -0.00001, "rotation": -0.0123456, "scale": 1.00002, "skew": 0.0}
    numbers |= {"rms_x": 0.05, "rms_y": 0.06, "rms_ra": 2.0, "rms_dec": 2.456}
    counts = {"n_sources": 900, "n_matched": 310, "n_fit": 300}
    texts = {"image": image, "status": status, "reason": reason}
    others = {"matrix": None, "fitgeometry": "rscale", "reference": "ref"}
    return {**texts, **counts, **numbers, **others, **changes}


@pytest.fixture
def summary() -> Summary:
    records = [
        make_record("j1", "reference", rms_ra=None, rms_dec=None, n_matched=0, n_fit=0),
        make_record(LONG, "aligned"),
        make_record("j3", "not_aligned", Reason.SINGULAR_FIT),
    ]
    return build_summary(records, version="0", recipe_digest="0", reference="ref")


def strip_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_plain_rows_hold_what_a_user_looks_for(summary: Summary) -> None:
    heading, reference, aligned, failed = format_plain(summary).splitlines()
    assert heading.split()[:3] == ["image", "status", "pairs"]
    numbers = ["300/310", "1.250", "0.000", "-0.01235", "1.000020"]
    assert reference.split() == ["j1", "reference", "-", *numbers[1:], "-"]
    assert aligned.split()[1:] == ["aligned", *numbers, "2.00", "2.46"]
    assert failed.split()[:8] == ["j3", "not", "aligned", "300/310", *"----"]
    assert failed.endswith(REASON_TEXTS[Reason.SINGULAR_FIT])


def test_where_pairs_are_weighted_the_rms_is_the_weighted_one_and_called_so() -> None:
    records = [
        make_record("j1", "aligned", wrms_ra=2.0, wrms_dec=2.456),
        make_record("j2", "aligned", rms_ra=7.7, wrms_ra=0.91, wrms_dec=0.83),
    ]
    tables = [
        format_plain(build_summary(some, version="0", recipe_digest="0", reference="ref"))
        for some in (records[:1], records)
    ]
    assert " rms [mas]" in tables[0]
    assert "weighted" not in tables[0]
    assert "  weighted rms [mas]" in tables[1]
    assert [line.split()[-2:] for line in tables[1].splitlines()[1:]] == [
        ["2.00", "2.46"],
        ["0.91", "0.83"],
    ]


def test_plain_columns_are_aligned_and_names_whole(summary: Summary) -> None:
    lines = format_plain(summary).splitlines()
    assert len({line.index(word) for line, word in zip(lines, WORDS, strict=True)}) == 1
    assert lines[2].startswith(LONG)
    assert "\x1b" not in format_plain(summary)
    assert all(line == line.rstrip() for line in lines)


WORDS = ("status", "reference", "aligned", "not aligned")


@pytest.mark.parametrize("width", [20, 80, 400])
def test_a_terminal_of_any_width_shows_whole_names_and_reasons(
    summary: Summary, width: int
) -> None:
    text = strip_colour(format_terminal(summary, width=width))
    assert f"{LONG} aligned 300/310" in re.sub(" +", " ", text)
    assert "2.00 2.46" in text
    assert REASON_TEXTS[Reason.SINGULAR_FIT] in text
    assert text.count("j3") == (1 if width == 400 else 2)


def test_a_terminal_shows_the_status_in_colour(
    summary: Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert re.search(r"\x1b\[32maligned", format_terminal(summary, width=100))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in format_terminal(summary, width=100)
