"""The solution of all exposures at once: how exact beside other ways, and how fast.

Both parts work on lists of detections whose stars are known, so that nothing but the solution is
measured. The first line prints the table of errors and times 1,000 exposures, the second one times
10,000 with 3,000,000 detections as well::

    python benchmarks/solving.py
    python benchmarks/solving.py --large

The table: strips of twelve exposures, a quarter of each shared with the next, with a shift and a
rotation each; rms length of the errors over a grid of each exposure (absolute), and of what
neighbours differ by in the middle of what they share (seam). `single` fits each exposure to the
catalog's stars alone, `chain` one after the other to the catalog and to all stars placed before,
`relative` solves the strip and then fits it to the catalog as a whole, `simultaneous` solves for
everything.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tweakreg_steps.arrays import FloatArray, IndexArray

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import mosaics

from tweakreg_steps.matching.fitting import LinearFit, fit_pairs
from tweakreg_steps.matching.pairs import MatchedPairs
from tweakreg_steps.solving.whole_parts import PartFit, move_parts

Move = Callable[[int, FloatArray], FloatArray]

STRIP, TURNS = 12, 40
CASES = ((6, 0.02), (20, 0.02), (6, 0.005))
"""Catalog stars an exposure, and the error of a detection along one axis in pixels."""


def single(scene: mosaics.Scene) -> Move:
    """Fit each exposure to the stars of the catalog."""
    fits = [_fit(scene, i, scene.catalog.star, scene.catalog.xy) for i in range(scene.n)]
    return lambda i, xy: fits[i].correct(xy)


def chain(scene: mosaics.Scene) -> Move:
    """Fit one after the other to the catalog and to what was placed before."""
    known = dict(zip(scene.catalog.star.tolist(), scene.catalog.xy, strict=True))
    fits = []
    for i in range(scene.n):
        names, places = np.array(list(known)), np.array(list(known.values()))
        fits.append(_fit(scene, i, names, places))
        mine = scene.detections.unit == i
        placed = fits[-1].correct(scene.detections.xy[mine])
        for star, place in zip(scene.detections.star[mine].tolist(), placed, strict=True):
            known.setdefault(star, place)
    return lambda i, xy: fits[i].correct(xy)


def _fit(scene: mosaics.Scene, i: int, names: IndexArray, places: FloatArray) -> LinearFit:
    """Fit an exposure to stars with known places."""
    mine = scene.detections.unit == i
    _, rows, others = np.intersect1d(scene.detections.star[mine], names, return_indices=True)
    return _fit_pairs(scene.detections.xy[mine][rows], places[others])


def _fit_pairs(image: FloatArray, reference: FloatArray) -> LinearFit:
    """Fit a shift and a rotation, everything counting alike."""
    return fit_pairs(
        MatchedPairs.of_positions(image, reference),
        center=reference.mean(axis=0),
        fitgeometry="rshift",
        weights="none",
        robust_start=False,
        nclip=0,
        sigma=3.0,
    )


def relative(scene: mosaics.Scene) -> Move:
    """Solve the strip alone, then fit it to the catalog as a whole."""
    found = mosaics.solved(scene.mosaic(catalog=False))
    told = np.isfinite(found.stars[scene.catalog.star, 0])
    star = scene.catalog.star[told]
    fit = _fit_pairs(found.stars[star], scene.catalog.xy[told])
    part = int(found.component[0])
    return move_parts(found, {part: PartFit(fit, star)}, scene.detections).move


def simultaneous(scene: mosaics.Scene) -> Move:
    """Solve for everything at once."""
    return mosaics.solved(scene.mosaic()).move


WAYS = {"single": single, "chain": chain, "relative": relative, "simultaneous": simultaneous}


def errors(scene: mosaics.Scene, move: Move) -> tuple[FloatArray, FloatArray]:
    """Return absolute errors and seams, both (n, 2) in pixels."""
    grid = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)]) * mosaics.SIZE
    absolute, seams = [], []
    for i, corner in enumerate(scene.corners):
        absolute.append(move(i, grid + corner) - scene.truly(i, grid + corner))
        if i:
            place = ((scene.corners[i - 1] + corner + mosaics.SIZE) / 2)[None]
            one, two = (move(k, scene.detected(k, place)) for k in (i - 1, i))
            seams.append(one - two)
    return np.concatenate(absolute), np.concatenate(seams)


def _length(values: FloatArray) -> float:
    """Return the rms length of errors (n, 2) in mpx."""
    return 1e3 * float(np.sqrt(np.mean(np.sum(values**2, axis=1))))


def print_errors() -> None:
    """Print the table of errors."""
    print(f"{TURNS} strips of {STRIP} exposures; absolute / seam, rms in mpx\n")
    print("| catalog stars | star error | " + " | ".join(WAYS) + " |")
    print("|---|---|" + "---|" * len(WAYS))
    for n_catalog, noise in CASES:
        cells = []
        for way in WAYS.values():
            both = []
            for seed in range(TURNS):
                scene = mosaics.draw(
                    np.random.default_rng(seed),
                    mosaics.strip_corners(STRIP),
                    n_catalog=n_catalog,
                    noise=noise,
                    rotation=1e-4,
                )
                both.append(errors(scene, way(scene)))
            absolute, seam = (np.concatenate(part) for part in zip(*both, strict=True))
            cells.append(f"{_length(absolute):.1f} / {_length(seam):.1f}")
        print(f"| {n_catalog} | {1e3 * noise:.0f} | " + " | ".join(cells) + " |")


def print_speed(columns: int, rows: int) -> None:
    """Print what a grid of exposures costs: each star in three of them, 1 % in the catalog."""
    scene = mosaics.draw(
        np.random.default_rng(0),
        mosaics.grid_corners(columns, rows, 0.45),
        density=300,
        n_catalog=3,
    )
    mosaic = scene.mosaic()
    start = time.process_time()
    found = mosaics.solved(mosaic)
    solved = time.process_time()
    found.covariances.of_units.sum()
    known = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{scene.n} exposures, {len(scene.detections)} detections: solution"
        f" {solved - start:.1f} s CPU, uncertainties {known - solved:.1f} s, peak {peak:.2f} GB;"
        f" absolute {_length(scene.errors(found).reshape(-1, 2)):.1f} mpx"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="10,000 exposures as well (2 GB)")
    parser.add_argument("--no-table", action="store_true", help="no table of errors")
    given = parser.parse_args()
    if not given.no_table:
        print_errors()
        print()
    print_speed(40, 25)
    if given.large:
        print_speed(100, 100)


if __name__ == "__main__":
    main()
