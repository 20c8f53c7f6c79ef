"""Painted mosaics through the whole program: each way to put exposures together, and SCAMP.

A strip, a field of 2 x 4 and eight dithers of one field are painted, each exposure with some 150
stars of which six are in a catalog that is wrong by 0.01 pixels along an axis. Each is aligned by
``solution.method: single``, ``relative_absolute`` and ``simultaneous``, and by SCAMP where it is
installed (Debian: scamp, source-extractor), from the same pixels and the same catalog. Rms along
an axis of what aligned headers are off (absolute), and of what exposures that overlap differ by
(seams)::

    python benchmarks/mosaics_of_images.py --folder SCRATCH
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from painted_mosaics import DITHERS, GRID, STRIP, Painted, paint_mosaic, rms  # noqa: E402

SCENES = {"strip of 6": STRIP, "2 x 4": GRID, "8 dithers": DITHERS}
METHODS = ("single", "relative_absolute", "simultaneous")


def align(scene: Painted, method: str) -> tuple[float, float, float]:
    """Align a scene from its pixels on; return both errors in pixels, and CPU seconds."""
    recipe = scene.recipe(solution={"method": method}, outdir=f"out_{method}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tweakreg_steps", "run", str(recipe), "-j", "1"]
    subprocess.run(command, capture_output=True, check=False, env=dict(os.environ), cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    aligned = scene.folder / f"out_{method}" / "aligned"
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rms(scene.errors(aligned)), rms(scene.seams(aligned)), used


def main() -> None:
    """Print a line for each scene and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where scratch files go")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        for name, corners in SCENES.items():
            for seed in arguments.seeds:
                folder = Path(scratch) / f"{name.replace(' ', '')}{seed}"
                folder.mkdir()
                scene = paint_mosaic(folder, corners, seed=seed)
                for method in METHODS:
                    start = time.monotonic()
                    absolute, seams, used = align(scene, method)
                    print(
                        f"{name:12} {seed:3} {method:18} {1e3 * absolute:8.1f} "
                        f"{1e3 * seams:8.1f} mpx  {used:6.1f} s CPU "
                        f"{time.monotonic() - start:6.1f} s",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
