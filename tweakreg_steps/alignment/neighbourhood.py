"""Which lists of sources lie near which on the sky, found without looking at all pairs.

Each list is taken as the circle around it. Unit vectors in a k-d tree know neither 0h nor poles,
which an index of boxes on a plane, such as shapely's STRtree, would need as special cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from tweakreg_steps.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class SkyCircle:
    """A circle around a list of sources.

    Attributes
    ----------
    center : (3,) float array
        Unit vector.
    radius : float
        Angle in radians.
    """

    center: FloatArray
    radius: float

    @classmethod
    def around(cls, ra: ArrayLike, dec: ArrayLike) -> Self | None:
        """Return the circle around positions in degrees, shape (n,); None around none."""
        a, d = np.radians(np.asarray(ra, dtype=float)), np.radians(np.asarray(dec, dtype=float))
        vectors = np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
        if not len(vectors):
            return None
        total = vectors.sum(axis=0)
        length = float(np.linalg.norm(total))
        center = total / length if length > 0.0 else vectors[0]
        chord = float(np.linalg.norm(vectors - center, axis=1).max())
        return cls(center, 2.0 * float(np.arcsin(min(1.0, chord / 2.0))))


def neighbours(circles: Sequence[SkyCircle], reach: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Find the circles within reach of each other.

    Parameters
    ----------
    circles : sequence of SkyCircle
        The circles.
    reach : sequence of float
        How far from its own circle each looks, in radians.

    Yields
    ------
    (int, int)
        Each ``(i, j)``, i != j, for which circle j comes within the reach of circle i; in order.
    """
    from scipy.spatial import cKDTree

    if not circles:
        return
    centers = np.stack([circle.center for circle in circles])
    radii = np.array([circle.radius for circle in circles])
    tree = cKDTree(centers)
    for i, circle in enumerate(circles):
        own = circle.radius + reach[i]
        farthest = min(np.pi, own + radii.max())
        found = tree.query_ball_point(centers[i], 2.0 * np.sin(farthest / 2.0) + _ROUNDING)
        near = np.sort(np.asarray(found, dtype=np.intp))
        chords = np.linalg.norm(centers[near] - centers[i], axis=1)
        angles = 2.0 * np.arcsin(np.minimum(1.0, chords / 2.0))
        for j in near[angles <= own + radii[near] + _ROUNDING].tolist():
            if j != i:
                yield i, j


_ROUNDING = 1e-9
"""Radians by which circles that touch may seem apart."""
