"""Recipes that share what they have made from the same pixels and parameters."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from conftest import RECIPE, copy_scene
from skies import Scene
from steps import run_steps

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records import product_cache
from tweakreg_steps.records.product_cache import ProductCache
from tweakreg_steps.steps import find_sources
from tweakreg_steps.steps.call import StepCall

SOURCES = ("make_masks", "find_sources", "undistort_sources")
RECORD = {"rule": "find_sources", "parameters": {"threshold": 4.0}}


@pytest.fixture
def folder(small_scene: Scene, tmp_path: Path) -> Path:
    """Return a folder with exposures and two recipes that differ in the fit and share a cache."""
    copy_scene(small_scene, tmp_path)
    for name, nclip in (("a", 3), ("b", 5)):
        text = RECIPE.replace("outdir: out", f"outdir: {name}\ncache: shared")
        (tmp_path / f"{name}.yaml").write_text(f"{text}catalog_fitting: {{nclip: {nclip}}}\n")
    return tmp_path


@pytest.fixture
def finders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the images whose sources are looked for in this process."""
    run, found = find_sources.run, []

    def counted(call: StepCall[Any, Any]) -> None:
        found.append(call.name)
        run(call)

    monkeypatch.setattr(find_sources, "run", counted)
    return found


def find(folder: Path, recipe: str) -> bytes:
    """Find the sources of one image as a recipe says; return the list."""
    outdir = run_steps(folder / recipe, "paint02q_flc", SOURCES)
    return (outdir / "sky" / "paint02q_flc.fits").read_bytes()


def contents(folder: Path) -> list[Path]:
    """Return the products in the cache."""
    return [path for path in (folder / "shared" / "content").rglob("*") if path.is_file()]


