"""The matches of one image: which of its sources is which of the reference list."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.lists_on_plane import require_sources, source_lists
from tweakreg_steps.alignment.match_meta import HowLaid, MatchMeta
from tweakreg_steps.curing.cure import Present
from tweakreg_steps.errors import ChanceOffsetError, NotAlignedError, Reason
from tweakreg_steps.finding.catalog_meta import sky_meta
from tweakreg_steps.sections import ObjectMatching
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.curing.cure import Cure
    from tweakreg_steps.matching.matching import Matches
    from tweakreg_steps.matching.source_list import SourceList

log = logging.getLogger(__name__)


UNITS = {
    "x_ref": "pix",
    "y_ref": "pix",
    "x_image": "pix",
    "y_image": "pix",
    "x0": "pix",
    "y0": "pix",
    "ra": "deg",
    "dec": "deg",
    "error": "pix",
    "error_ref": "pix",
}
DESCRIPTIONS = {
    "ref_id": "number of the reference source",
    "id": "number of the image's source",
    "chip": "chip of the image's source",
    "x_ref": "reference source, in pixels of the reference plane",
    "y_ref": "reference source, in pixels of the reference plane",
    "x_image": "image's source through its header as it is, in pixels of the reference plane",
    "y_image": "image's source through its header as it is, in pixels of the reference plane",
    "x0_ref": "reference source where it comes from",
    "y0_ref": "reference source where it comes from",
    "x0": "image's source on its chip",
    "y0": "image's source on its chip",
    "ra": "right ascension of the image's source through its header as it is, ICRS",
    "dec": "declination of the image's source through its header as it is, ICRS",
    "flux": "flux of the image's source",
    "error": "standard error of the image's source along one axis, nan where not known",
    "error_ref": "the same of the reference source",
    "origin": "image or catalog of the reference source",
    "ref_chip": "chip of the reference source, 0 for a catalog's",
}


def make_match_table(
    sky: ColumnTable,
    sources: ColumnTable,
    *,
    plane: WCS,
    image: str,
    is_reference: bool,
    matching: ObjectMatching,
    max_false_alarm: float,
    look_further: bool,
) -> ColumnTable:
    """Match an image's sources with the reference list on the reference plane.

    Parameters
    ----------
    sky : ColumnTable
        The image's sources: ``id``, ``chip``, ``x``, ``y`` (1-based pixels of the chip), ``flux``
        (where its unit is ``mag``, a magnitude),
        ``ra``, ``dec`` (deg, through the header as it is), ``error`` (mas); its metadata's
        ``reason`` says why there are none.
    sources : ColumnTable
        The reference list, of `tweakreg_steps.alignment.reference_list`.
    plane : astropy.wcs.WCS
        The reference plane.
    image : str
        Name of the image.
    is_reference : bool
        Whether the image is the reference itself, so that there is nothing to match.
    matching : mapping
        The keywords of `tweakreg_steps.matching.matching.match_sources` from the recipe.
    max_false_alarm : float
        Largest probability with which unrelated lists may give the offset.
    look_further : bool
        Whether to look for parameters that would match an image that is not matched.

    Returns
    -------
    ColumnTable
        One row a pair, with `MatchMeta`.
    """
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
    from tweakreg_steps.matching.coverage import hull_area

    meta: MatchMeta = {
        "image": image,
        "reference": sources.meta["origin"],
        "n_sources": len(sky),
        "n_reference": len(sources),
        "status": "reference" if is_reference else "matched",
        "reason": "",
        "detail": "",
        "false_alarm": None,
    }
    if "epoch" in sources.meta:
        meta["epoch"] = sources.meta["epoch"]
    known = sky_meta(sky)
    if "lower" in known:
        meta["lower"] = known["lower"]
    if "centroid" in known:
        meta["centroid"] = known["centroid"]
    pairs = np.zeros((0, 2), dtype=int)
    xy, xy_ref = np.zeros((len(sky), 2)), np.zeros((len(sources), 2))
    lists: tuple[SourceList, SourceList] | None = None
    try:
        _require_usable(sky, sources)
        if not is_reference:
            lists = source_lists(sky, sources, plane=plane, image=image)
            xy, xy_ref = (each.xy for each in lists)
            meta["field_area"] = hull_area(xy)
            matches = _match(*lists, plane, matching, max_false_alarm, meta)
            pairs = np.column_stack([matches.image_index, matches.reference_index])
            chance = matches.overlay.offset.evidence.probability
            meta = {**meta, "false_alarm": chance, **_describe(matches)}
    except NotAlignedError as error:
        log.warning("%s: %s", image, error)
        meta["status"] = "not_aligned"
        meta["reason"], meta["detail"] = error.reason.value, error.detail
        if isinstance(error, ChanceOffsetError):
            meta["false_alarm"] = error.false_alarm
        if look_further:
            cure = _cure(error.reason, lists, sky, meta, plane, matching, max_false_alarm)
            said = cure.as_record()
            meta["cure"], meta["changes"] = said["cure"], said["changes"]
    per_mas = 1.0e-3 / plane_pixel_scale(plane)
    return lay_out_matches(sky, sources, xy, xy_ref, pairs, pixels_per_mas=per_mas, meta=meta)


def _require_usable(sky: ColumnTable, sources: ColumnTable) -> None:
    """Refuse lists that hold nothing to match."""
    require_sources(sky)
    if len(sources) == 0:
        raise NotAlignedError(
            Reason.NO_REFERENCE_SOURCES, f"{sources.meta['origin']} holds no source to align with"
        )


def _match(
    image: SourceList,
    reference: SourceList,
    plane: WCS,
    matching: ObjectMatching,
    max_false_alarm: float,
    meta: MatchMeta,
) -> Matches:
    """Match the lists; note in `meta` how a match is sought."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
    from tweakreg_steps.matching.matching import match_sources

    scale = plane_pixel_scale(plane)
    meta["search_radius"] = matching["searchrad"] / (
        scale if matching["searchunits"] == "arcseconds" else 1.0
    )
    meta["tolerance"] = matching["tolerance"]
    meta["leave_out_narrow"] = matching["leave_out_narrow"]
    meta["leave_out_fixed"] = matching["leave_out_fixed"]
    matches = match_sources(
        image, reference, pixel_scale=scale, max_false_alarm=max_false_alarm, **matching
    )
    log.info("%s: %d of %d sources matched", meta["image"], len(matches.image_index), len(image))
    return matches


