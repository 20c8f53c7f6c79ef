"""``tweakreg demo``: exposures with known errors, made and aligned."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tweakreg_steps.errors import RecipeError

_RECIPE = """\
# Four small exposures of one field, with pointing errors of some tenths of an arcsecond.
input: "*_flc.fits"
outdir: results
imagefindpars:
  threshold: 100.0
update_header:
  updatehdr: true
shiftfile_output:
  shiftfile: true
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("tweakreg_demo"),
        metavar="DIR",
        help="where to make it (default: tweakreg_demo)",
    )


def run(arguments: Namespace) -> int:
    """Make the exposures, align them, and compare with the truth."""
    from tweakreg_steps.demo.demo_exposures import demo_errors, make_demo
    from tweakreg_steps.recipes.recipe import load_recipe
    from tweakreg_steps.running.recipe_run import run_recipe
    from tweakreg_steps.running.step_server import warm_steps

    folder: Path = arguments.folder
    recipe_file = folder / "recipe.yaml"
    if folder.exists() and any(folder.iterdir()) and not recipe_file.is_file():
        raise RecipeError(f"{folder}: is not empty and holds no demo; choose another folder")
    sys.stderr.write(f"making four exposures in {folder}\n")
    truth = make_demo(folder, seed=1)
    recipe_file.write_text(_RECIPE, encoding="utf-8")
    recipe = load_recipe(recipe_file)
    with warm_steps() as prepare:
        status = run_recipe(recipe, recipe_file, cores=2, profile=None, prepare=prepare)
    aligned = recipe.outdir / "aligned"
    sys.stdout.write("\ndistance from the truth, rms over the stars [mas]:\n")
    before = demo_errors(truth.paths, truth)
    after = demo_errors(tuple(aligned / path.name for path in truth.paths), truth)
    width = max(map(len, before))
    sys.stdout.write(f"{'image':{width}}  {'before':>9}  {'after':>9}\n")
    for name, distance in before.items():
        sys.stdout.write(f"{name:{width}}  {distance:9.2f}  {after[name]:9.2f}\n")
    sys.stdout.write(f"\nlook at {recipe.outdir}: summary.ecsv, aligned, plots\n")
    return status
