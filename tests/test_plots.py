"""The diagnostic plots show what the arrays say."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.quiver import Quiver, QuiverKey
from numpy.typing import NDArray

from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.reporting.plot_ticks import choose_ticks
from tweakreg_steps.reporting.plots import (
    add_footer,
    draw_offsets,
    draw_residuals,
    draw_vectors,
    save_figure,
)

LONG = "x" * 150 + "_$\\alpha_{x$_flc"
REASON = Reason.FEW_MATCHES
REASON_TEXT = REASON_TEXTS[REASON]
N_CLIPPED = 25


def make_fit(n_pairs: int) -> dict[str, Any]:
    """Residuals of 0.05 px rms, the first 25 of them clipped outliers within 1 px."""
    rng = np.random.default_rng(7)
    residuals = rng.normal(0, 0.05, (n_pairs, 2))
    residuals[:N_CLIPPED] = rng.uniform(-1, 1, residuals[:N_CLIPPED].shape)
    xy = rng.uniform(1, 4200, (n_pairs, 2))
    kept = np.arange(n_pairs) >= N_CLIPPED
    return {"image": "j1", "xy": xy, "residuals": residuals, "kept": kept, "reason": ""}


def make_residuals(n_pairs: int = 300, **changes: object) -> Figure:
    style = {"rms": np.array([0.05, 0.06]), "ylimit": None, "labelsize": 8}
    return draw_residuals(**{**make_fit(n_pairs), **style, **changes})


def make_vectors(n_pairs: int = 300, **changes: object) -> Figure:
    return draw_vectors(**{**make_fit(n_pairs), "labelsize": 8, **changes})


def make_counts(n_bins: int, n_peak: int) -> dict[str, Any]:
    """Background 3 a bin and a peak in the bin that holds dx = 3.2, dy = -7.4."""
    edges = np.linspace(-25, 25, n_bins + 1)
    counts = np.random.default_rng(8).poisson(3, (n_bins, n_bins))
    column, row = np.searchsorted(edges, [3.2, -7.4]) - 1
    counts[row, column] += n_peak
    return {"counts": counts, "x_edges": edges, "y_edges": edges}


def make_offsets(n_bins: int = 100, n_peak: int = 300, **changes: object) -> Figure:
    given = {"image": "j1", "peak": np.array([3.2, -7.4]), "n_peak": n_peak, "n_expected": 9.4}
    given |= {"tolerance": 1.0, "reason": ""}
    return draw_offsets(**{**make_counts(n_bins, n_peak), **given, **changes})


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.texts)


def drawn_points(figure: Figure, panel: int) -> NDArray[np.float64]:
    lines = [line for line in figure.axes[panel].lines if line.get_linestyle() == "None"]
    return np.concatenate([np.column_stack(line.get_data()) for line in lines])


def test_the_histogram_says_where_the_peak_is_and_what_chance_would_give() -> None:
    text = words(make_offsets())
    assert "j1: offsets from the reference" in text
    assert "peak at dx = 3.20, dy = -7.40 px: 300 pairs, 9.4 expected by chance" in text


@pytest.mark.parametrize("n_bins", [100, 1001])
def test_the_fullest_drawn_bin_lies_at_the_marked_peak(n_bins: int) -> None:
    figure = make_offsets(n_bins=n_bins)
    for panel in figure.axes[:2]:
        (image,) = panel.images
        shown = np.asarray(image.get_array())
        left, right, bottom, top = image.get_extent()
        row, column = np.unravel_index(shown.argmax(), shown.shape)
        x = left + (column + 0.5) * (right - left) / shown.shape[1]
        y = bottom + (row + 0.5) * (top - bottom) / shown.shape[0]
        assert np.hypot(x - 3.2, y + 7.4) < 0.5
    (circle,) = [patch for patch in figure.axes[1].patches if isinstance(patch, Circle)]
    assert circle.center == (3.2, -7.4)
    assert circle.radius == 1.0
    (frame,) = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert frame.get_bbox().bounds == pytest.approx(figure.axes[1].viewLim.bounds)


def test_a_histogram_without_peak_is_drawn_with_the_reason() -> None:
    figure = make_offsets(n_peak=0, peak=None, reason="no_significant_offset")
    assert (
        f"no offset was adopted not aligned: {REASON_TEXTS[Reason.NO_SIGNIFICANT_OFFSET]}"
        in words(figure)
    )
    assert len([axes for axes in figure.axes if axes.images]) == 1


def test_every_residual_is_in_every_panel_and_outliers_at_the_edge() -> None:
    fit = make_fit(300)
    figure = make_residuals()
    limit = figure.axes[0].get_ylim()[1]
    for i, panel in enumerate(figure.axes):
        points = drawn_points(figure, i)
        expected = np.clip(fit["residuals"][:, i // 2], -0.96 * limit, 0.96 * limit)
        inside = np.abs(fit["residuals"][:, i // 2]) < 0.96 * limit
        wanted = np.column_stack([fit["xy"][:, i % 2], expected])
        assert sorted(map(tuple, wanted[inside])) == sorted(
            point for point in map(tuple, points) if abs(point[1]) < 0.96 * limit
        )
        assert len(points) == 300
        assert panel.get_ylim() == (-limit, limit)


def test_the_automatic_limit_shows_all_kept_residuals_and_no_more() -> None:
    fit = make_fit(300)
    largest = np.abs(fit["residuals"][fit["kept"]]).max()
    assert largest < make_residuals().axes[0].get_ylim()[1] < 1.2 * largest


def test_the_limit_and_the_label_size_of_the_recipe_are_obeyed() -> None:
    figure = make_residuals(ylimit=0.1, labelsize=11)
    assert figure.axes[2].get_ylim() == (-0.1, 0.1)
    assert figure.axes[2].xaxis.label.get_fontsize() == 11
    assert make_vectors(labelsize=11).axes[0].yaxis.label.get_fontsize() == 11


def test_the_panels_name_the_rms_and_the_title_the_numbers() -> None:
    figure = make_residuals()
    notes = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert notes == ["rms dx = 0.05 px", "rms dy = 0.06 px"]
    assert "pairs: 275 kept, 25 clipped" in words(figure)


def arrows_of(figure: Figure) -> list[Quiver]:
    return [item for item in figure.axes[0].collections if isinstance(item, Quiver)]


def test_arrows_point_along_the_residuals_from_where_the_pairs_are() -> None:
    fit = make_fit(300)
    kept, clipped = arrows_of(make_vectors())
    assert np.array_equal(kept.XY, fit["xy"][fit["kept"]])
    assert np.array_equal(np.column_stack([kept.U, kept.V]), fit["residuals"][fit["kept"]])
    wanted = fit["residuals"][~fit["kept"]]
    assert np.allclose(clipped.U * wanted[:, 1], clipped.V * wanted[:, 0])
    assert np.hypot(clipped.U, clipped.V).max() < np.hypot(*wanted.T).max()


def test_an_arrow_of_known_length_is_drawn_to_the_same_scale_on_equal_axes() -> None:
    figure = make_vectors()
    (key,) = [item for item in figure.axes[0].artists if isinstance(item, QuiverKey)]
    assert key.text.get_text() == f"{key.U:g} px" == "0.1 px"
    assert {key.Q.scale} == {arrows.scale for arrows in arrows_of(figure)}
    assert figure.axes[0].get_aspect() == 1.0


def test_a_carpet_of_arrows_is_thinned_and_says_so() -> None:
    figure = make_vectors(10_000)
    assert sum(arrows.N for arrows in arrows_of(figure)) == 1429
    assert "1 of 7 drawn" in words(figure)


@pytest.mark.parametrize("make", [make_residuals, make_vectors])
def test_without_pairs_the_figure_says_why(make: Callable[..., Figure], tmp_path: Path) -> None:
    figure = make(0, reason=REASON)
    assert REASON_TEXT in words(figure).replace("\n", " ")
    save_figure(figure, tmp_path / "plot.png", texts={})
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_an_empty_histogram_says_why() -> None:
    empty = np.zeros((0, 0))
    figure = make_offsets(counts=empty, x_edges=np.zeros(1), y_edges=np.zeros(1), reason=REASON)
    assert REASON_TEXT in words(figure).replace("\n", " ")


@pytest.mark.parametrize("make", [make_residuals, make_vectors])
@pytest.mark.parametrize("n_pairs", [1, 2, N_CLIPPED, N_CLIPPED + 1])
def test_few_pairs_all_clipped_or_residuals_of_zero_are_drawn_without_a_warning(
    make: Callable[..., Figure], n_pairs: int, tmp_path: Path
) -> None:
    save_figure(make(n_pairs, image=LONG, reason=REASON), tmp_path / "a.png", texts={})
    residuals, kept = np.zeros((n_pairs, 2)), np.ones(n_pairs, dtype=bool)
    save_figure(make(n_pairs, residuals=residuals, kept=kept), tmp_path / "b.png", texts={})


def test_a_long_name_is_whole_and_inside_the_figure() -> None:
    for figure in (make_residuals(image=LONG), make_vectors(image=LONG), make_offsets(image=LONG)):
        assert LONG in words(figure).replace(" ", "")
        for text in figure.texts:
            box = text.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height


def test_every_label_is_inside_the_figure_whatever_the_label_size(tmp_path: Path) -> None:
    for labelsize in (6, 8, 12, 16):
        for make in (make_residuals, make_vectors):
            figure = make(labelsize=labelsize)
            save_figure(figure, tmp_path / "plot.png", texts={})
            for axes in figure.axes:
                box = axes.get_tightbbox(for_layout_only=False)
                assert box is not None
                assert box.x0 >= 0
                assert box.y0 >= 0


@pytest.mark.parametrize("make", [make_residuals, make_vectors, make_offsets])
def test_the_png_does_not_depend_on_the_user_s_style_nor_on_the_time(
    make: Callable[..., Figure], tmp_path: Path
) -> None:
    save_figure(make(), tmp_path / "a.png", texts={})
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "savefig.dpi": 30}):
        before = dict(mpl.rcParams)
        save_figure(make(), tmp_path / "b.png", texts={})
        assert dict(mpl.rcParams) == before
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert b"tIME" not in content


def test_importing_the_plots_does_not_import_matplotlib() -> None:
    code = "import sys, tweakreg_steps.reporting.plots as p; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("low", "high"), [(-0.1, 0.1), (0.0, 4213.0), (-1.5, 1.0), (2e-7, 9e-7), (3e7, 8e7)]
)
def test_the_ticks_and_their_texts_are_matplotlib_s_own(low: float, high: float) -> None:
    figure = Figure(figsize=(6, 4))
    FigureCanvasAgg(figure)
    plain, framed = figure.subplots(1, 2)
    for axes in (plain, framed):
        axes.set_xlim(low, high)
        axes.tick_params(labelsize=9)
    figure.canvas.draw()
    found = choose_ticks(framed.xaxis, most=None, size=9)
    wanted = plain.xaxis.get_majorticklabels()
    inside = [text for text in wanted if low <= text.get_position()[0] <= high]
    assert found.at == pytest.approx([text.get_position()[0] for text in inside])
    assert [*found.texts] == [text.get_text() for text in inside]
    assert found.exponent == plain.xaxis.get_offset_text().get_text()


def test_the_texts_of_the_ticks_lie_in_the_picture_and_move_with_a_footer() -> None:
    figure = make_residuals()
    before = figure.axes[2].get_tightbbox()
    add_footer(figure, "a cure")
    after = figure.axes[2].get_tightbbox()
    assert before is not None
    assert after is not None
    assert after.y0 > before.y0 > 0
    assert after.height == pytest.approx(before.height, abs=1)


def test_a_footer_leaves_panels_of_equal_scales_as_large_as_they_are() -> None:
    figure = Figure(figsize=(5.0, 4.0))
    axes = figure.subplots()
    axes.set_aspect("equal")
    figure.draw_without_rendering()
    before = axes.get_window_extent().size
    add_footer(figure, "a cure\n" * 9)
    figure.draw_without_rendering()
    assert axes.get_window_extent().size == pytest.approx(before)
