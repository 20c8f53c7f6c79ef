"""Sixty stars among thousands of cosmic rays or hot pixels, aligned here and with drizzlepac.

usage: python benchmarks/cosmic_rays.py [--psf] --drizzlepac-python PYTHON

Three WFC3/UVIS exposures each, two chips of full size, headers in error by 0.3 arcsec and 0.01
degrees, the default parameters. With ``--psf`` the stars are painted through a telescope, and
the exposures are aligned once more with its PSF, which tells stars from hits in place of the test
of narrowness. The script itself needs this project's test environment.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from optics import uvis  # noqa: E402 - path set above
from psf_scenes import write_library  # noqa: E402 - path set above
from skies import Scene, rms_to_truth, uvis_scene  # noqa: E402 - path set above

from tweakreg_steps.cli import main as tweakreg  # noqa: E402 - path set above

SCENES: dict[str, dict[str, Any]] = {
    "7,500 cosmic rays": {"cosmic_ray_number": 3750, "hot_pixel_number": 0, "dither": 5.0},
    "2,000 hot pixels": {"cosmic_ray_number": 0, "hot_pixel_number": 1000, "dither": 0.6},
}
"""Numbers are those of one chip; the hot pixels' dither is within the search radius."""

LIBRARY = "PSFSTD_WFC3UV_F555W.fits"
PSF = f"imagefindpars: {{centroid: psf, psf: {LIBRARY}}}\n"
RECIPE = 'input: "*_flc.fits"\noutdir: out\nupdate_header: {updatehdr: true}\n'


def main() -> None:
    """Print how far each aligned header is off."""
    parser = argparse.ArgumentParser(description="Align stars among cosmic rays and hot pixels.")
    parser.add_argument("--drizzlepac-python", help="interpreter with drizzlepac")
    parser.add_argument("--psf", action="store_true", help="stars of a telescope, and its PSF")
    arguments = parser.parse_args()
    python = arguments.drizzlepac_python
    optics = uvis() if arguments.psf else None
    for name, options in SCENES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            scene = uvis_scene(
                folder,
                seed=5,
                number=3,
                stars=62,
                faintest=3000.0,
                full_error=False,
                optics=optics,
                **options,
            )
            print(f"{name}: rms to the truth in mas")
            report("before", folder, scene)
            if python:
                align_with_drizzlepac(python, folder / "theirs", scene)
                report("drizzlepac", folder / "theirs", scene)
            (folder / "recipe.yaml").write_text(RECIPE)
            tweakreg(["run", str(folder / "recipe.yaml")])
            report("here", folder / "out" / "aligned", scene)
            if optics is not None:
                write_library(folder / LIBRARY, optics, detectors=2)
                (folder / "recipe.yaml").write_text(RECIPE + PSF)
                tweakreg(["run", str(folder / "recipe.yaml")])
                report("with a PSF", folder / "out" / "aligned", scene)


def align_with_drizzlepac(python: str, folder: Path, scene: Scene) -> None:
    """Run TweakReg on copies."""
    folder.mkdir()
    for path in scene.paths:
        shutil.copy(path, folder)
    subprocess.run(
        [python, str(Path(__file__).with_name("drizzlepac_run.py")), ".", "4.0", "1.0"],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def report(who: str, folder: Path, scene: Scene) -> None:
    """Print the errors of all but the first exposure."""
    errors = (
        f"{rms_to_truth(folder / path.name, scene):8.2f}" if (folder / path.name).exists() else "-"
        for path in scene.paths[1:]
    )
    print(f"{who:>12s}", *errors, flush=True)


if __name__ == "__main__":
    main()
