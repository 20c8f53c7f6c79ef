"""Align the test scenes with drizzlepac and store what it got, for the tests to compare with.

usage: python benchmarks/make_drizzlepac_alignment.py --drizzlepac-python PYTHON

PYTHON is the interpreter of an environment with drizzlepac 3.11. The script itself needs this
project's test environment. It writes ``tests/data/drizzlepac_alignment.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.wcs import WCS

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from skies import hrc_scene, mutual_rms, rms_to_truth, uvis_scene  # noqa: E402 - path set above

VERSIONS = (
    "import json, platform; from importlib.metadata import version; "
    "names = ('drizzlepac', 'stwcs', 'astropy', 'numpy'); "
    "print(json.dumps({'python': platform.python_version()} | {n: version(n) for n in names}))"
)


def main() -> None:
    """Make both scenes, align them, write the JSON file."""
    parser = argparse.ArgumentParser(description="Store what drizzlepac makes of the test scenes.")
    parser.add_argument("--drizzlepac-python", required=True, help="interpreter with drizzlepac")
    python = parser.parse_args().drizzlepac_python
    versions = subprocess.run([python, "-c", VERSIONS], check=True, capture_output=True, text=True)
    result = {
        "versions": json.loads(versions.stdout),
        "uvis_scene": in_folder(lambda folder: align_uvis(python, folder)),
        "hrc_scene": in_folder(lambda folder: align_hrc(python, folder)),
    }
    target = ROOT / "tests" / "data" / "drizzlepac_alignment.json"
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {target}")


def in_folder(work: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Do some work in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return work(Path(folder))


def align_uvis(python: str, folder: Path) -> dict[str, Any]:
    """Align the painted WFC3/UVIS scene; the truth is known."""
    scene = uvis_scene(folder, full_error=False)
    result = align(python, folder, threshold=100.0, searchrad=1.0)
    rms = {path.name: rms_to_truth(path, scene) for path in scene.paths}
    return {**result, "rms_to_truth_mas": rms}


def align_hrc(python: str, folder: Path) -> dict[str, Any]:
    """Align the copies of the real ACS/HRC exposure; their mutual agreement is known."""
    paths = hrc_scene(folder)
    result = align(python, folder, threshold=50.0, searchrad=2.0)
    return {**result, "mutual_rms_mas": mutual_rms(paths)}


def align(python: str, folder: Path, *, threshold: float, searchrad: float) -> dict[str, Any]:
    """Run TweakReg in a folder, and collect its shift file, counts and reference plane."""
    script = Path(__file__).resolve().parent / "drizzlepac_run.py"
    run = subprocess.run(
        [python, str(script), ".", str(threshold), str(searchrad)],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg"},
        check=True,
        capture_output=True,
        text=True,
    )
    return {
        "parameters": {"threshold": threshold, "conv_width": 3.5, "searchrad": searchrad},
        "shifts": read_shifts(folder / "shifts.txt"),
        "n_sources": [int(n) for n in re.findall(r"Found (\d+) objects", run.stdout)],
        "n_matched": {
            name: int(n)
            for n, name in re.findall(r"Found (\d+) matches for (\S+?)\.\.\.", run.stdout)
        },
        "histogram_peaks": [
            [float(x), float(y)]
            for x, y in re.findall(r"initial X and Y shifts of (\S+), (\S+) with", run.stdout)
        ],
        "reference_wcs": read_plane(folder / "shifts_wcs.fits"),
    }


def read_shifts(path: Path) -> dict[str, dict[str, float]]:
    """Read the rows of a shift file; rotation as written (0 to 360 degrees)."""
    names = ("dx", "dy", "rotation", "scale", "rms_x", "rms_y")
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    rows = [line for line in lines if line and not line[0].startswith("#")]
    return {row[0]: dict(zip(names, map(float, row[1:]), strict=True)) for row in rows}


def read_plane(path: Path) -> dict[str, Any]:
    """Read the undistorted reference WCS that TweakReg wrote."""
    header = fits.getheader(path, "WCS")
    plane = WCS(header)
    return {
        "naxis": [header["NPIX1"], header["NPIX2"]],
        "crpix": plane.wcs.crpix.tolist(),
        "crval": plane.wcs.crval.tolist(),
        "cd": plane.pixel_scale_matrix.tolist(),
        "ctype": list(plane.wcs.ctype),
    }


if __name__ == "__main__":
    main()
