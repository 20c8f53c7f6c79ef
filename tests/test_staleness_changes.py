"""What happens to recipes, files and products between two runs, and what is stale then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits

from tweakreg_steps.recipes import recipe as recipes
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.recipes.schema import load_schema
from tweakreg_steps.workflow import project as planning
from tweakreg_steps.workflow.code_digest import code_digests
from tweakreg_steps.workflow.project import open_project
from tweakreg_steps.workflow.staleness import stale_jobs

A, B, C = (f"paint0{i}q_flc" for i in (1, 2, 3))
AFTER_THE_FIT = {
    "update_header",
    "write_catalogs",
    "plot_residuals",
    "compare_images",
    "summarize",
    "write_shiftfile",
    "write_image_report",
    "write_report",
}
AFTER_THE_MATCH = AFTER_THE_FIT | {"match_sources", "fit_alignment", "plot_offsets"}
OF_ALL_IMAGES = {"compare_images", "summarize", "write_shiftfile", "write_report"}


@pytest.fixture
def folder(tiny_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny exposures' finished run."""
    return Path(shutil.copytree(tiny_run, tmp_path / "copy"))


def stale(folder: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the reasons of each job that would run."""
    project = open_project(load_recipe(folder / "recipe.yaml"))
    return {job.job.key: job.reasons for job in stale_jobs(project.plan, project.outdir)}


def rules(folder: Path, image: str | None = None) -> set[str]:
    """Return the rules of the jobs that would run, of one image if it is given."""
    return {rule for rule, name in stale(folder) if image in (None, name.partition(".")[0])}


def change(folder: Path, **changes: object) -> None:
    """Lay sections over the recipe."""
    path = folder / "recipe.yaml"
    values = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        values[key] = values.get(key, {}) | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(values))


def run(folder: Path) -> None:
    """Run the recipe."""
    from tweakreg_steps.cli import main

    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0


# What is written in the recipe


def test_two_values_swapped_are_seen(folder: Path) -> None:
    change(folder, acceptance={"max_shift": 20.0, "max_rms": 30.0})
    run(folder)
    change(folder, acceptance={"max_shift": 30.0, "max_rms": 20.0})
    assert stale(folder)["fit_alignment", B] == (
        "acceptance.max_rms 30.0 → 20.0",
        "acceptance.max_shift 20.0 → 30.0",
    )
    assert rules(folder) == {"fit_alignment"} | AFTER_THE_FIT


@pytest.mark.parametrize(
    "text",
    [
        (
            "{shiftfile_output: {shiftfile: true}, update_header: {updatehdr: yes},"
            " imagefindpars: {threshold: 100}, outdir: out, input: '*_flc.fits'}"
        ),
        (
            "# A comment.\ninput: ['*_flc.fits']\noutdir: ./out/\nimagefindpars:\n"
            "    threshold: 1.0e+2   # sigma\nupdate_header:\n    updatehdr: true\n"
            "shiftfile_output:\n    shiftfile: true\n"
        ),
        (
            "input: '*_flc.fits'\noutdir: out\nimagefindpars: {threshold: 100.0, nsigma: 1.5}\n"
            "update_header: {updatehdr: true, wcsname: TWEAK}\n"
            "shiftfile_output: {shiftfile: true}\nobject_matching: {}\n"
            "catalog_fitting: {nclip: 3.0, sigma: 3}\n"
        ),
    ],
    ids=["keys reordered", "comments, formatting, another spelling", "defaults, 3 and 3.0"],
)
def test_another_way_to_write_the_same_is_nothing(folder: Path, text: str) -> None:
    (folder / "recipe.yaml").write_text(text.replace("yes", "true"))
    assert stale(folder) == {}


def test_a_default_that_changes_in_the_schema_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = load_schema()
    fitting = schema["properties"]["catalog_fitting"]
    nclip = fitting["properties"]["nclip"] | {"default": 5}
    fitting = fitting | {"properties": fitting["properties"] | {"nclip": nclip}}
    changed = schema | {"properties": schema["properties"] | {"catalog_fitting": fitting}}
    monkeypatch.setattr(recipes, "load_schema", lambda: changed)
    assert stale(folder)["fit_alignment", C] == ("catalog_fitting.nclip 3 → 5",)
    assert rules(folder) == {"fit_alignment"} | AFTER_THE_FIT
    change(folder, catalog_fitting={"nclip": 3})
    assert stale(folder) == {}


def test_what_one_image_has_of_its_own_counts_for_it_alone(folder: Path) -> None:
    change(folder, images={B: {"imagefindpars": {"threshold": 90}}})
    assert stale(folder)["find_sources", B] == ("imagefindpars.threshold 100.0 → 90.0",)
    assert {name.partition(".")[0] for _, name in stale(folder)} == {B, "all"}
    assert rules(folder, "all") == OF_ALL_IMAGES


# Which images


def test_an_image_added_leaves_the_sources_of_the_others(folder: Path, tiny_run: Path) -> None:
    shutil.copyfile(tiny_run / f"{C}.fits", folder / "paint04q_flc.fits")
    sought = {name for rule, name in stale(folder) if rule in ("find_sources", "undistort_sources")}
    assert sought == {"paint04q_flc"}


@pytest.mark.parametrize("kept", [[A, B], [A, C, B]], ids=["removed", "reordered"])
def test_where_all_lie_in_the_plane_the_other_images_stay(folder: Path, kept: list[str]) -> None:
    change(folder, input=[f"{name}.fits" for name in kept], refimage=f"{A}.fits")
    run(folder)
    change(folder, input="*_flc.fits")
    lists = {"summarize", "write_shiftfile", "write_catfile_list", "write_report"}
    lists |= {"compare_images"}
    assert rules(folder, "all") == lists
    made_before = {A, B} if kept == [A, B] else {A, B, C}
    assert not {name.partition(".")[0] for _, name in stale(folder)} & made_before


def test_the_order_of_images_that_are_not_the_first_is_that_of_the_lists(folder: Path) -> None:
    change(folder, input=[f"{name}.fits" for name in (A, C, B)])
    assert set(stale(folder)) == {
        ("compare_images", "all"),
        ("summarize", "all"),
        ("write_shiftfile", "all"),
        ("write_catfile_list", "all"),
        ("write_report", "all"),
    }
    fits_before = {path.name: path.read_bytes() for path in (folder / "out" / "fits").iterdir()}
    shutil.rmtree(folder / "out")
    run(folder)
    after = {path.name: path.read_bytes() for path in (folder / "out" / "fits").iterdir()}
    assert after == fits_before


def test_the_first_image_is_the_reference(folder: Path) -> None:
    change(folder, input=[f"{name}.fits" for name in (B, A, C)])
    assert not {"make_masks", "find_sources", "undistort_sources"} & rules(folder)
    assert {"build_reference", "match_sources", "fit_alignment"} <= rules(folder)


# What happens to the input files


def test_inputs_touched_or_copied_are_as_they_were(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.fits"):
        copy = tmp_path / "copied.fits"
        shutil.copyfile(path, copy)
        copy.replace(path)
    assert stale(folder) == {}


def test_a_project_moved_or_copied_as_a_whole_is_as_it_was(folder: Path, tmp_path: Path) -> None:
    assert stale(Path(shutil.copytree(folder, tmp_path / "elsewhere" / "deeper"))) == {}
    assert stale(folder.rename(tmp_path / "moved")) == {}


def test_pixels_that_changed_make_that_image_stale(folder: Path) -> None:
    with fits.open(folder / f"{B}.fits", mode="update") as hdus:
        hdus["SCI", 2].data[5, 5] += 1.0
    assert stale(folder)["find_sources", B] == (f"{B}.fits: pixels of chip 2 changed",)
    assert {name.partition(".")[0] for _, name in stale(folder)} == {B, "all"}
    assert rules(folder, "all") == OF_ALL_IMAGES
    searched = {"find_sources", "undistort_sources", "write_chip_catalog"}
    assert rules(folder, B) == searched | AFTER_THE_MATCH - OF_ALL_IMAGES


def test_a_wcs_that_changed_finds_no_source_again(folder: Path) -> None:
    with fits.open(folder / f"{B}.fits", mode="update") as hdus:
        hdus["SCI", 1].header["CRVAL1"] += 1e-7
    assert f"{B}.fits: WCS of chip 1 changed" in stale(folder)["undistort_sources", B]
    assert "build_reference_plane" in rules(folder)
    assert not {"make_masks", "find_sources", "write_chip_catalog"} & rules(folder)
    assert {name for rule, name in stale(folder) if rule == "undistort_sources"} == {B}


def test_a_keyword_that_is_no_wcs_reaches_the_copy_alone(folder: Path) -> None:
    with fits.open(folder / f"{B}.fits", mode="update") as hdus:
        hdus[0].header["OBSERVER"] = "somebody else"
    assert set(stale(folder)) == {("update_header", B)}


@pytest.mark.parametrize("kind", ["region", "mask"])
def test_an_exclusion_edited_in_place_reaches_its_image(folder: Path, kind: str) -> None:
    path = folder / ("b.reg" if kind == "region" else "b.fits")

    def write(radius: int) -> None:
        if kind == "region":
            path.write_text(f"image\ncircle(100, 100, {radius})\n")
            return
        mask = np.ones((200, 200), dtype=np.uint8)
        mask[:radius] = 0
        fits.writeto(path, mask, overwrite=True)

    write(20)
    (folder / "exclusions.txt").write_text(f"{B}.fits {path.name}\n")
    change(folder, exclusions="exclusions.txt")
    run(folder)
    assert stale(folder) == {}
    write(30)
    assert stale(folder)["make_masks", B] == (f"exclusions 1 {path.name} changed",)
    assert {name.partition(".")[0] for _, name in stale(folder)} == {B, "all"}


def test_a_catalog_edited_in_place_reaches_the_reference(folder: Path, tiny_run: Path) -> None:
    del tiny_run
    sky = np.genfromtxt(folder / "out" / "tweakreg" / f"{A}_sky_catalog.coo", usecols=(0, 1))
    np.savetxt(folder / "ref.cat", sky, fmt="%.9f")
    change(folder, reference_catalog={"refcat": "ref.cat"})
    run(folder)
    np.savetxt(folder / "ref.cat", sky[:-1], fmt="%.9f")
    assert stale(folder)["build_reference", "all"] == ("refcat ref.cat changed",)
    assert not {"find_sources", "undistort_sources", "build_reference_plane"} & rules(folder)


# Code


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("fit_alignment", {"fit_alignment"} | AFTER_THE_FIT),
        ("plot_residuals", {"plot_residuals"}),
        ("write_shiftfile", {"write_shiftfile"}),
    ],
)
def test_code_that_changed_runs_its_step_and_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, expected: set[str]
) -> None:
    def changed(*arguments: object, **options: object) -> dict[str, str]:
        digests: Callable[..., dict[str, str]] = code_digests
        return digests(*arguments, **options) | {step: "another"}

    monkeypatch.setattr(planning, "code_digests", changed)
    assert stale(folder)[step, B if step != "write_shiftfile" else "all"] == (
        f"the code of {step} changed",
    )
    assert rules(folder) == expected


# Products


@pytest.mark.parametrize("product", [f"fits/{B}.json", f"catalogs/{B}.fits", "summary.ecsv"])
@pytest.mark.parametrize("damage", ["deleted", "truncated", "edited"])
def test_a_product_that_is_not_as_it_was_made_is_made_again(
    folder: Path, product: str, damage: str
) -> None:
    path = folder / "out" / product
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[:-10])
    else:
        path.write_bytes(content.replace(b"1", b"2"))
    (own, *_), *_ = stale(folder).values()
    assert own == f"{product} {'is missing' if damage == 'deleted' else 'was changed'}"
    run(folder)
    assert path.read_bytes() == content
    assert stale(folder) == {}
