"""``tweakreg transfer``: give the corrections of a run to other files of the same exposures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.running.final_table import SOME_NOT_ALIGNED
from tweakreg_steps.running.leftovers import clean_outdir
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.running.transfer_run import Transferred, transfer_run


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="files of the exposures, by their root names; their copies go into aligned/",
    )
    parser.add_argument(
        "--of", metavar="IMAGE", help="the input whose correction all of them get, by its name"
    )


def run(arguments: Namespace) -> int:
    """Give each file its correction, and print what became of it."""
    missing = [path for path in arguments.files if not path.is_file()]
    if missing:
        raise InputError("\n".join(f"{path}: there is no such file" for path in missing))
    recipe = read_recipe(arguments.recipe)
    if not recipe.outdir.is_dir():
        raise InputError(
            f"{recipe.outdir}: holds no results; run first: tweakreg run {arguments.recipe}"
        )
    with hold_outdir(recipe.outdir), clean_outdir(recipe.outdir):
        done = list(transfer_run(recipe, arguments.files, owner=arguments.of))
    print_outcomes([(one.record["of"], _outcome(one), str(one.path)) for one in done])
    refused = [one for one in done if one.record["status"] == "not_aligned"]
    return SOME_NOT_ALIGNED if refused else 0


def _outcome(one: Transferred) -> str:
    """Say what became of a file."""
    record = one.record
    if record["status"] == "not_aligned":
        return f"left ({record['reason']}: {record['detail']})"
    return f"aligned/{record['aligned']}" if record["aligned"] else "written"
