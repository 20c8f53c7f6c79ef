"""``tweakreg run``: make whatever is not up to date."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.running.recipe_run import run_recipe
from tweakreg_steps.running.step_server import warm_steps


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "-j",
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many jobs to run at once (default: one a processor)",
    )
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="NAME|DIR",
        help="a Snakemake profile, as for a cluster: slurm, kubernetes, generic, or a folder; "
        "-j is then how many jobs may be in the cluster at once",
    )


def _positive(text: str) -> int:
    """Read a number of jobs."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of jobs; give 1 or more")
    return int(text)


def run(arguments: Namespace) -> int:
    """Run the recipe, and print how each image went."""
    with warm_steps(wanted=arguments.profile is None) as prepare:
        return run_recipe(
            read_recipe(arguments.recipe),
            arguments.recipe,
            cores=arguments.jobs,
            profile=arguments.profile,
            prepare=prepare,
        )
