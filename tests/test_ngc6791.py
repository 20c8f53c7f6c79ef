"""NGC 6791 against Gaia, as TweakReg aligned it at STScI."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.table import Table
from ngc6791 import (
    DATA,
    NAMES,
    header_errors,
    paint_exposure,
    published_offsets,
    published_residuals,
    unpack,
    write_exposure,
)
from shared_runs import made_once

from tweakreg_steps.cli import main

PIXEL = 39.6  # mas
PUBLISHED: dict[str, Any] = {
    "outdir": "out",
    "reference_catalog": {"refcat": "gaia.cat", "rfluxcol": 3},
    "object_matching": {"searchrad": 1.0},
    "catalog_fitting": {"fitgeometry": "general", "sigma": 2.3},
    "update_header": {"updatehdr": True},
}


def write_recipe(folder: Path, *, painted: bool) -> Path:
    """Write the published recipe for the rebuilt exposures, or for the published catalogs."""
    unpack("gaia.cat", folder)
    recipe = {"input": [f"{name}.fits" for name in NAMES], **PUBLISHED}
    if painted:
        # the rebuilt exposures are fainter than the real ones
        recipe["imagefindpars"] = {"conv_width": 3.5, "threshold": 30}
    else:
        catalogs = {name: [f"{name}_sci{chip}_xy_catalog.coo" for chip in (1, 2)] for name in NAMES}
        for names in catalogs.values():
            for name in names:
                unpack(name, folder)
        lines = [f"{name}.fits {' '.join(names)}" for name, names in catalogs.items()]
        (folder / "catalogs.list").write_text("\n".join(lines))
        recipe["coordinate_file"] = {"catfile": "catalogs.list"}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def exposures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the rebuilt exposures, their pixels empty; read only."""

    def make(folder: Path) -> None:
        for name in NAMES:
            write_exposure(folder, name, painted=False)

    return made_once(tmp_path_factory, "ngc6791", make)


@pytest.mark.parametrize("painted", [True, False], ids=["painted", "published catalogs"])
def test_the_published_pairs_agree_with_gaia(
    exposures: Path, tmp_path: Path, *, painted: bool
) -> None:
    for name in NAMES:
        path = shutil.copyfile(exposures / f"{name}.fits", tmp_path / f"{name}.fits")
        if painted:
            paint_exposure(path)
        assert np.median(header_errors(path)) < 0.4
    assert main(["run", str(write_recipe(tmp_path, painted=painted)), "-j", "2"]) == 0
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["aligned"] * 3
    shifts = np.loadtxt(DATA / "Gaia_shifts.txt", usecols=range(1, 5))
    assert np.allclose(summary["rotation"], shifts[:, 2], rtol=0, atol=2e-4)
    assert np.allclose(summary["scale"], shifts[:, 3], rtol=0, atol=3e-6)
    offsets = {
        name: published_offsets(tmp_path / "out" / "aligned" / f"{name}.fits") for name in NAMES
    }
    for name, offset in offsets.items():
        # no fit can bring its own pairs much nearer than the published one did
        assert np.median(offset) < 1.06 * PIXEL * np.median(published_residuals(name))
    assert np.median(np.concatenate(list(offsets.values()))) < 1.4
