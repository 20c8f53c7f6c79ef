"""The frozen plan: one file with the record and the files of each job, looked up by its job.

The process that plans writes it; a job, wherever it runs, opens its own row and nothing else. The
plan has a digest, by which a job on another machine knows the plan that it was sent for.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from tweakreg_steps.atomic import expendable_path, explain_failure
from tweakreg_steps.errors import JobFailedError, RecipeError
from tweakreg_steps.records.canonical import canonical_json
from tweakreg_steps.records.job_record import JobRecord

_COLUMNS = (
    "rule",
    "name",
    "ticket",
    "log",
    "record",
    "reads",
    "writes",
    "files",
    "originals",
    "wildcards",
    "products",
    "mem_mb",
    "runtime",
)
_DIGEST = 16
_CANONICAL = ("record", "wildcards")
"""The columns that are written in their one spelling: jobs are looked up by their wildcards."""
_LABELS = "CREATE TABLE label (image TEXT, chip INTEGER, label TEXT, PRIMARY KEY (image, chip))"

Wildcards = Mapping[str, str]
"""What stands for the wildcards of the products of a job."""


class DeclaredProduct(TypedDict):
    """What is declared of a kind of file: see `tweakreg_steps.steps.declaration.Product`."""

    pattern: str
    is_intermediate: bool
    counts_by_content: bool
    category: str


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
    wildcards
        The wildcards of the names of its products.
    products
        What is declared of the kinds of its products, by what its step calls them.
    mem_mb, runtime
        The memory that it needs, MB, and the time that it may take, minutes.

    All paths are relative to the output folder.
    """

    rule: str
    name: str
    ticket: str
    log: str
    record: JobRecord
    reads: Mapping[str, str]
    writes: Mapping[str, str]
    files: Mapping[str, str]
    originals: Mapping[str, str]
    wildcards: Wildcards
    products: Mapping[str, DeclaredProduct]
    mem_mb: int
    runtime: int

    @property
    def key(self) -> tuple[str, str]:
        """Rule and name: what identifies the job."""
        return self.rule, self.name


def write_plan(
    path: Path, jobs: Iterable[PlannedJob], *, labels: Mapping[tuple[str, int], str]
) -> None:
    """Write the plan of some jobs; it is never seen half-written.

    Parameters
    ----------
    path
        The file.
    jobs
        The jobs.
    labels
        File and extension of each chip, ``x_flc.fits[1]``, by image and number of the chip.
    """
    known = hashlib.sha256()

    def rows() -> Iterator[tuple[str, ...]]:
        for job in jobs:
            known.update(f"{job.rule} {job.name} {job.ticket}\n".encode())
            yield tuple(_as_text(column, getattr(job, column)) for column in _COLUMNS)

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
            connection.executemany(f"INSERT INTO job VALUES ({marks})", rows())  # noqa: S608  marks
            connection.execute("CREATE INDEX by_wildcards ON job (rule, wildcards)")
            connection.execute(_LABELS)
            chips = ((*chip, label) for chip, label in labels.items())
            connection.executemany("INSERT INTO label VALUES (?, ?, ?)", chips)
            connection.execute("CREATE TABLE plan (digest TEXT)")
            connection.execute("INSERT INTO plan VALUES (?)", (known.hexdigest()[:_DIGEST],))
    except sqlite3.Error as error:
        # SQLite does not say why the disk took no more
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise JobFailedError(explain_failure(full, path)) from error


def _as_text(column: str, value: Any) -> str:  # noqa: ANN401  any JSON value
    """Write a value; a record in its one spelling, paths in the order in which they are read."""
    if isinstance(value, str):
        return value
    return canonical_json(value) if column in _CANONICAL else json.dumps(value)


def digest_of_plan(path: Path) -> str:
    """Return the digest of a plan.

    Raises
    ------
    RecipeError
        It cannot be read.
    """
    with _open(path) as connection:
        (found,) = connection.execute("SELECT digest FROM plan").fetchone()
    return str(found)


def read_sent_jobs(
    path: Path, digest: str, wanted: Iterable[tuple[str, Wildcards]]
) -> list[PlannedJob]:
    """Return some jobs of a plan, by their rules and wildcards: those that were sent elsewhere.

    Parameters
    ----------
    path
        The plan.
    digest
        The digest of the plan that they were sent for.
    wanted
        Rules with wildcards.

    Raises
    ------
    RecipeError
        The plan cannot be read, or is not the one that the jobs were sent for.
    """
    query = f"SELECT {', '.join(_COLUMNS)} FROM job WHERE rule = ? AND wildcards = ?"  # noqa: S608
    with _open(path) as connection:
        (found,) = connection.execute("SELECT digest FROM plan").fetchone()
        if found != digest:
            raise RecipeError(
                f"{path}: is the plan {found}, and this job was sent for the plan {digest}: "
                "another run has planned anew since; run again"
            )
        rows = [
            connection.execute(query, (rule, canonical_json(dict(wildcards)))).fetchone()
            for rule, wildcards in wanted
        ]
    return [_job(row) for row in rows if row is not None]


def read_job(path: Path, rule: str, name: str, ticket: str) -> PlannedJob:
    """Return one job of a plan.

    Raises
    ------
    RecipeError
        The plan cannot be read, or is not the one that the job was sent for.
    """
    query = f"SELECT {', '.join(_COLUMNS)} FROM job WHERE rule = ? AND name = ?"  # noqa: S608
    with _open(path) as connection:
        row = connection.execute(query, (rule, name)).fetchone()
    if row is None:
        raise RecipeError(f"{path}: the plan has no job {rule} {name}; run again")
    if row[2] != ticket:
        raise RecipeError(
            f"{path}: {rule} {name} was planned anew since this job was sent; run again"
        )
    return _job(row)


def read_chip_labels(path: Path, images: Iterable[str]) -> dict[tuple[str, int], str]:
    """Return file and extension of the chips of some images, by image and number of the chip.

    Raises
    ------
    RecipeError
        The plan cannot be read.
    """
    query = "SELECT image, chip, label FROM label WHERE image = ?"
    with _open(path) as connection:
        rows = [row for image in images for row in connection.execute(query, (image,))]
    return {(image, chip): label for image, chip, label in rows}


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a plan, which nobody changes any more."""
    try:
        uri = f"file:{_quoted(path)}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            yield connection
    except (sqlite3.Error, TypeError) as error:
        raise RecipeError(f"{path}: the plan of the run cannot be read ({error})") from error


def _job(row: Sequence[str]) -> PlannedJob:
    """Return the job that a row describes."""
    rule, name, ticket, log, *rest = row
    return PlannedJob(rule, name, ticket, log, *(json.loads(text) for text in rest))


def _quoted(path: Path) -> str:
    """Return a path as a URI has it."""
    from urllib.parse import quote

    return quote(os.fspath(path.absolute()))
