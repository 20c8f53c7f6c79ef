"""Inputs into which a solution of this output folder was written.

To the plan such a file is what it was when it was measured: writing the result of a run into its
input makes nothing stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import NotedExposure
from tweakreg_steps.recipes.inputs import InputImage


def as_measured(image: InputImage, found: NotedExposure, outdir: Path) -> NotedExposure | None:
    """Return what was learnt of an input before a solution was written into it.

    Parameters
    ----------
    image
        The input.
    found
        What its file holds now: ``digests/<image>.json``.
    outdir
        The output folder.

    Returns
    -------
    NotedExposure or None
        As `found`, of the original; None where the file holds no solution of this folder.

    Raises
    ------
    InputError
        The file was changed since, or too little is known of the original.
    """
    from tweakreg_steps.records.undo_record import changed_since, read_record

    record = read_record(outdir, image.path.name)
    if record is None:
        return None
    if found["file"] != record.applied.digest:
        is_the_file = record.original_path(outdir) == image.path.resolve()
        if is_the_file and found["file"] != record.original.digest:
            raise InputError(changed_since(image.path, outdir))
        return None
    now = found["identity"]
    for measured in record.measured:
        then = measured["identity"]
        if (then["selection"], then["format"]) == (now["selection"], now["format"]):
            return cast("NotedExposure", measured)  # of the same format, so as complete
    raise InputError(
        f"{image.path}: holds a solution, and it is not known how it was before; restore it with "
        "tweakreg restore and run again"
    )
