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
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from painted_mosaics import DITHERS, GRID, PIXEL, STRIP, Painted, paint_mosaic, rms  # noqa: E402

SCENES = {"strip of 6": STRIP, "2 x 4": GRID, "8 dithers": DITHERS}
Way = Callable[[Painted], tuple[float, float, float]]
LIMIT = 900.0
"""Seconds that a program may take with a mosaic: ten times what the slowest does on a busy core."""
METHODS = ("single", "relative_absolute", "simultaneous")


def align(scene: Painted, method: str) -> tuple[float, float, float]:
    """Align a scene from its pixels on; return both errors in pixels, and CPU seconds."""
    recipe = scene.recipe(solution={"method": method}, outdir=f"out_{method}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tweakreg_steps", "run", str(recipe), "-j", "1"]
    call(command, ROOT, needed=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    aligned = scene.folder / f"out_{method}" / "aligned"
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rms(scene.errors(aligned)), rms(scene.seams(aligned)), used


def align_by_scamp(scene: Painted) -> tuple[float, float, float]:
    """Align a scene by SExtractor and SCAMP; return both errors in pixels, and CPU seconds."""
    folder = scene.folder / "scamp"
    aligned = folder / "aligned"
    aligned.mkdir(parents=True)
    (folder / "columns.param").write_text("\n".join(COLUMNS) + "\n")
    (folder / "kernel.conv").write_text("CONV NORM\n1 2 1\n2 4 2\n1 2 1\n")
    write_reference(scene, folder / "reference.cat")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    catalogs = [folder / f"{path.stem}.cat" for path in scene.paths]
    for path, catalog in zip(scene.paths, catalogs, strict=True):
        call(
            ["source-extractor", str(path), *options(SEXTRACTOR | {"CATALOG_NAME": catalog})],
            folder,
        )
    call(["scamp", *map(str, catalogs), *options(SCAMP)], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for path, catalog in zip(scene.paths, catalogs, strict=True):
        text = catalog.with_suffix(".head").read_text(encoding="utf-8")
        head = fits.Header.fromstring(text.encode("ascii", "replace").decode(), sep="\n")
        with fits.open(path) as hdus:
            hdus[0].header.update({key: head[key] for key in WRITTEN})
            hdus.writeto(aligned / path.name)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rms(scene.errors(aligned)), rms(scene.seams(aligned)), used


COLUMNS = ("NUMBER", "XWIN_IMAGE", "YWIN_IMAGE", "ERRAWIN_IMAGE", "ERRBWIN_IMAGE",
           "ERRTHETAWIN_IMAGE", "FLUX_AUTO", "FLUXERR_AUTO", "FLAGS")  # fmt: skip
WRITTEN = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2",
           "CD1_1", "CD1_2", "CD2_1", "CD2_2")  # fmt: skip
SEXTRACTOR = {
    "CATALOG_TYPE": "FITS_LDAC",
    "PARAMETERS_NAME": "columns.param",
    "FILTER_NAME": "kernel.conv",
    "DETECT_THRESH": 4,
    "ANALYSIS_THRESH": 4,
    "PHOT_AUTOPARAMS": "2.5,3.5",
    "VERBOSE_TYPE": "QUIET",
}
SCAMP = {
    "ASTREF_CATALOG": "FILE",
    "ASTREFCAT_NAME": "reference.cat",
    "ASTREFCENT_KEYS": "X_WORLD,Y_WORLD",
    "ASTREFERR_KEYS": "ERRA_WORLD,ERRB_WORLD,ERRTHETA_WORLD",
    "ASTREFMAG_KEY": "MAG",
    "ASTREFMAGERR_KEY": "MAGERR",
    "ASTREFOBSDATE_KEY": "OBSDATE",
    "CENTROID_KEYS": "XWIN_IMAGE,YWIN_IMAGE",
    "CENTROIDERR_KEYS": "ERRAWIN_IMAGE,ERRBWIN_IMAGE,ERRTHETAWIN_IMAGE",
    "DISTORT_DEGREES": 1,
    "POSITION_MAXERR": 0.05,
    "POSANGLE_MAXERR": 1,
    "PIXSCALE_MAXERR": 1.05,
    "CROSSID_RADIUS": 1.0,
    "SN_THRESHOLDS": "5.0,50.0",
    "MOSAIC_TYPE": "UNCHANGED",
    "SOLVE_PHOTOM": "N",
    "CHECKPLOT_TYPE": "NONE",
    "WRITE_XML": "N",
    "NTHREADS": 1,
}


def options(values: Mapping[str, object]) -> list[str]:
    """Return options as both programs take them, without any file of defaults."""
    words = [word for key, value in values.items() for word in (f"-{key}", str(value))]
    return ["-c", "/dev/null", *words]


def call(command: list[str], folder: Path, *, needed: bool = True) -> None:
    """Run a program within the time limit, and end it with all that it started beyond that.

    One that is needed must not fail; some images of a run may stay where they are.
    """
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if needed and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)


def write_reference(scene: Painted, path: Path) -> None:
    """Write the scene's catalog as SCAMP reads it."""
    ra, dec = np.loadtxt(scene.folder / "stars.cat").T
    none = np.zeros(len(ra))
    error = none + 0.01 * PIXEL / 3600.0
    columns = {"X_WORLD": ra, "Y_WORLD": dec, "ERRA_WORLD": error, "ERRB_WORLD": error,
               "ERRTHETA_WORLD": none, "MAG": none + 15.0, "MAGERR": none + 0.01,
               "OBSDATE": none + 2000.0}  # fmt: skip
    table = [fits.Column(name, "1D", array=values) for name, values in columns.items()]
    text = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0)]).tostring()
    head = [fits.Column("Field Header Card", f"{len(text)}A", array=[text])]
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns(head, name="LDAC_IMHEAD"),
            fits.BinTableHDU.from_columns(table, name="LDAC_OBJECTS"),
        ]
    ).writeto(path)


def main() -> None:
    """Print a line for each scene and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where scratch files go")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--ways", nargs="+", choices=[*METHODS, "scamp"], help="only these")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        for name, corners in SCENES.items():
            for seed in arguments.seeds:
                folder = Path(scratch) / f"{name.replace(' ', '')}{seed}"
                folder.mkdir()
                scene = paint_mosaic(folder, corners, seed=seed)
                ways: dict[str, Way] = {method: partial(align, method=method) for method in METHODS}
                if shutil.which("scamp"):
                    ways["scamp"] = align_by_scamp
                for method, way in ways.items():
                    if method not in (arguments.ways or ways):
                        continue
                    which = f"{name:12} {seed:3} {method:18}"
                    try:
                        absolute, seams, used = way(scene)
                    except subprocess.TimeoutExpired as late:
                        print(f"{which} not within {late.timeout:g} s: {late.cmd[0]}", flush=True)
                        continue
                    print(
                        f"{which} {1e3 * absolute:8.1f} {1e3 * seams:8.1f} mpx  {used:6.1f} s CPU",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
