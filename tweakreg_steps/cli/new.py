"""``tweakreg new``: a recipe to start from."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_new_recipe
from tweakreg_steps.recipes.inputs import expand_inputs
from tweakreg_steps.recipes.new_recipe import write_new_recipe

_TEXT = """\
# What is to be aligned. The first image is the reference; all paths are relative to this file.
# `tweakreg params` explains every parameter; what is not written here has its default.
# Check with `tweakreg validate {name}`, look ahead with `tweakreg plan {name}`,
# and go with `tweakreg run {name}`.
input:
{inputs}
# How sources are found: threshold in sigma of the sky, conv_width about twice a star's width [pix].
imagefindpars:
  threshold: 100.0
  conv_width: 3.5
# How far off the pointing may be [arcsec].
object_matching:
  searchrad: 1.0
# Write aligned copies into the folder aligned; the input files are never touched.
update_header:
  updatehdr: true
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="images, wildcards or @lists")
    add_new_recipe(parser)


def run(arguments: Namespace) -> int:
    """Write the recipe; an existing file is never overwritten."""
    output: Path = arguments.output
    expand_inputs(list(arguments.files), base=Path.cwd())
    folder = output.parent
    inputs = "".join(f"  - {_quoted(name, folder)}\n" for name in arguments.files)
    text = _TEXT.format(name=output, inputs=inputs.rstrip("\n"))
    write_new_recipe(output, text)
    sys.stderr.write(f"wrote {output}\n")
    return 0


def _quoted(name: str, folder: Path) -> str:
    """Write a file name relative to the recipe's folder, quoted as YAML needs it."""
    prefix = "@" if name.startswith("@") else ""
    path = os.path.relpath(name.removeprefix("@"), folder)
    return json.dumps(prefix + path, ensure_ascii=False)
