"""From pairs of sources to stars: everything that is paired with each other is one star.

A false pair can chain two stars together; then one exposure has two sources of one star. Such
chains are taken apart: their pairs are joined again one by one, the best first, and none that
would bring two sources of an exposure together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.solving.pair_match import Edge


@dataclass(frozen=True, eq=False)
class JoinedStars:
    """Sources of all exposures, joined to stars.

    Attributes
    ----------
    exposure, source : (n,) int arrays
        Exposure of each source, and its place in that exposure's list.
    star : (n,) int array
        Its star; stars are counted from 0 in the order of their first source.
    n_refused : int
        Pairs that would have joined two sources of one exposure.
    """

    exposure: IndexArray
    source: IndexArray
    star: IndexArray
    n_refused: int


def join_pairs(edges: Sequence[Edge], sizes: Sequence[int]) -> JoinedStars:
    """Join the pairs of all edges to stars.

    Parameters
    ----------
    edges : sequence of Edge
        The edges that are believed.
    sizes : sequence of int
        Number of sources of each exposure. Sources without a pair are stars of their own.
    """
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    n_sources = int(first[-1])
    links = [first[[edge.one, edge.other]] + edge.rows for edge in edges]
    pairs = np.concatenate([np.zeros((0, 2), dtype=np.intp), *links])
    distance = np.concatenate([np.zeros(0), *(edge.distance for edge in edges)])
    exposure = np.repeat(np.arange(len(sizes)), sizes)
    star = _components(pairs, n_sources)
    bad = _conflicting(star, exposure)
    refused = 0
    if bad.any():
        doubtful = bad[star[pairs[:, 0]]]
        kept = ~doubtful
        again = _join_carefully(pairs[doubtful], distance[doubtful], exposure)
        kept[np.flatnonzero(doubtful)[again]] = True
        refused = int(len(kept) - kept.sum())
        star = _components(pairs[kept], n_sources)
    source = np.arange(n_sources) - first[exposure]
    return JoinedStars(exposure, source, _in_order(star), refused)


def _components(pairs: IndexArray, n_sources: int) -> IndexArray:
    """Return the connected components of sources."""
    graph = sparse.coo_array((np.ones(len(pairs), dtype=np.int8), tuple(pairs.T)), (n_sources,) * 2)
    return np.asarray(connected_components(graph.tocsr(), directed=False)[1])


def _conflicting(star: IndexArray, exposure: IndexArray) -> BoolArray:
    """Return which stars have two sources of one exposure."""
    order = np.lexsort((exposure, star))
    s, e = star[order], exposure[order]
    twice = (s[1:] == s[:-1]) & (e[1:] == e[:-1])
    bad = np.zeros(int(star.max(initial=-1)) + 1, dtype=np.bool_)
    bad[s[1:][twice]] = True
    return bad


def _join_carefully(pairs: IndexArray, distance: FloatArray, exposure: IndexArray) -> IndexArray:
    """Return which pairs can be joined, the nearest first, without a conflict."""
    root = {int(source): int(source) for source in pairs.ravel()}
    members = {source: {int(exposure[source])} for source in root}
    joined = []
    for place in np.argsort(distance, kind="stable"):
        one, other = (_find(root, int(source)) for source in pairs[place])
        if one != other:
            if members[one] & members[other]:
                continue
            root[other] = one
            members[one] |= members.pop(other)
        joined.append(place)
    return np.array(joined, dtype=np.intp)


def _find(root: dict[int, int], source: int) -> int:
    """Return the root of a source, shortening the way to it."""
    while root[source] != source:
        root[source] = root[root[source]]
        source = root[source]
    return source


def _in_order(star: IndexArray) -> IndexArray:
    """Return stars counted in the order of their first source."""
    names, places = np.unique(star, return_index=True)
    rank = np.empty(len(names), dtype=np.intp)
    rank[np.argsort(places)] = np.arange(len(names))
    return rank[star]
