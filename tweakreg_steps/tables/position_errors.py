"""The standard errors of a catalog's positions, from its own columns."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.tables.catalog_columns import CatalogTable, Column, ColumnRole, read_role

log = logging.getLogger(__name__)

_KNOWN = (("ra_error", "dec_error"), ("e_ra_icrs", "e_de_icrs"))
"""Gaia's columns, and VizieR's names of them: along the great circle, and along the meridian."""


@dataclass(frozen=True)
class ErrorColumns:
    """Where the errors of a catalog's positions stand.

    Attributes
    ----------
    x, y
        Columns of the errors along right ascension (on the great circle) and declination; where
        one is None, the other holds for both axes, and where both are, a well-known pair is
        taken, if the file names one.
    units
        ``mas`` or ``deg``, for columns whose unit the file does not tell.
    """

    x: Column | None
    y: Column | None
    units: str

    def roles(self) -> Iterator[ColumnRole]:
        """Yield the columns that are named."""
        for name, column in (("refxerrcol", self.x), ("refyerrcol", self.y)):
            if column is not None:
                yield ColumnRole(f"reference_catalog.{name}", column, "mas", self.units)


def position_errors(table: CatalogTable, columns: ErrorColumns) -> FloatArray:
    """Give the standard error of each position along one axis: the rms of those along both.

    Parameters
    ----------
    table
        The catalog.
    columns
        Where the errors stand.

    Returns
    -------
    float array, shape (n,)
        In mas; nan where the catalog has none that is positive.

    Raises
    ------
    InputError
        A column is missing, or holds no errors.
    """
    if columns.x is None and columns.y is None:
        known = _known_pair(table)
        if known is None:
            return np.full(len(table), np.nan)
        columns = ErrorColumns(*known, columns.units)
    errors = [read_role(table, role) for role in columns.roles()]
    squares = [np.where(values > 0.0, values, np.nan) ** 2 for values in errors]
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def _known_pair(table: CatalogTable) -> tuple[str, str] | None:
    """Names of the columns of a well-known pair."""
    for words in table.headings:
        lower = {word.lower(): word for word in reversed(words)}
        for first, second in _KNOWN:
            if first in lower and second in lower:
                log.info("%s: errors from %s and %s", table.path, lower[first], lower[second])
                return lower[first], lower[second]
    return None
