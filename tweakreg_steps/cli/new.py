"""``tweakreg new``: a recipe to start from."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.outcome_table import print_outcomes
from tweakreg_steps.cli.recipe_file import add_new_recipe
from tweakreg_steps.errors import InputError
from tweakreg_steps.printable import printable_line
from tweakreg_steps.recipes.editor_schema import schema_line
from tweakreg_steps.recipes.inputs import InputImage, expand_inputs
from tweakreg_steps.recipes.new_recipe import write_new_recipe
from tweakreg_steps.surveying.first_look import Look, Proposal, propose
from tweakreg_steps.surveying.psf_gain import Pointing

_TEXT = """\
# What is to be aligned. The first image is the reference; all paths are relative to this file.
# `tweakreg params` explains every parameter; what is not written here has its default.
# Check with `tweakreg validate {name}`, look ahead with `tweakreg plan {name}`,
# and go with `tweakreg run {name}`.
input:
{inputs}
# How sources are found.
imagefindpars:
{finding}
# How far off the pointing may be.
object_matching:
  searchrad: {searchrad}  # {reason}
# Write aligned copies into the folder aligned; the input files are never touched.
update_header:
  updatehdr: true
"""
_UNSEEN = Proposal(
    finding={"threshold": 100.0, "conv_width": 3.5},
    searchrad=1.0,
    reasons={
        "threshold": "in sigma of the sky: not measured",
        "conv_width": "about twice a star's width [pix]: not measured",
        "searchrad": "[arcsec]",
    },
    warnings=(),
)
"""What is written where no file could be looked at."""
_AT_MOST = 12
"""So many files are looked at, spread over all."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="images, wildcards or @lists")
    add_new_recipe(parser)


def run(arguments: Namespace) -> int:
    """Write the recipe; an existing file is never overwritten."""
    output: Path = arguments.output
    images = expand_inputs(list(arguments.files), base=Path.cwd())
    looks, unseen = _look(images)
    proposal = propose(looks, _point(images, looks)) if looks else _UNSEEN
    folder = output.parent
    inputs = "".join(f"  - {_quoted(name, folder)}\n" for name in arguments.files)
    finding = [
        f"  {name}: {json.dumps(value)}  # {proposal.reasons[name]}"
        for name, value in proposal.finding.items()
    ]
    text = _TEXT.format(
        name=output,
        inputs=inputs.rstrip("\n"),
        finding="\n".join(finding),
        searchrad=proposal.searchrad,
        reason=proposal.reasons["searchrad"],
    )
    write_new_recipe(output, schema_line() + text)
    if looks:
        print_outcomes(_table(looks))
    for warning in proposal.warnings:
        sys.stderr.write(f"tweakreg: warning: {printable_line(warning)}\n")
    sys.stderr.writelines(f"tweakreg: warning: {printable_line(text)}\n" for text in unseen)
    if not looks:
        sys.stderr.write("tweakreg: warning: no file could be looked at; the values are guesses\n")
    sys.stderr.write(f"wrote {output}\n")
    sys.stderr.write(f"next: tweakreg run {shlex.quote(str(output))}\n")
    return 0


def _look(images: list[InputImage]) -> tuple[list[Look], list[str]]:
    """Look at some of the images, spread over all of them; say which cannot be used, and why."""
    from tweakreg_steps.recipes.recipe import complete
    from tweakreg_steps.recipes.schema import IMAGE_FINDPARS
    from tweakreg_steps.steps.find_sources import STEP
    from tweakreg_steps.surveying.first_look import look_at
    from tweakreg_steps.workflow.consumption import parameters_of

    defaults = complete({"input": "*"}, source=None, file=Path("recipe.yaml")).values
    find = parameters_of(STEP, defaults, findpars=IMAGE_FINDPARS)[IMAGE_FINDPARS]
    step = -(-len(images) // _AT_MOST)
    looks: list[Look] = []
    unseen: list[str] = []
    for image in images[::step]:
        try:
            look = look_at(image, find)
        except InputError as error:
            unseen.append(str(error))
        else:
            looks += [look] if look else []
    return looks, unseen


def _point(images: list[InputImage], looks: list[Look]) -> list[Pointing]:
    """Look where all images point, if any of them has stars for a PSF."""
    from tweakreg_steps.surveying.first_look import point_at

    if not any(look.stars for look in looks):
        return []
    return [point_at(image) for image in images]


def _table(looks: list[Look]) -> list[tuple[str, ...]]:
    """Return what was seen, grouped by camera, filter and target."""
    rows: list[tuple[str, ...]] = [
        ("image", "camera", "filter", "target", "sky", "noise", "width [px]", "stars")
    ]
    for look in sorted(looks, key=lambda each: (each.camera, each.filters, each.target)):
        measured = (f"{look.sky:.3g}", f"{look.noise:.3g}", f"{look.width:.2f}")
        stars = f"{look.n_sources} above {look.threshold:g} sigma"
        rows.append((look.name, look.camera, look.filters, look.target, *measured, stars))
    return rows


def _quoted(name: str, folder: Path) -> str:
    """Write a file name relative to the recipe's folder, quoted as YAML needs it."""
    prefix = "@" if name.startswith("@") else ""
    path = os.path.relpath(name.removeprefix("@"), folder)
    return json.dumps(prefix + path, ensure_ascii=False)
