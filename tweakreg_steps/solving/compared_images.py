"""How well aligned images agree with each other, from their sources on the sky and their fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.lists_on_plane import brightness_of, on_plane
from tweakreg_steps.alignment.misfits import Field, Misfit, misfits_of_fields
from tweakreg_steps.astrometry.plane_fit import PlaneFit, to_reference
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.fit_file import FitRecord, accepted_numbers
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS


_MOST_PAIRS = 10
"""Overlaps of an image that it asks to be compared, the largest."""


def compare_aligned(
    skies: Mapping[str, ColumnTable],
    fits: Mapping[str, FitRecord],
    *,
    plane: WCS,
    mas_per_pixel: float,
) -> list[Misfit]:
    """Compare images that overlap where their fits put them.

    Parameters
    ----------
    skies : mapping of str to ColumnTable
        The sources of each image through its header as it is, in the user's order.
    fits : mapping of str to mapping
        The records of their fits; one that is not aligned is left out.
    plane : astropy.wcs.WCS
        The reference plane.
    mas_per_pixel : float
        Size of its pixels.

    Returns
    -------
    list of Misfit
        In mas; images by their places.
    """
    fields = [
        _field(name, sky, fits[name], plane, mas_per_pixel)
        if fits[name]["status"] != "not_aligned"
        else None
        for name, sky in skies.items()
    ]
    known = [place for place, field in enumerate(fields) if field is not None]
    if len(known) < 2:  # noqa: PLR2004  a pair
        return []
    pairs = misfits_of_fields(fields, _overlapping(list(skies.values()), known))
    return [pair.times(mas_per_pixel) for pair in pairs]


def _field(
    name: str, sky: ColumnTable, fit: FitRecord, plane: WCS, mas_per_pixel: float
) -> Field | None:
    """Return the sources of an image where its fit puts them; None where the plane shows none."""
    try:
        xy = on_plane(plane, sky, whose=name)
    except NotAlignedError:
        return None
    if fit["status"] == "aligned":
        numbers = accepted_numbers(fit)
        xy = to_reference(PlaneFit.of(numbers), xy)
    return Field(xy, sky["error"] / mas_per_pixel, brightness_of(sky).astype(np.float64))


def _overlapping(skies: list[ColumnTable], known: list[int]) -> list[tuple[int, int]]:
    """Return the pairs that overlap by their sources, of a deep stack those that do most."""
    from tweakreg_steps.alignment.overlap import hull_of
    from tweakreg_steps.solving.overlaps import choose_pairs, find_overlaps

    hulls = [hull_of(skies[place]["ra"], skies[place]["dec"]) for place in known]
    chosen = choose_pairs(find_overlaps(hulls, margin=0.0), len(hulls), most=_MOST_PAIRS)
    return [(known[pair.one], known[pair.other]) for pair in chosen]
