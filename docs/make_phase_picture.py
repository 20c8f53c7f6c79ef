"""Draw the pixel-phase errors of a real exposure of 47 Tuc, with DAOFIND and with a built PSF.

``python docs/make_phase_picture.py`` aligns three copies of the exposure both ways and writes
``docs/images/47tuc_phases.png``; it needs what the tests need.

Copies of one exposure see each star at the same place in its pixel, so that their residuals tell
nothing of such errors. But stars know nothing of pixels: their true phases are spread evenly. With
the part F(u) of the stars that are found at a phase below u, a star that is found at u truly is at
F(u) - 1/2, and the error is ``u - F(u)``, to a constant.
"""  # noqa: INP001 - a script beside the documentation, not a package

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from skies import hrc_scene, mutual_rms  # noqa: E402 - path set above

from tweakreg_steps.cli import main as tweakreg  # noqa: E402 - path set above
from tweakreg_steps.reporting.plot_style import CLIPPED, KEPT, plot_style  # noqa: E402
from tweakreg_steps.tables.ecsv import ColumnTable, read_table  # noqa: E402

PICTURE = Path(__file__).resolve().parent / "images" / "47tuc_phases.png"
FIND: dict[str, Any] = {"threshold": 20, "conv_width": 2.5}
WAYS: dict[str, tuple[dict[str, str], str, str]] = {
    "DAOFIND": ({}, "catalogs", CLIPPED),
    "built PSF": ({"centroid": "psf", "psf": "build"}, "positions", KEPT),
}
"""What each way adds to the recipe, where its positions are, and its colour."""
LOST = 8
"""Flags from which on a source has not the position of the PSF."""


def phase_errors(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sorted phases, from the middle of a pixel, and the error of each, of mean 0."""
    phases = np.sort((places + 0.5) % 1.0 - 0.5)
    truth = (np.arange(len(phases)) + 0.5) / len(phases) - 0.5
    errors = phases - truth
    return phases, errors - errors.mean()


def align(folder: Path, paths: tuple[Path, ...], name: str) -> ColumnTable:
    """Align the copies, and return the positions in the first of them."""
    find, table, _ = WAYS[name]
    out = folder / table
    recipe = {
        "input": "j8*.fits",
        "outdir": out.name,
        "imagefindpars": {**FIND, **find},
        "update_header": {"updatehdr": True},
    }
    path = folder / f"{table}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    if tweakreg(["run", str(path)]):
        raise SystemExit(name)
    rms = mutual_rms(tuple(out / "aligned" / each.name for each in paths))
    sys.stdout.write(f"{name}: the copies agree to {rms:.4f} mas\n")
    return read_positions(out / table / f"{paths[0].stem}.ecsv")


def read_positions(path: Path) -> ColumnTable:
    """Read the positions of a catalog; of those with flags, the ones that the PSF gives."""
    found = read_table(path)
    if "flags" not in found.columns:
        return found
    kept = found["flags"] < LOST
    return ColumnTable({axis: found[axis][kept] for axis in ("x", "y")}, {}, {}, {})


def draw(found: Mapping[str, ColumnTable]) -> None:
    """Draw the errors of the positions of each way; grey is what chance does."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, axis in zip(panels, ("x", "y"), strict=True):
        for name, table in found.items():
            phases, errors = phase_errors(table[axis])
            sys.stdout.write(f"{name}: {len(phases)} stars, {axis}: rms {errors.std():.4f} px\n")
            axes.plot(phases, 1e3 * errors, color=WAYS[name][2], lw=1.2, label=name)
        chance = 500.0 / np.sqrt(len(found["DAOFIND"]))
        axes.axhspan(-chance, chance, color="0.92", lw=0)
        axes.set_xlabel(f"{axis} from the middle of a pixel [px]")
    panels[0].set_ylabel("error [0.001 px]")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(PICTURE, dpi=110)


def main() -> None:
    """Make the picture."""
    with tempfile.TemporaryDirectory() as scratch, plot_style():
        folder = Path(scratch)
        paths = hrc_scene(folder)
        draw({name: align(folder, paths, name) for name in WAYS})


if __name__ == "__main__":
    main()
