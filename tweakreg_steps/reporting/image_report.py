"""What the page of an image shows, and what the page of the run says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray, IndexArray
from tweakreg_steps.astrometry.footprint import ChipFootprint, ChipGrid
from tweakreg_steps.astrometry.plane_fit import PlaneFit, to_image
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.fit_file import FitRecord, ImageQuality, numbers_of
from tweakreg_steps.fits_files.header_cards import Cards, CardValue
from tweakreg_steps.reporting.chip_maps import ChipMap, Compass, compass
from tweakreg_steps.reporting.numbers import rounded
from tweakreg_steps.reporting.offset_peaks import Offsets
from tweakreg_steps.reporting.quicklook import ChipPicture, Quicklook, StarPicture
from tweakreg_steps.reporting.star_motions import Motions
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS


KINDS = ("kept", "clipped", "unmatched", "narrow")
"""What became of a source, by its number on a page."""
_MOST = 2500
"""Sources, pairs or reference sources that a page draws: the brightest."""

_SAID = (
    *("image", "status", "reason", "detail", "cure", "reference", "fitgeometry"),
    *("n_sources", "n_matched", "n_fit", "n_reference", "false_alarm"),
    *("dx", "dy", "rotation", "scale", "skew", "rms_x", "rms_y", "rms_ra", "rms_dec"),
    *("wrms_ra", "wrms_dec", "error_x", "error_y", "center", "matrix", "solution"),
)
"""What is taken from the record of a fit, as far as it is there."""


Columns = dict[str, list[Any]]
"""A table by its columns."""


class ChipDrawing(ChipPicture):
    """A chip with its picture."""

    label: str
    nx: int
    ny: int


class PlaneDrawing(Compass):
    """The reference plane: mas per pixel, and where north and east are."""

    mas: float


class SourceDrawing(TypedDict):
    """What the page of an image draws of its sources.

    ``chips`` with their pictures, and ``stars`` of the quicklook; ``sources`` by columns ``chip``,
    ``x``, ``y`` (1-based pixels) and ``kind`` (index in `KINDS`); ``references`` by columns:
    ``chip`` and place before the fit, and after it where there is one; ``pairs`` by columns: place
    on the plane, residuals in pixels of the plane and of the chip, chip, place on it, magnitude,
    whether kept. ``n_sources`` and ``n_pairs`` say how many there are.
    """

    image: str
    chips: list[ChipDrawing]
    stars: list[StarPicture]
    plane: PlaneDrawing
    sources: Columns
    references: Columns
    pairs: Columns
    n_sources: int
    n_pairs: int


class ImageDrawing(SourceDrawing):
    """The same with the histogram of ``offsets``, None where there is none."""

    offsets: Offsets | None


class ImageFacts(TypedDict):
    """What the page of the run says of an image: ``report/<image>.json``.

    What its fit says, numbers being None where there is no fit; the ``header`` as far as it is for
    people; ``plane_scale``, mas per pixel; ``footprint``: the edge of each chip on the sky, a list
    of [ra, dec] in degrees; ``motions`` of the reference stars; the ``parameters`` that it was
    aligned with. ``is_read`` is false for an input that is not whole.
    """

    image: str
    status: str
    reason: str
    detail: str
    cure: str
    reference: str
    fitgeometry: str
    n_sources: int
    n_matched: int
    n_fit: int
    n_reference: int
    false_alarm: float | None
    dx: float | None
    dy: float | None
    rotation: float | None
    scale: float | None
    skew: float | None
    rms_x: float | None
    rms_y: float | None
    rms_ra: float | None
    rms_dec: float | None
    wrms_ra: float | None
    wrms_dec: float | None
    error_x: float | None
    error_y: float | None
    center: list[float] | None
    matrix: list[list[float]] | None
    solution: ImageQuality | None
    header: dict[str, CardValue]
    plane_scale: float
    footprint: list[list[list[float]]]
    motions: NotRequired[Motions | None]
    parameters: NotRequired[dict[str, dict[str, Any]]]
    is_read: NotRequired[bool]


def describe_image(
    image: str,
    chips: Sequence[ChipFootprint],
    look: Quicklook,
    fit: FitRecord,
    pairs: ColumnTable,
    sky: ColumnTable,
    sources: ColumnTable,
    plane: WCS,
) -> SourceDrawing:
    """Gather what the page of an image draws.

    Parameters
    ----------
    image
        Its name.
    chips
        Where its chips are; see `tweakreg_steps.astrometry.footprint.find_footprint`.
    look
        Its quicklook.
    fit
        The record of its fit, as the review left it.
    pairs
        The pairs of the fit.
    sky
        Its sources on the sky.
    sources
        The reference list as it was when the image was matched.
    plane
        The reference plane.

    Returns
    -------
    SourceDrawing
        Lists are cut to the brightest.
    """
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale

    pictures = {chip["number"]: chip for chip in look["chips"]}
    maps = {chip["number"]: ChipMap.of_grid(plane, chip) for chip in chips}
    known = {number: found for number, found in maps.items() if found is not None}
    return {
        "image": image,
        "chips": [
            {
                "label": chip["label"],
                "nx": chip["nx"],
                "ny": chip["ny"],
                **pictures[chip["number"]],
            }
            for chip in chips
        ],
        "stars": look["stars"],
        "plane": {"mas": plane_pixel_scale(plane) * 1000.0, **compass(plane)},
        "sources": _sources(sky, pairs),
        "references": _references(sources, fit, known, plane),
        "pairs": _pairs(pairs, fit, known),
        "n_sources": len(sky),
        "n_pairs": len(pairs),
    }


def summarize_image(
    chips: Sequence[ChipFootprint],
    labels: Cards,
    fit: FitRecord,
    scale: float,
) -> ImageFacts:
    """Gather what the page of the run says of an image.

    Parameters
    ----------
    chips, fit
        As for `describe_image`.
    labels
        What its header says of time, filter and target.
    scale
        mas per pixel of the plane.

    Returns
    -------
    ImageFacts
        Without what is known of motions and parameters.
    """
    said = {key: fit.get(key) for key in _SAID}
    edges = [_edge(chip["grid"]) for chip in chips if chip["grid"]]
    own = {"header": dict(labels), "plane_scale": scale, "footprint": edges}
    return cast("ImageFacts", {**said, **own})


def _edge(grid: ChipGrid) -> list[list[float]]:
    """Return the edge of a chip on the sky, in order, from its grid."""
    side = round(len(grid["x"]) ** 0.5)
    number = np.arange(side * side).reshape(side, side)
    around = [*number[0, ::2], *number[2::2, -1], *number[-1, -3::-2], *number[-3:0:-2, 0]]
    return [[round(grid["ra"][i], 7), round(grid["dec"][i], 7)] for i in around]


def _magnitudes(flux: NDArray[Any], unit: str | None) -> FloatArray:
    """Return instrumental magnitudes, nan where there is no light."""
    if unit == "mag":
        return flux.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = -2.5 * np.log10(flux.astype(np.float64))
    return np.where(np.isfinite(found), found, np.nan)


def _brightest(magnitude: FloatArray) -> IndexArray:
    """Return the brightest sources, in the order of the list."""
    order = np.argsort(magnitude, kind="stable")[:_MOST]
    return np.sort(order)


def _sources(sky: ColumnTable, pairs: ColumnTable) -> Columns:
    """Return the sources of an image and what became of them."""
    kind = np.where(sky["narrow"], KINDS.index("narrow"), KINDS.index("unmatched"))
    if len(pairs):
        ids, kept = pairs["id"], pairs["kept"]
        kind[np.isin(sky["id"], ids[~kept])] = KINDS.index("clipped")
        kind[np.isin(sky["id"], ids[kept])] = KINDS.index("kept")
    magnitude = _magnitudes(sky["flux"], sky.units.get("flux"))
    use = _brightest(np.where(kind < KINDS.index("unmatched"), -np.inf, magnitude))
    return {
        "id": sky["id"][use].tolist(),
        "chip": sky["chip"][use].tolist(),
        "x": rounded(sky["x"][use], 2),
        "y": rounded(sky["y"][use], 2),
        "mag": rounded(magnitude[use], 2),
        "kind": kind[use].tolist(),
    }


def _references(
    sources: ColumnTable, fit: FitRecord, maps: Mapping[int, ChipMap], plane: WCS
) -> Columns:
    """Return where the reference sources are on the chips, by the header and by the fit."""
    from tweakreg_steps.alignment.lists_on_plane import on_plane

    rows: Columns = {"chip": [], "x": [], "y": [], "x_fit": [], "y_fit": []}
    try:
        uv = on_plane(plane, sources, whose=sources.meta["origin"])
    except NotAlignedError:
        return rows
    use = _brightest(np.nan_to_num(-sources["brightness"], nan=np.inf))
    moved = _moved(uv[use], fit)
    for number, chip_map in maps.items():
        for there, before in _each_on_chip(uv[use], moved, chip_map):
            rows["chip"] += [number] * len(there)
            rows["x"] += rounded(before[:, 0], 2)
            rows["y"] += rounded(before[:, 1], 2)
            after = None if moved is None else chip_map.place(moved[there])
            rows["x_fit"] += [] if after is None else rounded(after[:, 0], 2)
            rows["y_fit"] += [] if after is None else rounded(after[:, 1], 2)
    return rows


def _each_on_chip(
    uv: FloatArray, moved: FloatArray | None, chip_map: ChipMap
) -> list[tuple[IndexArray, FloatArray]]:
    """Return the positions that are on a chip before or after the fit, with their pixels before."""
    there, _ = chip_map.to_chip(uv)
    if moved is not None:
        there = np.union1d(there, chip_map.to_chip(moved)[0])
    return [(there, chip_map.place(uv[there]))] if len(there) else []


def _moved(uv: FloatArray, fit: FitRecord) -> FloatArray | None:
    """Return where a fit, refused or not, puts reference sources on the plane of the image."""
    found = numbers_of(fit)
    return None if found is None else to_image(PlaneFit.of(found), uv)


def _pairs(pairs: ColumnTable, fit: FitRecord, maps: Mapping[int, ChipMap]) -> Columns:
    """Return the pairs of a fit with their residuals on the plane and along the chips' axes.

    ``bx``, ``by`` and ``ax``, ``ay`` say where on the chip the header, and the fit, put the
    reference source.
    """
    magnitude = _magnitudes(pairs["flux"], pairs.units.get("flux"))
    use = _brightest(magnitude)
    residuals = np.column_stack([pairs["dx"], pairs["dy"]])[use]
    own = residuals.copy()
    uv = np.column_stack([pairs["x_ref"], pairs["y_ref"]])[use]
    moved = _moved(uv, fit)
    before, after = np.full((2, *uv.shape), np.nan)
    for number, chip_map in maps.items():
        which = pairs["chip"][use] == number
        own[which] = chip_map.turn(residuals[which])
        before[which] = chip_map.place(uv[which])
        after[which] = np.nan if moved is None else chip_map.place(moved[which])
    columns = {"u": pairs["x_ref"], "v": pairs["y_ref"], "x": pairs["x0"], "y": pairs["y0"]}
    return {
        **{name: rounded(column[use], 2) for name, column in columns.items()},
        "du": rounded(residuals[:, 0], 4),
        "dv": rounded(residuals[:, 1], 4),
        "dx": rounded(own[:, 0], 4),
        "dy": rounded(own[:, 1], 4),
        "bx": rounded(before[:, 0], 2),
        "by": rounded(before[:, 1], 2),
        "ax": rounded(after[:, 0], 2),
        "ay": rounded(after[:, 1], 2),
        "mag": rounded(magnitude[use], 2),
        "chip": pairs["chip"][use].tolist(),
        "kept": [int(flag) for flag in pairs["kept"][use]],
        "id": pairs["id"][use].tolist(),
    }
