"""Removing what a finished run needs no more."""

from __future__ import annotations

from contextlib import suppress

from tweakreg_steps.planning.intermediates import READERS, is_intermediate
from tweakreg_steps.planning.project import Project


def remove_intermediates(project: Project) -> int:
    """Remove the intermediate products of a project whose jobs are all done; return how many.

    Snakemake removes those that a run makes as soon as it can; this finds what is left from runs
    that did not clean, or were stopped. Files that no job of the project makes stay.
    """
    left = [
        path
        for product in filter(is_intermediate, project.plan.outputs)
        if (path := project.outdir / product).is_file()
    ]
    for path in left:
        path.unlink()
    for folder in READERS:
        with suppress(OSError):  # not there, or not empty
            (project.outdir / folder).rmdir()
    return len(left)
