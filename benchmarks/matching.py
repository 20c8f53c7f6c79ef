"""Offset and matching of two lists, from 1e3 to 1e6 sources, beside tweakwcs in the same run.

Each measurement is a process of its own: wall time of the best of the repeats, after a warm-up
on a small list, and peak memory beyond what the warm process had. Both get the same lists and
have to find the same offset. Needs tweakwcs (``pip install tweakwcs``)::

    python benchmarks/matching.py
    python benchmarks/matching.py --layout clustered --sizes 1000 40000
    python benchmarks/matching.py --searchrad 200 --sizes 1000 10000 40000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Found = tuple[float, int]
Matcher = Callable[[FloatArray, FloatArray, float], Found]

SPACING = 20.0
OFFSET = np.array([6.3, -4.8])
NOISE = 0.1
TOLERANCE = 1.0
SEPARATION = 0.5


def make_lists(layout: str, size: int) -> tuple[FloatArray, FloatArray]:
    """Make an image's list and a reference list that share nine tenths of their sources."""
    rng = np.random.default_rng(size)
    side = SPACING * np.sqrt(size)
    if layout == "uniform":
        truth = rng.uniform(0, side, (size + size // 9, 2))
    else:
        centers = rng.uniform(0, side, (10, 2))
        spread = rng.normal(0, side / 20, (size + size // 9, 2))
        truth = centers[rng.integers(0, 10, len(spread))] + spread
    reference = truth[:size] + rng.normal(0, NOISE, (size, 2))
    image = truth[-size:] + OFFSET + rng.normal(0, NOISE, (size, 2))
    return rng.permutation(image), rng.permutation(reference)


def match_here(image: FloatArray, reference: FloatArray, searchrad: float) -> Found:
    """Match with this package."""
    from tweakreg_steps.matching import match_sources

    found = match_sources(
        image,
        reference,
        pixel_scale=1.0,
        minobj=1,
        searchrad=searchrad,
        searchunits="pixels",
        use2dhist=True,
        tolerance=TOLERANCE,
        separation=SEPARATION,
        xoffset=None,
        yoffset=None,
    )
    return float(np.hypot(*(found.dx, found.dy) - OFFSET)), len(found.image_index)


def match_tweakwcs(image: FloatArray, reference: FloatArray, searchrad: float) -> Found:
    """Match with tweakwcs."""
    from astropy.table import Table
    from tweakwcs.matchutils import XYXYMatch

    match: Any = XYXYMatch(
        searchrad=searchrad, separation=SEPARATION, use2dhist=True, tolerance=TOLERANCE
    )
    tables = (Table({"TPx": xy[:, 0], "TPy": xy[:, 1]}) for xy in (reference, image))
    i_reference, i_image = match(*tables, tp_units="pixel")
    apart = image[i_image] - reference[i_reference]
    return float(np.hypot(*(apart.mean(axis=0) - OFFSET))), len(i_image)


MATCHERS: dict[str, Matcher] = {"here": match_here, "tweakwcs": match_tweakwcs}


def measure(tool: str, layout: str, size: int, searchrad: float) -> dict[str, float | str]:
    """Time one matcher in this process."""
    matcher = MATCHERS[tool]
    matcher(*make_lists("uniform", 500), searchrad)
    image, reference = make_lists(layout, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    while len(seconds) < 3 and sum(seconds) < 5:
        begin = time.perf_counter()
        try:
            error, n_matches = matcher(image, reference, searchrad)
        except Exception as failure:  # noqa: BLE001 - a tool that gives up is a result
            return {"failed": type(failure).__name__}
        seconds.append(time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": min(seconds),
        "megabytes": (after - before) / 1024,
        "error": error,
        "matches": n_matches,
    }


def run_apart(tool: str, options: argparse.Namespace, size: int) -> dict[str, Any]:
    """Measure in a new process."""
    words = ["--worker", tool, "--layout", options.layout, "--sizes", str(size)]
    done = subprocess.run(
        [sys.executable, __file__, *words, "--searchrad", str(options.searchrad)],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--layout", choices=("uniform", "clustered"), default="uniform")
    parser.add_argument("--searchrad", type=float, default=25.0)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1000, 10_000, 40_000, 100_000, 1_000_000]
    )
    parser.add_argument("--worker", choices=tuple(MATCHERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(
            json.dumps(measure(options.worker, options.layout, options.sizes[0], options.searchrad))
        )
        return
    print(f"{options.layout} lists, search radius {options.searchrad:g} px; here : tweakwcs")
    print(
        f"{'size':>9} {'s':>8} {'ratio':>7} {'MB':>7} {'ratio':>7} {'matches':>17} {'error px':>15}"
    )
    for size in options.sizes:
        here, other = (run_apart(tool, options, size) for tool in MATCHERS)
        if "failed" in other:
            print(f"{size:9d} {here['seconds']:8.3f} (tweakwcs: {other['failed']})")
            continue
        print(
            f"{size:9d} {here['seconds']:8.3f} {here['seconds'] / other['seconds']:7.3f}"
            f" {here['megabytes']:7.0f} {here['megabytes'] / max(other['megabytes'], 1):7.3f}"
            f" {here['matches']:8d}:{other['matches']:8d} {here['error']:7.3f}:{other['error']:7.3f}"
        )


if __name__ == "__main__":
    main()
