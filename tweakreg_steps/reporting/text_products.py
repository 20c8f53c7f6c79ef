"""TweakReg's text products, built from tables: for scripts that read TweakReg's files.

Columns and their order are TweakReg's, separated by blanks below ``#`` comments. Numbers carry more
digits than TweakReg's six, so that nothing is lost when a catalog is used as input again. The fit
file is that of drizzlepac 3: in older ones columns 5 and 6 count from the centre of the fit, and RA
and Dec are not those of the fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.fit_file import FitNumbers

Column = NDArray[Any]


class Columns(Protocol):
    """A table: columns by name."""

    def __getitem__(self, name: str, /) -> Column:
        """Return the column of this name."""
        ...


_FIT_COLUMNS = (
    "X of the reference source, from the centre of the fit",
    "Y of the reference source, from the centre of the fit",
    "X of the image's source, from the centre of the fit",
    "Y of the image's source, from the centre of the fit",
    "X of the image's source after the fit, pixel of the reference plane",
    "Y of the image's source after the fit, pixel of the reference plane",
    "X residual, the image's source minus the fitted reference source",
    "Y residual, the image's source minus the fitted reference source",
    "X of the reference source where it comes from",
    "Y of the reference source where it comes from",
    "X of the image's source on its chip",
    "Y of the image's source on its chip",
    "ID of the reference source",
    "ID of the image's source",
    "chip of the image's source",
    "RA of the image's source after the fit (deg)",
    "Dec of the image's source after the fit (deg)",
    "image or catalog of the reference source",
)


def source_origins(
    origin: Column, chip: Column, labels: Mapping[tuple[str, int], str]
) -> NDArray[np.str_]:
    """Say where reference sources come from, as TweakReg does: ``x_flc.fits[1]``.

    Parameters
    ----------
    origin
        Image or catalog of each source, by its name.
    chip
        Number of the chip of each; 0 where the source is a catalog's.
    labels
        File and extension by image and number of the chip.
    """
    pairs = zip(np.asarray(origin).tolist(), np.asarray(chip).tolist(), strict=True)
    return np.array([labels.get((name, number), name) for name, number in pairs], dtype=np.str_)


def xy_catalog_text(catalog: Columns, *, image: str) -> str:
    """Text of ``<root>_sciN_xy_catalog.coo``: the sources of one chip.

    Parameters
    ----------
    catalog
        The chip's rows: ``x``, ``y`` (pixels, 1-based), ``flux``, ``id``, and, where they were
        selected on, ``sharpness``, ``roundness1``, ``roundness2``.
    image
        Name of the image.
    """
    head = [f"Source catalog of {image}", "Columns:"]
    shapes = _columns_if_there(catalog, ("sharpness", "roundness1", "roundness2"))
    titles = "X  Y  Flux  ID" + ("  Sharp  Round1  Round2" if shapes else "")
    cells = [
        _numbers(catalog["x"], ".6f"),
        _numbers(catalog["y"], ".6f"),
        _numbers(catalog["flux"], ".9g"),
        _numbers(catalog["id"], "d"),
        *(_numbers(column, ".7g") for column in shapes),
    ]
    return _text([*head, f"   {titles}", "   (pixels)  (pixels)"], cells)


def sky_catalog_text(sky: Columns, *, image: str) -> str:
    """Text of ``<root>_sky_catalog.coo``: ``ra`` and ``dec`` (deg) of all sources of an image."""
    cells = [_numbers(sky["ra"], ".12f"), _numbers(sky["dec"], ".12f")]
    return _text([f"Sky positions of {image}", "RA  Dec", "(deg)  (deg)"], cells)


def refxy_catalog_text(x: Column, y: Column, *, image: str) -> str:
    """Text of ``<root>_refxy_catalog.coo``: an image's sources on the reference plane.

    ``x`` and ``y`` are 1-based pixels of the plane.
    """
    cells = [_numbers(x, ".6f"), _numbers(y, ".6f")]
    return _text([f"Positions on the reference plane of {image}", "X  Y", "(pix)  (pix)"], cells)


def xy_match_text(pairs: Columns, *, image: str, reference: str) -> str:
    """Text of ``<root>_xy_catalog.match``: the matched pairs before the fit.

    Parameters
    ----------
    pairs
        ``x_ref``, ``y_ref``, ``x_image``, ``y_image`` (1-based pixels of the reference plane),
        ``x0_ref``, ``y0_ref``, ``x0``, ``y0`` (where the sources come from), ``ref_id``, ``id``,
        ``origin`` (`source_origins`).
    image, reference
        Names of the image and of what it was matched with.
    """
    titles = (
        "Ref_X Ref_Y Input_X Input_Y Ref_X0 Ref_Y0 Input_X0 Input_Y0 Ref_ID Input_ID Ref_Source"
    )
    positions = ("x_ref", "y_ref", "x_image", "y_image", "x0_ref", "y0_ref", "x0", "y0")
    cells = [_numbers(pairs[name], ".6f") for name in positions]
    cells += [_numbers(pairs["ref_id"], "d"), _numbers(pairs["id"], "d"), _words(pairs["origin"])]
    return _text([f"Reference: {reference}", f"Input: {image}", titles], cells, comment="#")


def fit_match_text(pairs: Columns, fit: FitNumbers | None, *, image: str) -> str:
    """Text of ``<root>_catalog_fit.match``: the pairs that the fit kept, 18 columns.

    Parameters
    ----------
    pairs
        The columns of the match file and ``chip``, ``x_fit``, ``y_fit`` (the image's sources after
        the fit, 1-based pixels of the reference plane), ``ra_fit``, ``dec_fit`` (the same, deg),
        ``dx``, ``dy`` (residuals in pixels, image minus fit of the reference), ``kept``.
    fit
        Its numbers; None where there is no fit, and the file holds no pair.
    image
        Name of the image.
    """
    head = [f"Input image: {image}", *_fit_lines(fit), "", "Columns of this file"]
    head += [f"    Column {i}: {text}" for i, text in enumerate(_FIT_COLUMNS, start=1)]
    cells = _fit_cells(pairs, fit["center"]) if fit else [[] for _ in _FIT_COLUMNS]
    return _text([*head, ""], cells)


def catfile_list_text(rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Text of ``<first root>_xy_catfile.list``, usable as ``coordinate_file.catfile``.

    ``rows`` holds for each image its file name and the names of its chips' catalogs.
    """
    return "".join(f"{name}    {'  '.join(catalogs)}\n" for name, catalogs in rows)


