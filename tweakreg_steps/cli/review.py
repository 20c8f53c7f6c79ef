"""``tweakreg review``: look at each fit, and decide whether it may go into a header."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.reviewing.conversation import ask_about, record_decisions
from tweakreg_steps.reviewing.waiting import (
    describe_waiting,
    is_aligned,
    require_fits,
    waiting_images,
)
from tweakreg_steps.running.locking import hold_outdir
from tweakreg_steps.workflow.project import Project, open_project


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also the images already decided on")
    which.add_argument(
        "--accept-all", action="store_true", help="accept every image that waits, without asking"
    )


def run(arguments: Namespace) -> int:
    """Ask about each image, record each answer at once, and print what is decided."""
    recipe = read_recipe(arguments.recipe)
    if not recipe.values["interactive"]:
        raise RecipeError(
            f"{arguments.recipe}: interactive is false, so that nothing waits for a review; "
            "set interactive: true"
        )
    with hold_outdir(recipe.outdir):
        project = open_project(recipe)
        require_fits(project, arguments.recipe)
        names = _names_to_review(project, decided_too=arguments.all)
        if arguments.accept_all:
            record_decisions(project, dict.fromkeys(names, Decision.ACCEPT))
        elif names:
            ask_about(project, names)
        else:
            sys.stderr.write("nothing to do: no image waits for a decision\n")
        reviewed = open_project(recipe)
    everything = _names_to_review(reviewed, decided_too=True)
    print_outcomes([(name, reviewed.decisions[name].value) for name in everything])
    sys.stderr.write(describe_waiting(waiting_images(reviewed), arguments.recipe))
    return 0


def _names_to_review(project: Project, *, decided_too: bool) -> list[str]:
    """Return the images to ask about."""
    if decided_too:
        return [name for name in project.names if is_aligned(project, name)]
    return [image.name for image in waiting_images(project)]
