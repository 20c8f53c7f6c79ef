"""Solving the equations of the units, and the covariances that are wanted of the solution.

The units are ordered for little fill, then factored as ``S = L D L'``. The inverse of S has no
zeros, but the part of it that L's pattern covers follows from L alone, from the last unit to the
first (Takahashi, Fagan & Chen 1973; Erisman & Tinney 1975, Commun. ACM 18, 177): with s the units
below unit j in L, and ``W = L_sj L_jj^-1``::

    Z_sj = - Z_ss W          Z_jj = (L_jj D_j L_jj')^-1 + W' Z_ss W

That covers each unit, and any two that share a star; every other covariance costs a solution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from tweakreg_steps.arrays import FloatArray, IndexArray

LEAST_PIVOT = 1.0e-12
"""Part of a diagonal element that must be left when those before it are known: less is rounding.
The last of 1,000 exposures in a strip, each turned at will, still has 1e-9."""

_LIFT = 1.0e-15
"""Part by which a diagonal is lifted, so that what is singular gets a pivot that can be judged."""


@dataclass(frozen=True, eq=False)
class Factors:
    """A factored matrix.

    Attributes
    ----------
    order : (n,) int array
        Columns of the matrix in the order in which they were eliminated.
    node : (n,) int array
        In that order, to which node (unit, in the order of elimination) a column belongs.
    lu : SuperLU
        Its factors.
    diagonal : (n,) float array
        The matrix's own diagonal, in that order.
    """

    order: IndexArray
    node: IndexArray
    lu: SuperLU
    diagonal: FloatArray

    def solve(self, right: FloatArray) -> FloatArray:
        """Return ``matrix^-1 right``, for one right side (n,) or several (n, k)."""
        found = np.empty_like(right, dtype=np.float64)
        found[self.order] = self.lu.solve(np.ascontiguousarray(right[self.order], dtype=np.float64))
        return found

    @cached_property
    def undetermined(self) -> IndexArray:
        """Columns that the others determine already, so that no data are left for them."""
        left = self.lu.U.diagonal() / np.maximum(self.diagonal, np.finfo(float).tiny)
        return np.sort(self.order[~(left > LEAST_PIVOT)])


def factor(matrix: sparse.csc_array, unit: IndexArray) -> Factors:
    """Factor a symmetric matrix that is positive, or nearly: see `Factors.undetermined`.

    Parameters
    ----------
    matrix : (n, n) sparse array
        The matrix.
    unit : (n,) int array
        The unit of each column, ascending.
    """
    names, place = np.unique(unit, return_inverse=True)
    rank = np.empty(len(names), dtype=np.intp)
    rank[_elimination_order(_graph(matrix, place, len(names)))] = np.arange(len(names))
    order = np.argsort(rank[place], kind="stable")
    lifted = matrix + sparse.diags_array(_LIFT * matrix.diagonal())
    ordered = sparse.csc_array(lifted[order][:, order])
    options = {"SymmetricMode": True}
    lu = splu(ordered, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options)
    return Factors(order, rank[place][order], lu, ordered.diagonal())


def _graph(matrix: sparse.csc_array, place: IndexArray, n_nodes: int) -> sparse.csc_array:
    """Return which units meet in a matrix, each with itself: positive and well determined."""
    entries = matrix.tocoo()
    rows, columns = place[entries.coords[0]], place[entries.coords[1]]
    ones = np.ones(len(rows))
    met = sparse.csc_array((ones, (rows, columns)), shape=(n_nodes, n_nodes))
    met.data[:] = -1.0
    return sparse.csc_array(met + sparse.diags_array(met.shape[0] * np.ones(n_nodes) + 1.0))


def _elimination_order(graph: sparse.csc_array) -> IndexArray:
    """Return the nodes in an order of little fill: SuperLU's minimum degree."""
    lu = splu(
        graph,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.argsort(lu.perm_c)


@dataclass(frozen=True, eq=False)
class InverseParts:
    """The blocks of an inverse that belong to a unit alone, or to two that share stars.

    Attributes
    ----------
    columns : list of int arrays
        The matrix's columns of each node.
    blocks : dict of (node, node) to float array
        The blocks, lower node first.
    """

    columns: list[IndexArray]
    blocks: dict[tuple[int, int], FloatArray]


def invert_parts(matrix: sparse.csc_array, factors: Factors) -> InverseParts:
    """Return the blocks of the inverse on the pattern of the matrix."""
    n_nodes = int(factors.node[-1]) + 1
    starts = np.searchsorted(factors.node, np.arange(n_nodes + 1))
    ordered = matrix[factors.order][:, factors.order]
    neighbours = _neighbours(sparse.csc_array(ordered), factors.node, n_nodes)
    below = _fill(neighbours)
    columns = [factors.order[starts[j] : starts[j + 1]] for j in range(n_nodes)]
    blocks = _Takahashi(factors, starts, below).run(neighbours)
    return InverseParts(columns, blocks)


def _neighbours(ordered: sparse.csc_array, node: IndexArray, n_nodes: int) -> list[IndexArray]:
    """Return for each node the later ones that it meets in the matrix."""
    entries = ordered.tocoo()
    rows, columns = node[entries.coords[0]], node[entries.coords[1]]
    later = rows > columns
    pairs = np.unique(columns[later].astype(np.int64) * n_nodes + rows[later])
    ends = np.searchsorted(pairs // n_nodes, np.arange(n_nodes + 1))
    return [pairs[ends[j] : ends[j + 1]] % n_nodes for j in range(n_nodes)]


def _fill(neighbours: list[IndexArray]) -> list[IndexArray]:
    """Return for each node the later ones that it meets in L, by symbolic elimination."""
    below: list[IndexArray] = []
    children: list[list[IndexArray]] = [[] for _ in neighbours]
    for j, own in enumerate(neighbours):
        met = _union([own, *children[j]]) if children[j] else own
        met = met[met > j]
        children[j] = []
        below.append(met)
        if len(met):
            children[met[0]].append(met)
    return below


def _union(lists: list[IndexArray]) -> IndexArray:
    """Return what is in any of several lists, ascending: for short ones faster than `np.unique`."""
    merged = np.sort(np.concatenate(lists))
    return merged[np.diff(merged, prepend=-1) > 0]


class _Takahashi:
    """The recursion from the last node to the first, each with the dense inverse of those below."""

    def __init__(self, factors: Factors, starts: IndexArray, below: list[IndexArray]) -> None:
        self.starts, self.below = starts, below
        self.lower = factors.lu.L.tocsc()
        self.pivots = factors.lu.U.diagonal()
        self.children: list[list[int]] = [[] for _ in below]
        self.roots: list[int] = []
        for j, met in enumerate(below):
            (self.children[met[0]] if len(met) else self.roots).append(j)

    def run(self, wanted: list[IndexArray]) -> dict[tuple[int, int], FloatArray]:
        """Return the blocks of each node, and of it with the nodes wanted."""
        blocks: dict[tuple[int, int], FloatArray] = {}
        nothing = np.zeros((0, 0))
        waiting = [(root, nothing, np.zeros(0, dtype=np.intp)) for root in self.roots]
        while waiting:
            j, front, nodes = waiting.pop()
            mine, own = self._extend(j, front, nodes)
            size = self.starts[j + 1] - self.starts[j]
            blocks[j, j] = mine[:size, :size].copy()
            near = frozenset(wanted[j].tolist())
            for k, part in zip(own[1:], self._offsets(own)[1:], strict=True):
                if k in near:
                    width = self.starts[k + 1] - self.starts[k]
                    blocks[j, int(k)] = mine[:size, part : part + width].copy()
            waiting += [(child, mine, own) for child in self.children[j]]
        return blocks

    def _offsets(self, nodes: IndexArray) -> IndexArray:
        """Return where the columns of each node begin, the nodes' columns in a row."""
        sizes = self.starts[nodes + 1] - self.starts[nodes]
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)

    def _columns(self, nodes: IndexArray) -> IndexArray:
        """Return the columns of nodes, in a row."""
        if not len(nodes):
            return np.zeros(0, dtype=np.intp)
        return np.concatenate([np.arange(self.starts[k], self.starts[k + 1]) for k in nodes])

    def _extend(
        self, j: int, front: FloatArray, nodes: IndexArray
    ) -> tuple[FloatArray, IndexArray]:
        """Return the inverse over node j and those below it, from that over its parent's."""
        first, last = int(self.starts[j]), int(self.starts[j + 1])
        met, size = self.below[j], last - first
        rows = self._columns(met)
        places = np.searchsorted(self._columns(nodes), rows)
        known = front[np.ix_(places, places)]
        corner, side = self._factor_blocks(first, last, rows)
        w = np.linalg.solve(corner.T, side.T).T
        pivot = corner * self.pivots[first:last] @ corner.T
        across = -known @ w
        whole = np.empty((size + len(rows),) * 2)
        whole[:size, :size] = np.linalg.inv(pivot) - w.T @ across
        whole[size:, :size], whole[:size, size:], whole[size:, size:] = across, across.T, known
        return whole, np.concatenate([[j], met]).astype(np.intp)

    def _factor_blocks(
        self, first: int, last: int, rows: IndexArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return L's blocks of one node: on the diagonal, and at the rows below."""
        ends = self.lower.indptr[first : last + 1]
        found = self.lower.indices[ends[0] : ends[-1]]
        values = self.lower.data[ends[0] : ends[-1]]
        column = np.repeat(np.arange(last - first), np.diff(ends))
        inside = found < last
        corner, side = np.zeros((last - first,) * 2), np.zeros((len(rows), last - first))
        corner[found[inside] - first, column[inside]] = values[inside]
        side[np.searchsorted(rows, found[~inside]), column[~inside]] = values[~inside]
        return corner, side