def _cure(
    reason: Reason,
    lists: tuple[SourceList, SourceList] | None,
    sky: ColumnTable,
    meta: MatchMeta,
    plane: WCS,
    matching: ObjectMatching,
    max_false_alarm: float,
) -> Cure:
    """Return what to change in the recipe so that the image is matched."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
    from tweakreg_steps.curing.advice import FINDING, GATES, Found, advise
    from tweakreg_steps.curing.match_trials import MATCHING, MatchTrial, try_matching

    trial = MatchTrial({}, "")
    if lists is not None and reason is not Reason.NO_REFERENCE_SOURCES:
        trial = try_matching(
            *lists,
            pixel_scale=plane_pixel_scale(plane),
            max_false_alarm=max_false_alarm,
            matching=matching,
        )
    lower = meta.get("lower")
    found = Found(
        n_sources=len(sky),
        found_in=sky_meta(sky)["found_in"],
        reference=meta["reference"],
        lower=lower["counts"] if lower else (),
        changes=trial.changes,
        says=trial.says,
    )
    present: Present = {
        MATCHING: matching,
        GATES: {"max_false_alarm": max_false_alarm},
        FINDING: lower["parameters"] if lower else {},
    }
    return advise(reason, found, present)


def _describe(matches: Matches) -> HowLaid:
    """Explain how the lists were laid over each other."""
    overlay, evidence = matches.overlay, matches.overlay.offset.evidence
    found = overlay.similarity
    return {
        "way": overlay.way,
        "similarity": (
            {"matrix": found.matrix.tolist(), "shift": found.shift.tolist()} if found else None
        ),
        "offset": [overlay.offset.dx, overlay.offset.dy],
        "n_peak": evidence.n_pairs,
        "n_expected": evidence.pairs_by_chance,
        "n_cells": evidence.n_cells,
        "n_cells_expected": evidence.cells_by_chance,
        "n_matched_by_chance": matches.n_by_chance,
        "n_narrow": matches.n_narrow,
        "n_fixed": matches.n_fixed,
        "n_left_out": matches.n_left_out,
        "left_out": overlay.selection.left_out,
    }


def lay_out_matches(
    sky: ColumnTable,
    sources: ColumnTable,
    xy: np.ndarray,
    xy_ref: np.ndarray,
    pairs: np.ndarray,
    *,
    pixels_per_mas: float,
    meta: MatchMeta,
) -> ColumnTable:
    """Lay out a match table.

    Parameters
    ----------
    sky, sources : ColumnTable
        As in `make_match_table`; of the latter ``id``, ``x0``, ``y0``, ``error``, ``origin`` and
        ``chip``.
    xy, xy_ref : (n, 2), (m, 2) float arrays
        Their positions in pixels of the plane.
    pairs : (k, 2) int array
        Rows of the image's source and of the reference's.
    pixels_per_mas : float
        Pixels of the plane in a mas.
    meta : MatchMeta
        The table's metadata.
    """
    i, j = pairs.T
    return ColumnTable(
        columns={
            "ref_id": sources["id"][j],
            "id": sky["id"][i],
            "chip": sky["chip"][i],
            "x_ref": xy_ref[j, 0],
            "y_ref": xy_ref[j, 1],
            "x_image": xy[i, 0],
            "y_image": xy[i, 1],
            "x0_ref": sources["x0"][j],
            "y0_ref": sources["y0"][j],
            "x0": sky["x"][i],
            "y0": sky["y"][i],
            "ra": sky["ra"][i],
            "dec": sky["dec"][i],
            "flux": sky["flux"][i],
            "error": sky["error"][i] * pixels_per_mas,
            "error_ref": sources["error"][j] * pixels_per_mas,
            "origin": sources["origin"][j],
            "ref_chip": sources["chip"][j],
        },
        units=UNITS | {name: unit for name, unit in sky.units.items() if name == "flux"},
        descriptions=DESCRIPTIONS,
        meta=meta,
    )
