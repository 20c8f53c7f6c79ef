"""Edges that contradict the others: the way around a triangle of overlaps must lead back.

A match of two exposures may be false and still look perfect: a period of a grid of stars, a group
of artefacts. It does not agree with the way over a third exposure. Each triangle of edges is walked
around from the middle of its matches; where the end misses the start by more than the errors allow,
one of its edges is false: the one most of whose triangles do not close, the least certain of equal
ones. It goes, and the others are judged again.

What is in no triangle is judged by longer ways: the motions of all exposures that agree with most
edges (the least sum of distances) leave false edges far off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.solving.overlaps import connected_parts
from tweakreg_steps.solving.pair_match import Edge

CLOSED = 6.0
"""Standard deviations within which a way around closes."""

LEAST_MISS = 0.5
"""Part of the matching tolerance that a way around may always miss by: distortions that headers do
not know of shift matches at the edges of fields, and no false match is so near."""

_ROUNDS = 25
"""Rounds of the least sum of distances."""

_FLOOR = 1.0e-3
"""Part of the typical gap below which an edge counts as met: its weight would grow without end."""

_NEVER, _SURE = 1.0e-300, 100.0
"""Least probability that is told from none, and the logarithm of one beyond all doubt."""

_LIFT = 1.0e-9
"""Least weight of an edge, the largest being 1: the equations stay regular."""


@dataclass(frozen=True)
class Triangle:
    """Three edges that lead around.

    Attributes
    ----------
    edges : tuple of int
        Their places in the list.
    miss : float
        How far the way around misses its start, in pixels.
    allowed : float
        How far it may.
    """

    edges: tuple[int, int, int]
    miss: float
    allowed: float

    @property
    def closes(self) -> bool:
        """Tell whether the way around leads back."""
        return self.miss <= self.allowed


@dataclass(frozen=True)
class Rejection:
    """An edge that contradicts the others.

    Attributes
    ----------
    edge : int
        Its place in the list.
    why : str
        What it contradicts, in words.
    """

    edge: int
    why: str


@dataclass(frozen=True)
class Verdict:
    """What the closures say.

    Attributes
    ----------
    rejected : sequence of Rejection
        False edges.
    triangles : sequence of Triangle
        All triangles of edges.
    unchecked : sequence of int
        Edges that are in no closed way, so that nothing but their own chance speaks for them.
    """

    rejected: Sequence[Rejection]
    triangles: Sequence[Triangle]
    unchecked: Sequence[int]


def check_edges(edges: Sequence[Edge], *, n_exposures: int, tolerance: float) -> Verdict:
    """Find edges that contradict the others.

    Parameters
    ----------
    edges : sequence of Edge
        Edges that are matches.
    n_exposures : int
        Number of exposures.
    tolerance : float
        ``object_matching.tolerance`` in pixels: a miss of half of it is always allowed.
    """
    triangles = find_triangles(edges, tolerance=tolerance)
    rejected = _reject_by_triangles(edges, triangles)
    gone = {rejection.edge for rejection in rejected}
    rejected += _reject_by_ways(edges, gone, n_exposures=n_exposures, tolerance=tolerance)
    gone = {rejection.edge for rejection in rejected}
    left = [place for place in range(len(edges)) if place not in gone]
    bridges = _bridges([(edges[place].one, edges[place].other) for place in left], n_exposures)
    return Verdict(rejected, triangles, [left[place] for place in bridges])


def find_triangles(edges: Sequence[Edge], *, tolerance: float) -> list[Triangle]:
    """Return all triangles of edges, and whether they close."""
    by_pair = {(edge.one, edge.other): place for place, edge in enumerate(edges)}
    later: dict[int, set[int]] = {}
    for one, other in by_pair:
        later.setdefault(one, set()).add(other)
    triangles = []
    for (one, other), place in by_pair.items():
        for third in sorted(later.get(one, set()) & later.get(other, set())):
            places = place, by_pair[other, third], by_pair[one, third]
            triangles.append(_walk(edges, places, tolerance))
    return triangles


def _walk(edges: Sequence[Edge], places: tuple[int, int, int], tolerance: float) -> Triangle:
    """Walk from one over other to third, and compare with the direct way."""
    first, second, direct = (edges[place] for place in places)
    start = np.mean([edge.center for edge in (first, second, direct)], axis=0)[None]
    gap = (second.carry(first.carry(start)) - direct.carry(start))[0]
    covariance = np.sum(
        [_covariance_at(edge, start[0]) for edge in (first, second, direct)], axis=0
    )
    along = gap / max(float(np.linalg.norm(gap)), np.finfo(float).tiny)
    allowed = CLOSED * float(np.sqrt(along @ covariance @ along))
    return Triangle(places, float(np.linalg.norm(gap)), max(allowed, LEAST_MISS * tolerance))


def _covariance_at(edge: Edge, place: FloatArray) -> FloatArray:
    """Return the covariance of where an edge carries a place: beyond its sources it grows."""
    extent = max(edge.extent, np.finfo(float).tiny)
    away = float(np.sum((place - edge.center) ** 2)) / extent**2
    return np.asarray(edge.covariance * (1.0 + away))


def _reject_by_triangles(edges: Sequence[Edge], triangles: Sequence[Triangle]) -> list[Rejection]:
    """Return the edges that must go so that all triangles close."""
    rejected: list[Rejection] = []
    left = list(triangles)
    while any(not triangle.closes for triangle in left):
        open_, total = np.zeros(len(edges)), np.zeros(len(edges))
        for triangle in left:
            places = list(triangle.edges)
            total[places] += 1
            open_[places] += not triangle.closes
        part = open_ / np.maximum(total, 1)
        # of those with as many open ways, the one with most of its own open, then the least certain
        worst = max(
            np.flatnonzero(open_).tolist(),
            key=lambda place: (
                part[place],
                open_[place],
                edges[place].chance,
                -edges[place].n_pairs,
            ),
        )
        misses = [t.miss for t in left if worst in t.edges and not t.closes]
        why = (
            f"{int(open_[worst])} of the {int(total[worst])} ways around it over a third exposure"
            f" miss by {min(misses):.3g} to {max(misses):.3g} pixels"
        )
        rejected.append(Rejection(worst, why))
        left = [triangle for triangle in left if worst not in triangle.edges]
    return rejected


def _reject_by_ways(
    edges: Sequence[Edge], gone: set[int], *, n_exposures: int, tolerance: float
) -> list[Rejection]:
    """Return the edges that the motions of most others contradict, the worst one first."""
    rejected: list[Rejection] = []
    places = [place for place in range(len(edges)) if place not in gone]
    while places:
        left = [edges[place] for place in places]
        bridges = set(_bridges([(edge.one, edge.other) for edge in left], n_exposures).tolist())
        gaps = _gaps_from_most(left, n_exposures)
        closed = [k for k in range(len(left)) if k not in bridges]
        worst = max(closed, key=gaps.__getitem__, default=None)
        if worst is None or gaps[worst] <= _allowed(left, tolerance):
            break
        why = f"the other ways between its exposures differ from it by {gaps[worst]:.3g} pixels"
        rejected.append(Rejection(places.pop(worst), why))
    return rejected


def _allowed(edges: Sequence[Edge], tolerance: float) -> float:
    """Return how far an edge may be from the others, in pixels.

    The errors of the longest way, and what rotations do beyond the first order.
    """
    sigma = np.sqrt(sum(float(np.trace(edge.covariance)) / 2.0 for edge in edges))
    largest = max(abs(_rotation(edge)) for edge in edges)
    field = np.ptp([edge.center for edge in edges], axis=0).max() + edges[0].extent
    return float(max(2.0 * tolerance, CLOSED * sigma) + largest**2 * field)


def _rotation(edge: Edge) -> float:
    """Return the angle of an edge's matrix, counter-clockwise in radians."""
    (a, b), (c, d) = edge.matrix
    return float(np.arctan2(c - b, a + d))


