"""A canvas of matplotlib's whose texts Pillow draws.

matplotlib 3.11 sets the size of the font before each letter, which has FreeType run the font's
hinting program each time, and lays a text out anew whenever it is measured: 3.5 ms for 22 letters,
two thirds of what drawing a plot of residuals takes. Pillow does it with FreeType, too, in 0.2 ms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_RENDERER: Any = RendererAgg
"""matplotlib's own, which has no types."""
_POINTS_PER_INCH = 72.0
_QUARTER = 90.0
_REMEMBERED = 500
"""Texts of which the extent is kept: each is measured two or three times."""

Font = tuple[str, float]
"""File, and size in pixels."""


def draw_pixels(figure: Figure) -> NDArray[np.uint8]:
    """Draw a figure of which nothing is transparent.

    Returns
    -------
    ndarray of uint8, shape (ny, nx, 3)
        Red, green and blue, the upper row first.
    """
    canvas: Any = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = Canvas(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


class Canvas(FigureCanvasAgg):
    """A canvas with a renderer of this module's."""

    _kept: tuple[tuple[float, ...], RendererAgg] | None = None

    def get_renderer(self) -> RendererAgg:
        """Return the renderer, a new one when the figure has another size."""
        key = (*self.get_width_height(physical=True), self.figure.dpi)
        if self._kept is None or self._kept[0] != key:
            renderer: Any = _Renderer
            self._kept = (key, renderer(*key))
        return self._kept[1]


class _Renderer(RendererAgg):
    """Has Pillow draw a text that is no formula and lies along an edge of the picture."""

    dpi: float
    height: float

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | str = False,
        mtext: Text | None = None,
    ) -> None:
        """Draw a text whose base line begins at x, y, pixels from the upper left corner."""
        if ismath or angle % _QUARTER:
            _RENDERER.draw_text(self, gc, x, y, s, prop, angle, ismath, mtext)
            return
        font = self._font(prop)
        x0, y0, x1, y1 = _extent(s, font)
        if x1 <= x0 or y1 <= y0:
            return
        turns = round(angle / _QUARTER) % 4
        opacity = np.rot90(_draw(s, font), turns)
        # from the start of the base line to the lower left corner of the turned text
        right, up = ((x0, -y1), (y0, x0), (-x1, y0), (-y1, -x1))[turns]
        picture = np.empty((*opacity.shape, 4), np.uint8)
        picture[..., :3] = np.round(np.multiply(gc.get_rgb()[:3], 255))
        picture[..., 3] = opacity
        self.draw_image(gc, round(x) + right, round(self.height - y) + up, picture[::-1])

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | str
    ) -> tuple[float, float, float]:
        """Return width and height of a text, and how far it goes below its base line; pixels."""
        if ismath:
            found: tuple[float, float, float] = _RENDERER.get_text_width_height_descent(
                self, s, prop, ismath
            )
            return found
        _, y0, x1, y1 = _extent(s, self._font(prop))
        return float(x1), float(y1 - y0), float(y1)

    def _font(self, prop: FontProperties) -> Font:
        return _file(prop), prop.get_size_in_points() * self.dpi / _POINTS_PER_INCH


@lru_cache(_REMEMBERED)
def _extent(text: str, font: Font) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a text, pixels from the start of its base line."""
    x0, y0, x1, y1 = _load(font).getbbox(text, anchor="ls")
    return int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x1)), int(np.ceil(y1))


@lru_cache(_REMEMBERED)
def _draw(text: str, font: Font) -> NDArray[np.uint8]:
    """Draw a text into an array that it fills; 255 where it is opaque."""
    x0, y0, x1, y1 = _extent(text, font)
    picture = Image.new("L", (x1 - x0, y1 - y0))
    ImageDraw.Draw(picture).text((-x0, -y0), text, fill=255, font=_load(font), anchor="ls")
    return np.asarray(picture)


@lru_cache
def _load(font: Font) -> ImageFont.FreeTypeFont:
    """Open a font in a size."""
    return ImageFont.truetype(*font)


def _file(prop: FontProperties) -> str:
    """Return the file of a font, which matplotlib looks for anew at each text of another size."""
    return _find(tuple(prop.get_family()), prop.get_style(), prop.get_weight())


@lru_cache
def _find(family: tuple[str, ...], style: Any, weight: Any) -> str:  # noqa: ANN401  matplotlib's
    return str(findfont(FontProperties(family=list(family), style=style, weight=weight)))


for _weight in ("normal", "bold"):  # before a warm process forks
    _file(FontProperties(family="sans-serif", weight=_weight))
