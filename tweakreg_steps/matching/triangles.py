"""Triangles of sources that look alike in two lists.

A triangle's shape does not change when it is shifted, rotated or scaled (Groth 1986, AJ 91, 1244),
so pairs of like triangles give the transformation between lists of which nothing is known. Each
pair of triangles of the same sources says the same; those by chance say anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.matching.similarity import Similarity
from tweakreg_steps.matching.tuning import (
    AGREEING,
    DISTINCT_SIDES,
    LEAST_HEIGHT,
    LEAST_NEIGHBOURS,
    LIKE_SHAPE,
    MAX_ALIKE,
    MAX_SCALE_ERROR,
    N_TRIANGLES,
    TRANSFORMATION_PROBES,
)


@dataclass(frozen=True)
class Triangles:
    """Triangles of a list of sources.

    Attributes
    ----------
    vertices : (n, 3) int array
        Indices of the corners in the list, opposite the longest, the middle and the shortest side.
    shape : (n, 2) float array
        Middle and shortest side over the longest.
    log_length : (n,) float array
        Logarithm of the longest side.
    handedness : (n,) float array
        1.0 where the corners run counter-clockwise in this order, else -1.0.
    """

    vertices: IndexArray
    shape: FloatArray
    log_length: FloatArray
    handedness: FloatArray


@dataclass(frozen=True)
class Vote:
    """A transformation on which pairs of triangles agree.

    Attributes
    ----------
    similarity : Similarity
        The transformation.
    n_votes : int
        Pairs of triangles that agree.
    """

    similarity: Similarity
    n_votes: int


def make_triangles(xy: FloatArray) -> Triangles:
    """Make triangles of each source with its neighbours, all possible ones of a short list.

    Parameters
    ----------
    xy : (n, 2) float array
        Positions; each once.

    Returns
    -------
    Triangles
        About `N_TRIANGLES` at most, in an order that depends on the positions' order only.
    """
    triples = _triples(xy)
    corners = xy[triples]
    sides = np.hypot(
        *np.moveaxis(np.roll(corners, -1, axis=1) - np.roll(corners, -2, axis=1), 2, 0)
    )
    order = np.argsort(-sides, axis=1, kind="stable")
    vertices, sides = np.take_along_axis(triples, order, 1), np.take_along_axis(sides, order, 1)
    one, other = xy[vertices[:, 1]] - xy[vertices[:, 0]], xy[vertices[:, 2]] - xy[vertices[:, 0]]
    twice_area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    longest = np.maximum(sides[:, 0], np.finfo(np.float64).tiny)
    shape = sides[:, 1:] / longest[:, None]
    good = (
        (np.abs(twice_area) > LEAST_HEIGHT * longest**2)
        & (1.0 - shape[:, 0] > DISTINCT_SIDES)
        & (shape[:, 0] - shape[:, 1] > DISTINCT_SIDES)
    )
    return Triangles(vertices[good], shape[good], np.log(longest[good]), np.sign(twice_area[good]))


def vote(
    image_xy: FloatArray, reference_xy: FloatArray, *, mirrored: bool, n_best: int
) -> list[Vote]:
    """Find the transformations on which most pairs of like triangles agree.

    Parameters
    ----------
    image_xy, reference_xy : (n, 2), (m, 2) float arrays
        Positions of the two lists, in the same pixels; each once.
    mirrored : bool
        Whether the lists are each other's mirror images.
    n_best : int
        Most transformations to give.

    Returns
    -------
    list of Vote
        Those with most votes first.
    """
    image, reference = make_triangles(image_xy), make_triangles(reference_xy)
    first, second = _like(image, reference, mirrored=mirrored)
    if not len(first):
        return []
    u = _complex(image_xy)[image.vertices[first]]
    v = _complex(reference_xy)[reference.vertices[second]]
    if mirrored:
        u = u.conj()
    center, radius = _field(image_xy, mirrored=mirrored)
    rotation, at_center, good = _transformations(u, v, center)
    u, v, rotation, at_center = u[good], v[good], rotation[good], at_center[good]
    if not len(u):
        return []
    parameters = np.stack(
        [
            rotation.real / np.abs(rotation),
            rotation.imag / np.abs(rotation),
            np.log(np.abs(rotation)),
            at_center.real / radius,
            at_center.imag / radius,
        ],
        axis=1,
    )
    votes = []
    for agreeing in _clusters(parameters, n_best):
        pairs = (
            _plane(values[agreeing].ravel(), mirrored=m)
            for values, m in ((u, mirrored), (v, False))
        )
        votes.append(Vote(Similarity.fit(*pairs, mirrored=mirrored), len(agreeing)))
    return votes


def _triples(xy: FloatArray) -> IndexArray:
    """Choose three sources each: a source and two of its nearest neighbours."""
    from scipy.spatial import cKDTree

    n_sources = len(xy)
    if n_sources < 3:  # noqa: PLR2004 - a triangle's corners
        return np.empty((0, 3), dtype=np.intp)
    pairs_each = 2 * N_TRIANGLES / n_sources
    n_neighbours = max(LEAST_NEIGHBOURS, int((1 + np.sqrt(1 + 4 * pairs_each)) / 2))
    n_neighbours = min(n_sources - 1, n_neighbours)
    near = np.asarray(cKDTree(xy).query(xy, k=n_neighbours + 1)[1])
    one, other = np.triu_indices(n_neighbours, k=1)
    here = np.repeat(near[:, :1], len(one), axis=1)
    triples = np.stack([here, near[:, 1 + one], near[:, 1 + other]], axis=2).reshape(-1, 3)
    chosen: IndexArray = np.unique(np.sort(triples, axis=1), axis=0).astype(np.intp)
    return chosen


def _like(
    image: Triangles, reference: Triangles, *, mirrored: bool
) -> tuple[IndexArray, IndexArray]:
    """List the pairs of triangles of the same shape, sense and about the same size."""
    from scipy.spatial import cKDTree

    squeeze = LIKE_SHAPE / np.log1p(MAX_SCALE_ERROR)
    sense = -1.0 if mirrored else 1.0
    points = [
        np.column_stack([t.shape, squeeze * t.log_length, s * t.handedness])
        for t, s in ((image, sense), (reference, 1.0))
    ]
    if not all(map(len, points)):
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    own, other = cKDTree(points[0]), cKDTree(points[1])
    step = 1 + int(own.count_neighbors(other, LIKE_SHAPE, p=np.inf)) // MAX_ALIKE
    if step > 1:
        own = cKDTree(points[0][::step])
    found: Any = own.sparse_distance_matrix(other, LIKE_SHAPE, p=np.inf, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"]))
    return step * found["i"][order].astype(np.intp), found["j"][order].astype(np.intp)


def _transformations(
    u: NDArray[np.complex128], v: NDArray[np.complex128], center: complex
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], BoolArray]:
    """Fit ``u = rotation * v + shift`` to the corners of each pair of triangles.

    ``rotation = sum(conj(dv) du) / sum(|dv|^2)`` with du, dv relative to the means. The second
    value is where the centre of the image comes from; the third, whether the scale is allowed.
    """
    middle_u, middle_v = u.mean(axis=1), v.mean(axis=1)
    du, dv = u - middle_u[:, None], v - middle_v[:, None]
    rotation = (dv.conj() * du).sum(axis=1) / (np.abs(dv) ** 2).sum(axis=1)
    at_center = middle_v + (center - middle_u) / rotation
    return rotation, at_center, np.abs(np.log(np.abs(rotation))) <= np.log1p(MAX_SCALE_ERROR)


def _clusters(points: FloatArray, n_best: int) -> list[IndexArray]:
    """List the fullest groups of transformations that agree, the fullest first."""
    from scipy.spatial import cKDTree

    tree, step = cKDTree(points), 1 + len(points) // TRANSFORMATION_PROBES
    left = np.zeros(len(points), dtype=np.intp)
    left[::step] = tree.query_ball_point(points[::step], AGREEING, return_length=True)
    found = []
    for _ in range(n_best):
        best = int(np.argmax(left))
        if left[best] == 0:
            break
        agreeing = np.sort(np.asarray(tree.query_ball_point(points[best], AGREEING), dtype=np.intp))
        found.append(agreeing)
        left[agreeing] = 0
    return found


def _field(image_xy: FloatArray, *, mirrored: bool) -> tuple[complex, float]:
    """Return the centre of the image's sources and the distance of the farthest from it."""
    low, high = image_xy.min(axis=0), image_xy.max(axis=0)
    x, y = (low + high) / 2
    return complex(x, -y if mirrored else y), float(max(np.hypot(*(high - low)) / 2, 1.0))


def _complex(xy: FloatArray) -> NDArray[np.complex128]:
    """Write positions as complex numbers."""
    return xy[:, 0] + 1j * xy[:, 1]


def _plane(z: NDArray[np.complex128], *, mirrored: bool) -> FloatArray:
    """Undo `_complex`, and the mirror."""
    return np.stack([z.real, -z.imag if mirrored else z.imag], axis=1)
