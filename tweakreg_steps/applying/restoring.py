"""Putting several originals back, or none of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.applying.in_place import restore_original
from tweakreg_steps.applying.original_file import holds, is_fits
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.replaceable import write_problems
from tweakreg_steps.records.undo_record import UndoRecord, changed_since, read_records, record_path


@dataclass(frozen=True)
class Restored:
    """An original that is back; `was_applied` tells whether anything had to be written for it."""

    path: Path
    was_applied: bool


def require_inputs(outdir: Path, inputs: Iterable[Path], *, ask: Callable[[Path], bool]) -> None:
    """Refuse to put files back that are no inputs of the recipe, unless the user says so.

    The records in an output folder say which files these are, and the folder may be a stranger's.

    Parameters
    ----------
    outdir
        The output folder, absolute.
    inputs
        The inputs of the recipe, absolute.
    ask
        Tells whether a file that is no input may be written.

    Raises
    ------
    InputError
        Naming each file that may not.
    """
    known = {Path(os.path.normpath(path)) for path in inputs}
    problems = [
        f"{path}: is no input of the recipe, though {record_path(outdir, path.name)} has a way "
        "back for it; name it in input, or remove that record"
        for path in _recorded(outdir)
        if path not in known and not ask(path)
    ]
    if problems:
        raise InputError("\n".join(problems))


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
    records = {path: r for path, r in _recorded(outdir).items() if path in (only or {path})}
    problems = [text for item in records.items() for text in _problems(*item, outdir)]
    if problems:
        raise InputError("\n".join(problems))
    for path in records:
        yield Restored(path, restore_original(path, outdir=outdir))


def _recorded(outdir: Path) -> dict[Path, UndoRecord]:
    """Return the records of an output folder by the file of which each speaks."""
    found = read_records(outdir).values()
    return {Path(os.path.normpath(outdir / record.path)): record for record in found}


def _problems(path: Path, record: UndoRecord, outdir: Path) -> Iterator[str]:
    """Yield what stands against putting an original back."""
    found = list(write_problems(path))
    if not found and not is_fits(path):
        found = [f"{path}: is no FITS file; only exposures are put back"]
    yield from found
    if not found and not (holds(path, record.applied) or holds(path, record.original)):
        yield changed_since(path, outdir)
