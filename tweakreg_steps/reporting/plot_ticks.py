"""The frame of a plot with its ticks, their labels and the labels of the axes, drawn in one stroke.

matplotlib makes five objects of each tick, some already of axes that show none, and lays each text
out three times: three quarters of the time that a plot of residuals takes. The places and the texts
of the ticks are still matplotlib's own; this module needs it at once, and is imported where
something is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, IdentityTransform

from tweakreg_steps.arrays import BoolArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axis import Axis, Tick
    from matplotlib.colors import Colormap
    from matplotlib.text import Text

Renderer = Any
"""One of matplotlib's, which have no types."""

_POINTS_PER_INCH = 72.0
_FRAME, _TICK = 0.7, 0.8
"""Widths of the lines in points."""
_LENGTH, _PAD, _LABEL_PAD = 3.5, 3.5, 4.0
"""Of a tick, between the frame and the texts, and between those and the label; points."""
_IN_FRONT = 2.5
_END = 0.01
"""Part of an axis that is its very end."""
_SHADES = 256
_MOST = 9
"""Ticks on an axis, at most; fewer where their texts would touch."""


class _PlainX(XAxis):
    """An axis that makes no ticks of its own."""

    majorTicks = minorTicks = property(lambda _: _no_ticks())  # noqa: N815  matplotlib's names


class _PlainY(YAxis):
    """An axis that makes no ticks of its own."""

    majorTicks = minorTicks = property(lambda _: _no_ticks())  # noqa: N815  matplotlib's names


def _no_ticks() -> list[Tick]:
    """Return a list of nothing."""
    return []


class Panel(Axes):
    """Axes that are to be framed by this module."""

    def _init_axis(self) -> None:
        """Make the axes' x and y."""
        self.xaxis, self.yaxis = _PlainX(self, clear=False), _PlainY(self, clear=False)
        for side, axis in zip(
            ("bottom", "top", "left", "right"),
            (self.xaxis, self.xaxis, self.yaxis, self.yaxis),
            strict=True,
        ):
            self.spines[side].register_axis(axis)


@dataclass(frozen=True)
class Ticks:
    """The ticks of one axis.

    Attributes
    ----------
    at
        Where they are, in the data's coordinates.
    texts
        What stands at each; nothing at all for an axis without texts.
    exponent
        By what the texts are to be multiplied, in words; empty for 1.
    """

    at: FloatArray
    texts: Sequence[str]
    exponent: str = ""


def frame_axes(
    axes: Axes,
    *,
    size: float,
    most: int | None = None,
    prune: bool = False,
    x_texts: bool = True,
    y_texts: bool = True,
) -> None:
    """Frame axes whose limits are set, with ticks at round numbers on all four sides.

    Parameters
    ----------
    axes
        Its own axes are drawn no more, their labels are.
    size
        Of the texts at the ticks, points.
    most
        How many intervals at most; by default as many as the length of an axis has room for.
    prune
        Whether the y axis goes without ticks at its very ends.
    x_texts, y_texts
        Whether there are texts at the ticks.
    """
    x = choose_ticks(axes.xaxis, most=most, size=size)
    y = choose_ticks(axes.yaxis, most=most, size=size, prune=prune)
    put_frame(
        axes,
        x if x_texts else Ticks(x.at, ()),
        y if y_texts else Ticks(y.at, ()),
        size=size,
    )


