"""What is asked of Gaia: everything that positions at another epoch need, for a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tweakreg_steps.alignment.overlap import SkyHull
from tweakreg_steps.astrometry.space_motion import NUMBERS
from tweakreg_steps.solving.overlaps import connected_parts, find_overlaps
from tweakreg_steps.tables import motion_columns

RELEASE = "Gaia DR3"

COLUMNS = (
    "source_id",
    "ra",
    "dec",
    *(f"{name}_error" for name in NUMBERS[:2]),
    "parallax",
    "parallax_error",
    "pmra",
    "pmra_error",
    "pmdec",
    "pmdec_error",
    *(f"{one}_{other}_corr" for one, other in combinations(NUMBERS, 2)),
    "radial_velocity",
    "ref_epoch",
    "ruwe",
    "phot_g_mean_mag",
)
"""Columns of ``gaia_source``, under its own names."""

UNITS = {"ra": "deg", "dec": "deg", **motion_columns.UNITS, "phot_g_mean_mag": "mag"}


@dataclass(frozen=True)
class Circle:
    """A field on the sky: its centre and radius in degrees (ICRS)."""

    ra: float
    dec: float
    radius: float


def circles_around(hulls: Sequence[SkyHull], *, margin: float) -> list[Circle]:
    """Return circles that hold all of a set of outlines, one for each connected part of them.

    Parameters
    ----------
    hulls : sequence of SkyHull
        Outlines of exposures; those without an area are left out.
    margin : float
        Arcseconds by which headers may be wrong; added to the radii.
    """
    present = [hull for hull in hulls if len(hull.corners)]
    pairs = [(pair.one, pair.other) for pair in find_overlaps(present, margin=margin)]
    part = connected_parts(np.array(pairs, dtype=np.intp).reshape(-1, 2), len(present))
    circles = []
    for number in range(int(part.max(initial=-1)) + 1):
        corners = np.concatenate(
            [hull.corners for hull, own in zip(present, part, strict=True) if own == number]
        )
        center = corners.mean(axis=0) / np.linalg.norm(corners.mean(axis=0))
        away = np.degrees(np.arcsin(np.linalg.norm(np.cross(corners, center), axis=1).max()))
        ra = float(np.degrees(np.arctan2(center[1], center[0]))) % 360.0
        dec = float(np.degrees(np.arctan2(center[2], np.hypot(center[0], center[1]))))
        circles.append(Circle(round(ra, 6), round(dec, 6), float(np.ceil(away * 1e4) / 1e4)))
    grown = np.ceil(margin / 3600.0 * 1e4) / 1e4
    return [Circle(c.ra, c.dec, round(c.radius + grown, 4)) for c in circles]


def gaia_query(circle: Circle, *, table: str, faintest: float | None) -> str:
    """Return the ADQL query for the stars of a circle.

    Parameters
    ----------
    circle : Circle
        The field.
    table : str
        What a service calls ``gaia_source``.
    faintest : float or None
        Faint limit of the G magnitude; None for none.
    """
    limit = "" if faintest is None else f" AND phot_g_mean_mag <= {faintest:g}"
    # S608: the numbers are numbers, and the table is that of a known service
    return (
        f"SELECT {', '.join(COLUMNS)} FROM {table}"  # noqa: S608
        f" WHERE 1 = CONTAINS(POINT('ICRS', ra, dec),"
        f" CIRCLE('ICRS', {circle.ra:.6f}, {circle.dec:.6f}, {circle.radius:.4f})){limit}"
    )
