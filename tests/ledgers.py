"""The ledger of an output folder as tests read and change it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tweakreg_steps.json_file import write_json
from tweakreg_steps.records.ledger_file import forget_entry, open_ledger
from tweakreg_steps.records.outdir_files import LEDGER, note_of

JobKey = tuple[str, str]


def entries(outdir: Path) -> dict[JobKey, dict[str, Any]]:
    """Return what the ledger has of each job, by rule and name, as a note has it."""
    with open_ledger(outdir) as ledger:
        return {key: dict(entry.as_json()) for key, entry in ledger.entries()}


def entry_of(outdir: Path, rule: str, name: str) -> dict[str, Any]:
    """Return what the ledger has of a job."""
    return entries(outdir)[rule, name]


def change_entry(
    outdir: Path, rule: str, name: str, change: Callable[[dict[str, Any]], object]
) -> None:
    """Change what the ledger has of a job."""
    entry = entry_of(outdir, rule, name)
    change(entry)
    write_json(outdir / note_of(rule, name), entry)


def as_notes(outdir: Path) -> dict[JobKey, Path]:
    """Have a ledger of notes alone, as former versions have left it; return their files."""
    found = entries(outdir)
    for (rule, name), entry in found.items():
        write_json(outdir / note_of(rule, name), entry)
    (outdir / LEDGER).unlink(missing_ok=True)
    return {key: outdir / note_of(*key) for key in found}


def forget(outdir: Path, rule: str, name: str) -> None:
    """Have the ledger know nothing of a job."""
    forget_entry(outdir, rule, name)
