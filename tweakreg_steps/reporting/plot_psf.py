"""The picture of a PSF: what it looks like, and how it changes over the detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting.plot_style import new_figure, note_in_corner, plot_style, set_margins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from tweakreg_steps.psf.psf_grid import PsfGrid


_FAINTEST = 1e-4
"""Part of the peak where the logarithmic scale ends."""

_SHOWN = 3.0
"""Pixels on each side of the star in the mosaic of the nodes."""

_PAD, _WIDTH = 0.03, 0.05
"""Of a scale of colours beside a picture, and that of the scale; parts of the picture's width."""

_GAP = 3
"""Samples between the nodes of the mosaic."""


def draw_psf(
    *, name: str, psfs: Mapping[int, PsfGrid], note: str, if_single: str, labelsize: int
) -> Figure:
    """Draw the PSF of each detector, and what differs from it at its nodes.

    Parameters
    ----------
    name
        Camera and filter.
    psfs
        The PSFs by number of the detector.
    note
        From what they were made.
    if_single
        What stands in place of the nodes where a detector has a single one.
    labelsize
        Size of the letters in points.

    Returns
    -------
    Figure
        A row for each detector: on the left the mean over the detector on a logarithmic scale, on
        the right each node minus that mean, as it lies on the detector.
    """
    from matplotlib.axes import Axes

    from tweakreg_steps.reporting.plot_ticks import Panel

    with plot_style():
        figure = new_figure(
            width=9.0, height=4.0 * len(psfs), title=f"{name}: PSF", subtitle=note, warning=""
        )
        set_margins(figure, labelsize=labelsize, right=0.7)
        figure.subplots_adjust(wspace=0.35, hspace=0.3)
        detectors = sorted(psfs)
        kinds = [
            kind for n in detectors for kind in (Panel, Panel if _is_single(psfs[n]) else Axes)
        ]
        panels = [
            figure.add_subplot(len(psfs), 2, place, axes_class=kind)
            for place, kind in enumerate(kinds, start=1)
        ]
        for mean, nodes, detector in zip(panels[::2], panels[1::2], detectors, strict=True):
            _draw_mean(mean, psfs[detector], labelsize)
            note_in_corner(mean, f"detector {detector}", size=labelsize)
            _draw_nodes(nodes, psfs[detector], if_single, labelsize)
        return figure


def _draw_mean(axes: Axes, psf: PsfGrid, labelsize: int) -> None:
    """Draw the mean over the detector."""
    from tweakreg_steps.reporting.plot_ticks import frame_axes

    mean = psf.images.mean(axis=(0, 1))
    shown = np.log10(np.maximum(mean / mean.max(), _FAINTEST))
    reach = psf.radius
    image = axes.imshow(
        shown, origin="lower", cmap="viridis", extent=(-reach, reach, -reach, reach)
    )
    _add_scale(axes, image, "log10 of the peak's part", labelsize)
    axes.set_xlabel("x [px from the star]", size=labelsize)
    axes.set_ylabel("y [px from the star]", size=labelsize)
    frame_axes(axes, size=labelsize)


def _is_single(psf: PsfGrid) -> bool:
    """Tell whether a PSF is the same all over the detector."""
    return psf.images.shape[:2] == (1, 1)


def _draw_nodes(axes: Axes, psf: PsfGrid, if_single: str, labelsize: int) -> None:
    """Draw what differs from the mean at each node; with one node, why there is nothing."""
    from tweakreg_steps.reporting.plot_ticks import Ticks, put_frame

    if _is_single(psf):
        axes.set_axis_off()
        axes.text(0.5, 0.5, if_single, ha="center", va="center", size=labelsize)
        return
    tiles = node_differences(psf)
    limit = max(float(np.nanmax(np.abs(tiles))), 1e-6)
    image = axes.imshow(tiles, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    _add_scale(axes, image, "node minus mean, part of the peak", labelsize)
    step = (tiles.shape[0] + _GAP) / len(psf.y_nodes)
    middles = [np.arange(len(nodes)) * step + (step - _GAP) / 2 for nodes in _axes_of(psf)]
    texts = [[f"{place:.0f}" for place in nodes] for nodes in (psf.x_nodes, psf.y_nodes)]
    axes.set_xticks(middles[0], texts[0])
    axes.set_yticks(middles[1], texts[1])
    axes.set_xlabel("x of the node [px]", size=labelsize)
    axes.set_ylabel("y of the node [px]", size=labelsize)
    put_frame(axes, Ticks(middles[0], texts[0]), Ticks(middles[1], texts[1]), size=labelsize)


def node_differences(psf: PsfGrid) -> FloatArray:
    """Lay the cores of the nodes, less their mean and over its peak, side by side.

    Returns
    -------
    float array
        The nodes as they lie on the detector, with gaps of nan between them.
    """
    mean = psf.images.mean(axis=(0, 1))
    middle = psf.images.shape[-1] // 2
    half = min(int(_SHOWN * psf.oversampling), middle)
    cut = slice(middle - half, middle + half + 1)
    cores = ((psf.images - mean) / mean.max())[..., cut, cut]
    padded = np.pad(cores, ((0, 0), (0, 0), (0, _GAP), (0, _GAP)), constant_values=np.nan)
    n_y, n_x, side, _ = padded.shape
    mosaic = padded.transpose(0, 2, 1, 3).reshape(n_y * side, n_x * side)
    return np.asarray(mosaic[:-_GAP, :-_GAP])


def _axes_of(psf: PsfGrid) -> tuple[FloatArray, FloatArray]:
    return psf.x_nodes, psf.y_nodes


def _add_scale(axes: Axes, image: AxesImage, label: str, labelsize: int) -> None:
    """Draw the scale of colours beside the picture, as high as that."""
    from tweakreg_steps.reporting.plot_ticks import Panel, choose_ticks, draw_scale

    whole = axes.get_position(original=True)
    axes.set_position((whole.x0, whole.y0, whole.width * (1 - _PAD - _WIDTH), whole.height))
    axes.apply_aspect()
    place = axes.get_position()
    corner = (place.x1 + _PAD * place.width, place.y0, _WIDTH * place.width, place.height)
    scale = axes.figure.add_axes(corner, axes_class=Panel)
    low, high = image.get_clim()
    scale.set_ylim(low, high)
    ticks = choose_ticks(scale.yaxis, most=None, size=labelsize)
    scale.set_ylim(0.0, 1.0)
    places = (ticks.at - low) / (high - low)
    draw_scale(scale, replace(ticks, at=places), colours=image.cmap, label=label, size=labelsize)
