"""Store the sources that drizzlepac finds on the test scenes, for the tests to compare with.

usage: python benchmarks/make_drizzlepac_catalogs.py --drizzlepac-python PYTHON

PYTHON is the interpreter of an environment with drizzlepac 3.11. The script itself needs this
project's test environment, and starts itself again with PYTHON. It writes
``tests/data/drizzlepac_catalogs.npz``: for each search the columns of drizzlepac's catalog
(``<search>_x``, 1-based pixels, …) and, under ``about``, a JSON text with the versions, the
parameters, drizzlepac's noise and the means of the pixels it worked on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS: dict[str, Any] = {
    "computesig": True,
    "skysigma": 0.0,
    "conv_width": 3.5,
    "threshold": 4.0,
    "peakmin": None,
    "peakmax": None,
    "fluxmin": None,
    "fluxmax": None,
    "nsigma": 1.5,
    "ratio": 1.0,
    "theta": 0.0,
    "use_sharp_round": False,
    "sharplo": 0.2,
    "sharphi": 1.0,
    "roundlo": -1.0,
    "roundhi": 1.0,
}
# measured for all, selected for none
SHAPES = {
    "use_sharp_round": True,
    "sharplo": -1.0e9,
    "sharphi": 1.0e9,
    "roundlo": -1.0e9,
    "roundhi": 1.0e9,
}
TILTED = {"conv_width": 2.5, "nsigma": 2.0, "ratio": 0.8, "theta": 30.0}
SEARCHES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "uvis1_high": ("uvis", 1, {"threshold": 100.0, **SHAPES}),
    "uvis1_low": ("uvis", 1, {"threshold": 10.0}),
    "uvis2_high": ("uvis", 2, {"threshold": 100.0}),
    "uvis2_tilted": ("uvis", 2, {"threshold": 50.0, **TILTED}),
    "hrc": ("hrc", 1, {"threshold": 50.0}),
}
COLUMNS = ("x", "y", "flux", "id", "sharpness", "roundness1", "roundness2")
PACKAGES = ("drizzlepac", "stsci.imagestats", "numpy", "scipy")


def main() -> None:
    """Paint, search in drizzlepac's environment, and store."""
    parser = argparse.ArgumentParser(description="Store the sources that drizzlepac finds.")
    parser.add_argument("--drizzlepac-python", required=True, help="interpreter with drizzlepac")
    python = parser.parse_args().drizzlepac_python
    target = ROOT / "tests" / "data" / "drizzlepac_catalogs.npz"
    with tempfile.TemporaryDirectory() as folder:
        paths = make_exposures(Path(folder))
        subprocess.run([python, __file__, "search", *map(str, paths), str(target)], check=True)
    print(f"wrote {target}, {target.stat().st_size} bytes")


def make_exposures(folder: Path) -> tuple[Path, Path]:
    """Paint the first exposure of the WFC3/UVIS scene; find the real ACS/HRC exposure."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import spherical_geometry
    from skies import uvis_scene

    scene = uvis_scene(folder, number=1, full_error=False)
    hrc = Path(spherical_geometry.__file__).parent / "tests" / "data" / "j8bt06nyq_flt.fits"
    return scene.paths[0], hrc


def search(uvis: Path, hrc: Path, target: Path) -> None:
    """Run all searches (in drizzlepac's environment)."""
    arrays: dict[str, Any] = {}
    about: dict[str, Any] = {"versions": {name: version(name) for name in PACKAGES}}
    for name, (scene, chip, changes) in SEARCHES.items():
        path = {"uvis": uvis, "hrc": hrc}[scene]
        parameters = DEFAULTS | changes
        columns, sigma = find(path, chip, parameters)
        pixels = fits.getdata(path, ("SCI", chip)).astype(np.float64)
        about[name] = {
            "parameters": parameters,
            "chip": chip,
            "sigma": sigma,
            "mean_pixel": float(pixels.mean()),
            "mean_square": float((pixels**2).mean()),
        }
        for column, values in columns.items():
            arrays[f"{name}_{column}"] = values.astype(np.float32)
    np.savez_compressed(target, about=json.dumps(about), **arrays)


def find(path: Path, chip: int, parameters: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Let drizzlepac make the catalog of a chip; return its columns and the noise it used."""
    from drizzlepac.catalogs import ImageCatalog
    from stwcs.wcsutil import HSTWCS

    catalog = ImageCatalog(HSTWCS(str(path), ext=("SCI", chip)), str(path), **parameters)
    catalog.generateXY()
    columns = dict(zip(COLUMNS, map(np.asarray, catalog.xypos), strict=False))
    del columns["id"]
    return columns, float(catalog._compute_sigma())  # noqa: SLF001 - the number is not kept


if __name__ == "__main__":
    if sys.argv[1:2] == ["search"]:
        search(*map(Path, sys.argv[2:]))
    else:
        main()
