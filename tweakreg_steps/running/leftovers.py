"""What a killed run leaves in the output folder, and that a run leaves nothing of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.atomic import remove_leftovers
from tweakreg_steps.scratch import remove_scratch, scratch_in

_SNAKEMAKE = Path(".snakemake")


@contextmanager
def clean_outdir(outdir: Path) -> Iterator[Path]:
    """Remove what a killed run left, and at the end the temporary files of this one.

    Only for the holder of the run's lock.

    Yields
    ------
    Path
        A folder for temporary files; Python's own go there, too.
    """
    remove_leftovers(outdir)
    remove_scratch(outdir)
    _remove_marks(outdir)
    try:
        with scratch_in(outdir) as scratch:
            yield scratch
    except BaseException:
        remove_leftovers(outdir)  # of jobs that were ended
        raise
    finally:
        remove_scratch(outdir)


def _remove_marks(outdir: Path) -> None:
    """Remove Snakemake's marks of jobs that were cut off, and the scripts of their shells.

    Which products are whole is known from the ledger; to Snakemake a marked one would be
    incomplete for ever where the job had come to its end.
    """
    for path in (outdir / _SNAKEMAKE / "incomplete").glob("*"):
        _remove(path)
    for path in (outdir / _SNAKEMAKE).glob("shell_tmp.*"):
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
