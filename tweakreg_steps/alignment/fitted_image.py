"""The fit of one image from its matches: the transformation, and the residuals of the pairs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from tweakreg_steps.alignment.fit_record import IDENTITY, NO_NUMBERS, fit_record, rms_on_sky
from tweakreg_steps.alignment.match_meta import MatchMeta, match_meta
from tweakreg_steps.curing.advice import FINDING, GATES, Found, advise
from tweakreg_steps.curing.cure import Changes, Cure, Present
from tweakreg_steps.curing.fit_trials import FITTING, try_fits
from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.fit_file import FitNumbers, FitRecord, with_numbers
from tweakreg_steps.matching.acceptance import Judgement
from tweakreg_steps.quiet import quietly
from tweakreg_steps.sections import CatalogFitting, FitGates, WeightedFitting, Weighting, Weights
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.matching.fitting import LinearFit
    from tweakreg_steps.matching.pairs import MatchedPairs

log = logging.getLogger(__name__)

UNITS = {
    **dict.fromkeys(("x_fit", "y_fit", "dx", "dy"), "pix"),
    **dict.fromkeys(("ra_fit", "dec_fit"), "deg"),
}
DESCRIPTIONS = {
    "x_fit": "image's source put right by the fit, in pixels of the reference plane",
    "y_fit": "image's source put right by the fit, in pixels of the reference plane",
    "dx": "residual: image minus fit of the reference",
    "dy": "residual: image minus fit of the reference",
    "kept": "whether the pair survived the clipping",
    "ra_fit": "right ascension of the image's source after the fit, ICRS",
    "dec_fit": "declination of the image's source after the fit, ICRS",
}


@dataclass(frozen=True)
class FittedImage:
    """What the matches of an image say about it.

    Attributes
    ----------
    record
        The fit as plain values; lengths in pixels of the reference plane, angles in degrees, rms
        on the sky in mas. ``status`` is ``aligned``, ``reference`` or ``not_aligned``, the last
        with a ``reason``, and with the fit under ``refused`` where there is one.
    pairs
        The matches with their residuals.
    fit
        The transformation; None where there is none, or none that is accepted.
    """

    record: FitRecord
    pairs: ColumnTable
    fit: LinearFit | None


def fit_image(
    matches: ColumnTable,
    *,
    plane: WCS,
    fitting: CatalogFitting,
    gates: FitGates,
) -> FittedImage:
    """Fit the transformation between an image and the reference, and judge it.

    Parameters
    ----------
    matches : ColumnTable
        Of `tweakreg_steps.alignment.match_table`.
    plane : astropy.wcs.WCS
        The reference plane.
    fitting : mapping
        The keywords of `tweakreg_steps.matching.fitting.fit_pairs` from the recipe; ``weights`` may
        be ``auto``, which leaves it to the matches.
    gates : mapping
        Those of `tweakreg_steps.matching.acceptance.judge_fit`.

    Returns
    -------
    FittedImage
        A fit that does not pass the gates stands in the record as ``refused``, with its pairs
        left in the table.
    """
    weights = choose_weights(matches, fitting["weights"])
    weighted = cast("WeightedFitting", {**fitting, "weights": weights})
    fitted = _fit_and_judge(matches, plane, weighted, gates)
    if fitted.record["status"] == "not_aligned" and match_meta(matches)["status"] == "matched":
        changes = try_fits(
            Reason(fitted.record["reason"]),
            weighted,
            lambda other: _is_accepted(matches, plane, other, gates),
        )
        cure = _cure(fitted.record, matches, weighted, gates, changes)
        _note_cure(fitted.record, cure)
    return fitted


def choose_weights(matches: ColumnTable, weights: Weights) -> Weighting:
    """Say what pairs count where the recipe leaves it open.

    Positions of a PSF have errors that are true from the faintest star to the brightest, and differ
    a hundredfold; those of a finder are as wrong for bright stars as for faint ones.

    Parameters
    ----------
    matches
        Of `tweakreg_steps.alignment.match_table`.
    weights
        The parameter; every word but ``auto`` is taken as it is.
    """
    if weights != "auto":
        return weights
    return "errors" if match_meta(matches).get("centroid") == "psf" else "none"


def _is_accepted(
    matches: ColumnTable, plane: WCS, fitting: WeightedFitting, gates: FitGates
) -> bool:
    """Tell whether a fit with other parameters is accepted."""
    with quietly():
        return _fit_and_judge(matches, plane, fitting, gates).fit is not None


def _fit_and_judge(
    matches: ColumnTable, plane: WCS, fitting: WeightedFitting, gates: FitGates
) -> FittedImage:
    """Fit and judge; see `fit_image`."""
    fit = None
    if match_meta(matches)["status"] == "matched":
        try:
            fit = _fit(matches, plane, fitting)
        except NotAlignedError as error:
            log.warning("%s: %s", match_meta(matches)["image"], error)
            matches = _not_aligned(matches, error)
    return judge_image(fit, matches, plane=plane, fitgeometry=fitting["fitgeometry"], gates=gates)


def judge_image(
    fit: LinearFit | None,
    matches: ColumnTable,
    *,
    plane: WCS,
    fitgeometry: str,
    gates: FitGates,
    keeps_present: bool = True,
) -> FittedImage:
    """Judge a fit, and lay out what it says.

    Parameters
    ----------
    fit : LinearFit or None
        The fit; None where the image is the reference, or could not be fitted.
    matches : ColumnTable
        The pairs that it was made from; its metadata say why there is no fit.
    plane : astropy.wcs.WCS
        The reference plane.
    fitgeometry : str
        The geometry that was asked for.
    gates : mapping
        The keywords of `tweakreg_steps.matching.acceptance.judge_fit` from the recipe.
    keeps_present : bool
        Whether the image's WCS stays where it and the fit say the same within the scatter of
        single sources. Exposures that were solved together are better known than that.
    """
    record = _record_without_fit(matches, fitgeometry)
    columns = {name: np.zeros(0) for name in ("x_fit", "y_fit", "dx", "dy", "ra_fit", "dec_fit")}
    columns["kept"] = np.zeros(0, dtype=bool)
    if fit is None:
        matches = _without_rows(matches)
    else:
        fit, numbers, judgement = _judge(fit, matches, plane, gates, keeps_present=keeps_present)
        columns = _fitted_columns(fit, matches, plane)
        record = _judged(record, numbers, judgement)
    if record["status"] == "not_aligned" and fit is not None:
        _note_cure(record, _cure(record, matches, {"fitgeometry": fitgeometry}, gates, {}))
    pairs = _pairs_table(matches, columns, record)
    applied = fit if record["status"] == "aligned" else None
    return FittedImage(record, pairs, applied)


def _record_without_fit(matches: ColumnTable, fitgeometry: str) -> FitRecord:
    """Return what the matches say of their image, before there is a fit."""
    meta = match_meta(matches)
    is_reference = meta["status"] == "reference"
    record: FitRecord = {
        "image": meta["image"],
        "reference": meta["reference"],
        "status": "reference" if is_reference else "not_aligned",
        "reason": meta["reason"],
        "detail": meta["detail"],
        "cure": meta.get("cure", ""),
        "changes": meta.get("changes", {}),
        "n_sources": meta["n_sources"],
        "n_reference": meta["n_reference"],
        "n_matched": len(matches),
        "n_fit": 0,
        "fitgeometry": fitgeometry,
        "false_alarm": meta["false_alarm"],
        "acceptance": None,
        "refused": None,
    }
    if "epoch" in meta:
        record["epoch"] = meta["epoch"]
    return with_numbers(record, IDENTITY if is_reference else NO_NUMBERS)


def _judged(record: FitRecord, numbers: FitNumbers, judgement: Judgement) -> FitRecord:
    """Return the record with a fit: as the image's, or as refused."""
    record["acceptance"] = judgement.as_record()
    if not judgement.failures:
        record["status"] = "aligned"
        return with_numbers(record, numbers)
    record["status"], record["reason"] = "not_aligned", judgement.failures[0][0].value
    record["detail"] = "; ".join(text for _, text in judgement.failures)
    record["n_fit"], record["refused"] = numbers["n_fit"], numbers
    log.warning("%s: %s: %s", record["image"], record["reason"], record["detail"])
    return record


