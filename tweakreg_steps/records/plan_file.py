"""The frozen plan: one file with the record and the files of each job, looked up by its job.

The process that plans writes it; a job, wherever it runs, opens its own row and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import expendable_path, explain_failure
from tweakreg_steps.errors import JobFailedError, RecipeError
from tweakreg_steps.records.canonical import canonical_json

_COLUMNS = ("rule", "name", "ticket", "log", "record", "reads", "writes", "files", "originals")


@dataclass(frozen=True, repr=False)
class PlannedJob:
    """What a job needs to know of itself.

    Attributes
    ----------
    rule, name
        What it is, and what it works on.
    ticket
        What the plan calls this run of the job.
    log
        Where its messages go.
    record
        Everything that its products depend on.
    reads, writes
        The products that it takes and makes, by what its step calls them.
    files
        The other files that it reads, by what its step calls them.
    originals
        The user's exposures among them, by the images' names.

    All paths are relative to the output folder.
    """

    rule: str
    name: str
    ticket: str
    log: str
    record: Mapping[str, Any]
    reads: Mapping[str, str]
    writes: Mapping[str, str]
    files: Mapping[str, str]
    originals: Mapping[str, str]


def write_plan(path: Path, jobs: Iterable[PlannedJob]) -> None:
    """Write the plan of some jobs; it is never seen half-written."""
    rows = (tuple(_as_text(column, getattr(job, column)) for column in _COLUMNS) for job in jobs)
    columns = ", ".join(f"{column} TEXT" for column in _COLUMNS)
    marks = ", ".join("?" for _ in _COLUMNS)
    try:
        with (
            expendable_path(path) as temporary,
            closing(sqlite3.connect(temporary)) as connection,
            connection,
        ):
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute(f"CREATE TABLE job ({columns}, PRIMARY KEY (rule, name))")
            connection.executemany(f"INSERT INTO job VALUES ({marks})", rows)  # noqa: S608  marks
    except sqlite3.Error as error:
        # SQLite does not say why the disk took no more
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise JobFailedError(explain_failure(full, path)) from error


def _as_text(column: str, value: Any) -> str:  # noqa: ANN401  any JSON value
    """Write a value; a record in its one spelling, paths in the order in which they are read."""
    if isinstance(value, str):
        return value
    return canonical_json(value) if column == "record" else json.dumps(value)


def read_job(path: Path, rule: str, name: str, ticket: str) -> PlannedJob:
    """Return one job of a plan.

    Raises
    ------
    RecipeError
        The plan cannot be read, or is not the one that the job was sent for.
    """
    uri = f"file:{_quoted(path)}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            query = f"SELECT {', '.join(_COLUMNS)} FROM job WHERE rule = ? AND name = ?"  # noqa: S608
            row = connection.execute(query, (rule, name)).fetchone()
    except sqlite3.Error as error:
        raise RecipeError(f"{path}: the plan of the run cannot be read ({error})") from error
    if row is None:
        raise RecipeError(f"{path}: the plan has no job {rule} {name}; run again")
    if row[2] != ticket:
        raise RecipeError(
            f"{path}: {rule} {name} was planned anew since this job was sent; run again"
        )
    rule, name, ticket, log, *rest = row
    return PlannedJob(rule, name, ticket, log, *(json.loads(text) for text in rest))


def _quoted(path: Path) -> str:
    """Return a path as a URI has it."""
    from urllib.parse import quote

    return quote(os.fspath(path.absolute()))
