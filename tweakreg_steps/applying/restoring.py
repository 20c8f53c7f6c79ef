"""Putting several originals back, or none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.applying.in_place import changed_since, restore_original
from tweakreg_steps.applying.original_file import holds, write_problems
from tweakreg_steps.applying.undo_record import UndoRecord, read_records
from tweakreg_steps.errors import InputError


@dataclass(frozen=True)
class Restored:
    """An original that is back; `was_applied` tells whether anything had to be written for it."""

    path: Path
    was_applied: bool


def restore_originals(outdir: Path, *, only: frozenset[Path] | None) -> Iterator[Restored]:
    """Put back the originals into which solutions of an output folder were written.

    Parameters
    ----------
    outdir
        The output folder, absolute.
    only
        The files to put back; None for all.

    Yields
    ------
    Restored
        Each original, when it is back.

    Raises
    ------
    InputError
        Naming every file that cannot be put back; nothing is written then.
    LockedError, JobFailedError
        As `tweakreg_steps.applying.in_place.restore_original`; the files before are back.
    """
    records = {
        path: record
        for record in read_records(outdir).values()
        if (path := Path(os.path.normpath(outdir / record.path))) in (only or {path})
    }
    problems = [text for item in records.items() for text in _problems(*item, outdir)]
    if problems:
        raise InputError("\n".join(problems))
    for path in records:
        yield Restored(path, restore_original(path, outdir=outdir))


def _problems(path: Path, record: UndoRecord, outdir: Path) -> Iterator[str]:
    """Yield what stands against putting an original back."""
    found = list(write_problems(path))
    yield from found
    if not found and not (holds(path, record.applied) or holds(path, record.original)):
        yield changed_since(path, outdir)
