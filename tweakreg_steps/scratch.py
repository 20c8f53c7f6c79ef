"""Temporary files stand in one folder of the output folder, so that a killed run's can be removed.

Whatever asks Python for a temporary file or folder gets it there: Snakemake, and the steps that
call other programs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.atomic import explain_failure
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.outdir_files import SCRATCH


@contextmanager
def scratch_in(outdir: Path) -> Iterator[Path]:
    """Have this process make its temporary files in the scratch folder of an output folder.

    Yields
    ------
    Path
        The scratch folder, absolute.

    Raises
    ------
    JobFailedError
        It cannot be made.
    """
    folder = (outdir / SCRATCH).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobFailedError(explain_failure(error, folder)) from error
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before


def remove_scratch(outdir: Path) -> None:
    """Remove the scratch folder; only for a caller that knows that no step is running."""
    shutil.rmtree(outdir / SCRATCH, ignore_errors=True)
