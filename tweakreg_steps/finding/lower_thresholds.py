"""How many sources an image would have at lower thresholds, where it has few.

Nothing is done with them: the user is told where to put the threshold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np

from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.finding.catalog_meta import LowerThresholds, catalog_meta
from tweakreg_steps.sections import Finding
from tweakreg_steps.tables.ecsv import ColumnTable

log = logging.getLogger(__name__)

FEW = 50
"""An image with fewer sources than this is looked at again."""
ENOUGH = 120
"""So many sources are enough to stop looking."""
LEAST = 4.0
"""The lowest threshold, in units of the noise: below, the peaks are those of the noise."""

Search = Callable[[Finding], ColumnTable]
"""Gives the catalog of an image for a section ``imagefindpars``."""

_SAID = (
    "threshold",
    "conv_width",
    "finder",
    "peakmin",
    "peakmax",
    "fluxmin",
    "fluxmax",
    "use_sharp_round",
)
"""The parameters of the search that decide how many sources there are."""


def look_lower(catalog: ColumnTable, find: Finding, again: Search) -> LowerThresholds | None:
    """Return what the metadata of a catalog say of lower thresholds: nothing of a rich one.

    Parameters
    ----------
    catalog
        What was found.
    find
        The section that says how.
    again
        Finds the sources of the same image with another section.

    Returns
    -------
    LowerThresholds or None
        None where the image has enough sources.
    """
    if len(catalog) >= FEW or catalog_meta(catalog)["reason"]:
        return None
    counts: list[list[float]] = [[find["threshold"], _number(catalog)]]
    for threshold in _thresholds(find["threshold"]):
        try:
            number = _number(again({**find, "threshold": threshold}))
        except TweakRegError as error:
            log.info("at a threshold of %g: %s", threshold, error)
            break
        counts.append([threshold, number])
        if number >= ENOUGH:
            break
    said = {name: value for name, value in find.items() if name in _SAID}
    return {"parameters": said, "counts": counts}


def _thresholds(present: float | None) -> Iterator[float]:
    """Yield half the threshold, a quarter and so on, down to the least."""
    threshold = present or 0.0
    while threshold > LEAST:
        threshold = max(float(f"{threshold / 2.0:.3g}"), LEAST)
        yield threshold


def _number(catalog: ColumnTable) -> int:
    """Count sources that may be stars."""
    narrow = np.asarray(catalog["narrow"], dtype=bool)
    return int(np.count_nonzero(~narrow)) or len(narrow)