def cumulative_refcat_text(sources: Columns, *, reference: str) -> str:
    """Text of ``cumulative_sky_refcat_<base>.coo``: the reference list as it has grown.

    Parameters
    ----------
    sources
        ``ra``, ``dec`` (deg), ``flux``, ``id``, ``origin`` (`source_origins`).
    reference
        Name of the image or catalog that the list began with.
    """
    head = [f"Reference sources, begun with {reference}", "RA  Dec  Flux  ID  Origin"]
    cells = [
        _numbers(sources["ra"], ".12f"),
        _numbers(sources["dec"], ".12f"),
        _numbers(sources["flux"], ".9g"),
        _numbers(sources["id"], "d"),
        _words(sources["origin"]),
    ]
    return _text([*head, "(deg)  (deg)  (as given)"], cells)


def _fit_lines(fit: FitNumbers | None) -> list[str]:
    """Numbers of the fit for the head of its file."""
    if fit is None:
        return ["There is no fit of this image."]
    return [
        "Fit, in pixels and degrees:",
        f"   X and Y rms: {fit['rms_x']:.4g}  {fit['rms_y']:.4g}",
        f"   X and Y shift: {fit['dx']:.6f}  {fit['dy']:.6f}",
        f"   X and Y scale: {fit['scale_x']:.10g}  {fit['scale_y']:.10g}",
        f"   X and Y rotation: {fit['rotation_x']:.10g}  {fit['rotation_y']:.10g}",
        f"   <rotation> and skew: {fit['rotation']:.10g}  {fit['skew']:.10g}",
    ]


def _fit_cells(pairs: Columns, center: Sequence[float]) -> list[list[str]]:
    """Cells of the 18 columns, kept pairs only."""
    kept = np.asarray(pairs["kept"], dtype=bool)
    reference = [pairs["x_ref"] - center[0], pairs["y_ref"] - center[1]]
    source = [pairs["x_image"] - center[0], pairs["y_image"] - center[1]]
    names = ("x_fit", "y_fit", "dx", "dy", "x0_ref", "y0_ref", "x0", "y0")
    columns = [*reference, *source, *(pairs[name] for name in names)]
    return [
        *(_numbers(column[kept], "15.6f") for column in columns),
        *(_numbers(pairs[name][kept], "7d") for name in ("ref_id", "id", "chip")),
        *(_numbers(pairs[name][kept], "19.12f") for name in ("ra_fit", "dec_fit")),
        _words(pairs["origin"][kept]),
    ]


def _columns_if_there(table: Columns, names: Sequence[str]) -> list[Column]:
    """Columns of these names, none at all when the table has not the first."""
    try:
        return [table[name] for name in names]
    except KeyError:
        return []


def _numbers(column: Column, form: str) -> list[str]:
    """Cells of a column of numbers."""
    return [format(value, form) for value in np.asarray(column).tolist()]


def _words(column: Column) -> list[str]:
    """Cells of a column of texts; blanks would split a cell."""
    return ["_".join(str(value).split()) or "-" for value in np.asarray(column).tolist()]


def _text(head: Iterable[str], cells: Sequence[list[str]], *, comment: str = "# ") -> str:
    """Comment lines, then one line a row."""
    lines = [f"{comment}{line}".rstrip() for line in head]
    lines += ["  ".join(row) for row in zip(*cells, strict=True)]
    return "\n".join(lines) + "\n"
