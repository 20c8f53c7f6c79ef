"""How honest the errors of fits of few pairs are, and how often random fields seem a lattice.

usage: python benchmarks/few_pairs.py [--runs 600]

A pull is how far a fit is off, in its standard errors: the rms of pulls is 1 where these are right.
The simulations are those of the tests, seeded. The script needs this project's test environment.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fits_of_pairs import CENTER, MATRICES, fit, make_truth  # noqa: E402 - path set above

from tweakreg_steps.matching.lattice import is_ambiguous  # noqa: E402 - path set above
from tweakreg_steps.matching.linear_models import Geometry  # noqa: E402 - path set above

NUMBERS = (4, 5, 6, 8, 10, 12, 15, 20, 40)


def pulls(geometry: Geometry, number: int, runs: int) -> tuple[float, float]:
    """Return the rms of pulls of the shift, and of where a fit puts its kept pairs."""
    rng = np.random.default_rng(number)
    of_shift, at_pairs = [], []
    for _ in range(runs):
        truth = make_truth(MATRICES[geometry], rng, number=number, noise=0.1)
        found = fit(truth.pairs, fitgeometry=geometry, robust_start=True)
        assert found.uncertainty
        kept = truth.pairs.reference[found.kept] - CENTER
        off = kept @ (found.matrix - truth.matrix).T + found.shift - truth.shift
        of_shift.append((found.shift - truth.shift) / found.uncertainty.shift)
        at_pairs.append(np.sqrt(np.mean(np.sum(off**2, axis=1))) / found.uncertainty.at_pairs)
    return float(np.sqrt(np.mean(np.square(of_shift)))), float(
        np.sqrt(np.mean(np.square(at_pairs)))
    )


def seeming_lattices(side: float, number: int, runs: int) -> int:
    """Count the fields of random sources that seem ambiguous, at a tolerance of a pixel."""
    rng, count = np.random.default_rng(number), 0
    for _ in range(runs):
        common = rng.uniform(0.0, side, (number, 2))
        others = int(rng.integers(0, 6)) * number
        image, reference = (
            np.concatenate([common, rng.uniform(0.0, side, (others, 2))]) for _ in range(2)
        )
        count += is_ambiguous(image, reference, common, tolerance=1.0)
    return count


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Measure pulls of fits of few pairs.")
    parser.add_argument("--runs", type=int, default=600)
    runs = parser.parse_args().runs
    print("rms of pulls of the shift / at the pairs, by number of pairs", *NUMBERS)
    for geometry in MATRICES:
        found = (pulls(geometry, number, runs) for number in NUMBERS)
        print(geometry, *(f"{shift:.2f}/{pairs:.2f}" for shift, pairs in found), flush=True)
    for side in (200.0, 1000.0):
        numbers = (3, 4, 5, 6, 8, 12, 30)
        found_by_chance = sum(seeming_lattices(side, number, runs) for number in numbers)
        print(
            f"{found_by_chance} of {runs * len(numbers)} fields of {side:g} pixels seem ambiguous"
        )


if __name__ == "__main__":
    main()
