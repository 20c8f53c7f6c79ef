"""Single extensions of a file, through the whole workflow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from astropy.io import fits
from astropy.table import Table
from conftest import copy_scene
from product_tables import read_product
from skies import Scene, rms_to_truth

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import complete, load_recipe
from tweakreg_steps.workflow.project import open_project

BOTH = ["paint02q_flc.fits[sci,1]", "paint02q_flc.fits[sci,2]", "paint03q_flc.fits[4]"]


def write_recipe(folder: Path, images: list[str], *, updatehdr: bool) -> Path:
    """Write a recipe of some extensions, in a list, with the region file of a second chip."""
    (folder / "images.txt").write_text("\n".join(images))
    (folder / "out.reg").write_text("image\n-box(256,256,512,512,0)\n")
    (folder / "exclusions.txt").write_text("paint02q_flc.fits None out.reg\n")
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    recipe["input"] = ["paint01q_flc.fits", "@images.txt"]
    recipe["exclusions"] = "exclusions.txt"
    recipe["update_header"]["updatehdr"] = updatehdr
    recipe |= {"object_matching": {"see2dplot": False}, "catalog_fitting": {"residplot": "No plot"}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


def test_extensions_are_aligned_each_for_itself(small_scene: Scene, tmp_path: Path) -> None:
    copy_scene(small_scene, tmp_path)
    recipe = write_recipe(tmp_path, BOTH, updatehdr=False)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    out = tmp_path / "out"
    summary = Table.read(out / "summary.ecsv")
    names = ["paint01q_flc", "paint02q_flc_sci1", "paint02q_flc_sci2", "paint03q_flc_4"]
    assert list(summary["image"]) == names
    assert list(summary["status"]) == ["reference", "aligned", "aligned", "aligned"]
    check_catalogs(out)
    check_list(out)

    recipe = write_recipe(tmp_path, BOTH[2:], updatehdr=True)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    check_aligned_copy(small_scene, tmp_path)


def check_catalogs(out: Path) -> None:
    """Check that columns of exclusions, and text products, go by the chip's place in the file."""
    for name, chip in (("paint02q_flc_sci1", 1), ("paint02q_flc_sci2", 2), ("paint03q_flc_4", 2)):
        found = read_product(out / "catalogs" / f"{name}.fits")
        assert set(found["chip"]) == {chip}
        excluded = np.sum((found["x"] < 512) & (found["y"] < 512))
        assert (excluded == 0) == (name == "paint02q_flc_sci2")
        text = (out / "tweakreg" / f"{name}_sci{chip}_xy_catalog.coo").read_text()
        rows = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(rows) == len(found)


def check_list(out: Path) -> None:
    """Check that the list names each extension, and serves the same recipe as input."""
    catfile = out / "tweakreg" / "paint01q_flc_xy_catfile.list"
    second = catfile.read_text().splitlines()[2].split()
    assert second == ["paint02q_flc.fits[sci,2]", "paint02q_flc_sci2_sci2_xy_catalog.coo"]
    resolved = load_recipe(out / "recipe.resolved.yaml").values
    resolved["coordinate_file"]["catfile"] = "tweakreg/paint01q_flc_xy_catfile.list"
    again = open_project(complete(resolved, source=None, file=out / "recipe.resolved.yaml"))
    catalogs = {name: list(chips) for name, chips in again.findings.catalogs.items()}
    assert catalogs == {
        "paint01q_flc": ["1", "2"],
        "paint02q_flc_sci1": ["1"],
        "paint02q_flc_sci2": ["2"],
        "paint03q_flc_4": ["2"],
    }


def check_aligned_copy(scene: Scene, folder: Path) -> None:
    """Check that the selected extension has the new WCS, and the other one its old."""
    copy = folder / "out" / "aligned" / "paint03q_flc.fits"
    with fits.open(copy) as aligned, fits.open(folder / "paint03q_flc.fits") as before:
        assert aligned["SCI", 1].header["CRVAL1"] == before["SCI", 1].header["CRVAL1"]
        assert aligned["SCI", 2].header["CRVAL1"] != before["SCI", 2].header["CRVAL1"]
    truth = scene.exposure(copy)
    chip = truth.chips[1]
    assert chip.number == 2
    only = Scene(scene.ra, scene.dec, scene.flux, (type(truth)(copy, truth.error, (chip,)),))
    assert rms_to_truth(copy, only) < 1.5