def put_frame(axes: Axes, x: Ticks, y: Ticks, *, size: float, is_right: bool = False) -> None:
    """Frame axes, with given ticks; the texts of y stand on the left, or on the right."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.add_artist(_Frame(axes, x, y, size=size, is_right=is_right))


def draw_scale(panel: Axes, ticks: Ticks, *, colours: Colormap, label: str, size: float) -> None:
    """Draw a scale of colours into axes of its own; ticks go from 0 to 1, texts on the right."""
    shades = np.linspace(0.0, 1.0, _SHADES)[:, np.newaxis]
    panel.pcolormesh([0.0, 1.0], np.linspace(0.0, 1.0, _SHADES + 1), shades, cmap=colours)
    panel.set_ylabel(label, size=size)
    put_frame(panel, Ticks(np.zeros(0), ()), ticks, size=size, is_right=True)


def choose_ticks(axis: Axis, *, most: int | None, size: float, prune: bool = False) -> Ticks:
    """Choose ticks at round numbers within the limits of an axis; see `frame_axes`."""
    low, high = sorted(axis.get_view_interval())
    locator = MaxNLocator(nbins=most or _room(axis, size), steps=[1, 2, 2.5, 5, 10])
    margin = _END * (high - low) * (1 if prune else -1)
    found = np.asarray(locator.tick_values(low, high), dtype=np.float64)
    at = found[(found >= low + margin) & (found <= high - margin)]
    formatter = axis.get_major_formatter()
    texts = formatter.format_ticks(at)  # type: ignore[arg-type]  # an array is a sequence
    return Ticks(at, texts, formatter.get_offset())


def _room(axis: Axis, size: float) -> int:
    """Return how many texts an axis has room for, three times as long as high, as matplotlib."""
    box, inch = axis.axes.bbox, axis.axes.figure.dpi
    length, each = (box.width, 3.0) if isinstance(axis, XAxis) else (box.height, 2.0)
    return int(np.clip(length / inch * _POINTS_PER_INCH / (each * size), 1, _MOST))


class _Frame(Artist):
    """The frame of its axes, with ticks on all sides, their texts, and the labels of the axes."""

    def __init__(self, panel: Axes, x: Ticks, y: Ticks, *, size: float, is_right: bool) -> None:
        super().__init__()
        self.set_zorder(_IN_FRONT)
        self.set_clip_on(False)
        self._panel, self._x, self._y = panel, x, y
        self._font = FontProperties(size=size)
        self._is_right = is_right

    def draw(self, renderer: Renderer) -> None:
        """Draw all of it."""
        gc = renderer.new_gc()
        gc.set_foreground("black")
        gc.set_snap(True)
        for outline, width in ((self._box(), _FRAME), (self._marks(renderer), _TICK)):
            gc.set_linewidth(width)
            renderer.draw_path(gc, outline, IdentityTransform())
        texts = list(self._texts(renderer))
        for text, box in texts:
            renderer.draw_text(gc, box.x0, renderer.height - box.y0, text, self._font, 0.0)
        for label in self._labels(renderer, [box for _, box in texts]):
            label.draw(renderer)
        gc.restore()

    def get_window_extent(self, renderer: Renderer | None = None) -> Bbox:
        """Return what all of it takes."""
        if renderer is None:
            canvas: Any = self._panel.figure.canvas
            renderer = canvas.get_renderer()
        boxes = [box for _, box in self._texts(renderer)]
        labels = [label.get_window_extent(renderer) for label in self._labels(renderer, boxes)]
        return Bbox.union([self._panel.bbox.frozen(), *boxes, *labels])

    def get_tightbbox(self, renderer: Renderer | None = None) -> Bbox:
        """Return what all of it takes."""
        return self.get_window_extent(renderer)

    def _box(self) -> Outline:
        """Return the outline of the axes in pixels."""
        (x0, y0), (x1, y1) = self._panel.bbox.get_points()
        return Outline([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], closed=True)

    def _places(self) -> tuple[FloatArray, FloatArray]:
        """Return where the ticks are along x and along y, in pixels."""
        low = [limits[0] for limits in (self._panel.get_xlim(), self._panel.get_ylim())]
        to_pixels = self._panel.transData.transform
        x = to_pixels(np.column_stack([self._x.at, np.full(len(self._x.at), low[1])]))[:, 0]
        y = to_pixels(np.column_stack([np.full(len(self._y.at), low[0]), self._y.at]))[:, 1]
        return x, y

    def _marks(self, renderer: Renderer) -> Outline:
        """Return the ticks as lines in pixels."""
        (x0, y0), (x1, y1) = self._panel.bbox.get_points()
        length = renderer.points_to_pixels(_LENGTH)
        lines = []
        places = self._places()
        for x in places[0][_between(places[0], x0, x1)]:
            lines += [(x, y0), (x, y0 + length), (x, y1), (x, y1 - length)]
        for y in places[1][_between(places[1], y0, y1)]:
            lines += [(x0, y), (x0 + length, y), (x1, y), (x1 - length, y)]
        codes = np.tile([Outline.MOVETO, Outline.LINETO], len(lines) // 2)
        return Outline(np.reshape(lines, (-1, 2)), codes)

    def _texts(self, renderer: Renderer) -> Iterator[tuple[str, Bbox]]:
        """Yield the texts at the ticks with their boxes in pixels; the base line is the bottom."""
        (x0, y0), (x1, y1) = self._panel.bbox.get_points()
        pad = renderer.points_to_pixels(_PAD)
        high = self._extent(renderer, "0")[1]
        x, y = self._places()
        for place, text in zip(x, self._x.texts, strict=False):
            width, _ = self._extent(renderer, text)
            yield text, Bbox.from_bounds(place - width / 2, y0 - pad - high, width, high)
        for place, text in zip(y, self._y.texts, strict=False):
            width, _ = self._extent(renderer, text)
            left = x1 + pad if self._is_right else x0 - pad - width
            yield text, Bbox.from_bounds(left, place - high / 2, width, high)
        if self._x.texts and (text := self._x.exponent):
            width, _ = self._extent(renderer, text)
            yield text, Bbox.from_bounds(x1 - width, y0 - 2 * (pad + high), width, high)
        if self._y.texts and (text := self._y.exponent):
            width, _ = self._extent(renderer, text)
            yield text, Bbox.from_bounds(x0, y1 + pad, width, high)

    def _extent(self, renderer: Renderer, text: str) -> tuple[float, float]:
        """Return width and height above the base line of a text, in pixels."""
        width, height, below = renderer.get_text_width_height_descent(
            text, self._font, ismath=False
        )
        return width, height - below

    def _labels(self, renderer: Renderer, texts: Sequence[Bbox]) -> Iterator[Text]:
        """Yield the labels of the axes, put behind the texts."""
        (x0, y0), (x1, y1) = self._panel.bbox.get_points()
        pad = renderer.points_to_pixels(_LABEL_PAD)
        x, y = self._panel.xaxis.label, self._panel.yaxis.label
        if x.get_text():
            bottom = min([y0, *(box.y0 for box in texts)])
            yield _put(x, (x0 + x1) / 2, bottom - pad, "top")
        if y.get_text() and self._is_right:
            right = max([x1, *(box.x1 for box in texts)])
            yield _put(y, right + pad, (y0 + y1) / 2, "top")
        elif y.get_text():
            left = min([x0, *(box.x0 for box in texts if box.x1 < x0)])
            yield _put(y, left - pad, (y0 + y1) / 2, "bottom")


def _between(places: FloatArray, low: float, high: float) -> BoolArray:
    """Tell which ticks do not lie on the frame itself."""
    return np.asarray((places > low + 1.0) & (places < high - 1.0))


def _put(label: Text, x: float, y: float, alignment: Literal["top", "bottom"]) -> Text:
    """Put a label at a place in pixels."""
    label.set_transform(IdentityTransform())
    label.set_position((x, y))
    label.set_verticalalignment(alignment)
    return label
