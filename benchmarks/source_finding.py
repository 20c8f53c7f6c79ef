"""Source finding against source-extractor, on the same chip, in turn, reading included.

usage: python benchmarks/source_finding.py [--repetitions N] [--threshold T]

The chip has 4096 x 2051 pixels and 1,000 stars. source-extractor runs with its defaults; ours
reads, measures the noise and finds the sources inside this process, as a warm worker does. What
a cold process needs for its imports is told apart.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from processes import Usage, adopt_orphans, measure  # noqa: E402 - path set above

from tweakreg_steps.recipes.schema import parameters  # noqa: E402 - path set above

SHAPE = (2051, 4096)
BAR = 1.5
FINDING = (
    *("computesig", "skysigma", "conv_width", "peakmin", "peakmax", "fluxmin", "fluxmax", "nsigma"),
    *("ratio", "theta", "use_sharp_round", "sharplo", "sharphi", "roundlo", "roundhi"),
)
"""The parameters of DAOFIND, but for the threshold."""
SEARCH: dict[str, Any] = {
    parameter.path[-1]: parameter.default
    for parameter in parameters()
    if parameter.path[0] == "imagefindpars"
    if parameter.path[-1] in FINDING
}
IMPORTS = """
import tweakreg_steps.finding.daofind
import tweakreg_steps.finding.star_finders
import tweakreg_steps.fits_files.exposure
"""
PAINT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from source_finding import paint
paint(Path({chip!r}))
"""


def main() -> None:
    """Run both in turn and print what they used."""
    parser = argparse.ArgumentParser(description="Source finding against source-extractor.")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threshold", type=float, default=4.0, help="ours, in units of the noise")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, ("source-extractor", "sex", "sextractor"))), None)
    if program is None:
        parser.error("source-extractor is not installed (Debian: apt install source-extractor)")
    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(folder, program, options.repetitions, options.threshold)


def compare(folder: Path, program: str, repetitions: int, threshold: float) -> None:
    """Paint the chip, run both in turn, print medians and ratios."""
    chip = folder / "chip.fits"
    paint_apart(chip)
    command = extractor_command(folder, program, chip)
    theirs, ours, numbers = [], [], (0, 0)
    for _ in range(repetitions):
        theirs.append(measure(command, folder=folder, log=folder / "log"))
        mine, found = find(chip, threshold)
        ours.append(mine)
        lines = (folder / "test.cat").read_text(encoding="ascii").splitlines()
        numbers = (sum(not line.startswith("#") for line in lines), found)
    cold = [
        measure([sys.executable, "-c", IMPORTS], folder=ROOT, log=folder / "log")
        for _ in range(repetitions)
    ]
    for label, usages, number in (
        ("source-extractor", theirs, numbers[0]),
        ("tweakreg-steps", ours, numbers[1]),
    ):
        wall, cpu = median(usages, "wall"), median(usages, "cpu")
        print(f"{label:17} {number:5} sources  wall {wall:.3f} s  CPU {cpu:.3f} s")
    ratios = {name: median(ours, name) / median(theirs, name) for name in ("wall", "cpu")}
    print(f"ratio             wall {ratios['wall']:.2f}  CPU {ratios['cpu']:.2f}  (bar: {BAR})")
    print(f"peak memory of ours: {ours[-1].peak:.0f} MB")
    print(f"imports of a cold process: wall {median(cold, 'wall'):.3f} s, not in the ratio")


def paint(chip: Path) -> None:
    """Write the chip: stars of a steep brightness distribution, sky and read noise."""
    from astropy.io import fits

    from tweakreg_steps.demo.painting import UVIS_PSF, expose, paint_stars, steep_fluxes

    rng = np.random.default_rng(11)
    stars = {
        "x": rng.uniform(1.0, SHAPE[1], 1000),
        "y": rng.uniform(1.0, SHAPE[0], 1000),
        "flux": steep_fluxes(1000, rng=rng, faintest=1500.0, slope=1.5),
    }
    light = paint_stars(SHAPE, **stars, psf=UVIS_PSF)
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-5})
    header["CDELT2"] = 1e-5
    fits.writeto(chip, expose(light, hits=(), rng=rng, sky=50.0, read_noise=3.1), header)


def paint_apart(chip: Path) -> None:
    """Paint in another process, so that this one's peak memory is that of the finder."""
    here = str(Path(__file__).resolve().parent)
    script = PAINT.format(root=here, chip=str(chip))
    subprocess.run([sys.executable, "-c", script], check=True)


def extractor_command(folder: Path, program: str, chip: Path) -> list[str]:
    """Write the few files that source-extractor wants, and its command line."""
    (folder / "columns").write_text("X_IMAGE\nY_IMAGE\nFLUX_AUTO\n", encoding="ascii")
    (folder / "filter").write_text("CONV NORM\n1 2 1\n2 4 2\n1 2 1\n", encoding="ascii")
    options = {"PARAMETERS_NAME": "columns", "FILTER_NAME": "filter", "VERBOSE_TYPE": "QUIET"}
    words = [word for name, value in options.items() for word in (f"-{name}", value)]
    return [program, str(chip), *words]


def find(chip: Path, threshold: float) -> tuple[Usage, int]:
    """Find the sources of the chip; return what that used, and their number."""
    from tweakreg_steps.finding.daofind import find_sources_on_chip
    from tweakreg_steps.fits_files.exposure import list_chips, read_pixels

    wall, cpu = time.perf_counter(), time.process_time()
    pixels = read_pixels(chip, list_chips(chip, None)[0])
    good = np.ones(pixels.shape, dtype=np.bool_)
    found = find_sources_on_chip(pixels, good, counts_per_unit=1.0, threshold=threshold, **SEARCH)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Usage(wall, cpu, peak), len(found.stars)


def median(usages: list[Usage], name: str) -> float:
    """Median of one of the numbers."""
    return statistics.median(float(getattr(usage, name)) for usage in usages)


if __name__ == "__main__":
    main()
