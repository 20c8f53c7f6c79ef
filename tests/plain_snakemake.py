"""Plain Snakemake on the workflow, as somebody starts it who does not know ``tweakreg run``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from forked_run import execute, snakemake

from tweakreg_steps.resources import workflow_folder
from tweakreg_steps.running.step_server import warm_steps

OF_THE_WORKFLOW = (
    *("--snakefile", str(workflow_folder() / "Snakefile")),
    *("--configfile", "recipe.yaml"),
)
"""The words that have it run the recipe of the folder."""


def plain_snakemake(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder to its end, and return what it said.

    It runs in a fork, and its jobs find a warm process, which saves the time of their imports. That
    they need neither is seen by `test_plain_snakemake_needs_neither_a_fork_nor_a_warm_process`.
    """
    with warm_steps():
        return execute(words, folder, os.environ, program=snakemake)
