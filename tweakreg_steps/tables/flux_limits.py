"""Which entries of a catalog are bright enough, and which are the brightest."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray

Floats = FloatArray
Flags = BoolArray


def within_limits(
    flux: Floats, *, maxflux: float | None, minflux: float | None, fluxunits: str
) -> Flags:
    """Choose the entries between the limits, both inclusive.

    Parameters
    ----------
    flux
        Flux or magnitude of each entry, nan where there is none; shape (n,).
    maxflux, minflux
        Bright and faint limit; with `fluxunits` ``mag`` the faint limit is the larger number.
        None for no limit: without any, entries without flux are kept too.
    fluxunits
        ``mag``, ``counts`` or ``cps``.
    """
    sign = -1.0 if fluxunits == "mag" else 1.0
    kept = np.ones(len(flux), dtype=bool)
    if maxflux is not None:
        kept &= sign * flux <= sign * maxflux
    if minflux is not None:
        kept &= sign * flux >= sign * minflux
    return kept


def brightest(flux: Floats, kept: Flags, *, nbright: int, fluxunits: str) -> Flags:
    """Choose the brightest of the kept entries; of equals the earlier, those without flux last.

    Parameters
    ----------
    flux
        Flux or magnitude of each entry, nan where there is none; shape (n,).
    kept
        The entries to choose from, shape (n,).
    nbright
        How many.
    fluxunits
        ``mag``, ``counts`` or ``cps``.
    """
    order = np.nonzero(kept)[0]
    faintness = flux[order] if fluxunits == "mag" else -flux[order]
    chosen = np.zeros_like(kept)
    chosen[order[np.argsort(faintness, kind="stable")[:nbright]]] = True
    return chosen


def explain_none_within(
    flux: Floats, *, maxflux: float | None, minflux: float | None, fluxunits: str, prefix: str
) -> str:
    """Say why no entry is within the limits; `prefix` is what their names begin with."""
    known = flux[np.isfinite(flux)]
    span = f"from {known.min():g} to {known.max():g}" if len(known) else "all unknown"
    low, high = ("maxflux", "minflux") if fluxunits == "mag" else ("minflux", "maxflux")
    return (
        f"no entry is within the limits {prefix}maxflux {maxflux}, {prefix}minflux {minflux}; the "
        f"catalog's values are {span}. With {prefix}fluxunits: {fluxunits}, "
        f"{prefix}{low} <= value <= {prefix}{high} is kept"
    )
