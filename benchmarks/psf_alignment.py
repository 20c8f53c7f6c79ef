"""Four exposures of 1,000 stars through a telescope, aligned with each kind of position.

``psf.py alignment`` calls it. The stars are painted by the optical model of the tests, on two full
chips of WFC3/UVIS with 3,000 cosmic rays and 2,000 hot pixels each; the headers of three are off by
0.3 arcsec and 0.01 degrees. Printed is how far the aligned headers are from the truth.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from optics import uvis
from psf_scenes import write_library
from skies import Scene, rms_to_truth, uvis_scene

LIBRARY = "PSFSTD_WFC3UV_F555W.fits"
DAOFIND = "DAOFIND"
WAYS: dict[str, dict[str, dict[str, str]]] = {
    DAOFIND: {},
    "library PSF": {"imagefindpars": {"centroid": "psf", "psf": LIBRARY}},
    "library PSF, weights: none": {
        "imagefindpars": {"centroid": "psf", "psf": LIBRARY},
        "catalog_fitting": {"weights": "none"},
    },
    "built PSF": {"imagefindpars": {"centroid": "psf", "psf": "build"}},
    "built PSF, weights: none": {
        "imagefindpars": {"centroid": "psf", "psf": "build"},
        "catalog_fitting": {"weights": "none"},
    },
}
"""What each recipe says beside the threshold, which is 20."""


def compare_alignments(folder: Path, drizzlepac_python: str | None) -> None:
    """Paint, align, print.

    Parameters
    ----------
    folder
        Where to work: 2 GB.
    drizzlepac_python
        The interpreter of an environment with drizzlepac; None leaves it out.
    """
    optics = uvis()
    write_library(folder / LIBRARY, optics, detectors=2)
    scene = uvis_scene(folder, seed=11, stars=1000, faintest=2.0e4, optics=optics)
    print("way                           mas from the truth, each exposure     rms  to DAOFIND")
    reference = report(DAOFIND, align(folder, scene, DAOFIND), None)
    if drizzlepac_python:
        report("drizzlepac", align_with_drizzlepac(folder, scene, drizzlepac_python), reference)
    for way in WAYS:
        if way != DAOFIND:
            report(way, align(folder, scene, way), reference)


def align(folder: Path, scene: Scene, way: str) -> list[float]:
    """Run a recipe, and measure its aligned copies."""
    sections = {name: dict(values) for name, values in WAYS[way].items()}
    sections.setdefault("imagefindpars", {})
    recipe = {
        "input": "paint*_flc.fits",
        "outdir": "out",
        **sections,
        "imagefindpars": {"threshold": 20.0, **sections["imagefindpars"]},
        "update_header": {"updatehdr": True},
    }
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "tweakreg_steps", "run", str(path), "-q", "-j", "2"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [rms_to_truth(folder / "out" / "aligned" / each.name, scene) for each in scene.paths[1:]]


def align_with_drizzlepac(folder: Path, scene: Scene, python: str) -> list[float]:
    """Run TweakReg on copies, and measure them."""
    theirs = folder / "theirs"
    theirs.mkdir()
    for path in scene.paths:
        shutil.copyfile(path, theirs / path.name)
    script = str(Path(__file__).with_name("drizzlepac_run.py"))
    subprocess.run(
        [python, script, ".", "20", "1"],
        cwd=theirs,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return [rms_to_truth(theirs / each.name, scene) for each in scene.paths[1:]]


def report(way: str, errors: list[float], reference: float | None) -> float:
    """Print the errors of a way, and return their rms."""
    rms = float(np.sqrt(np.mean(np.square(errors))))
    each = " ".join(f"{error:8.4f}" for error in errors)
    print(f"{way:30s} {each}   {rms:12.4f}  {rms / (reference or rms):8.3f}", flush=True)
    return rms
