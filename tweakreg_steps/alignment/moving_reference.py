"""A reference list whose stars move: at its catalog's epoch in the file, at an image's in a match.

The columns of the motions stand in the reference list under Gaia's names, behind those that every
such list has. They are there only where positions, or what is known of them, depend on the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.catalog_motions import catalog_motions
from tweakreg_steps.astrometry.space_motion import (
    MovingStars,
    StarsAtEpoch,
    earth_at,
    inflate,
    propagate,
)
from tweakreg_steps.tables.ecsv import ColumnTable
from tweakreg_steps.tables.motion_columns import OPTIONAL, UNITS, NoMotion

_EPOCH = "ref_epoch"
_DESCRIPTIONS = {
    _EPOCH: "Julian year to which the position belongs",
    "pmra": "proper motion along the great circle; nan where it is not known",
}


def with_motions(
    sources: ColumnTable, columns: Mapping[str, FloatArray], *, no_pm: NoMotion
) -> ColumnTable:
    """Return a reference list with the motions of its stars.

    Parameters
    ----------
    sources : ColumnTable
        The list, at the epoch of its catalog.
    columns : mapping of str to (n,) float array
        The motions by Gaia's names, ``ref_epoch`` among them; nan where a number is not known.
    no_pm : {"keep", "drop", "inflate"}
        What becomes of stars without a motion.
    """
    known = {name: columns[name] for name in OPTIONAL if name in columns and name != "ruwe"}
    known = {name: values for name, values in known.items() if np.isfinite(values).any()}
    return ColumnTable(
        {**sources.columns, **known},
        {**sources.units, **{name: unit for name, unit in UNITS.items() if name in known}},
        {**sources.descriptions, **{k: text for k, text in _DESCRIPTIONS.items() if k in known}},
        {**sources.meta, "no_pm": no_pm},
    )


def is_moving(sources: ColumnTable) -> bool:
    """Tell whether the positions of a reference list, or their errors, depend on the epoch."""
    return _EPOCH in sources.columns


def at_epoch(sources: ColumnTable, epoch: float | None) -> ColumnTable:
    """Return a reference list as it is at the epoch of an image.

    Parameters
    ----------
    sources : ColumnTable
        The list; one whose stars do not move is returned as it is.
    epoch : float or None
        Julian year; None where the image tells none: the stars are taken where the catalog has
        them.

    Returns
    -------
    ColumnTable
        With ``ra``, ``dec`` (deg) and ``error`` (mas, the rms of those along both axes; nan where
        it is not known) at that epoch, without the motions. Its metadata tell the ``epoch``.
    """
    if not is_moving(sources):
        return sources
    columns = {name: sources[name] for name in sources.columns if name not in OPTIONAL}
    if epoch is not None:
        there = stars_at(sources, epoch)
        variance = np.trace(there.covariance, axis1=1, axis2=2) / 2.0
        error = np.where(variance > 0.0, np.sqrt(variance), np.nan)
        columns |= {"ra": there.ra, "dec": there.dec, "error": error}
    units = {name: unit for name, unit in sources.units.items() if name in columns}
    texts = {name: text for name, text in sources.descriptions.items() if name in columns}
    return ColumnTable(columns, units, texts, {**sources.meta, "epoch": epoch})


def stars_at(sources: ColumnTable, epoch: float) -> StarsAtEpoch:
    """Return where the stars of a moving reference list are at an epoch (Julian year)."""
    stars = stars_of(sources)
    there = propagate(stars, epoch, earth_at(epoch))
    return inflate(there, stars, epoch) if sources.meta["no_pm"] == "inflate" else there


def stars_of(sources: ColumnTable) -> MovingStars:
    """Return the stars of a moving reference list at the epoch of its catalog."""
    further = {name: sources[name] for name in OPTIONAL if name in sources.columns}
    found = catalog_motions(
        sources["ra"], sources["dec"], further, ref_epoch=None, error=sources["error"]
    )
    return found.stars


def joined(sources: ColumnTable, new: ColumnTable, epoch: float | None) -> ColumnTable:
    """Return a list of image sources with the columns of a moving reference list.

    Parameters
    ----------
    sources : ColumnTable
        The reference list that they are to join; where it does not move, `new` stays as it is.
    new : ColumnTable
        Sources of an aligned image, where they were seen.
    epoch : float or None
        When that was, Julian year.
    """
    if not is_moving(sources):
        return new
    unknown = np.full(len(new), np.nan)
    lacking = {name: unknown for name in OPTIONAL if name in sources.columns}
    if epoch is not None:
        lacking[_EPOCH] = np.full(len(new), epoch)
    return replace(new, columns={**new.columns, **lacking})
