"""From a product back to the user's files: the jobs that made it, as the ledger has them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.provenance.user_inputs import (
    State,
    UserInput,
    other_inputs,
    user_files_of,
)
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.ledger import Entry, is_as_made
from tweakreg_steps.records.ledger import Made as MadeProduct
from tweakreg_steps.records.ledger_file import Ledger, has_ledger, open_ledger
from tweakreg_steps.records.library_versions import PACKAGE
from tweakreg_steps.records.statement import image_of_job, statement_of
from tweakreg_steps.records.upstream import common_stamp
from tweakreg_steps.steps.subject import ALL

JobKey = tuple[str, str]
"""Rule and name of a job."""


@dataclass(frozen=True)
class Made:
    """A job that ran, and what it was made from.

    Attributes
    ----------
    rule, job
        Its rule, and what it worked on.
    products
        What it made, relative to the output folder, and whether that is still as it was made.
    versions
        The versions of this package, of Python and of the libraries that it ran with.
    stamp
        The digest of its record, as its products have it.
    recipe_digest
        The digest of the part of the recipe on which it depends; None where a version wrote the
        ledger that did not keep it.
    parameters
        The part of the recipe that its rule consumes.
    inputs
        What it read of the user's files.
    told
        What else the plan told it.
    made_again
        The rules whose products are other ones now than those it took.
    upstream
        The jobs whose products it took.
    """

    rule: str
    job: str
    products: Mapping[str, State]
    versions: Mapping[str, str]
    stamp: str
    recipe_digest: str | None
    parameters: Mapping[str, Any]
    inputs: tuple[UserInput, ...]
    told: Mapping[str, Any]
    made_again: tuple[str, ...]
    upstream: tuple[Made, ...]


def find_outdir(file: Path) -> Path | None:
    """Return the output folder that a file lies in, or None."""
    folders = Path(os.path.abspath(file)).parents  # noqa: PTH100  links are not followed
    return next(filter(has_ledger, folders), None)


def find_maker(outdir: Path, product: str) -> JobKey | None:
    """Return the job that made a product, relative to the output folder; None where none did."""
    with open_ledger(outdir) as ledger:
        return next((key for key, entry in ledger.entries() if product in entry.products), None)


def trace(outdir: Path, key: JobKey) -> Made:
    """Return a job with all its ancestors; an ancestor of several jobs is one object.

    Parameters
    ----------
    outdir
        The output folder.
    key
        A job of which the ledger has an entry.
    """
    with open_ledger(outdir) as ledger:
        return _Tracer(outdir, ledger).trace(key)


class _Tracer:
    """Follows the ledger of an output folder, each job once."""

    def __init__(self, outdir: Path, ledger: Ledger) -> None:
        self._outdir = outdir
        self._ledger = ledger
        self._files = user_files_of(outdir)
        self._entries: dict[JobKey, Entry | None] = {}
        self._made: dict[JobKey, Made] = {}

    def trace(self, key: JobKey) -> Made:
        """Return a job that the ledger has."""
        if key not in self._made:
            entry = self._entry(key)
            assert entry is not None  # noqa: S101  it was looked for
            self._made[key] = self._trace(entry)
        return self._made[key]

    def _trace(self, entry: Entry) -> Made:
        """Return the job of an entry."""
        record = entry.record
        said = statement_of(record) if "upstream_recipes" in record else None
        return Made(
            rule=record["rule"],
            job=record["name"],
            products=dict(self._products(entry.products)),
            versions=dict(_versions(entry)),
            stamp=said["stamp"] if said else digest(record),
            recipe_digest=said["recipe_digest"] if said else None,
            parameters=record["parameters"],
            inputs=tuple(self._files.read_by(record)),
            told=other_inputs(record),
            made_again=tuple(self._made_again(record)),
            upstream=tuple(
                self.trace(key)
                for rule in record["upstream"]
                for key in self._upstream_jobs(record, rule)
                if self._entry(key)
            ),
        )

    def _entry(self, key: JobKey) -> Entry | None:
        """Return what the ledger has of a job."""
        if key not in self._entries:
            self._entries[key] = self._ledger.entry(*key)
        return self._entries[key]

    def _products(self, products: Mapping[str, MadeProduct]) -> Iterator[tuple[str, State]]:
        """Yield each product of a job, and whether it is as it was made."""
        for product, made in products.items():
            path = self._outdir / product
            if not path.is_file():
                yield product, State.MISSING
            else:
                yield product, State.CURRENT if is_as_made(path, made) else State.CHANGED

    def _upstream_jobs(self, record: JobRecord, rule: str) -> list[JobKey]:
        """Return the upstream jobs of one rule.

        Where a version wrote the ledger that did not keep them, they are looked for: that of the
        same image, that of all images, or all there are.
        """
        if "upstream_jobs" in record:
            return [(rule, name) for name in record["upstream_jobs"][rule]]
        for name in (image_of_job(record), ALL):
            if self._entry((rule, name)):
                return [(rule, name)]
        return [key for key in self._ledger.jobs() if key[0] == rule]

    def _made_again(self, record: JobRecord) -> Iterator[str]:
        """Yield the upstream rules whose jobs are not those any more that were run then."""
        for rule, stamp in record["upstream"].items():
            entries = [self._entry(key) for key in self._upstream_jobs(record, rule)]
            stamps = [entry.identity if entry else "" for entry in entries]
            if common_stamp(stamps) != stamp:
                yield rule


def _versions(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the versions that a job ran with; former versions did not keep their own."""
    if entry.version:
        yield PACKAGE, entry.version
    yield from entry.versions.items()
