"""``tweakreg regions``: what is masked, for a look at it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from conftest import copy_scene
from skies import Scene
from test_region_text import is_same_but_for_edges

from tweakreg_steps.cli import main
from tweakreg_steps.fits_files.mask_file import read_mask
from tweakreg_steps.masking.region_masks import read_fits_mask

SHAPE = (512, 1024)


@pytest.fixture
def folder(small_scene: Scene, tmp_path: Path) -> Path:
    """Return a folder with a scene of which two images have exclusions."""
    copy_scene(small_scene, tmp_path)
    (tmp_path / "sky.reg").write_text('icrs\n-circle(137.8639,-64.8845,2")\n')
    (tmp_path / "left.reg").write_text("image\nbox(256,256,512,512,0)\n")
    mask = np.ones(SHAPE, dtype=np.int16)
    mask[:100] = 0
    fits.PrimaryHDU(mask).writeto(tmp_path / "low.fits")
    (tmp_path / "exclusions.txt").write_text(
        "paint01q_flc.fits sky.reg left.reg\npaint02q_flc.fits None low.fits\n"
    )
    text = 'input: "*_flc.fits"\noutdir: out\nexclusions: exclusions.txt\n'
    (tmp_path / "recipe.yaml").write_text(text)
    return tmp_path


def regions(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[Path]:
    """Run the command and return the paths that it prints."""
    capsys.readouterr()
    assert main(["regions", str(folder / "recipe.yaml"), *words]) == 0
    return [Path(line) for line in capsys.readouterr().out.splitlines()]


def test_masks_and_regions_of_each_chip_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = regions(folder, capsys)
    assert all(path.parent == folder / "out" / "regions" for path in paths)
    assert [path.name for path in paths[:5]] == [
        "paint01q_flc_sci1_mask.fits",
        "paint01q_flc_sci1.reg",
        "paint01q_flc_sci2_mask.fits",
        "paint01q_flc_sci2.reg",
        "paint02q_flc_sci1_mask.fits",
    ]
    assert len(paths) == 4 * 2 + 2
    masks = {p.name: read_fits_mask(p, SHAPE) for p in paths if p.suffix == ".fits"}
    assert masks["paint03q_flc_sci1_mask.fits"].all()
    low = masks["paint02q_flc_sci2_mask.fits"]
    assert low[100:].all()
    assert not low[:100].any()
    assert paths[3].read_text().endswith("image\nbox(256,256,512,512,0)\n")
    assert "-polygon(" in paths[1].read_text()


@pytest.mark.effect("exclusions")
def test_the_mask_is_that_of_the_run_and_the_regions_give_it_again(folder: Path) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("*_flc.fits", "paint01q_flc.fits"))
    main(["run", str(recipe), "-j", "2"])
    mask = read_mask(folder / "out" / "masks" / "paint01q_flc.fits", 1)
    assert mask is not None
    assert 5000 < np.sum(~mask) < 10000
    assert main(["regions", str(recipe), "paint01q_flc.fits", "-o", str(folder / "seen")]) == 0
    seen = folder / "seen" / "paint01q_flc_sci1.reg"
    assert np.array_equal(read_fits_mask(seen.with_name(f"{seen.stem}_mask.fits"), SHAPE), mask)
    (folder / "exclusions.txt").write_text(f"paint01q_flc.fits {seen}\n")
    assert main(["regions", str(recipe), "-o", str(folder / "again")]) == 0
    again = read_fits_mask(folder / "again" / f"{seen.stem}_mask.fits", SHAPE)
    assert is_same_but_for_edges(again, mask)


def test_an_image_that_is_not_there_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["regions", str(folder / "recipe.yaml"), "paint09q_flc.fits"]) == 2
    said = capsys.readouterr().err
    assert "no image called paint09q_flc.fits" in said
    assert "there are paint01q_flc, paint02q_flc" in said


def test_a_selected_chip_has_its_own_column_in_the_exclusions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("*_flc.fits", "paint01q_flc.fits[sci,2]"))
    paths = regions(folder, capsys)
    names = ["paint01q_flc_sci2_sci2_mask.fits", "paint01q_flc_sci2_sci2.reg"]
    assert [path.name for path in paths] == names
    assert "box(256,256,512,512,0)" in paths[1].read_text()


def test_flags_are_in_the_mask(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fits.open(folder / "paint03q_flc.fits", mode="update") as hdus:
        hdus["DQ", 1].data[10:20] = 16
    with (folder / "recipe.yaml").open("a") as stream:
        stream.write("imagefindpars: {dqbits: ~16}\n")
    mask = read_fits_mask(regions(folder, capsys, "paint03q_flc")[0], SHAPE)
    assert np.array_equal(np.nonzero(~mask.any(axis=1))[0], np.arange(10, 20))
