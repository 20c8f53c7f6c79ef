"""The jobs whose products a job takes, as the ledger has them when it begins.

No step reads a product that is not the one its maker's entry names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.ledger import Entry, identity, is_as_made, read_entry
from tweakreg_steps.records.outdir_files import ledger_of


def common_stamp(stamps: Sequence[str | None]) -> str | None:
    """Return one stamp for the jobs of one upstream rule; None while one is not known."""
    if None in stamps:
        return None
    return stamps[0] if len(stamps) == 1 else digest(stamps)


def with_upstream(record: Mapping[str, Any], reads: Iterable[Path]) -> dict[str, Any]:
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
    for rule, names in record["upstream_jobs"].items():
        entries = [read_entry(Path(ledger_of(rule, name))) for name in names]
        found = common_stamp([identity(entry) if entry else None for entry in entries])
        planned = record["upstream"][rule]
        if found is None or planned not in (None, found):
            problems.append(f"the products of {rule} are not those that were planned with")
        stamps[rule] = found
        problems += [text for entry in entries if entry for text in _changed(entry, wanted)]
    if problems:
        raise JobFailedError("\n".join(f"{problem}; run again" for problem in problems))
    return {**record, "upstream": stamps}


def _changed(entry: Entry, wanted: set[str]) -> Iterator[str]:
    """Yield which of the wanted products of a job are not as it made them."""
    for name, made in entry["products"].items():
        if name in wanted:
            path = Path(name)
            if not path.is_file():
                yield f"{name} is not there any more"
            elif not is_as_made(path, made):
                yield f"{name} was changed since it was made"