def _note_cure(record: FitRecord, cure: Cure) -> None:
    """Write into the record of an image what to change in the recipe."""
    said = cure.as_record()
    record["cure"], record["changes"] = said["cure"], said["changes"]


def _not_aligned(matches: ColumnTable, error: NotAlignedError) -> ColumnTable:
    """Return matches that say why their image is not aligned."""
    meta: MatchMeta = {
        **match_meta(matches),
        "status": "not_aligned",
        "reason": error.reason.value,
        "detail": error.detail,
    }
    return replace(matches, meta=meta)


def _cure(
    record: FitRecord,
    matches: ColumnTable,
    fitting: Mapping[str, object],
    gates: FitGates,
    changes: Changes,
) -> Cure:
    """Return what to change in the recipe so that the fit is accepted.

    `changes` are those with which it was; empty where there are none, or none was tried.
    """
    judged, lower = record["acceptance"], match_meta(matches).get("lower")
    found = Found(
        n_sources=record["n_sources"],
        n_matched=record["n_matched"],
        n_fit=record["n_fit"],
        reference=record["reference"],
        lower=lower["counts"] if lower else (),
        changes=changes,
        says="then the fit is accepted" if changes else "",
        measured=judged["measured"] if judged else {},
        failed=[Reason(code) for code in judged["failed"]] if judged else (),
    )
    present: Present = {
        FITTING: fitting,
        GATES: gates,
        FINDING: lower["parameters"] if lower else {},
    }
    return advise(Reason(record["reason"]), found, present)


