"""Make fit_and_match_parity.json: what TweakReg's own routines do with some seeded lists.

Run where drizzlepac 3.11 (with stsci.stimage) is installed::

    python tests/data/make_fit_and_match_parity.py
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from drizzlepac.linearfit import iter_fit_all
from numpy.typing import NDArray
from stsci.stimage import xyxymatch

FloatArray = NDArray[np.float64]
CENTER = np.array([2100.5, 2000.25])


def make_pairs(rng: np.random.Generator, mode: str, number: int) -> tuple[FloatArray, FloatArray]:
    """Make pairs with noise and, every sixth, an error like that of a wrong match."""
    reference = rng.uniform(0, 4200, (number, 2))
    angle = np.radians(rng.choice([0.01, -0.05, 30.0, -170.0, 179.9]))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = {
        "shift": np.eye(2),
        "rscale": 1.0003 * matrix,
        "general": matrix @ np.array([[1.0, 0.01], [-0.003, 1.02]]),
    }[mode]
    image = (reference - CENTER) @ matrix.T + CENTER + rng.normal(0, 3, 2)
    image += rng.normal(0, 0.1, image.shape)
    wrong = rng.random(number) < 1 / 6
    image[wrong] += rng.normal(0, 0.8, (wrong.sum(), 2))
    return image.round(6), reference.round(6)


def fit_case(rng: np.random.Generator, mode: str, number: int, nclip: int) -> dict[str, Any]:
    """Run drizzlepac's clipped fit."""
    image, reference = make_pairs(rng, mode, number)
    numbers = np.arange(number)
    with contextlib.redirect_stdout(io.StringIO()):
        fit = iter_fit_all(
            image.copy(),
            reference.copy(),
            numbers,
            numbers,
            mode=mode,
            nclip=nclip,
            sigma=3.0,
            center=CENTER,
        )
    return {
        "image": image.tolist(),
        "reference": reference.tolist(),
        "center": CENTER.tolist(),
        "fitgeometry": mode,
        "nclip": nclip,
        "sigma": 3.0,
        "matrix": np.transpose(fit["fit_matrix"]).tolist(),
        "shift": [float(value) for value in fit["offset"]],
        "rotation": float(fit["rot"]),
        "rotation_x": float(fit["rotxy"][0]),
        "rotation_y": float(fit["rotxy"][1]),
        "scales": [float(value) for value in fit["scale"]],
        "rms": [float(value) for value in fit["rms"]],
        "kept": [int(place) for place in fit["img_indx"]],
    }


def match_case(rng: np.random.Generator, tolerance: float, separation: float) -> dict[str, Any]:
    """Run xyxymatch with the tolerance algorithm."""
    truth = rng.uniform(0, 300, (150, 2))
    offset = rng.normal(0, 5, 2).round(3)
    image = (truth[:120] + offset + rng.normal(0, 0.2, (120, 2))).round(3)
    reference = truth[30:].round(3)
    found = xyxymatch(
        image, reference, origin=tuple(offset), tolerance=tolerance, separation=separation
    )
    return {
        "image": image.tolist(),
        "reference": reference.tolist(),
        "offset": offset.tolist(),
        "tolerance": tolerance,
        "separation": separation,
        "pairs": sorted(zip(found["ref_idx"].tolist(), found["input_idx"].tolist(), strict=True)),
    }


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(42)
    cases = {
        "fits": [
            fit_case(rng, mode, number, nclip)
            for mode in ("shift", "rscale", "general")
            for number, nclip in ((6, 3), (25, 0), (60, 3), (60, 5))
        ],
        "matches": [
            match_case(rng, tolerance, separation)
            for tolerance, separation in ((1.0, 0.0), (0.5, 0.5), (1.0, 5.0), (0.2, 2.0))
        ],
    }
    target = Path(__file__).with_name("fit_and_match_parity.json")
    target.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