@pytest.mark.effect("cache")
def test_the_second_recipe_runs_no_finder_and_makes_the_same(
    folder: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [path.stem for path in sorted(folder.glob("*_flc.fits"))]
    for image in images:
        run_steps(folder / "a.yaml", image, SOURCES)
    capsys.readouterr()
    assert main(["plan", str(folder / "b.yaml"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["rule"] for row in rows if row["cached"]} == set(SOURCES)
    assert main(["run", str(folder / "b.yaml"), "-j", "2"]) == 0
    for image in images:
        said = (folder / "b" / "logs" / "images" / f"{image}.log").read_text().splitlines()
        for rule in SOURCES:
            after = said.index(f"tweakreg-steps: {rule} {image}") + 1
            assert said[after].startswith("INFO: taken from the cache")
            assert said[after + 1].startswith("INFO: done in ")
    for part in ("masks", "catalogs", "sky", "matches", "reference"):
        for path in (finished_run / "out" / part).iterdir():
            if path.name != "comparison.ecsv":  # signed with the fits, which differ
                assert (folder / "b" / part / path.name).read_bytes() == path.read_bytes()


def test_the_plan_says_what_comes_from_the_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find(folder, "a.yaml")
    capsys.readouterr()
    main(["plan", str(folder / "b.yaml")])
    lines = capsys.readouterr().out.splitlines()
    assert "find_sources paint02q_flc: not made yet (from the cache)" in lines
    assert "find_sources paint03q_flc: not made yet" in lines


def test_another_parameter_misses(folder: Path, finders: list[str]) -> None:
    find(folder, "a.yaml")
    deeper = (folder / "b.yaml").read_text().replace("threshold: 100", "threshold: 50")
    (folder / "b.yaml").write_text(deeper)
    find(folder, "b.yaml")
    assert finders == ["paint02q_flc"] * 2


def test_without_a_cache_nothing_is_shared(
    folder: Path, finders: list[str], edit: Callable[[Path, str, str], None]
) -> None:
    find(folder, "a.yaml")
    edit(folder / "a.yaml", "outdir: a\ncache: shared", "outdir: a\ncache: null")
    find(folder, "a.yaml")
    assert finders == ["paint02q_flc"] * 2


def test_a_damaged_product_is_made_again(folder: Path, finders: list[str]) -> None:
    before = find(folder, "a.yaml")
    for path in contents(folder):
        path.write_bytes(path.read_bytes()[:-7])
    assert find(folder, "b.yaml") == before
    assert finders == ["paint02q_flc"] * 2
    shutil.rmtree(folder / "b")
    assert find(folder, "b.yaml") == before
    assert len(finders) == 2


def test_a_damaged_entry_is_made_again(folder: Path, finders: list[str]) -> None:
    before = find(folder, "a.yaml")
    for path in (folder / "shared" / "jobs").iterdir():
        path.write_text(path.read_text()[:-40])
    assert find(folder, "b.yaml") == before
    assert len(finders) == 2


def test_a_folder_that_cannot_be_used_costs_a_warning(
    folder: Path, finders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shared").write_text("a file stands in the way")
    find(folder, "a.yaml")
    assert finders == ["paint02q_flc"]
    assert "WARNING: the cache ../shared is not used: cannot write" in capsys.readouterr().err
    problem = product_cache.cache_problem(folder / "shared")
    assert problem
    assert "cannot be made (File exists); the run does without it" in problem


def test_a_product_edited_in_place_is_not_the_one_in_the_cache(
    folder: Path, finders: list[str]
) -> None:
    before = find(folder, "a.yaml")
    with (folder / "a" / "catalogs" / "paint02q_flc.fits").open("a") as stream:
        stream.write("# edited\n")
    assert find(folder, "b.yaml") == before
    assert len(finders) == 1


def test_many_may_put_and_take_the_same_at_once(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        from tweakreg_steps.records.product_cache import ProductCache
        cache = ProductCache(Path("shared"))
        product = Path(sys.argv[1])
        for number in range(50):
            files, record, content = {"catalog": product}, {"number": number}, bytes(10**5 + number)
            if not cache.take(record, files):
                product.write_bytes(content)
                cache.put(record, files, [product])
            assert product.read_bytes() == content
            assert cache.holds(record)
    """
    started = [
        Popen([sys.executable, "-P", "-c", program, str(number)], cwd=tmp_path, stderr=PIPE)
        for number in range(4)
    ]
    assert [process.communicate()[1] for process in started] == [b""] * 4
    assert {path.name[0] for path in (tmp_path / "shared").rglob("*")} <= set("jc0123456789abdef")


def test_an_entry_of_another_record_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_cache, "digest", lambda _key: "collision")
    product = tmp_path / "a.ecsv"
    product.write_bytes(b"sources")
    cache = ProductCache(tmp_path / "shared")
    cache.put(RECORD, {"catalog": product}, [product])
    assert cache.holds(RECORD)
    assert not cache.holds({**RECORD, "parameters": {"threshold": 5.0}})


def test_products_of_other_libraries_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = tmp_path / "a.ecsv"
    product.write_bytes(b"sources")
    cache = ProductCache(tmp_path / "shared")
    cache.put(RECORD, {"catalog": product}, [product])
    monkeypatch.setattr(product_cache, "library_versions", lambda: {"numpy": "1.0"})
    assert not cache.take(RECORD, {"catalog": product})


def test_the_folder_is_taken_over_with_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("input: '*.fits'\ncache: shared\n")
    (tmp_path / "variants").mkdir()
    variant = tmp_path / "variants" / "variant.yaml"
    variant.write_text("extends: ../base.yaml\n")
    assert load_recipe(variant).file("cache") == (tmp_path / "shared").resolve()


@pytest.mark.effect("shared_cache")
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_cache_that_others_can_write_needs_to_be_said(
    folder: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shared").mkdir()
    (folder / "shared").chmod(mode)
    for command in ("plan", "run"):
        assert main([command, str(folder / "a.yaml")]) == 2
        assert f"cache: {folder / 'shared'}: can be written by others" in capsys.readouterr().err
    recipe = folder / "a.yaml"
    recipe.write_text(recipe.read_text() + "shared_cache: true\n")
    assert main(["plan", str(recipe)]) == 0


def test_a_new_cache_is_the_users_alone(tmp_path: Path) -> None:
    assert product_cache.cache_problem(tmp_path / "deep" / "cache") is None
    assert (tmp_path / "deep" / "cache").stat().st_mode & 0o777 == 0o700
    product_cache.require_trusted(tmp_path / "deep" / "cache", shared=False)


def test_planted_links_and_pipes_in_a_cache_are_not_followed(tmp_path: Path) -> None:
    import os

    cache = ProductCache(tmp_path / "cache")
    product = tmp_path / "product"
    product.write_bytes(b"content")
    cache.put(RECORD, {"catalog": product}, [product])
    (content,) = (p for p in (tmp_path / "cache" / "content").rglob("*") if p.is_file())
    content.unlink()
    os.mkfifo(content)
    assert cache.take(RECORD, {"catalog": tmp_path / "taken"}) == []
    assert not cache.holds(RECORD)
