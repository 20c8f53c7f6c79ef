"""How much of a field some positions cover."""

from __future__ import annotations

from tweakreg_steps.arrays import FloatArray


def hull_area(xy: FloatArray) -> float:
    """Return the area of the convex hull of positions (n, 2); 0 where they have none."""
    from shapely import MultiPoint

    return float(MultiPoint(xy).convex_hull.area)
