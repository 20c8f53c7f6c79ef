"""Mosaics of exposures as lists of sources, of which the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.solving.detections import (
    Detections,
    Priors,
    ReferenceStars,
)
from tweakreg_steps.solving.mosaic_state import Mosaic
from tweakreg_steps.solving.simultaneous import Gauge
from tweakreg_steps.solving.solution import MosaicSolution, solve

NO_PRIORS = Priors(None, None, None)

SIZE = 1000.0  # pixels along the side of an exposure


@dataclass(frozen=True, eq=False)
class Scene:
    """A mosaic; lengths in pixels of the plane.

    ``stars`` (n, 2) are true; exposure i truly puts a detection v at ``corners[i] + SIZE / 2 +
    matrices[i] (v - corners[i] - SIZE / 2) + shifts[i]``; ``catalog`` names the stars that are in
    the reference, with what it says of them.
    """

    stars: FloatArray
    corners: FloatArray
    matrices: FloatArray
    shifts: FloatArray
    detections: Detections
    catalog: ReferenceStars

    @property
    def n(self) -> int:
        return len(self.corners)

    def mosaic(
        self,
        geometry: Geometry | Sequence[Geometry] = "rshift",
        *,
        held: Sequence[int] = (),
        priors: Priors = NO_PRIORS,
        camera: Sequence[int] | None = None,
        catalog: bool = True,
        unit: Sequence[int] | None = None,
    ) -> Mosaic:
        units = np.arange(self.n) if unit is None else np.array(unit)
        n_units = int(units.max()) + 1
        d = self.detections
        return Mosaic(
            Detections(units[d.unit], d.star, d.xy, d.error),
            self.catalog if catalog else ReferenceStars.none(),
            [geometry] * n_units if isinstance(geometry, str) else list(geometry),
            np.isin(np.arange(n_units), held),
            [priors] * n_units,
            np.zeros(n_units, dtype=int) if camera is None else np.array(camera),
        )

    def truly(self, exposure: int, xy: FloatArray) -> FloatArray:
        center = self.corners[exposure] + SIZE / 2
        moved = (xy - center) @ self.matrices[exposure].T
        return np.asarray(moved + center + self.shifts[exposure])

    def detected(self, exposure: int, places: FloatArray) -> FloatArray:
        center = self.corners[exposure] + SIZE / 2
        away = places - center - self.shifts[exposure]
        return np.asarray(np.linalg.solve(self.matrices[exposure], away.T).T + center)

    def errors(self, solution: MosaicSolution, unit: Sequence[int] | None = None) -> FloatArray:
        """Return where a solution puts a 3 x 3 grid of each exposure, less the truth: (n, 9, 2)."""
        grid = np.array([(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)]) * SIZE
        return np.array(
            [
                solution.move(i if unit is None else unit[i], grid + corner)
                - self.truly(i, grid + corner)
                for i, corner in enumerate(self.corners)
            ]
        )

    def seams(self, solution: MosaicSolution, pairs: Sequence[tuple[int, int]]) -> FloatArray:
        """Return by how much two exposures disagree in the middle between them: (k, 2)."""
        found = []
        for i, j in pairs:
            place = ((self.corners[i] + self.corners[j] + SIZE) / 2)[None]
            one, two = (solution.move(k, self.detected(k, place)) for k in (i, j))
            found.append((one - two)[0])
        return np.array(found)

    def lists(self) -> tuple[list[SourceList], list[FloatArray]]:
        """Return the sources of each exposure, in the order of the detections, and their errors."""
        d, found, errors = self.detections, [], []
        for i in range(self.n):
            mine = d.unit == i
            found.append(SourceList.of_positions(d.xy[mine]))
            errors.append(d.error[mine])
        return found, errors


def strip_corners(n: int, overlap: float = 0.25) -> FloatArray:
    return np.column_stack([np.arange(n) * SIZE * (1 - overlap), np.zeros(n)])


def grid_corners(columns: int, rows: int, overlap: float = 0.25) -> FloatArray:
    step = SIZE * (1 - overlap)
    return np.array([(i * step, j * step) for j in range(rows) for i in range(columns)])


def draw(
    rng: np.random.Generator,
    corners: FloatArray,
    *,
    density: float = 150.0,
    n_catalog: int = 6,
    noise: float = 0.02,
    catalog_noise: float = 0.02,
    shift: float = 3.0,
    rotation: float = 1.0e-4,
    linear: float = 0.0,
    wrong: float = 0.0,
) -> Scene:
    """Draw a mosaic: ``density`` stars and ``n_catalog`` reference stars an exposure.

    ``wrong`` of the detections are anything within two pixels of where they should be.
    """
    low, high = corners.min(axis=0) - 5.0, corners.max(axis=0) + SIZE + 5.0
    number = int(density * np.prod(high - low) / SIZE**2)
    stars = rng.uniform(low, high, (number, 2))
    n = len(corners)
    angle = rng.normal(0.0, rotation, n)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrices = turn.transpose(2, 0, 1) + rng.normal(0.0, linear, (n, 2, 2))
    shifts = rng.uniform(-shift, shift, (n, 2))
    empty = ReferenceStars.none()
    none = np.zeros(0, dtype=int)
    nothing = Detections(none, none, np.zeros((0, 2)), np.zeros(0))
    scene = Scene(stars, corners, matrices, shifts, nothing, empty)
    units, names, places, known = [], [], [], []
    by_x = np.argsort(stars[:, 0])
    sorted_x = stars[by_x, 0]
    for i, corner in enumerate(corners):
        near = by_x[slice(*np.searchsorted(sorted_x, [corner[0], corner[0] + SIZE]))]
        inside = np.sort(near[(stars[near, 1] >= corner[1]) & (stars[near, 1] < corner[1] + SIZE)])
        xy = scene.detected(i, stars[inside]) + rng.normal(0.0, noise, (len(inside), 2))
        bad = rng.random(len(inside)) < wrong
        xy[bad] += rng.uniform(-2.0, 2.0, (int(bad.sum()), 2))
        units.append(np.full(len(inside), i))
        names.append(inside)
        places.append(xy)
        known.append(rng.choice(inside, min(n_catalog, len(inside)), replace=False))
    unit, star, xy = map(np.concatenate, (units, names, places))
    chosen = np.unique(np.concatenate(known)).astype(int)
    listed = stars[chosen] + rng.normal(0.0, catalog_noise, (len(chosen), 2))
    return Scene(
        stars,
        corners,
        matrices,
        shifts,
        Detections(unit, star, xy, np.full(len(unit), noise)),
        ReferenceStars.isotropic(chosen, listed, np.full(len(chosen), catalog_noise)),
    )


def solved(mosaic: Mosaic, *, gauge: Gauge = "first", nclip: int = 20) -> MosaicSolution:
    return solve(mosaic, gauge=gauge, sigma=5.0, nclip=nclip, fit_factors=False)


def rms(values: FloatArray) -> float:
    """Return the rms along one axis."""
    return float(np.sqrt(np.mean(values**2)))
