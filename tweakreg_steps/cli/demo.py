"""``tweakreg demo``: exposures with known errors, made and aligned."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.errors import RecipeError

if TYPE_CHECKING:
    from tweakreg_steps.demo.demo_exposures import DemoTruth

_RECIPE = """\
# Small exposures of one field, with pointing errors of some tenths of an arcsecond.
input: "*_flc.fits"
imagefindpars:
  threshold: 100.0
update_header:
  updatehdr: true
shiftfile_output:
  shiftfile: true
"""
_MOST = 99


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
    parser.add_argument(
        "--number",
        type=_number,
        default=4,
        metavar="N",
        help="how many exposures (default: 4); of more than four the last one is 3 arcsec off",
    )
    parser.add_argument(
        "--no-run",
        action="store_true",
        help="only make the exposures and a catalog of their stars, stars.csv; write no recipe",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="FOLDER",
        help="make nothing; say how far the exposures in FOLDER are from the truth of the demo in "
        "DIR",
    )


def _number(text: str) -> int:
    """Read a number of exposures."""
    if not text.isdecimal() or not 2 <= int(text) <= _MOST:  # noqa: PLR2004  one aligns to the other
        raise ArgumentTypeError(f"{text!r} is no number of exposures; give 2 to {_MOST}")
    return int(text)


def run(arguments: Namespace) -> int:
    """Make the exposures, align them, and compare with the truth."""
    from tweakreg_steps.demo.demo_exposures import make_demo, read_demo

    folder: Path = arguments.folder
    if arguments.compare is not None:
        truth = read_demo(folder)
        _compare(truth, arguments.compare)
        return 0
    _require_free(folder)
    sys.stderr.write(f"making {arguments.number} exposures in {folder}\n")
    truth = make_demo(folder, seed=1, number=arguments.number)
    return 0 if arguments.no_run else _align(folder, truth)


def _require_free(folder: Path) -> None:
    """Refuse a folder that holds anything but a demo."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RecipeError(f"{folder}: is a file; choose another folder")
    if any(folder.iterdir()) and not (folder / "truth.ecsv").is_file():
        raise RecipeError(f"{folder}: is not empty and holds no demo; choose another folder")


def _align(folder: Path, truth: DemoTruth) -> int:
    """Run a recipe over the exposures, and compare with the truth."""
    from tweakreg_steps.recipes.recipe import load_recipe
    from tweakreg_steps.running.recipe_run import run_recipe
    from tweakreg_steps.running.step_server import warm_steps

    recipe_file = folder / "recipe.yaml"
    recipe_file.write_text(_RECIPE, encoding="utf-8")
    recipe = load_recipe(recipe_file)
    with warm_steps() as prepare:
        status = run_recipe(
            recipe,
            recipe_file,
            cores=2,
            profile=None,
            prepare=prepare,
            quiet=False,
            as_json=False,
        )
    _compare(truth, recipe.outdir / "aligned")
    sys.stdout.write(f"\nlook at {recipe.outdir}: report.html, summary.ecsv, aligned, plots\n")
    return status


def _compare(truth: DemoTruth, folder: Path) -> None:
    """Print how far the exposures of a folder are from the truth."""
    from tweakreg_steps.demo.demo_exposures import demo_errors

    copies = tuple(folder / path.name for path in truth.paths)
    missing = [str(path) for path in copies if not path.is_file()]
    if missing:
        raise RecipeError(f"{', '.join(missing)}: not there; give a folder with aligned copies")
    before = demo_errors(truth.paths, truth)
    after = demo_errors(copies, truth)
    width = max(map(len, before))
    sys.stdout.write("\ndistance from the truth, rms over the stars [mas]:\n")
    sys.stdout.write(f"{'image':{width}}  {'before':>9}  {'after':>9}\n")
    for name, distance in before.items():
        sys.stdout.write(f"{name:{width}}  {distance:9.2f}  {after[name]:9.2f}\n")
