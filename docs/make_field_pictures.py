"""Align two real fields and keep the plots of the runs for the page about them.

``python docs/make_field_pictures.py`` writes ``docs/images/ngc6791_*.png`` and ``47tuc_*.png``; it
needs what the tests need. The plots are those that every run makes.
"""  # noqa: INP001 - a script beside the documentation, not a package

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ngc6791 import NAMES, write_exposure  # noqa: E402 - path set above
from skies import hrc_scene  # noqa: E402 - path set above
from test_ngc6791 import write_recipe  # noqa: E402 - path set above

from tweakreg_steps.cli import main as tweakreg  # noqa: E402 - path set above

IMAGES = Path(__file__).resolve().parent / "images"
CLUSTER, HRC = "ibwb01xqq_flc", "j8bt06n2q_flt"
HRC_RECIPE: dict[str, Any] = {
    "input": "*.fits",
    "outdir": "out",
    "imagefindpars": {"threshold": 20, "conv_width": 2.5},
    "update_header": {"updatehdr": True},
}


def align_ngc6791(folder: Path) -> None:
    """Align the published catalogs with Gaia, and with a sky that is not theirs."""
    for name in NAMES:
        write_exposure(folder, name, painted=False)
    recipe = write_recipe(folder, painted=False)
    run(recipe)
    keep(folder / "out", CLUSTER, "ngc6791", ("hist2d", "residuals", "vector"))
    gaia = np.genfromtxt(folder / "gaia.cat", usecols=(0, 1, 2))
    gaia[:, 1] = gaia[:, 1].min() + gaia[:, 1].max() - gaia[:, 1]
    np.savetxt(folder / "mirrored.cat", gaia, fmt="%.9f")
    values = yaml.safe_load(recipe.read_text())
    values["reference_catalog"]["refcat"] = "mirrored.cat"
    values["outdir"] = "unrelated"
    (folder / "unrelated.yaml").write_text(yaml.safe_dump(values))
    run(folder / "unrelated.yaml")
    keep(folder / "unrelated", CLUSTER, "ngc6791_unrelated", ("hist2d",))


def align_47tuc(folder: Path) -> None:
    """Align copies of a real exposure whose headers were moved."""
    hrc_scene(folder)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(HRC_RECIPE))
    run(folder / "recipe.yaml")
    keep(folder / "out", HRC, "47tuc", ("hist2d", "residuals"))


def run(recipe: Path) -> None:
    """Run a recipe; that an image is not aligned is an answer, too."""
    status = tweakreg(["run", str(recipe)])
    if status not in (0, 3):
        raise SystemExit(status)


def keep(outdir: Path, image: str, name: str, kinds: tuple[str, ...]) -> None:
    """Copy the plots of one image."""
    for kind in kinds:
        shutil.copyfile(outdir / "plots" / f"{kind}_{image}.png", IMAGES / f"{name}_{kind}.png")


def main() -> None:
    """Make all pictures."""
    for align in (align_ngc6791, align_47tuc):
        with tempfile.TemporaryDirectory() as scratch:
            align(Path(scratch))


if __name__ == "__main__":
    main()