def _gaps_from_most(edges: Sequence[Edge], n_exposures: int) -> FloatArray:
    """Return how far each edge is from the motions that have the least sum of distances, in pixels.

    Exposure i moves a place x by ``d_i = t_i + r_i (x - x_i)^`` (^: a quarter turn); an edge says
    ``d_other - d_one`` at its centre, and ``r_other - r_one``, which counts as what it does at the
    edge's extent. A distance counts by the logarithm of the edge's probability of being chance: of
    edges that could all be the false one, the least certain takes the gap.
    """
    design, said = _motions(edges, n_exposures)
    part = connected_parts(np.array([(edge.one, edge.other) for edge in edges]), n_exposures)
    anchors = np.unique(part, return_index=True)[1]
    held = np.zeros(3 * n_exposures)
    held[(3 * anchors[:, None] + np.arange(3)).ravel()] = 1.0
    certainty = np.array([min(-np.log(edge.chance + _NEVER), _SURE) + 1.0 for edge in edges])
    weights, gaps = certainty, np.zeros(len(edges))
    for _ in range(_ROUNDS):
        w = sparse.diags_array(np.repeat(weights, 3))
        matrix = sparse.csc_array(design.T @ w @ design + sparse.diags_array(held + _LIFT))
        right = np.asarray(design.T @ (np.repeat(weights, 3) * said))
        off = said - design @ splu(matrix).solve(right)
        gaps = np.linalg.norm(off.reshape(-1, 3), axis=1)
        weights = certainty / np.maximum(gaps, max(_FLOOR * float(np.median(gaps)), _FLOOR**2))
        weights = np.maximum(weights / weights.max(), _LIFT)
    return gaps


