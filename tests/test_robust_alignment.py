"""The whole way where cosmic rays, hot pixels or large errors lead TweakReg astray.

The exposures are the corners of chips, 1/16 of the area: the stars are as many as on a whole
exposure, and so are the cosmic rays and hot pixels, which are sixteen times as dense.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from product_tables import read_product
from skies import Scene, rms_to_truth, small_uvis_scene
from test_effects_of_alignment import call_of, record_of

from tweakreg_steps.cli import main
from tweakreg_steps.steps import match_sources
from tweakreg_steps.tables.table_file import ColumnTable, read_table, write_table

IMAGE = "paint02q_flc"
RECIPE = 'input: "*_flc.fits"\noutdir: out\nupdate_header: {updatehdr: true}\n'
Match = Callable[..., ColumnTable]


def aligned(folder: Path, recipe: str, **options: Any) -> Scene:  # noqa: ANN401 - options of the scene
    """Paint three exposures and run a recipe on them."""
    scene = small_uvis_scene(folder, number=3, **options)
    (folder / "recipe.yaml").write_text(f"{recipe}writecat: false\nreport: false\n")
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    return scene


def errors(folder: Path, scene: Scene) -> list[float]:
    """Milliarcseconds rms by which the aligned headers are off."""
    return [rms_to_truth(folder / "out" / "aligned" / path.name, scene) for path in scene.paths[1:]]


def match_again(out: Path, product: Path, sky: Path | None = None, **changes: Any) -> ColumnTable:  # noqa: ANN401 - values of parameters
    """Match an image again with other parameters, or another table of its sources."""
    files = {
        "sky": sky or out / "sky" / f"{IMAGE}.fits",
        "plane": out / "reference" / "wcs.fits",
        "sources": out / "reference" / "sources.fits",
        "matches": product,
    }
    section = "acceptance" if "max_false_alarm" in changes else "object_matching"
    match_sources.run(call_of(record_of(out, "match_sources", section, changes), files))
    return read_table(product)


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Sixty stars and 2,000 hot pixels, the dither being within the search radius."""
    folder = tmp_path_factory.mktemp("hot")
    options = {"cosmic_ray_number": 0, "hot_pixel_number": 1000, "dither": 0.6, "seed": 5}
    return folder, aligned(folder, RECIPE, stars=180, faintest=3000.0, **options)


def test_sixty_stars_among_7500_cosmic_rays_are_aligned(tmp_path: Path) -> None:
    options = {"cosmic_ray_number": 3750, "hot_pixel_number": 0, "seed": 5}
    scene = aligned(tmp_path, RECIPE, stars=210, faintest=3000.0, **options)
    assert sum(len(chip.star) for chip in scene.exposures[1].chips) < 63
    found = read_product(tmp_path / "out" / "catalogs" / f"{IMAGE}.fits")
    assert found["narrow"].sum() > 6000
    assert max(errors(tmp_path, scene)) < 3.0


def test_hot_pixels_that_repeat_do_not_lead_to_the_dither(hot: tuple[Path, Scene]) -> None:
    folder, scene = hot
    assert max(errors(folder, scene)) < 3.0
    meta = read_table(folder / "out" / "matches" / f"{IMAGE}.ecsv").meta
    assert meta["n_narrow"] > 1900
    assert meta["n_fixed"] > 1800
    assert meta["left_out"] == "either"


@pytest.mark.effect("object_matching.leave_out_narrow", "object_matching.leave_out_fixed")
def test_pixels_or_lists_alone_tell_hot_pixels(hot: tuple[Path, Scene], tmp_path: Path) -> None:
    folder, _ = hot
    right = read_table(folder / "out" / "matches" / f"{IMAGE}.ecsv")
    offsets = {}
    for narrow in (True, False):
        for fixed in (True, False):
            meta = match_again(
                folder / "out", tmp_path / "m", leave_out_narrow=narrow, leave_out_fixed=fixed
            ).meta
            offsets[narrow, fixed] = np.hypot(*np.subtract(meta["offset"], right.meta["offset"]))
            assert (meta["n_narrow"] > 0, meta["n_fixed"] > 0) == (narrow, fixed)
    assert max(offsets[True, True], offsets[True, False], offsets[False, True]) < 0.1
    # the dither, 0.6 arcsec
    assert offsets[False, False] == pytest.approx(15.1, abs=1.0)


