"""Offset and matching of two lists, from 1e3 to 1e6 sources, beside tweakwcs in the same run.

Every measurement is a process of its own; the two tools take turns. Times are the CPU seconds of
one call, the least of all, after a warm-up on a small list; memory is the peak beyond what the
warm process had. Both get the same lists. Needs tweakwcs (``pip install tweakwcs``)::

    python benchmarks/matching.py
    python benchmarks/matching.py --layout clustered --sizes 1000 40000
    python benchmarks/matching.py --searchrad 200 --sizes 1000 10000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
Matcher = Callable[[FloatArray, FloatArray, float], tuple[IndexArray, IndexArray]]

SPACING = 20.0
OFFSET = np.array([6.3, -4.8])
NOISE = 0.1
TOLERANCE = 1.0
SEPARATION = 0.5
TURNS = 3
ENOUGH = 0.3
"""Seconds that a process spends on repeated calls."""
LONG_ENOUGH = 5.0
"""Seconds from which one call is measured well enough."""


@dataclass(frozen=True)
class Measurement:
    """One call: CPU seconds, MB, matches found, and how many of them are wrong."""

    seconds: float
    megabytes: float
    n_matches: int
    n_wrong: int


def make_lists(layout: str, size: int) -> tuple[FloatArray, FloatArray]:
    """Make an image's list and a reference list that share nine tenths of their sources."""
    rng = np.random.default_rng(size)
    side, number = SPACING * np.sqrt(size), size + size // 9
    truth = rng.uniform(0, side, (number, 2))
    if layout == "clustered":
        centers = rng.uniform(0, side, (10, 2))
        truth = centers[rng.integers(0, 10, number)] + rng.normal(0, side / 20, (number, 2))
    reference = truth[:size] + rng.normal(0, NOISE, (size, 2))
    image = truth[-size:] + OFFSET + rng.normal(0, NOISE, (size, 2))
    return image, reference


def match_here(
    image: FloatArray, reference: FloatArray, searchrad: float
) -> tuple[IndexArray, IndexArray]:
    """Match with this package."""
    from tweakreg_steps.matching.matching import match_sources

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
    return found.image_index, found.reference_index


def match_tweakwcs(
    image: FloatArray, reference: FloatArray, searchrad: float
) -> tuple[IndexArray, IndexArray]:
    """Match with tweakwcs."""
    from astropy.table import Table
    from tweakwcs.matchutils import XYXYMatch

    match: Any = XYXYMatch(
        searchrad=searchrad, separation=SEPARATION, use2dhist=True, tolerance=TOLERANCE
    )
    tables = (Table({"TPx": xy[:, 0], "TPy": xy[:, 1]}) for xy in (reference, image))
    reference_index, image_index = match(*tables, tp_units="pixel")
    return image_index, reference_index


MATCHERS: dict[str, Matcher] = {"here": match_here, "tweakwcs": match_tweakwcs}


def measure(tool: str, layout: str, size: int, searchrad: float) -> Measurement:
    """Time one call in this process."""
    matcher = MATCHERS[tool]
    matcher(*make_lists("uniform", 500), min(searchrad, 25.0))
    image, reference = make_lists(layout, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    while sum(seconds) < ENOUGH:
        begin = time.process_time()
        image_index, reference_index = matcher(image, reference, searchrad)
        seconds.append(time.process_time() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    right = image_index + len(reference) // 9 == reference_index
    return Measurement(min(seconds), (after - before) / 1024, len(right), int((~right).sum()))


def run_apart(tool: str, layout: str, size: int, searchrad: float) -> Measurement | str:
    """Measure in a new process; the last line it wrote where it failed."""
    words = ["--worker", tool, "--layout", layout, "--sizes", str(size)]
    done = subprocess.run(
        [sys.executable, __file__, *words, "--searchrad", str(searchrad)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr else f"{done.returncode}"
    return Measurement(**json.loads(done.stdout))


def take_turns(layout: str, size: int, searchrad: float) -> dict[str, Measurement | str]:
    """Measure both tools in turns and keep each one's fastest."""
    best: dict[str, Measurement | str] = {}
    for _ in range(TURNS):
        for tool in MATCHERS:
            last = best.get(tool)
            if isinstance(last, str) or (last and last.seconds > LONG_ENOUGH):
                continue
            new = run_apart(tool, layout, size, searchrad)
            if not isinstance(new, str) and last and last.seconds < new.seconds:
                new = last
            best[tool] = new
    return best


def row(size: int, here: Measurement, other: Measurement | str) -> str:
    """Format one size."""
    text = (
        f"{size:9d} {here.seconds:8.3f} {here.megabytes:7.0f} {here.n_matches:8d} {here.n_wrong:5d}"
    )
    if isinstance(other, str):
        return f"{text}  {other[:60]}"
    times, memory = here.seconds / other.seconds, here.megabytes / max(other.megabytes, 1)
    return (
        f"{text} {other.seconds:9.3f} {other.megabytes:7.0f} {other.n_matches:8d}"
        f" {other.n_wrong:5d} {times:7.3f} {memory:7.3f}"
    )


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
    scene = (options.layout, options.sizes[0], options.searchrad)
    if options.worker:
        print(json.dumps(asdict(measure(options.worker, *scene))))
        return
    print(f"{options.layout} lists, search radius {options.searchrad:g} px: here, tweakwcs, ratios")
    one = "     {}s      MB  matches wrong"
    print("     size" + one.format("") + one.format(" ") + "    time  memory")
    for size in options.sizes:
        best = take_turns(options.layout, size, options.searchrad)
        here = best["here"]
        assert isinstance(here, Measurement), here
        print(row(size, here, best["tweakwcs"]), flush=True)


if __name__ == "__main__":
    main()
