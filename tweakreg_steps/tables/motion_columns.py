"""The columns of a catalog that say how its stars move, and how well that is known."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_columns import CatalogTable, Column, ColumnRole
from tweakreg_steps.tables.position_errors import ErrorColumns

log = logging.getLogger(__name__)

Floats = FloatArray
NoMotion = Literal["keep", "drop", "inflate"]

_NUMBERS = ("ra", "dec", "parallax", "pmra", "pmdec")
"""The astrometric parameters, as Gaia names and orders them."""

_VIZIER = {
    "ra": "ra_icrs",
    "dec": "de_icrs",
    "parallax": "plx",
    "pmra": "pmra",
    "pmdec": "pmde",
    "ra_error": "e_ra_icrs",
    "dec_error": "e_de_icrs",
    "parallax_error": "e_plx",
    "pmra_error": "e_pmra",
    "pmdec_error": "e_pmde",
    "ra_dec_corr": "radecor",
    "ra_parallax_corr": "raplxcor",
    "ra_pmra_corr": "rapmracor",
    "ra_pmdec_corr": "rapmdecor",
    "dec_parallax_corr": "deplxcor",
    "dec_pmra_corr": "depmracor",
    "dec_pmdec_corr": "depmdecor",
    "parallax_pmra_corr": "plxpmracor",
    "parallax_pmdec_corr": "plxpmdecor",
    "pmra_pmdec_corr": "pmrapmdecor",
    "radial_velocity": "rv",
    "ruwe": "ruwe",
    "ref_epoch": "epoch",
}
"""What VizieR calls Gaia's columns (I/355/gaiadr3), in lower case."""

_ASTROPY = {"pmra": "pm_ra_cosdec", "pmdec": "pm_dec"}
"""What coordinates of astropy call them."""

OPTIONAL = (
    "parallax",
    "pmra",
    "pmdec",
    *(f"{name}_error" for name in _NUMBERS),
    *(f"{one}_{other}_corr" for one, other in combinations(_NUMBERS, 2)),
    "radial_velocity",
    "ruwe",
    "ref_epoch",
)
"""Columns that are used where a catalog has them, by Gaia's names."""


def known_columns(names: tuple[str, ...]) -> dict[str, str]:
    """Return which of a catalog's columns hold what, by Gaia's names of it.

    Parameters
    ----------
    names : tuple of str
        Names of the catalog's columns, in any case.
    """
    lower = {name.lower(): name for name in reversed(names)}
    found = {}
    for ours in OPTIONAL:
        for theirs in (ours, _VIZIER[ours], _ASTROPY.get(ours, ours)):
            if theirs in lower:
                found[ours] = lower[theirs]
                break
    return found


UNITS = {
    "ra_error": "mas",
    "dec_error": "mas",
    "parallax": "mas",
    "parallax_error": "mas",
    "pmra": "mas / yr",
    "pmra_error": "mas / yr",
    "pmdec": "mas / yr",
    "pmdec_error": "mas / yr",
    "radial_velocity": "km / s",
    "ref_epoch": "yr",
}
"""Units of the columns, by Gaia's names."""
"""The units that the columns are wanted in, and taken to be in where the file tells none."""

_EPOCHS = (1850.0, 2150.0)
"""Julian years between which a catalog's epoch lies; a column of other numbers holds no epochs."""

_J2000 = {51544.5: (15e3, 107e3), 2451545.0: (2.4e6, 2.51e6)}
"""J2000.0 as a Modified Julian Date and as a Julian Date, and within what such dates lie."""

_JULIAN_YEAR = re.compile(r"\s*J?(\d{4}(?:\.\d*)?)\s*")


def julian_year(text: str) -> float | None:
    """Return the year of an epoch such as J2016.0 or 2016.0; None where a text is none."""
    found = _JULIAN_YEAR.fullmatch(text)
    year = float(found[1]) if found else 0.0
    return year if _EPOCHS[0] <= year <= _EPOCHS[1] else None


def as_julian_years(epochs: Floats) -> Floats:
    """Return epochs, shape (n,), as Julian years, where they are Julian or Modified Julian Dates.

    No number is two of the three. What is none of them, or nan, stays as it is.
    """
    years = epochs.copy()
    for j2000, (low, high) in _J2000.items():
        dates = (epochs > low) & (epochs < high)
        years[dates] = 2000.0 + (epochs[dates] - j2000) / 365.25
    return years


