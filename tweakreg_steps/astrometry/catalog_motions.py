"""The motions of a catalog's stars, put together from its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.space_motion import (
    NUMBERS,
    MovingStars,
    covariances,
)


@dataclass(frozen=True, eq=False)
class CatalogMotions:
    """Stars with their motions.

    Attributes
    ----------
    stars : MovingStars
        Positions and motions.
    ruwe : (n,) float array
        Gaia's renormalised unit weight error; nan where not known.
    """

    stars: MovingStars
    ruwe: FloatArray


def catalog_motions(
    ra: FloatArray,
    dec: FloatArray,
    columns: Mapping[str, FloatArray],
    *,
    ref_epoch: float | None,
    error: FloatArray,
) -> CatalogMotions:
    """Put together what a catalog says of its stars.

    Parameters
    ----------
    ra, dec : (n,) float arrays
        ICRS, degrees.
    columns : mapping of str to (n,) float array
        Further columns by Gaia's names (`tables.motion_columns.OPTIONAL`), nan where a star has
        no value; mas, mas/yr, km/s, Julian years.
    ref_epoch : float or None
        Epoch from the recipe, Julian year; None to take the catalog's own.
    error : (n,) float array
        Standard error of the position along one axis in mas, for stars of which the columns tell
        none; nan where it is not known.
    """
    n, unknown = len(ra), np.full(len(ra), np.nan)

    def column(name: str) -> FloatArray:
        return np.asarray(columns.get(name, unknown), dtype=np.float64)

    errors = {name: column(f"{name}_error") for name in NUMBERS}
    for name in NUMBERS[:2]:
        errors[name] = np.where(np.isfinite(errors[name]), errors[name], error)
    pairs = combinations(NUMBERS, 2)
    correlations = {(one, other): column(f"{one}_{other}_corr") for one, other in pairs}
    epoch = column("ref_epoch") if ref_epoch is None else np.full(n, ref_epoch)
    stars = MovingStars(
        np.asarray(ra, dtype=np.float64),
        np.asarray(dec, dtype=np.float64),
        column("parallax"),
        column("pmra"),
        column("pmdec"),
        column("radial_velocity"),
        covariances(errors, correlations, n),
        epoch,
    )
    return CatalogMotions(stars, column("ruwe"))
