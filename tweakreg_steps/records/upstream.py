"""The jobs whose products a job takes, as the ledger has them when it begins.

No step reads a product that is not the one its maker's entry names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.ledger import Entry, is_as_made
from tweakreg_steps.records.ledger_file import open_ledger


def common_stamp(stamps: Sequence[str | None]) -> str | None:
    """Return one stamp for the jobs of one upstream rule; None while one is not known."""
    if None in stamps:
        return None
    return stamps[0] if len(stamps) == 1 else digest(stamps)


def with_upstream(record: JobRecord, reads: Iterable[Path]) -> JobRecord:
    """Return a record with the stamps of the jobs upstream, which the ledger knows by now.

    Parameters
    ----------
    record
        The record of a job; a stamp that was not known when it was planned is None.
    reads
        The products that the job takes, relative to the output folder, which is the working
        directory.

    Raises
    ------
    JobFailedError
        Naming every product that is not the one that its maker's entry names.
    """
    wanted = {str(path) for path in reads}
    problems: list[str] = []
    stamps: dict[str, str | None] = {}
    with open_ledger(Path()) as ledger:
        for rule, names in record["upstream_jobs"].items():
            found: list[str | None] = []
            for name in names:
                entry = ledger.entry(rule, name)
                found.append(entry.identity if entry else None)
                problems += _changed(entry, wanted) if entry else ()
            stamps[rule] = common_stamp(found)
            if stamps[rule] is None or record["upstream"][rule] not in (None, stamps[rule]):
                problems.append(f"the products of {rule} are not those that were planned with")
    if problems:
        raise JobFailedError("\n".join(f"{problem}; run again" for problem in problems))
    return {**record, "upstream": stamps}


def _changed(entry: Entry, wanted: set[str]) -> Iterator[str]:
    """Yield which of the wanted products of a job are not as it made them."""
    for name, made in entry.products.items():
        if name in wanted:
            path = Path(name)
            if not path.is_file():
                yield f"{name} is not there any more"
            elif not is_as_made(path, made):
                yield f"{name} was changed since it was made"
