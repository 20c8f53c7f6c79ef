"""AstroDrizzle takes the aligned copies, and what it makes of them is sharp.

drizzlepac lives in an environment of its own: it is a peer to compare with, not a dependency.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from conftest import LEAN_RECIPE
from scipy.optimize import least_squares
from skies import Scene, small_uvis_scene
from test_docs import examples

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.cli import main

VARIABLE = "TWEAKREG_DRIZZLEPAC_PYTHON"
HERE = Path(__file__).parent
HALF = 4  # px of a drizzled star to each side
BRIGHT, ISOLATED = 4_000.0, 12.0  # counts; px to the next star


@dataclass(frozen=True)
class Drizzled:
    """One drizzled image, and the stars to look at in it: 0-based pixels, shape (n,)."""

    pixels: FloatArray
    x: FloatArray
    y: FloatArray

    def fwhm(self) -> FloatArray:
        """Return the full width at half maximum (px) of each star, by Gaussian fits."""
        places = zip(self.x, self.y, strict=True)
        widths = np.array([fit_width(self.pixels, x, y) for x, y in places])
        return np.asarray(widths[np.isfinite(widths)])


def fit_width(pixels: FloatArray, x: float, y: float) -> float:
    """Fit a round Gaussian to a star; its full width at half maximum, nan where it fails."""
    column, row = round(x), round(y)
    box = np.s_[row - HALF : row + HALF + 1, column - HALF : column + HALF + 1]
    stamp = pixels[box]
    if stamp.shape != (2 * HALF + 1, 2 * HALF + 1) or not np.isfinite(stamp).all():
        return np.nan
    rows, columns = np.indices(stamp.shape) - HALF

    def misfit(star: FloatArray) -> FloatArray:
        height, x0, y0, sigma, sky = star
        distance = (columns - x0) ** 2 + (rows - y0) ** 2
        model = sky + height * np.exp(-distance / (2.0 * sigma**2))
        return np.asarray((model - stamp).ravel())

    start = (stamp.max(), x - column, y - row, 1.0, np.median(stamp))
    found = least_squares(misfit, start, x_scale=(stamp.max(), 1.0, 1.0, 1.0, 10.0))
    return float(2.0 * np.sqrt(2.0 * np.log(2.0)) * abs(found.x[3])) if found.success else np.nan


def drizzlepac_python() -> str:
    """Return the Python that has drizzlepac; without one CI fails, and others skip the test."""
    python = os.environ.get(VARIABLE)
    if not python or not Path(python).exists():
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(
            f"{VARIABLE} names no Python with drizzlepac ({python!r}); make one: "
            "python -m venv DIR && DIR/bin/pip install -r tests/drizzlepac_requirements.txt, then "
            f"set {VARIABLE}=DIR/bin/python (./check does that)"
        )
    return python


def run_with_drizzlepac(*words: str, folder: Path) -> None:
    """Run a Python command line with drizzlepac in a folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [drizzlepac_python(), *words],
        cwd=folder,
        env={**environment, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def drizzle(folders: list[Path], frame: dict[str, float]) -> None:
    """Run AstroDrizzle on the exposures of each folder."""
    script = str(HERE / "astrodrizzle_run.py")
    run_with_drizzlepac(script, json.dumps(frame), *map(str, folders), folder=folders[0])


def frame_around(scene: Scene) -> dict[str, float]:
    """Return an output frame over the field, turned and scaled like the chips."""
    chips = scene.exposures[0].chips
    ra, dec = np.transpose([chip.wcs.all_pix2world(512.0, 256.0, 1) for chip in chips])
    return {
        "ra": float(ra.mean()),
        "dec": float(dec.mean()),
        "scale": 0.04,
        "rot": fits.getval(scene.paths[0], "ORIENTAT", extname="SCI", extver=1),
        "nx": 1300,
        "ny": 3000,
    }


def look_at(folder: Path, scene: Scene) -> Drizzled:
    """Read a drizzled image and find the bright stars in it that stand alone."""
    (path,) = folder.glob("drizzled*_sci.fits")
    pixels, header = fits.getdata(path, header=True)
    x, y = WCS(header).all_world2pix(scene.ra, scene.dec, 0)
    apart = np.hypot(x[:, np.newaxis] - x, y[:, np.newaxis] - y)
    np.fill_diagonal(apart, np.inf)
    good = (scene.flux > BRIGHT) & (apart.min(axis=1) > ISOLATED)
    return Drizzled(pixels.astype(np.float64), x[good], y[good])


def test_aligned_copies_drizzle_as_sharp_as_perfect_headers(tmp_path: Path) -> None:
    drizzlepac_python()
    folders = {name: tmp_path / name for name in ("moved", "true", "aligned")}
    for folder in folders.values():
        folder.mkdir()
    options = {"number": 3, "stars": 1000, "cosmic_ray_number": 0, "hot_pixel_number": 0}
    # an error of a pixel blurs the stars; a larger one would only double them
    scene = small_uvis_scene(folders["moved"], pointing_error=0.04, **options)
    perfect = small_uvis_scene(folders["true"], pointing_error=0.0, roll_error=0.0, **options)
    for one, other in zip(scene.paths, perfect.paths, strict=True):
        assert np.array_equal(fits.getdata(one, ("SCI", 2)), fits.getdata(other, ("SCI", 2)))
    recipe = folders["moved"] / "recipe.yaml"
    recipe.write_text(f"{LEAN_RECIPE}report: false\nheaderlet_creation: {{headerlet: true}}\n")
    assert main(["run", str(recipe), "-j", "2"]) == 0
    for path in (folders["moved"] / "out" / "aligned").iterdir():
        shutil.copyfile(path, folders["aligned"] / path.name)
    drizzle(list(folders.values()), frame_around(scene))
    fwhm = {name: look_at(folder, scene).fwhm() for name, folder in folders.items()}
    assert len(fwhm["aligned"]) > 30
    median = {name: float(np.median(widths)) for name, widths in fwhm.items()}
    assert median["aligned"] == pytest.approx(median["true"], rel=0.01)
    assert median["moved"] > 1.05 * median["true"]


def test_the_examples_of_the_documentation_drizzle_what_is_aligned(
    tiny_run: Path, tmp_path: Path
) -> None:
    drizzlepac_python()
    results = shutil.copytree(tiny_run / "out", tmp_path / "results" / "recipe")
    summary = Table.read(results / "summary.ecsv")
    summary["status"] = [
        "not_aligned" if x == "paint03q_flc" else "aligned" for x in summary["image"]
    ]
    summary.write(results / "summary.ecsv", overwrite=True)
    everything, aligned = examples("howto/astrodrizzle.md", "python")
    kept = 'from pathlib import Path\nPath("final_drc.fits").rename("everything.fits")\n'
    run_with_drizzlepac("-c", everything + kept + aligned, folder=tmp_path)
    for name, number in (("everything.fits", 3), ("final_drc.fits", 2)):
        assert fits.getval(tmp_path / name, "NDRIZIM") == 2 * number  # chips