def test_headers_turned_by_143_degrees_are_put_right_by_triangles(tmp_path: Path) -> None:
    recipe = RECIPE + "imagefindpars: {threshold: 100}\nobject_matching: {fallback: triangles}\n"
    scene = aligned(tmp_path, recipe, roll_error=143.0, pointing_error=12.0)
    assert max(errors(tmp_path, scene)) < 1.0
    summary = Table.read(tmp_path / "out" / "summary.ecsv")
    assert np.allclose(np.abs(summary["rotation"][1:]), 143.0, atol=0.01)
    meta = read_table(tmp_path / "out" / "matches" / f"{IMAGE}.ecsv").meta
    assert meta["way"] == "triangles"
    assert meta["false_alarm"] < 1e-3
    assert np.linalg.det(meta["similarity"]["matrix"]) == pytest.approx(1.0, abs=1e-3)
    assert (tmp_path / "out" / "plots" / f"hist2d_{IMAGE}.png").stat().st_size > 0


@pytest.mark.effect("object_matching.method")
def test_triangles_give_the_matches_that_the_histogram_gives(
    finished_run: Path, tmp_path: Path
) -> None:
    by = {
        method: match_again(finished_run / "out", tmp_path / method, method=method)
        for method in ("histogram", "triangles")
    }
    assert [by[method].meta["way"] for method in by] == list(by)
    assert by["histogram"].meta["similarity"] is None
    common = np.intersect1d(by["histogram"]["id"], by["triangles"]["id"])
    assert len(common) > 0.95 * len(by["histogram"])


@pytest.mark.effect("object_matching.fallback")
def test_the_fallback_is_taken_where_the_histogram_tells_nothing(
    finished_run: Path, tmp_path: Path
) -> None:
    by = {
        fallback: match_again(
            finished_run / "out", tmp_path / "m", fallback=fallback, searchrad=0.08
        )
        for fallback in ("none", "brightest", "triangles")
    }
    assert [by[name].meta["status"] for name in by] == ["not_aligned", "not_aligned", "matched"]
    assert by["triangles"].meta["way"] == "triangles"
    assert by["brightest"].meta["false_alarm"] is None or by["brightest"].meta["false_alarm"] > 1e-3


@pytest.mark.effect("object_matching.mirrored")
def test_a_mirrored_list_is_matched_only_if_asked_for(finished_run: Path, tmp_path: Path) -> None:
    out = finished_run / "out"
    sky = read_table(out / "sky" / f"{IMAGE}.fits")
    mirrored = {**sky.columns, "ra": 2 * np.median(sky["ra"]) - sky["ra"]}
    write_table(tmp_path / "sky", ColumnTable(mirrored, meta=sky.meta))
    by = {
        asked: match_again(
            out, tmp_path / "m", tmp_path / "sky", method="triangles", mirrored=asked
        )
        for asked in (False, True)
    }
    assert by[False].meta["reason"] == "no_significant_offset"
    assert len(by[True]) > 50
    assert np.linalg.det(by[True].meta["similarity"]["matrix"]) < 0


@pytest.mark.effect("acceptance.max_false_alarm")
def test_an_offset_by_chance_is_accepted_only_if_the_recipe_says_so(
    finished_run: Path, tmp_path: Path
) -> None:
    out = finished_run / "out"
    sky = read_table(out / "sky" / f"{IMAGE}.fits")
    # another part of the sky as far as the stars are concerned: the declinations in reverse
    elsewhere = {**sky.columns, "dec": sky["dec"].max() + sky["dec"].min() - sky["dec"]}
    write_table(tmp_path / "sky", ColumnTable(elsewhere, meta=sky.meta))
    strict = match_again(out, tmp_path / "m", tmp_path / "sky", max_false_alarm=0.001)
    assert strict.meta["reason"] == "no_significant_offset"
    assert strict.meta["false_alarm"] > 0.001
    anything = match_again(out, tmp_path / "m", tmp_path / "sky", max_false_alarm=1.0)
    assert anything.meta["reason"] == "few_matches"
