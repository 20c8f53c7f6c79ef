"""The programs that find sources, by the name that ``imagefindpars.finder`` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding.background import subtract_background
from tweakreg_steps.finding.catalog_meta import FinderNote
from tweakreg_steps.finding.sky_noise import RealPixels, SkyNoise, measure_sky_noise
from tweakreg_steps.finding.sources import PHASE_COLUMNS, FoundSources
from tweakreg_steps.finding.threshold import Threshold, noise_warning
from tweakreg_steps.fits_files.pixel_unit import PixelUnit
from tweakreg_steps.sections import Finding

SHAPE_COLUMNS = ("sharpness", "roundness1", "roundness2")
"""What DAOFIND selects on where ``use_sharp_round`` is true."""

_SHAPE_PARAMETERS = ("use_sharp_round", "sharplo", "sharphi", "roundlo", "roundhi")
_BACKGROUND_PARAMETERS = ("background", "backsize", "backfiltersize")
_SEGMENT_PARAMETERS = ("minarea", "deblend_levels", "deblend_contrast")
_OTHERS = ("finder", "sextractor", *_BACKGROUND_PARAMETERS)


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
    unit
        What the values of the pixels are.
    find
        The section ``imagefindpars`` or ``refimagefindpars``.
    """

    pixels: RealPixels
    good: BoolArray
    weights: NDArray[Any] | None
    user_filter: str | None
    unit: PixelUnit
    find: Finding

    @property
    def counts_per_unit(self) -> float | None:
        """Counts that a pixel of value 1 holds; None where they do not tell the noise."""
        return None if self.is_subtracted else self.unit.counts

    @property
    def is_subtracted(self) -> bool:
        """Tell whether the background is to be taken off."""
        return bool(self.find["background"] == "map")

    def searched_pixels(self) -> RealPixels:
        """Return the pixels, without their background where that is asked for."""
        if not self.is_subtracted:
            return self.pixels
        return subtract_background(
            self.pixels,
            self.good,
            backsize=self.find["backsize"],
            backfiltersize=self.find["backfiltersize"],
        )

    def warnings_of(self, noise: SkyNoise | None) -> tuple[str, ...]:
        """Return what is to be said of the noise."""
        if noise is None:
            return ()
        text = noise_warning(noise, None if self.is_subtracted else self.unit)
        return () if text is None else (text,)


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
        Noise of a pixel of the sky, in the unit of the pixels.
    note
        How they were found, for the catalog's metadata.
    warnings
        What the user should know of it.
    """

    columns: Mapping[str, FloatArray]
    sigma: float
    note: FinderNote
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Finder:
    """A program that finds sources: its search of one chip, and what its columns mean."""

    search: Callable[[Search], ChipCatalog]
    descriptions: Mapping[str, str]


def _daofind(search: Search) -> ChipCatalog:
    """Search with DAOFIND."""
    from tweakreg_steps.finding.daofind import find_sources_on_chip

    found = find_sources_on_chip(
        search.searched_pixels(),
        search.good,
        counts_per_unit=search.counts_per_unit,
        **_without(search.find, *_OTHERS, *_SEGMENT_PARAMETERS),
    )
    shapes = SHAPE_COLUMNS if search.find["use_sharp_round"] else ()
    columns = {
        name: getattr(found.stars, name)
        for name in ("x", "y", "flux", "peak", *shapes, *PHASE_COLUMNS)
    }
    return _catalog(search, {**columns, "error": found.errors}, found.above)


def _iraf(search: Search) -> ChipCatalog:
    """Search with IRAF's starfind."""
    from tweakreg_steps.finding.irafstarfind import find_iraf_sources

    found, above = find_iraf_sources(
        search.searched_pixels(),
        search.good,
        counts_per_unit=search.counts_per_unit,
        **_without(search.find, *_OTHERS, *_SEGMENT_PARAMETERS, "ratio", "theta"),
    )
    columns = _columns(found, above)
    if search.find["use_sharp_round"]:
        shapes = (found.sharpness, found.roundness, found.roundness)
        columns |= dict(zip(SHAPE_COLUMNS, shapes, strict=True))
    return _catalog(search, columns, above)


def _segmentation(search: Search) -> ChipCatalog:
    """Search by segmentation."""
    from tweakreg_steps.finding.segmentation import find_segments

    found, above = find_segments(
        search.searched_pixels(),
        search.good,
        counts_per_unit=search.counts_per_unit,
        **_without(search.find, *_OTHERS, *_SHAPE_PARAMETERS),
    )
    return _catalog(search, _columns(found, above), above)


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
        counts_per_unit=search.unit.counts,
        **_without(
            search.find,
            "finder",
            *_BACKGROUND_PARAMETERS,
            *_SHAPE_PARAMETERS,
            *_SEGMENT_PARAMETERS,
        ),
    )
    names = ("x", "y", "flux", "peak", "error")
    note: FinderNote = {"program": f"SExtractor {program.version}", "retried": found.retried}
    # SExtractor keeps its own noise to itself
    noise = measure_sky_noise(search.pixels, counts_per_unit=search.unit.counts)
    columns = {name: getattr(found, name) for name in names}
    return ChipCatalog(columns, noise.of_a_pixel, note, ())


def _columns(found: FoundSources, above: Threshold) -> dict[str, FloatArray]:
    """Return what every finder measures."""
    columns = {name: getattr(found, name) for name in ("x", "y", "flux", "peak")}
    return {**columns, "error": found.noise_response * above.pixel_noise}


def _catalog(search: Search, columns: Mapping[str, FloatArray], above: Threshold) -> ChipCatalog:
    """Return the catalog of what was found above a threshold."""
    note: FinderNote = {
        "sky_sigma": float(above.sigma),
        "sky_sigma_method": above.noise.method if above.noise else "skysigma",
        "sky_clipped_std": float(above.noise.clipped_std) if above.noise else None,
        "bunit": search.unit.name,
        "counts_per_unit": search.unit.counts,
        "threshold_level": float(above.level) if np.isfinite(above.level) else None,
        "retried": above.retried,
    }
    return ChipCatalog(columns, above.pixel_noise, note, search.warnings_of(above.noise))


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
    "iraf": Finder(
        _iraf,
        {
            "flux": "sum over the kernel, above the local sky, in image units",
            "peak": "brightest pixel of the kernel's box, in image units",
            "error": "standard error of x, and of y, that the noise of the sky gives",
        },
    ),
    "segmentation": Finder(
        _segmentation,
        {
            "flux": "sum over the source's pixels, above the background, in image units",
            "peak": "brightest pixel, in image units",
            "error": "standard error of x, and of y, that the noise of the sky gives",
        },
    ),
}
"""All finders."""


def _without(find: Finding, *names: str) -> dict[str, Any]:
    """Return the section without some of its parameters."""
    return {name: value for name, value in find.items() if name not in names}
