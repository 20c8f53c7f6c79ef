"""The ledger: notes of jobs, and the database that gathers them, whatever happens in between."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records import ledger_file
from tweakreg_steps.records.ledger import Entry, write_note
from tweakreg_steps.records.ledger_file import (
    forget_entry,
    gather_notes,
    has_ledger,
    open_ledger,
    read_entry,
)
from tweakreg_steps.records.outdir_files import LEDGER, NOTES, note_of
from tweakreg_steps.workflow.outdir import prepare_outdir

RECORD: Any = {"code": "c", "parameters": {}, "inputs": {}, "upstream": {}}


def note(outdir: Path, name: str, *, ticket: str = "1", rule: str = "fit_alignment") -> None:
    """Have a job make a product and note that."""
    product = outdir / f"{name}.json"
    product.write_text(f"made by {ticket}")
    record: Any = {**RECORD, "rule": rule, "name": name}
    write_note(
        outdir / note_of(rule, name),
        record,
        [],
        ticket=ticket,
        declared=[product.name],
        log="logs/a.log",
        contents={},
    )


def tickets(outdir: Path) -> dict[str, str]:
    """Return what the ledger knows."""
    with open_ledger(outdir) as ledger:
        return {name: entry.ticket for (_, name), entry in ledger.entries()}


def notes(outdir: Path) -> list[str]:
    """Return the names of the jobs whose notes are there."""
    return sorted(path.stem for path in (outdir / NOTES).rglob("*.json"))


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    """Return an output folder whose database knows of two jobs."""
    prepare_outdir(tmp_path)
    note(tmp_path, "a")
    note(tmp_path, "b.1")
    gather_notes(tmp_path, {})
    return tmp_path


def test_what_was_gathered_is_as_it_was_noted(tmp_path: Path) -> None:
    assert not has_ledger(tmp_path)
    note(tmp_path, "a\u00e4 b")
    before = read_entry(tmp_path, "fit_alignment", "a\u00e4 b")
    assert isinstance(before, Entry)
    gather_notes(tmp_path, {})
    assert notes(tmp_path) == []
    assert read_entry(tmp_path, "fit_alignment", "a\u00e4 b") == before
    assert read_entry(tmp_path, "fit_alignment", "b") is None
    assert has_ledger(tmp_path)


def test_gathering_keeps_none_of_the_notes_in_memory(tmp_path: Path) -> None:
    prepare_outdir(tmp_path)
    number, size = 60, 200_000
    for i in range(number):
        path = tmp_path / note_of("fit_alignment", f"image{i:02d}")
        own = {"rule": "fit_alignment", "name": path.stem, "inputs": {"a": "x" * size}}
        record: Any = {**RECORD, **own}
        options: dict[str, Any] = {"ticket": str(i), "declared": [], "log": "a.log"}
        write_note(path, record, [], contents={}, **options)
    tracemalloc.start()
    try:
        gather_notes(tmp_path, {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not notes(tmp_path)
    assert len(tickets(tmp_path)) == number
    assert peak < number * size / 3


def test_a_note_counts_before_the_database(outdir: Path) -> None:
    note(outdir, "a", ticket="2")
    forget_entry(outdir, "fit_alignment", "b.1")
    expected = {"a": "2"}
    assert tickets(outdir) == expected
    with open_ledger(outdir) as ledger:
        assert ledger.ticket("fit_alignment", "a") == "2"
        assert ledger.declared("fit_alignment", "b.1") == ()
    gather_notes(outdir, {})
    assert (notes(outdir), tickets(outdir)) == ([], expected)


def test_a_note_that_cannot_be_read_hides_nothing(outdir: Path) -> None:
    (outdir / note_of("fit_alignment", "a")).write_text('{"ticket"')
    assert tickets(outdir)["a"] == "1"
    gather_notes(outdir, {})
    assert tickets(outdir)["a"] == "1"


@pytest.mark.parametrize("place", ["_write_database", "sync_folder", "_status"])
def test_whatever_ends_the_gathering_nothing_is_lost(
    outdir: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    note(outdir, "a", ticket="2")
    note(outdir, "c", ticket="3")
    original: Callable[..., Any] = getattr(ledger_file, place)
    calls = iter(range(100))

    def end(*arguments: Any) -> Any:  # noqa: ANN401  passed on
        if next(calls) > 1 or place != "_status":
            raise JobFailedError("the disk is full")
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ledger_file, place, end)
        gather_notes(outdir, {})
    assert notes(outdir)
    expected = {"a": "2", "b.1": "1", "c": "3"}
    assert tickets(outdir) == expected
    gather_notes(outdir, {})
    assert (notes(outdir), tickets(outdir)) == ([], expected)


def test_a_note_that_is_written_meanwhile_stays(
    outdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(outdir, "a", ticket="2")
    monkeypatch.setattr(ledger_file, "sync_folder", lambda _: note(outdir, "a", ticket="3"))
    gather_notes(outdir, {})
    assert notes(outdir) == ["a"]
    assert tickets(outdir)["a"] == "3"


def test_who_has_opened_it_sees_one_state_of_it(outdir: Path) -> None:
    with open_ledger(outdir) as ledger:
        note(outdir, "b", rule="find_sources")
        gather_notes(outdir, {})
        assert ledger.ticket("fit_alignment", "a") == "1"
        assert ledger.ticket("find_sources", "b") is None
    assert set(tickets(outdir)) == {"a", "b", "b.1"}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "CREATE VIEW v AS SELECT * FROM entry",
        "ALTER TABLE entry ADD COLUMN more TEXT",
        "DROP TABLE entry",
        "CREATE TABLE other (a)",
    ],
)
def test_a_database_with_anything_else_in_it_is_none(outdir: Path, statement: str) -> None:
    with closing(sqlite3.connect(outdir / LEDGER)) as connection, connection:
        connection.execute(statement)
    assert tickets(outdir) == {}
    note(outdir, "c")
    gather_notes(outdir, {})
    assert tickets(outdir) == {"c": "1"}


def test_a_link_or_a_pipe_in_its_place_is_none(outdir: Path, tmp_path: Path) -> None:
    elsewhere = (outdir / LEDGER).rename(tmp_path / "elsewhere.sqlite")
    (outdir / LEDGER).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert tickets(outdir) == {}
    note(outdir, "c")
    gather_notes(outdir, {})
    assert tickets(outdir) == {"c": "1"}
    assert elsewhere.read_bytes() == before


@pytest.mark.slow
def test_a_damaged_database_costs_jobs_and_nothing_else(outdir: Path) -> None:
    for i in range(300):
        note(outdir, f"n{i}")
    gather_notes(outdir, {})
    whole = (outdir / LEDGER).read_bytes()
    random = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(whole)
        for place in random.integers(len(whole), size=random.integers(1, 200)):
            damaged[place] = random.integers(256)
        (outdir / LEDGER).write_bytes(damaged[: random.integers(1, len(whole) + 1)])
        note(outdir, "new")
        assert set(tickets(outdir).values()) <= {"1"}
        gather_notes(outdir, {})
        assert tickets(outdir)["new"] == "1"
        assert notes(outdir) == []
