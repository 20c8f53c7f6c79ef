"""What a killed run leaves in the output folder, and that a run leaves nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tweakreg_steps.atomic import remove, remove_leftovers
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.records.ledger_file import gather_notes
from tweakreg_steps.records.outdir_files import LOCK
from tweakreg_steps.resources import user_cache
from tweakreg_steps.scratch import remove_orphans, remove_scratch, scratch_in

_SNAKEMAKE = Path(".snakemake")


@contextmanager
def clean_outdir(outdir: Path) -> Iterator[Path]:
    """Remove what a killed run left, and at the end the temporary files of this one.

    What its jobs have noted is gathered in the ledger.

    Only for the holder of the run's lock.

    Yields
    ------
    Path
        A folder for temporary files; Python's own go there, too.
    """
    remove_leftovers(outdir, lock=LOCK)
    remove_scratch(outdir)
    remove_orphans(user_cache())
    _remove_marks(outdir)
    gather_notes(outdir, {})
    try:
        with scratch_in(outdir) as scratch:
            yield scratch
    except BaseException:
        with suppress(JobFailedError):  # why the run failed is the news
            remove_leftovers(outdir, lock=LOCK)  # of jobs that were ended
            remove_scratch(outdir)
        raise
    remove_scratch(outdir)


def _remove_marks(outdir: Path) -> None:
    """Remove Snakemake's marks of jobs that were cut off, and the scripts of their shells.

    Which products are whole is known from the ledger; to Snakemake a marked one would be
    incomplete for ever where the job had come to its end, after it. What Snakemake had noted of
    such a product, under the same name, tells of an earlier one, and goes, too.

    Raises
    ------
    JobFailedError
        One cannot be removed.
    """
    folder = outdir / _SNAKEMAKE
    marks = [*(folder / "incomplete").glob("*")]
    false = [folder / "metadata" / mark.name for mark in marks if mark.is_file()]
    for path in (*false, *marks, *folder.glob("shell_tmp.*")):
        remove(path)