def _motions(edges: Sequence[Edge], n_exposures: int) -> tuple[sparse.csr_array, FloatArray]:
    """Return design (3 n_edges, 3 n_exposures) and what the edges say, in pixels."""
    ends = np.array([(edge.one, edge.other) for edge in edges])
    centers = np.array([edge.center for edge in edges])
    counts = np.maximum(np.bincount(ends.ravel(), minlength=n_exposures), 1)
    middles = np.column_stack(
        [np.bincount(ends.ravel(), np.repeat(c, 2), minlength=n_exposures) for c in centers.T]
    )
    extents = np.array([max(edge.extent, 1.0) for edge in edges])
    # rotations are solved for as what they do at the typical extent
    unit = float(np.median(extents))
    rows, columns, values = [], [], []
    first = 3 * np.arange(len(edges))
    for side, sign in ((0, -1.0), (1, 1.0)):
        at = 3 * ends[:, side]
        away = (centers - middles[ends[:, side]] / counts[ends[:, side], None]) / unit
        for row, column, value in (
            (0, 0, np.ones(len(edges))),
            (1, 1, np.ones(len(edges))),
            (0, 2, -away[:, 1]),
            (1, 2, away[:, 0]),
            (2, 2, extents / unit),
        ):
            rows.append(first + row)
            columns.append(at + column)
            values.append(sign * value)
    parts = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    design = sparse.csr_array(parts, shape=(3 * len(edges), 3 * n_exposures))
    turned = np.array([_rotation(edge) for edge in edges]) * extents
    said = np.column_stack([[edge.shift for edge in edges], turned]).ravel()
    return design, said


def _bridges(pairs: Sequence[tuple[int, int]], n_exposures: int) -> IndexArray:
    """Return which pairs are in no closed way: what is left when none of them is there falls apart.

    By depth first search: a pair is a bridge where nothing below it reaches above it (Tarjan 1974,
    Inf. Process. Lett. 2, 160).
    """
    near: list[list[tuple[int, int]]] = [[] for _ in range(n_exposures)]
    for place, (one, other) in enumerate(pairs):
        near[one].append((other, place))
        near[other].append((one, place))
    seen = np.full(n_exposures, -1)
    low = np.zeros(n_exposures, dtype=np.intp)
    bridges, clock = [], 0
    for root in range(n_exposures):
        if seen[root] >= 0:
            continue
        seen[root] = low[root] = clock
        clock += 1
        stack = [(root, -1, iter(near[root]))]
        while stack:
            node, by, others = stack[-1]
            for other, place in others:
                if place == by:
                    continue
                if seen[other] < 0:
                    seen[other] = low[other] = clock
                    clock += 1
                    stack.append((other, place, iter(near[other])))
                    break
                low[node] = min(low[node], seen[other])
            else:
                stack.pop()
                if stack:
                    above = stack[-1][0]
                    low[above] = min(low[above], low[node])
                    if low[node] > seen[above]:
                        bridges.append(by)
    return np.array(sorted(bridges), dtype=np.intp)
