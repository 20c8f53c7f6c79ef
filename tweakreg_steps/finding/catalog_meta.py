"""What the metadata of a catalog, and of the sky list made from it, say of an image's sources."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast

from tweakreg_steps.tables.ecsv import ColumnTable

CENTROID = "centroid"
"""What they call how the sources were measured: ``psf``; nothing for a finder's own positions."""


class PsfCounts(TypedDict, total=False):
    """What the fit of a PSF made of the sources of a chip."""

    n_measured: int
    n_not_measured: int
    n_pieces: int
    n_narrow: int
    n_extended: int


class FinderNote(PsfCounts, total=False):
    """How the sources of a chip were found: other words of each finder, and then of the PSF's fit.

    Of a chip without pixels ``reason`` alone says why.
    """

    program: str
    sky_sigma: float
    sky_sigma_method: str
    sky_clipped_std: float | None
    bunit: str | None
    counts_per_unit: float | None
    threshold_level: float | None
    retried: bool
    warnings: list[str]
    pixel_noise: str
    reason: str


class ChipNote(FinderNote):
    """What is noted of the search of a chip."""

    chip: int
    n_sources: int


class LowerThresholds(TypedDict):
    """How many sources there are at lower thresholds.

    ``parameters``, those of the search, and ``counts``, rows of threshold and number of sources
    from the present threshold downwards; narrow ones are not counted if there are others.
    """

    parameters: dict[str, object]
    counts: list[list[float]]


class SkyMeta(TypedDict):
    """What a sky list keeps of that of its catalog; ``lower`` where there are few sources."""

    image: str
    found_in: Literal["pixels", "catalogs"]
    reason: str | None
    lower: NotRequired[LowerThresholds]
    centroid: NotRequired[Literal["psf"]]


class CatalogMeta(SkyMeta):
    """The metadata of a catalog; those made elsewhere tell nothing of chips."""

    chips: NotRequired[list[ChipNote]]


def catalog_meta(catalog: ColumnTable) -> CatalogMeta:
    """Return the metadata of a catalog."""
    return cast("CatalogMeta", catalog.meta)


def sky_meta(sky: ColumnTable) -> SkyMeta:
    """Return the metadata of a sky list."""
    return cast("SkyMeta", sky.meta)
