"""Texts that Pillow draws lie where matplotlib's do, and a PNG holds what was drawn."""

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tweakreg_steps.reporting.plot_canvas import Canvas, draw_pixels
from tweakreg_steps.reporting.png_file import encode_png

SLACK = 2 if mpl.__version_info__ >= (3, 11) else 4
"""Pixels; before 3.11 matplotlib turned a text that was drawn, which shifted it."""
WORDS = "residual dx [px] \N{MINUS SIGN}0.05"


def ink(
    canvas: type[FigureCanvasAgg],
    words: str = WORDS,
    **style: Any,  # noqa: ANN401  matplotlib's options
) -> NDArray[np.float64]:
    """Draw a text in the middle of an empty figure; 0 is white, 1 black."""
    figure = Figure(figsize=(3, 3), dpi=100)
    canvas(figure)
    figure.text(0.5, 0.5, words, color="black", **style)
    return np.asarray(1 - draw_pixels(figure).mean(axis=2) / 255)


@pytest.mark.parametrize("size", [6, 9, 16])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("ha", ["left", "center"])
def test_a_text_is_where_matplotlib_has_it(size: int, rotation: int, ha: str) -> None:
    ours, theirs = (
        ink(canvas, size=size, rotation=rotation, ha=ha, va="bottom")
        for canvas in (Canvas, FigureCanvasAgg)
    )
    for axis in (0, 1):
        edges = [np.flatnonzero(drawn.any(axis=axis))[[0, -1]] for drawn in (ours, theirs)]
        # the widths of hinted letters add up
        assert np.abs(edges[0] - edges[1]).max() <= SLACK + 0.05 * np.ptp(edges[1])
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.15)


def test_a_text_along_no_edge_and_a_formula_are_matplotlib_s_own() -> None:
    assert np.array_equal(ink(Canvas, rotation=30), ink(FigureCanvasAgg, rotation=30))
    assert np.array_equal(ink(Canvas, r"$\alpha^2$"), ink(FigureCanvasAgg, r"$\alpha^2$"))


def test_a_text_has_its_colour_and_lets_through_what_is_behind_it() -> None:
    figure = Figure(figsize=(2, 1), dpi=100, facecolor="yellow")
    Canvas(figure)
    figure.text(0.1, 0.2, "II", size=40, color="blue", weight="bold")
    pixels = draw_pixels(figure).reshape(-1, 3)
    assert {tuple(pixels[0]), tuple(pixels[pixels[:, 2].argmax()])} == {(255, 255, 0), (0, 0, 255)}
    assert np.allclose(pixels[:, 0], pixels[:, 1], atol=1)
    assert np.allclose(pixels[:, 0].astype(int) + pixels[:, 2], 255, atol=2)


def test_a_png_is_read_as_it_was_drawn() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (23, 41, 3), dtype=np.uint8)
    texts = {"Provenance": '{"a": 1}', "Name": "星"}
    content = encode_png(pixels, dpi=100, texts=texts)
    picture = Image.open(io.BytesIO(content))
    assert np.array_equal(np.asarray(picture), pixels)
    assert picture.info["dpi"] == pytest.approx((100, 100), abs=0.01)
    assert {key: picture.info[key] for key in texts} == texts
    assert content == encode_png(pixels, dpi=100, texts=texts)
