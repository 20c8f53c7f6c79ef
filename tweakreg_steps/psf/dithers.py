"""A PSF from dithered exposures as they lie in their files: which source is which star in which.

The exposures are laid over each other as the images of a run are, through the WCS of their headers
and a match of their sources.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from tweakreg_steps.alignment.overlap import hull_of
from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.undistortion import pixel_scale, pixels_to_sky, sky_to_plane
from tweakreg_steps.fits_files.exposure import read_wcs
from tweakreg_steps.fits_files.header_cards import CardValue, Commented
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.psf.exposed_pixels import ExposedPixels, ExposureFiles
from tweakreg_steps.psf.psf_build import BuiltPsf, build_psfs
from tweakreg_steps.psf.psf_file import ERROR, write_psf
from tweakreg_steps.psf.psf_stars import ExposedChip
from tweakreg_steps.sections import ObjectMatching, Pointings
from tweakreg_steps.solving.joining import join_pairs
from tweakreg_steps.solving.overlaps import choose_pairs, find_overlaps
from tweakreg_steps.solving.pair_match import Edge, match_pair
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

log = logging.getLogger(__name__)

Index = IndexArray

MOST_MATCHED = 3000
"""Sources of an exposure, the brightest, by which it is laid over the others."""

MOST_PAIRS = 3
"""Exposures that each is laid over, those that share most with it."""

STEP = 0.5
"""Pixels over which the derivatives of the distortion are taken."""

OF_ONE_CAMERA = {
    "minobj": 15,
    "mirrored": False,
    "leave_out_narrow": True,
    "leave_out_fixed": True,
    "separation": 0.0,
}
"""How exposures of one camera are matched, whatever the recipe says of images and a reference: a
PSF is no other for it."""

MOST_CHANCE = 0.001
"""Largest probability with which unrelated lists may give the offset of two exposures."""

UNDITHERED = 0.05
"""Spread of the phases of a star, in pixels, below which exposures count as not dithered."""


@dataclass(frozen=True, eq=False)
class Dither:
    """An exposure, and the finder's catalog of it."""

    files: ExposureFiles
    catalog: ColumnTable


@dataclass(frozen=True, eq=False)
class _OnPlane:
    """Sources of an exposure on a plane common to all, in its order.

    Attributes
    ----------
    xy
        Pixels of the plane, shape (n, 2).
    jacobian
        Derivatives of these by x and y on the chip, shape (n, 2, 2).
    ra, dec
        Degrees, shape (n,).
    """

    xy: FloatArray
    jacobian: FloatArray
    ra: FloatArray
    dec: FloatArray


def build_from_dithers(
    dithers: Sequence[Dither],
    path: Path,
    *,
    matching: Pointings,
    history: Sequence[str],
) -> None:
    """Build the PSF of all detectors of a camera, and write it.

    Parameters
    ----------
    dithers
        The exposures, all of one camera and filter.
    path
        The file to write.
    matching
        How far the headers may be off: those keywords of
        `tweakreg_steps.matching.matching.match_sources` that `OF_ONE_CAMERA` does not hold.
    history
        Lines for the HISTORY of the primary header.

    Raises
    ------
    FewStarsError
        A detector has too few stars that two exposures see.
    """
    chips = expose_chips(dithers, matching=matching)
    built = build_psfs(chips)
    setup = dithers[0].files.chips[0].setup
    cards: dict[str, CardValue | Commented] = {
        "CAMERA": setup.camera,
        "FILTER": setup.filter,
        "NEXPOS": (len(dithers), "exposures that it was built from"),
    }
    for detector, psf in built.items():
        _say(detector, psf)
        cards[f"NSTARS{detector}"] = (psf.n_stars, f"stars of detector {detector}")
        cards[f"NOBSER{detector}"] = (psf.n_observations, "their observations")
        cards[f"SCATTR{detector}"] = (round(psf.scatter, 5), "px, an observation about the mean")
        cards[f"{ERROR}{detector}"] = (round(psf.error, 5), "px, what the PSF adds to errors")
        cards[f"PHASES{detector}"] = (round(psf.phase_spread, 4), "px, spread of a star's phases")
    write_psf(path, {d: psf.psf for d, psf in built.items()}, cards, history=history)


