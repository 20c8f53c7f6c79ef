"""Make the README's picture from the output folder of a run, such as the demo's.

``python docs/make_pictures.py tweakreg_demo/results`` writes ``docs/images/overview.png``: the
files a run makes, and the offsets of one of its images before and after.
"""  # noqa: INP001 - a script beside the documentation, not a package

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.products.plot_style import CLIPPED, FAINT, KEPT, plot_style, save_figure
from tweakreg_steps.products.summary import Status, read_summary, summary_rows
from tweakreg_steps.records.outdir_files import REFERENCE_PLANE, SUMMARY
from tweakreg_steps.tables.ecsv import read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PICTURE = Path(__file__).parent / "images" / "overview.png"
_SIZE = (8.4, 4.9)
_DPI = 150

_BOXES: dict[str, tuple[float, float]] = {
    "image.fits": (0.07, 0.78),
    "masks/": (0.21, 0.78),
    "catalogs/": (0.36, 0.78),
    "sky/": (0.49, 0.78),
    "matches/": (0.625, 0.78),
    "fits/": (0.76, 0.78),
    "aligned/": (0.92, 0.78),
    "recipe.yaml": (0.07, 0.25),
    "reference/": (0.555, 0.25),
    "plots/": (0.76, 0.25),
    "summary.ecsv": (0.92, 0.25),
}
"""Files of a run, and where they stand in the diagram."""

_ARROWS = (
    ("image.fits", "masks/"),
    ("masks/", "catalogs/"),
    ("catalogs/", "sky/"),
    ("sky/", "matches/"),
    ("matches/", "fits/"),
    ("fits/", "aligned/"),
    ("sky/", "reference/"),
    ("reference/", "matches/"),
    ("fits/", "plots/"),
    ("fits/", "summary.ecsv"),
)
_INPUTS = frozenset({"image.fits", "recipe.yaml"})


@dataclass(frozen=True)
class Offsets:
    """Offsets of an image's sources from the reference, mas, at positions in reference pixels."""

    image: str
    xy: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def read_offsets(outdir: Path) -> Offsets:
    """Read the image of a run that had the largest offset, and what the fit left of it."""
    rows = summary_rows(read_summary(outdir / SUMMARY))
    aligned = [row for row in rows if row["status"] == Status.ALIGNED]
    if not aligned:
        raise SystemExit(f"{outdir / SUMMARY}: no image is aligned, there is nothing to show")
    image = max(aligned, key=lambda row: float(np.hypot(row["dx"], row["dy"])))["image"]
    pairs = read_table(outdir / "fits" / f"{image}.ecsv")
    kept = pairs["kept"]
    xy, xy_ref, left = (
        np.column_stack([pairs[x], pairs[y]])[kept]
        for x, y in (("x_image", "y_image"), ("x_ref", "y_ref"), ("dx", "dy"))
    )
    scale = read_pixel_scale(outdir / REFERENCE_PLANE)
    return Offsets(image=image, xy=xy_ref, before=(xy - xy_ref) * scale, after=left * scale)


def read_pixel_scale(path: Path) -> float:
    """Give the size of the reference plane's pixels in mas."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    matrix = read_reference_plane(path).pixel_scale_matrix
    return float(np.sqrt(abs(np.linalg.det(matrix))) * 3.6e6)


def draw_workflow(axes: Axes) -> None:
    """Draw the files a run makes as boxes, and the steps between them as arrows."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    boxes = {
        name: axes.text(
            *place,
            name,
            ha="center",
            va="center",
            size=8.5,
            family="monospace",
            bbox={
                "boxstyle": "round,pad=0.45",
                "facecolor": "#fff3e6" if name in _INPUTS else "#e8f1f8",
                "edgecolor": CLIPPED if name in _INPUTS else KEPT,
                "linewidth": 0.8,
            },
            zorder=3,
        )
        for name, place in _BOXES.items()
    }
    for start, end in _ARROWS:
        axes.annotate(
            "",
            xy=_BOXES[end],
            xytext=_BOXES[start],
            arrowprops={
                "arrowstyle": "-|>",
                "color": "0.35",
                "linewidth": 1.0,
                "patchA": boxes[start].get_bbox_patch(),
                "patchB": boxes[end].get_bbox_patch(),
                "shrinkA": 1,
                "shrinkB": 1,
            },
        )
    axes.text(
        0.145,
        0.25,
        "one file a step: only what is stale runs again",
        ha="left",
        va="center",
        size=8.5,
        style="italic",
    )


def draw_offsets(axes: Axes, xy: NDArray[np.float64], offsets: NDArray[np.float64]) -> None:
    """Draw offsets in mas as arrows over the field, to a scale of their own."""
    rms = float(np.sqrt((offsets**2).sum(axis=1).mean()))
    field = float(np.ptp(xy, axis=0).max())
    arrows = axes.quiver(
        *xy.T,
        *offsets.T,
        color=KEPT,
        angles="xy",
        scale_units="xy",
        scale=rms / (0.06 * field),
        width=0.004,
    )
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.margins(0.08)
    length = 10.0 ** round(math.log10(rms))
    axes.quiverkey(
        arrows, 0.97, -0.06, length, f"{length:g} mas", labelpos="W", fontproperties={"size": 8}
    )


def draw_scatter(axes: Axes, offsets: Offsets) -> None:
    """Draw the offsets before and after in one frame."""
    axes.axhline(0, color=FAINT, linewidth=0.7, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.7, zorder=0)
    for values, colour, label in (
        (offsets.before, CLIPPED, "before"),
        (offsets.after, KEPT, "after"),
    ):
        axes.plot(*values.T, ls="", marker=".", ms=3, color=colour, label=label)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.15)
    axes.legend(loc="best", fontsize=8, handletextpad=0.1, markerscale=2)
    axes.set_xlabel("dx [mas]", size=8, labelpad=1)
    axes.set_ylabel("dy [mas]", size=8, labelpad=0)
    axes.tick_params(labelsize=7)


def draw_overview(offsets: Offsets) -> Figure:
    """Compose the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with plot_style():
        figure = Figure(figsize=_SIZE, dpi=_DPI)
        FigureCanvasAgg(figure)
        draw_workflow(figure.add_axes((0.0, 0.66, 1.0, 0.34)))
        panels = [figure.add_axes((left, 0.1, 0.29, 0.49)) for left in (0.01, 0.32, 0.69)]
        texts = ("before: {:.1f} mas rms", "after: {:.2f} mas rms")
        for axes, values, text in zip(panels, (offsets.before, offsets.after), texts, strict=False):
            draw_offsets(axes, offsets.xy, values)
            axes.set_title(text.format(np.sqrt((values**2).sum(axis=1).mean())), size=9)
        draw_scatter(panels[2], offsets)
        panels[2].set_title(f"{offsets.image}: {len(offsets.xy)} stars", size=9)
        return figure


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description="Make docs/images/overview.png from a run.")
    parser.add_argument("outdir", type=Path, help="output folder of a finished run")
    arguments = parser.parse_args()
    save_figure(draw_overview(read_offsets(arguments.outdir)), _PICTURE, texts={})


if __name__ == "__main__":
    main()