def _fit(matches: ColumnTable, plane: WCS, fitting: WeightedFitting) -> LinearFit:
    """Fit the pairs about the plane's centre."""
    from tweakreg_steps.astrometry.reference_plane import plane_center
    from tweakreg_steps.matching.fitting import fit_pairs

    fit = fit_pairs(_pairs(matches), center=plane_center(plane), **fitting)
    log.info(
        "%s: %d pairs kept, rms %.4f %.4f pix",
        match_meta(matches)["image"],
        fit.kept.sum(),
        *fit.rms,
    )
    return fit


def _judge(
    fit: LinearFit,
    matches: ColumnTable,
    plane: WCS,
    gates: FitGates,
    *,
    keeps_present: bool,
) -> tuple[LinearFit, FitNumbers, Judgement]:
    """Return the fit that is to be applied, its numbers, and what is to be said of it."""
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
    from tweakreg_steps.matching.acceptance import compare_with_present, judge_fit, keep_present

    image, pairs = match_meta(matches)["image"], _pairs(matches)
    comparison = compare_with_present(fit, pairs)
    if keeps_present and gates["never_worse"] and comparison and comparison.is_confirmed:
        log.info("%s: aligned as it is", image)
        fit = keep_present(fit, pairs)
    pixel_scale = plane_pixel_scale(plane)
    rms_sky, wrms_sky = (
        rms_on_sky(plane, rms * pixel_scale * 1000.0) for rms in (fit.rms, fit.weighted_rms)
    )
    judgement = judge_fit(
        fit,
        pairs,
        comparison=comparison,
        pixel_scale=pixel_scale,
        rms_sky=rms_sky,
        field_area=match_meta(matches)["field_area"],
        **gates,
    )
    found = fit_record(fit, rms_sky=rms_sky, wrms_sky=wrms_sky)
    found["error_x"], found["error_y"] = _errors(fit, pairs, pixel_scale)
    return fit, found, judgement


def _errors(
    fit: LinearFit, pairs: MatchedPairs, pixel_scale: float
) -> tuple[float | None, float | None]:
    """Return the standard error of a fit along each axis: rms over the kept pairs, in mas."""
    if fit.uncertainty is None:
        return None, None
    at = fit.uncertainty.at(pairs.reference[fit.kept] - fit.center)
    x, y = np.sqrt(np.mean(at**2, axis=0)) * pixel_scale * 1000.0
    return float(x), float(y)


def _pairs(matches: ColumnTable) -> MatchedPairs:
    """Return the pairs as the fit needs them."""
    from tweakreg_steps.matching.pairs import MatchedPairs

    flux = matches["flux"]
    return MatchedPairs(
        image=_positions(matches),
        reference=np.column_stack([matches["x_ref"], matches["y_ref"]]),
        flux=10.0 ** (-0.4 * flux) if matches.units.get("flux") == "mag" else flux,
        error=matches["error"],
        reference_error=matches["error_ref"],
    )


def _positions(matches: ColumnTable) -> np.ndarray:
    """Return where the image's sources are on the plane through its header as it is."""
    return np.column_stack([matches["x_image"], matches["y_image"]])


def _fitted_columns(fit: LinearFit, matches: ColumnTable, plane: WCS) -> dict[str, np.ndarray]:
    """Return the columns that a fit adds to the matches."""
    from tweakreg_steps.astrometry.undistortion import plane_to_sky

    right = fit.correct(_positions(matches))
    ra, dec = plane_to_sky(plane, right[:, 0], right[:, 1])
    return {
        "x_fit": right[:, 0],
        "y_fit": right[:, 1],
        "dx": fit.residuals[:, 0],
        "dy": fit.residuals[:, 1],
        "kept": fit.kept,
        "ra_fit": ra,
        "dec_fit": dec,
    }


def _without_rows(table: ColumnTable) -> ColumnTable:
    """Return the table without its rows."""
    empty = {name: column[:0] for name, column in table.columns.items()}
    return ColumnTable(empty, table.units, table.descriptions, table.meta)


def _pairs_table(
    matches: ColumnTable, columns: Mapping[str, np.ndarray], record: FitRecord
) -> ColumnTable:
    """Lay out the pairs with their residuals."""
    return ColumnTable(
        columns={**matches.columns, **columns},
        units={**matches.units, **UNITS},
        descriptions={**matches.descriptions, **DESCRIPTIONS},
        meta={**matches.meta, "status": record["status"], "reason": record["reason"]},
    )
