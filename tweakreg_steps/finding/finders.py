"""The programs that find sources, by the name that ``imagefindpars.finder`` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.finding.sky_noise import RealPixels, measure_sky_noise

SHAPE_COLUMNS = ("sharpness", "roundness1", "roundness2")
"""What DAOFIND selects on where ``use_sharp_round`` is true."""

_SHAPE_PARAMETERS = ("use_sharp_round", "sharplo", "sharphi", "roundlo", "roundhi")


@dataclass(frozen=True, eq=False)
class Search:
    """One chip to be searched.

    Attributes
    ----------
    pixels
        Shape (ny, nx).
    good
        False where no source may be, shape (ny, nx).
    weights
        The user's weight map, shape (ny, nx), or None.
    user_filter
        The text of the user's convolution filter, or None.
    find
        The section ``imagefindpars`` or ``refimagefindpars``.
    """

    pixels: RealPixels
    good: NDArray[np.bool_]
    weights: NDArray[Any] | None
    user_filter: str | None
    find: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ChipCatalog:
    """What a finder has found on one chip.

    Attributes
    ----------
    columns
        ``x``, ``y`` (FITS pixels, the first pixel's centre is 1), ``flux``, ``peak``, ``error``
        (standard error of x, and of y, in pixels; nan where the finder knows none) and, where they
        were selected on, `SHAPE_COLUMNS`; shape (n,).
    sigma
        Noise of the sky, in the unit of the pixels.
    note
        How they were found, for the catalog's metadata.
    """

    columns: Mapping[str, NDArray[np.float64]]
    sigma: float
    note: Mapping[str, Any]


@dataclass(frozen=True)
class Finder:
    """A program that finds sources: its search of one chip, and what its columns mean."""

    search: Callable[[Search], ChipCatalog]
    descriptions: Mapping[str, str]


def _daofind(search: Search) -> ChipCatalog:
    """Search with DAOFIND."""
    from tweakreg_steps.finding.daofind import find_sources_on_chip

    found = find_sources_on_chip(
        search.pixels, search.good, **_without(search.find, "finder", "sextractor")
    )
    shapes = SHAPE_COLUMNS if search.find["use_sharp_round"] else ()
    names = ("x", "y", "flux", "peak", *shapes)
    note = {
        "sky_sigma": float(found.sigma),
        "sky_sigma_method": found.noise.method if found.noise else "skysigma",
        "threshold_level": float(found.threshold_level),
        "retried": found.retried,
    }
    columns = {name: getattr(found.stars, name) for name in names}
    return ChipCatalog({**columns, "error": found.errors}, found.sigma, note)


def _sextractor(search: Search) -> ChipCatalog:
    """Search with SExtractor."""
    from tweakreg_steps.finding.sextractor import extract_sources_on_chip
    from tweakreg_steps.finding.sextractor_program import find_program

    program = find_program()
    found = extract_sources_on_chip(
        search.pixels,
        search.good,
        program=program,
        weights=search.weights,
        user_filter=search.user_filter,
        **_without(search.find, "finder", *_SHAPE_PARAMETERS),
    )
    names = ("x", "y", "flux", "peak", "error")
    note = {"program": f"SExtractor {program.version}", "retried": found.retried}
    # SExtractor keeps its own noise to itself
    sigma = measure_sky_noise(search.pixels).sigma
    return ChipCatalog({name: getattr(found, name) for name in names}, sigma, note)


FINDERS = {
    "daofind": Finder(
        _daofind,
        {
            "flux": "sum over the kernel's box, in image units",
            "peak": "brightest pixel of the kernel's box, in image units",
            "error": "standard error of x, and of y, that the noise of the sky gives",
        },
    ),
    "sextractor": Finder(
        _sextractor,
        {
            "flux": "FLUX_AUTO, above the background, in image units",
            "peak": "brightest pixel, in image units",
            "error": "standard error of x, and of y, from ERRX2WIN_IMAGE and ERRY2WIN_IMAGE",
        },
    ),
}
"""All finders."""


def _without(find: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the section without some of its parameters."""
    return {name: value for name, value in find.items() if name not in names}
