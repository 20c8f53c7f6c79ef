"""Make the README's picture from the demo, once it has run.

``python docs/make_pictures.py tweakreg_demo`` writes ``docs/images/overview.png``: the files that a
run makes, and the sum of the exposures by their headers as they were and as they are aligned.
"""  # noqa: INP001 - a script beside the documentation, not a package

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.demo.demo_exposures import DemoTruth, demo_errors, read_demo
from tweakreg_steps.reporting.plot_style import CLIPPED, KEPT, plot_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PICTURE = Path(__file__).parent / "images" / "overview.png"
_SIZE = (8.4, 5.3)
_DPI = 130
_SIDE, _SAMPLE = 8.0, 0.02  # arcsec: side of the field that is shown, and its pixels

_BOXES: dict[str, tuple[float, float]] = {
    "image.fits": (0.075, 0.80),
    "masks/": (0.215, 0.80),
    "catalogs/": (0.35, 0.80),
    "sky/": (0.48, 0.80),
    "matches/": (0.61, 0.80),
    "fits/": (0.74, 0.80),
    "aligned/": (0.905, 0.80),
    "recipe.yaml": (0.075, 0.22),
    "reference/": (0.545, 0.22),
    "plots/": (0.74, 0.22),
    "summary.ecsv": (0.905, 0.22),
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

Pixels = NDArray[np.float64]


def busy_field(truth: DemoTruth) -> tuple[float, float]:
    """Find a star with bright neighbours that all exposures hold: right ascension, declination."""
    stars = truth.stars
    ra, counts = np.unique(stars["ra"], return_counts=True)
    common = np.isin(stars["ra"], ra[counts == len(truth.paths)])
    common &= stars["image"] == stars["image"][0]
    ra, dec, flux = (stars[name][common] for name in ("ra", "dec", "flux"))
    east = (ra[:, None] - ra) * np.cos(np.radians(dec)) * 3600.0
    north = (dec[:, None] - dec) * 3600.0
    near = (np.abs(east) < 0.4 * _SIDE) & (np.abs(north) < 0.4 * _SIDE)
    busiest = int(np.argmax(near @ np.sqrt(np.minimum(flux, 3e4))))
    return float(ra[busiest]), float(dec[busiest])


def add_up(paths: Sequence[Path], centre: tuple[float, float]) -> Pixels:
    """Add up exposures on the sky by their headers: mean counts, shape (n, n), north up."""
    from astropy.io import fits
    from astropy.wcs import WCS
    from scipy.ndimage import map_coordinates

    offsets = (np.arange(0.0, _SIDE, _SAMPLE) - _SIDE / 2.0) / 3600.0
    east, north = np.meshgrid(-offsets, offsets)
    dec = centre[1] + north
    ra = centre[0] + east / np.cos(np.radians(dec))
    total, weight = np.zeros(ra.shape), np.zeros(ra.shape)
    for path in paths:
        with fits.open(path) as hdus:
            for version in (1, 2):
                science, quality = hdus["SCI", version], hdus["DQ", version].data
                # distorted positions are found to 0.02 pixels: enough for a picture
                x, y = WCS(science.header, hdus).all_world2pix(
                    ra, dec, 0, tolerance=0.02, quiet=True
                )
                good = np.where(quality == 0, 1.0, 0.0)
                counts = np.where(quality == 0, science.data, 0.0)
                total += map_coordinates(counts, (y, x), order=1, cval=0.0)
                weight += map_coordinates(good, (y, x), order=1, cval=0.0)
    return np.asarray(total / np.maximum(weight, 1e-3))


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
        0.155,
        0.22,
        "every step leaves a file; after a change\nonly the steps that depend on it run again",
        ha="left",
        va="center",
        size=8.5,
        style="italic",
    )


def draw_sum(axes: Axes, pixels: Pixels, limits: tuple[float, float], title: str) -> None:
    """Draw the sum of exposures, brighter counts darker."""
    low, high = limits
    stretched = np.arcsinh(np.clip(pixels - low, 0.0, None) / (0.02 * (high - low)))
    axes.imshow(
        stretched,
        origin="lower",
        cmap="gray_r",
        vmin=0.0,
        vmax=float(np.arcsinh(50.0)),
        extent=(0.0, _SIDE, 0.0, _SIDE),
        interpolation="nearest",
    )
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, size=9)
    left, below = _SIDE - 1.7, -0.3
    axes.plot([left, left + 1.0], [below, below], color="0.2", lw=2, clip_on=False)
    axes.text(_SIDE - 0.2, below, "1″", ha="right", va="center", size=9)


def draw_overview(folder: Path) -> Figure:
    """Compose the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    truth = read_demo(folder)
    aligned = tuple(folder / "results" / "recipe" / "aligned" / path.name for path in truth.paths)
    centre = busy_field(truth)
    sums = [add_up(paths, centre) for paths in (truth.paths, aligned)]
    errors = [
        float(np.sqrt(np.mean(np.square(list(demo_errors(paths, truth).values())[1:]))))
        for paths in (truth.paths, aligned)
    ]
    sky = float(np.median(sums[1]))
    limits = (sky, sky + 0.6 * float(sums[1].max() - sky))
    titles = (
        f"{len(aligned)} exposures, added up by their headers",
        "the same, aligned",
    )
    with plot_style():
        figure = Figure(figsize=_SIZE, dpi=_DPI)
        FigureCanvasAgg(figure)
        draw_workflow(figure.add_axes((0.0, 0.72, 1.0, 0.28)))
        for left, pixels, title, error in zip((0.02, 0.51), sums, titles, errors, strict=True):
            axes = figure.add_axes((left, 0.05, 0.47, 0.59))
            draw_sum(axes, pixels, limits, f"{title}: {error:.3g} mas from the truth")
    return figure


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(description="Make docs/images/overview.png from a demo.")
    parser.add_argument("folder", type=Path, help="the folder of a demo that has run")
    save_figure(draw_overview(parser.parse_args().folder), _PICTURE, texts={})


if __name__ == "__main__":
    main()
