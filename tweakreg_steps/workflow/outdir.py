"""The output folder: there and writable, or refused before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.records.outdir_files import DIGESTS, LEDGER, LOGS, SCRATCH, STATE

_OWN_FOLDERS = (
    DIGESTS,
    LOGS,
    STATE,
    LEDGER,
    SCRATCH,
    ".snakemake",
)
"""What a run writes into before it knows its jobs."""


def prepare_outdir(outdir: Path) -> None:
    """Make the output folder if it is not there.

    Raises
    ------
    InputError
        If it cannot be made or written.
    """
    try:
        outdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"outdir: {outdir}: cannot be made ({error.strerror}); choose a folder you may write"
        ) from error
    if not os.access(outdir, os.W_OK | os.X_OK):
        raise InputError(f"outdir: {outdir}: is not writable; choose a folder you may write")
    _refuse(_blocked_folders(outdir, map(Path, _OWN_FOLDERS)))


def require_room(outdir: Path, products: Iterable[str]) -> None:
    """Refuse an output folder in which something of the user's stands in the way of products.

    Snakemake would say it in its own way, or remove a folder that is empty.

    Parameters
    ----------
    outdir
        The output folder.
    products
        The files that jobs are to make, their logs included, relative to it.

    Raises
    ------
    InputError
        Naming each file where a folder is needed, and each folder where a file is.
    """
    paths = [Path(product) for product in products]
    folders = dict.fromkeys(parent for path in paths for parent in path.parents)
    problems = [
        *_blocked_folders(outdir, folders),
        *(
            f"outdir: {outdir / path}: is a folder, and a file of that name is to be written; "
            "remove it, or choose another outdir"
            for path in paths
            if (outdir / path).is_dir()
        ),
    ]
    _refuse(problems)


def _blocked_folders(outdir: Path, folders: Iterable[Path]) -> list[str]:
    """Say which of the folders that are needed cannot be made because of a file."""
    return [
        f"outdir: {outdir / folder}: is a file, and a folder of that name is needed; remove it, "
        "or choose another outdir"
        for folder in folders
        if os.path.lexists(outdir / folder) and not (outdir / folder).is_dir()
    ]


def _refuse(problems: list[str]) -> None:
    """Raise an error if there are problems."""
    if problems:
        raise InputError("\n".join(problems))