@dataclass(frozen=True)
class MotionColumns:
    """Where a catalog says how its stars move.

    Attributes
    ----------
    ref_epoch
        The epoch as the recipe has it: a Julian year, as a number or a text such as J2016.0, the
        name of a column, or None.
    named
        Columns by Gaia's names of what they hold, from the recipe; None for one that is not to be
        used although the file has it.
    errors
        The columns of the errors of the positions, where the recipe names them.
    """

    ref_epoch: float | str | None
    named: Mapping[str, Column | None]
    errors: ErrorColumns

    @property
    def year(self) -> float | None:
        """The Julian year that the recipe gives."""
        if isinstance(self.ref_epoch, str):
            return julian_year(self.ref_epoch)
        return self.ref_epoch

    def asked(self) -> dict[str, ColumnRole]:
        """Return the columns that the recipe names."""
        first, second = self.errors.x, self.errors.y
        both = {"ra_error": first or second, "dec_error": second or first}
        errors = {
            name: ColumnRole(f"reference_catalog.{key}", column, "mas", self.errors.units)
            for (name, column), key in zip(both.items(), self._error_keys(), strict=True)
            if column is not None
        }
        named = {
            name: _role(name, column) for name, column in self.named.items() if column is not None
        }
        if isinstance(self.ref_epoch, str) and self.year is None:
            named["ref_epoch"] = ColumnRole("reference_catalog.ref_epoch", self.ref_epoch)
        return errors | named

    def _error_keys(self) -> tuple[str, str]:
        """Return which parameters name the columns of the errors."""
        first = "refyerrcol" if self.errors.x is None else "refxerrcol"
        return first, "refxerrcol" if self.errors.y is None else "refyerrcol"

    def found(self, table: CatalogTable) -> dict[str, ColumnRole]:
        """Return the columns that a file has under Gaia's names, or VizieR's, and nobody named."""
        known: dict[str, str] = {}
        for words in table.headings:
            known = known_columns(tuple(words)) | known
        left_out = {*self.named, *self.asked()}
        if self.year is not None:
            left_out.add("ref_epoch")
        return {name: _role(name, column) for name, column in known.items() if name not in left_out}

    def with_epoch(self, columns: Mapping[str, Floats], n: int) -> dict[str, Floats]:
        """Return the columns with the epoch of each of `n` stars among them, if one is known.

        An error below zero is how some catalogs say that there is none.

        Raises
        ------
        InputError
            A column holds no epochs, or no correlations.
        """
        given = dict(columns)
        for name, values in columns.items():
            if name.endswith("_corr"):
                _require_correlations(name, values)
            elif name.endswith("_error"):
                given[name] = np.where(values >= 0.0, values, np.nan)
        if self.year is not None:
            given["ref_epoch"] = np.full(n, self.year)
        elif "ref_epoch" in given:
            epochs = as_julian_years(given["ref_epoch"])
            good = (epochs > _EPOCHS[0]) & (epochs < _EPOCHS[1])
            self._require_epochs(epochs[np.isfinite(epochs) & ~good])
            given["ref_epoch"] = np.where(good, epochs, np.nan)
        return given

    def _require_epochs(self, wrong: Floats) -> None:
        """Refuse a column that the recipe names, where it holds no epochs."""
        column = self.ref_epoch or self.named.get("ref_epoch")
        if column and len(wrong):
            raise InputError(
                f"reference_catalog.ref_epoch: the column {column} holds {wrong[0]:g}, which is no"
                " Julian year such as 2016.0, and no Julian date; name another column, or give the"
                " year itself"
            )


def _require_correlations(name: str, values: Floats) -> None:
    """Refuse a column of correlations where it holds anything else."""
    wrong = values[np.abs(values) > 1.0]
    if len(wrong):
        raise InputError(
            f"reference_catalog.columns.{name}: {len(wrong)} of its values are no correlations, the"
            f" first of them {wrong[0]:g}: these lie between -1 and 1; name another column, or"
            f" write columns: {{{name}: null}} to do without"
        )


def _role(name: str, column: Column) -> ColumnRole:
    """Return what a column is wanted for."""
    # an epoch is known by its size
    unit = UNITS.get(name, "") if name != "ref_epoch" else ""
    return ColumnRole(f"reference_catalog.columns.{name}", column, unit, unit)


@dataclass(frozen=True)
class MotionLimits:
    """Which stars of a catalog are to be used, by what is known of their motions.

    Attributes
    ----------
    no_pm
        What becomes of stars without a proper motion: ``drop`` leaves them out.
    ruwe_max
        Largest renormalised unit weight error, or None.
    pm_error_max
        Largest standard error of a proper motion along one axis, mas/yr, or None.
    """

    no_pm: NoMotion
    ruwe_max: float | None
    pm_error_max: float | None

    def passed(self, where: str, columns: Mapping[str, Floats], n: int) -> BoolArray:
        """Tell which of a catalog's `n` stars pass; what is not known of a star is let pass.

        Raises
        ------
        InputError
            None passes.
        """
        for name, needed in (("ruwe_max", "ruwe"), ("pm_error_max", "pmra_error")):
            if getattr(self, name) is not None and needed not in columns:
                raise InputError(
                    f"{where}: reference_catalog.{name} is given, but no column {needed} is known;"
                    f" name it in reference_catalog.columns, or leave {name} out"
                )
        good = np.ones(n, dtype=np.bool_)
        has_motion = _has_motion(columns, n)
        if self.no_pm == "drop":
            good &= has_motion
        if self.ruwe_max is not None:
            good &= ~(columns["ruwe"] > self.ruwe_max)
        if self.pm_error_max is not None:
            for name in ("pmra_error", "pmdec_error"):
                good &= ~(columns.get(name, np.zeros(n)) > self.pm_error_max)
        if n and not good.any():
            kinds = ("ruwe_max and pm_error_max", "no_pm: drop, and none has a motion")
            why = kinds[0] if has_motion.any() else kinds[1]
            raise InputError(
                f"{where}: no star passes the limits of reference_catalog ({why}); widen them, or"
                " name the columns of the motions in reference_catalog.columns"
            )
        if not good.all():
            log.info("%s: left out by the limits of motions: %d", where, np.sum(~good))
        return good


def _has_motion(columns: Mapping[str, Floats], n: int) -> BoolArray:
    """Tell which of `n` stars have a proper motion."""
    if not {"pmra", "pmdec"} <= set(columns):
        return np.zeros(n, dtype=np.bool_)
    return np.asarray(np.isfinite(columns["pmra"]) & np.isfinite(columns["pmdec"]))


def moves(columns: Mapping[str, Floats], *, no_pm: NoMotion) -> bool:
    """Tell whether positions, or what is known of them, depend on the epoch.

    Parameters
    ----------
    columns
        Of `CatalogEntries.more`.
    no_pm
        Whether stars without a motion get the more uncertain the farther the epoch is.
    """
    epochs = columns.get("ref_epoch", np.zeros(0))
    if not np.isfinite(epochs).any():
        return False
    return no_pm == "inflate" or bool(_has_motion(columns, len(epochs)).any())
