"""Running a scene here: the recipe, and what it writes.

The jobs of the recipe's plan are run one after another in this process, each by its step: starting
processes takes most of the time of so small a run. What the steps read and write is the same.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from scipy.special import ndtr

from robustness.cameras import CAMERAS
from robustness.conditions import Conditions
from robustness.painting import CATALOG
from robustness.verdicts import Outcome
from tweakreg_steps.cli.recipe_file import read_recipe
from tweakreg_steps.demo.painting import Psf
from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.running.step_run import run_step
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.project import open_project

MINOBJ = 6
"""Least number of matches: a user's who wants sparse fields aligned, too; the default is 15."""

OVERSAMPLING = 4
"""Samples a pixel of the PSF's image."""

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

PSF = "psf.fits"
PSF_PART = f"""\
imagefindpars:
  centroid: psf
  psf: {PSF}
"""

CATALOG_PART = """\
reference_catalog:
  refcat: {catalog}
  rfluxcol: 3
"""


def align_with_psf(conditions: Conditions, folder: Path, exposure: Path) -> Outcome:
    """Give the PSF of the camera, too; parameters as those of `align`."""
    write_psf(folder / PSF, CAMERAS[conditions.camera].psf)
    return align(conditions, folder, exposure, more=PSF_PART)


def write_psf(path: Path, psf: Psf) -> None:
    """Write the effective PSF of painted stars as one image."""
    offset = np.arange(-OVERSAMPLING * psf.radius, OVERSAMPLING * psf.radius + 1) / OVERSAMPLING
    image = np.zeros((offset.size, offset.size))
    for sigma, part in (
        (psf.core_sigma, 1.0 - psf.wing_fraction),
        (psf.wing_sigma, psf.wing_fraction),
    ):
        share = ndtr((offset + 0.5) / sigma) - ndtr((offset - 0.5) / sigma)
        image += part * share[:, None] * share
    fits.writeto(path, image.astype(np.float32), fits.Header({"OVERSAMP": OVERSAMPLING}))


def align(conditions: Conditions, folder: Path, exposure: Path, *, more: str = "") -> Outcome:
    """Run the recipe in the folder of a scene.

    Parameters
    ----------
    conditions
        What the scene is like.
    folder
        Where its files are; the results go to ``out`` in it.
    exposure
        The exposure that is to be aligned.
    more
        Further lines of the recipe.
    """
    recipe = folder / "recipe.yaml"
    recipe.write_text(write_recipe(conditions) + more, encoding="utf-8")
    before = time.process_time()
    out = folder / "out"
    out.mkdir()
    try:
        _run_jobs(recipe, out)
    except TweakRegError as error:
        return Outcome(None, str(error), time.process_time() - before)
    row = Table.read(out / "summary.ecsv")[-1]
    aligned = out / "aligned" / exposure.name if row["status"] == "aligned" else None
    return Outcome(aligned, str(row["reason"]) or "aligned", time.process_time() - before)


def write_recipe(conditions: Conditions) -> str:
    """Return the recipe of a scene."""
    text = RECIPE.format(
        minobj=MINOBJ,
        searchrad=conditions.searchrad,
        max_error=MAX_ERROR[conditions.camera],
    )
    if conditions.wrong_entries is not None:
        text += CATALOG_PART.format(catalog=CATALOG)
    return text


def _run_jobs(recipe: Path, out: Path) -> None:
    """Run all jobs of a recipe in the order of the plan, in its output folder."""
    prepare_outdir(out)
    project = open_project(read_recipe(recipe))
    jobs = list(project.plan.jobs.values())
    project.write_state(jobs)
    with contextlib.chdir(out), _without_log():
        for job in jobs:
            status = run_step([".", *job.key, project.tickets[job.key]])
            assert status == 0, f"{job.rule} {job.name} ended with {status}"


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Keep the steps' messages away."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
