"""The match of two exposures as a table, and back."""

from __future__ import annotations

from typing import TypedDict, cast

import numpy as np

from tweakreg_steps.solving.pair_match import Edge
from tweakreg_steps.tables.ecsv import ColumnTable

_UNITS = {"distance": "pix"}
_DESCRIPTIONS = {
    "row_one": "row of the source in the sky list of the one image, from 0",
    "row_other": "row of the source in the sky list of the other image, from 0",
    "id_one": "number of the source of the one image",
    "id_other": "number of the source of the other image",
    "distance": "distance of the two once their images are laid over each other",
}


class EdgeMeta(TypedDict):
    """The metadata of a match of two images: see `Edge`; ``detail`` says why there is none."""

    one: str
    other: str
    n_pairs: int
    false_alarm: float
    reason: str
    detail: str
    extent: float
    matrix: list[list[float]]
    shift: list[float]
    center: list[float]
    covariance: list[list[float]]


def table_of_edge(edge: Edge, one: ColumnTable, other: ColumnTable) -> ColumnTable:
    """Return the match of two exposures as a table, one row a pair of sources.

    Its metadata hold the names of the two, the transformation ``other - center = matrix (one -
    center) + shift`` in pixels of the plane, the probability that the match is chance, and, where
    there is none, why.

    Parameters
    ----------
    edge : Edge
        The match.
    one, other : ColumnTable
        The sky lists of the two.
    """
    rows = edge.rows
    meta: EdgeMeta = {
        "one": one.meta["image"],
        "other": other.meta["image"],
        "n_pairs": edge.n_pairs,
        "false_alarm": edge.chance,
        "reason": edge.reason,
        "detail": edge.problem,
        "extent": edge.extent,
        "matrix": edge.matrix.tolist(),
        "shift": edge.shift.tolist(),
        "center": edge.center.tolist(),
        "covariance": edge.covariance.tolist(),
    }
    return ColumnTable(
        columns={
            "row_one": rows[:, 0],
            "row_other": rows[:, 1],
            "id_one": one["id"][rows[:, 0]],
            "id_other": other["id"][rows[:, 1]],
            "distance": edge.distance,
        },
        units=_UNITS,
        descriptions=_DESCRIPTIONS,
        meta=meta,
    )


def edge_of_table(table: ColumnTable, places: dict[str, int]) -> Edge:
    """Return the match that a table holds.

    Parameters
    ----------
    table : ColumnTable
        Of `table_of_edge`.
    places : dict of str to int
        The place of each image among all.
    """
    meta = cast("EdgeMeta", table.meta)
    return Edge(
        one=places[meta["one"]],
        other=places[meta["other"]],
        rows=np.column_stack([table["row_one"], table["row_other"]]).astype(np.intp),
        distance=table["distance"],
        extent=meta["extent"],
        chance=meta["false_alarm"],
        problem=meta["detail"],
        reason=meta["reason"],
        matrix=np.array(meta["matrix"], dtype=np.float64),
        shift=np.array(meta["shift"], dtype=np.float64),
        center=np.array(meta["center"], dtype=np.float64),
        covariance=np.array(meta["covariance"], dtype=np.float64),
    )