def _say(detector: int, built: BuiltPsf) -> None:
    """Say from what a PSF was built."""
    nodes = f"{len(built.psf.x_nodes)}x{len(built.psf.y_nodes)} nodes"
    log.info(
        "detector %d: %s from %d stars seen %d times, scatter %.4f px, error of the PSF %.4f px",
        *(detector, nodes, built.n_stars, built.n_observations, built.scatter, built.error),
    )
    if built.phase_spread < UNDITHERED:
        log.warning(
            "detector %d: the exposures see each star at the same place in its pixel (to %.3f px); "
            "without dithers by parts of a pixel a PSF takes the finder's errors over, and the "
            "errors of its positions do not tell of these",
            *(detector, built.phase_spread),
        )


def expose_chips(dithers: Sequence[Dither], *, matching: Pointings) -> list[ExposedChip]:
    """Find out which source of which chip is which star; parameters as for `build_from_dithers`."""
    plane, scale = _plane_of(dithers)
    placed = [_place(dither, plane) for dither in dithers]
    edges = _match(dithers, placed, scale, cast("ObjectMatching", {**matching, **OF_ONE_CAMERA}))
    star = join_pairs(edges, [len(one.xy) for one in placed]).star
    stars = np.split(star, np.cumsum([len(one.xy) for one in placed])[:-1])
    maps = _maps_to_first(edges, len(dithers))
    return [
        _expose(pixels, dither.catalog, own, own_star, onto)
        for dither, own, own_star, onto in zip(dithers, placed, stars, maps, strict=True)
        for pixels in dither.files.chips
    ]


def _expose(
    pixels: ExposedPixels, catalog: ColumnTable, placed: _OnPlane, star: Index, onto: FloatArray
) -> ExposedChip:
    """Describe a chip; `onto` takes its exposure's places onto those of the first, shape (2, 3)."""
    chip = pixels.chip
    here, setup = catalog["chip"] == chip.number, pixels.setup
    return ExposedChip(
        load=pixels.load,
        shape=chip.shape,
        detector=setup.detector,
        offset=(setup.offset_x, setup.offset_y),
        x=catalog["x"][here],
        y=catalog["y"][here],
        plane=placed.xy[here] @ onto[:, :2].T + onto[:, 2],
        jacobian=onto[:, :2] @ placed.jacobian[here],
        star=star[here],
    )


def _plane_of(dithers: Sequence[Dither]) -> tuple[WCS, float]:
    """Make a tangent plane in the middle of the first exposure; with its pixels in arcseconds."""
    from astropy.wcs import WCS

    first = dithers[0].files.chips[0]
    chip = read_wcs(first.exposure.image, first.chip)
    ny, nx = first.chip.shape
    ra, dec = pixels_to_sky(chip, [nx / 2.0], [ny / 2.0], where=first.label)
    scale = pixel_scale(chip)
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.cunit = ["deg", "deg"]
    plane.wcs.crval = [float(ra[0]), float(dec[0])]
    plane.wcs.crpix = [0.0, 0.0]
    plane.wcs.cd = np.diag([-scale, scale]) / 3600.0
    plane.wcs.radesys = "ICRS"
    plane.wcs.set()
    return plane, scale


