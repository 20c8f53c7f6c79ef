"""The complete recipe of a run, written beside its results."""

from __future__ import annotations

import os

from tweakreg_steps import __version__
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.moved_paths import relative_paths
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.outdir_files import INPUT_LIST, RESOLVED_RECIPE, SUMMARY
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.yaml_source import write_yaml

_HEAD = (
    f"The complete recipe of a run of tweakreg-steps {__version__}: every default is written out.",
    "With the same versions of the packages it makes the same products again, byte for byte:",
    f"    tweakreg run {RESOLVED_RECIPE}",
    f"Which versions these are says: tweakreg why {SUMMARY}",
    "Paths are relative to the folder of this file, and the products go into that folder.",
    "To run it elsewhere, keep its place as seen from its inputs, or correct the paths.",
)
_HEAD_OF_LIST = (f"The inputs and their catalogs are in {INPUT_LIST}, which goes with it.",)


def resolved_text(recipe: Recipe, findings: Findings) -> str:
    """Return a complete recipe as YAML: every default written out, paths relative to outdir.

    Where inputs and output folder are moved together, it is as good as before.
    """
    values = relative_paths(recipe.values, old=recipe.base, new=recipe.outdir)
    values["outdir"] = "."
    listed = input_list_text(recipe, findings) is not None
    spelled = [_spelled(image, recipe) for image in findings.inputs]
    values["input"] = f"@{INPUT_LIST}" if listed else spelled
    head = [*_HEAD, *(_HEAD_OF_LIST if listed else ())]
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + write_yaml(values)


def input_list_text(recipe: Recipe, findings: Findings) -> str | None:
    """Return the inputs as a list with catalogs behind them; None where no list named any."""
    if all(image.catalogs is None for image in findings.inputs):
        return None
    lines = []
    for image in findings.inputs:
        catalogs = [
            os.path.relpath(file, recipe.outdir) if file else "None"
            for file in image.catalogs or ()
        ]
        lines.append("  ".join([_spelled(image, recipe), *catalogs]))
    return "\n".join(lines) + "\n"


def _spelled(image: InputImage, recipe: Recipe) -> str:
    """Write one input as a recipe names it."""
    selection = f"[{image.selection}]" if image.selection else ""
    return os.path.relpath(image.path, recipe.outdir) + selection
