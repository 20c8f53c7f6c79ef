"""Running a scene here: the recipe, and what it writes."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from astropy.table import Table
from robustness.conditions import Conditions
from robustness.painting import CATALOG
from robustness.verdicts import Outcome

from tweakreg_steps.cli import main as tweakreg

MINOBJ = 6
"""Least number of matches: a user's who wants sparse fields aligned, too; the default is 15."""

MAX_ERROR = {"UVIS": 2.0, "HRC": 1.3}
"""Largest standard error of a fit in mas: half of 0.1 pixels of the camera."""

RECIPE = """\
input: "robust*_fl?.fits"
outdir: out
writecat: false
object_matching:
  minobj: {minobj}
  searchrad: {searchrad}
  fallback: triangles
  see2dplot: false
acceptance:
  max_error: {max_error}
catalog_fitting:
  weights: errors
  residplot: No plot
update_header:
  updatehdr: true
"""
"""The recipe of all scenes: only the search radius differs, and the size of the camera's pixels."""

CATALOG_PART = """\
reference_catalog:
  refcat: {catalog}
  rfluxcol: 3
"""


def align(conditions: Conditions, folder: Path, exposure: Path) -> Outcome:
    """Run ``tweakreg run`` in the folder of a scene.

    Parameters
    ----------
    conditions
        What the scene is like.
    folder
        Where its files are; the results go to ``out`` in it.
    exposure
        The exposure that is to be aligned.
    """
    text = RECIPE.format(
        minobj=MINOBJ,
        searchrad=conditions.searchrad,
        max_error=MAX_ERROR[conditions.camera],
    )
    if conditions.wrong_entries is not None:
        text += CATALOG_PART.format(catalog=CATALOG)
    recipe = folder / "recipe.yaml"
    recipe.write_text(text, encoding="utf-8")
    before = os.times()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = tweakreg(["run", str(recipe), "-j", "1"])
    after = os.times()
    seconds = sum(after[:4]) - sum(before[:4])
    summary = folder / "out" / "summary.ecsv"
    if not summary.exists():
        return Outcome(None, f"exit status {status}", seconds)
    row = Table.read(summary)[-1]
    aligned = folder / "out" / "aligned" / exposure.name
    return Outcome(
        aligned if row["status"] == "aligned" else None, str(row["reason"]) or "aligned", seconds
    )