def _place(dither: Dither, plane: WCS) -> _OnPlane:
    """Take the sources of an exposure onto the plane."""
    catalog, n = dither.catalog, len(dither.catalog)
    xy, ra, dec = np.zeros((n, 2)), np.zeros(n), np.zeros(n)
    jacobian = np.tile(np.eye(2), (n, 1, 1))
    for pixels in dither.files.chips:
        here = np.flatnonzero(catalog["chip"] == pixels.chip.number)
        wcs = read_wcs(dither.files.image, pixels.chip)
        x, y = catalog["x"][here], catalog["y"][here]
        ra[here], dec[here] = pixels_to_sky(wcs, x, y, where=pixels.label)
        places = [
            np.column_stack(
                sky_to_plane(
                    plane,
                    *pixels_to_sky(wcs, x + dx, y + dy, where=pixels.label),
                    where=pixels.label,
                )
            )
            for dx, dy in ((0.0, 0.0), (STEP, 0.0), (0.0, STEP))
        ]
        xy[here] = places[0]
        jacobian[here] = np.stack([(p - places[0]) / STEP for p in places[1:]], axis=2)
    return _OnPlane(xy, jacobian, ra, dec)


def _match(
    dithers: Sequence[Dither],
    placed: Sequence[_OnPlane],
    scale: float,
    matching: ObjectMatching,
) -> list[Edge]:
    """Lay exposures that share stars over each other; rows are those of the whole catalogs."""
    brightest = [_brightest(dither.catalog) for dither in dithers]
    lists = [
        _source_list(dither.catalog, one.xy).choose(chosen)
        for dither, one, chosen in zip(dithers, placed, brightest, strict=True)
    ]
    margin = matching["searchrad"] * (1.0 if matching["searchunits"] == "arcseconds" else scale)
    overlaps = find_overlaps([hull_of(one.ra, one.dec) for one in placed], margin=margin)
    found = []
    for pair in choose_pairs(overlaps, len(dithers), most=MOST_PAIRS):
        one, other = pair.one, pair.other
        edge = match_pair(
            one,
            other,
            (lists[one], lists[other]),
            matching=matching,
            pixel_scale=scale,
            max_false_alarm=MOST_CHANCE,
            geometry="general",
        )
        if not edge.is_match:
            names = dithers[one].files.name, dithers[other].files.name
            log.warning("%s and %s cannot be laid over each other: %s", *names, edge.problem)
            continue
        rows = np.column_stack([brightest[one][edge.rows[:, 0]], brightest[other][edge.rows[:, 1]]])
        found.append(replace(edge, rows=rows))
    return found


def _brightest(catalog: ColumnTable) -> Index:
    """Return the rows of the brightest sources that may be stars."""
    order = np.argsort(-catalog["flux"], kind="stable")
    return np.sort(order[:MOST_MATCHED])


def _source_list(catalog: ColumnTable, xy: FloatArray) -> SourceList:
    """Return a catalog as the matching takes it."""
    detector = np.column_stack([catalog["chip"], catalog["x"], catalog["y"]]).astype(np.float64)
    return SourceList(xy, catalog["flux"], catalog["narrow"], detector)


def _maps_to_first(edges: Sequence[Edge], n_exposures: int) -> list[FloatArray]:
    """Return what takes each exposure's places onto those of the first it hangs together with.

    Matrices of shape (2, 3): a linear map, and a shift in the last column.
    """
    maps: dict[int, FloatArray] = {}
    for start in range(n_exposures):
        if start in maps:
            continue
        maps[start] = np.eye(2, 3)
        pending = [start]
        while pending:
            here = pending.pop()
            for edge in edges:
                there = {edge.one: edge.other, edge.other: edge.one}.get(here)
                if there is None or there in maps:
                    continue
                maps[there] = _chain(maps[here], edge, forward=edge.one == here)
                pending.append(there)
    return [maps[exposure] for exposure in range(n_exposures)]


def _chain(known: FloatArray, edge: Edge, *, forward: bool) -> FloatArray:
    """Return the map of the exposure at the other end of an edge.

    `forward` says that the known map is that of the edge's first exposure.
    """
    shift = edge.center + edge.shift - edge.matrix @ edge.center
    if forward:
        inverse = np.linalg.inv(edge.matrix)
        matrix, shift = inverse, -inverse @ shift
    else:
        matrix = edge.matrix
    return np.column_stack([known[:, :2] @ matrix, known[:, :2] @ shift + known[:, 2]])
