"""An input that changes or vanishes while a run is under way is said, and its results not kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ledgers
import pytest
from skies import Scene
from tiny import LEAN, copy_tiny, tiny_scene
from whole_runs import World

from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.running import recipe_run, stale_run, step_run
from tweakreg_steps.running.steady_inputs import Call, steady_inputs
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.workflow.project import open_project

pytestmark = pytest.mark.usefixtures("tiny_run")

IMAGE = "paint03q_flc"
READERS = ("find_sources", "undistort_sources", "update_header", "build_reference_plane")


@pytest.fixture(scope="module")
def other_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return tiny exposures of another sky under the same names; read only."""
    return tiny_scene(tmp_path_factory.mktemp("other"), seed=5)


def replace_file(path: Path, other: Path) -> None:
    """Put another file in the place of one, as a download does."""
    new = path.with_suffix(".part")
    shutil.copyfile(other, new)
    new.replace(path)


def before_the_jobs(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Have something happen between the look at the inputs and the first job of the next run."""
    run_stale = stale_run.run_stale

    def change_and_run(*positional: Any, **named: Any) -> None:  # noqa: ANN401  passed on
        monkeypatch.undo()
        change()
        run_stale(*positional, **named)

    monkeypatch.setattr(recipe_run, "run_stale", change_and_run)


def entries(out: Path, image: str) -> set[str]:
    """Return the rules of whose jobs on an image the ledger knows."""
    return {rule for rule, name in ledgers.entries(out) if name == image}


def test_replaced_after_it_was_looked_at(
    tiny_exposures: Scene,
    other_scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, fresh = World(tmp_path / "world"), World(tmp_path / "fresh")
    recipe = copy_tiny(tiny_exposures, world.folder, **LEAN)
    path, other = world.folder / f"{IMAGE}.fits", other_scene.paths[2]
    before_the_jobs(monkeypatch, lambda: replace_file(path, other))
    assert main(["run", str(recipe), "-j", "2"]) == 1
    said = capsys.readouterr().err
    assert f"{IMAGE}.fits: changed while the run was under way" in said
    assert "Traceback" not in said
    assert not entries(world.out, IMAGE) & set(READERS)
    assert "find_sources" in entries(world.out, "paint02q_flc")
    assert main(["run", str(recipe), "-j", "2"]) in (0, 3)
    shutil.copyfile(other, copy_tiny(tiny_exposures, fresh.folder, **LEAN).parent / path.name)
    main(["run", str(fresh.folder / "recipe.yaml"), "-j", "2"])
    assert world.contents() == fresh.contents()


def test_gone_after_it_was_looked_at(
    tiny_exposures: Scene,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(tmp_path)
    recipe = copy_tiny(tiny_exposures, tmp_path)
    before_the_jobs(monkeypatch, (tmp_path / f"{IMAGE}.fits").unlink)
    assert main(["run", str(recipe), "-j", "2"]) == 1
    assert f"{IMAGE}.fits" in capsys.readouterr().err
    assert main(["run", str(recipe), "-j", "2"]) in (0, 3)  # a wildcard finds two
    copy_tiny(tiny_exposures, tmp_path)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert world.contents() == World(tiny_run).contents()


def test_gone_before_the_run(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, input=f"paint01q_flc.fits, {IMAGE}.fits")
    (tmp_path / f"{IMAGE}.fits").unlink()
    assert main(["run", str(recipe)]) == 2
    assert f"{IMAGE}.fits" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.fits"))


@pytest.mark.parametrize("rule", ["make_masks", "undistort_sources", "update_header"])
def test_replaced_while_a_step_reads_it(
    tiny_run: Path,
    other_scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rule: str,
) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    project = open_project(load_recipe(tmp_path / "run" / "recipe.yaml"))
    out, path = project.outdir, tmp_path / "run" / f"{IMAGE}.fits"
    ledgers.forget(out, rule, IMAGE)

    def read_too_late(_step: object, _call: object) -> list[Path]:
        replace_file(path, other_scene.paths[2])
        return []

    job = project.plan.jobs[rule, IMAGE]
    project.write_state([job])
    monkeypatch.chdir(out)
    monkeypatch.setattr(step_run, "_work", read_too_late)
    words = [str(out), *job.key, project.tickets[job.key]]
    assert step_run.run_step(words) == InputError.exit_status
    assert f"{IMAGE}.fits: changed while the run was under way" in capsys.readouterr().err
    assert (rule, IMAGE) not in ledgers.entries(out)


def test_touched_it_is_the_same_file(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    project = open_project(load_recipe(tmp_path / "run" / "recipe.yaml"))
    (tmp_path / "run" / f"{IMAGE}.fits").touch()
    job = project.plan.jobs["find_sources", IMAGE]
    path = tmp_path / "run" / f"{IMAGE}.fits"
    call: Call = StepCall(
        job.rule, IMAGE, {}, dict(job.record["inputs"]), {"image": path}, job.record, {IMAGE: path}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.outdir)
        with steady_inputs(job.step, call):
            pass


CHIPS = [{"number": n, "extension": n, "label": f"SCI,{n}", "shape": [9, 9]} for n in (1, 2)]


@pytest.mark.parametrize(
    ("key", "inputs"),
    [
        ("refcat", lambda digest: {"refcat": digest}),
        ("history", lambda digest: {"history": digest}),
        ("filter", lambda digest: {"filter": digest}),
        ("weights2", lambda digest: {"weights2": digest}),
        ("catalogs.1", lambda digest: {"catalogs": {"1": digest}}),
        ("exclusions.2", lambda digest: {"exclusions": {"2": digest}}),
        ("reference_files.IDCTAB", lambda digest: {"reference_files": {"IDCTAB": digest}}),
    ],
)
def test_any_file_that_a_step_reads_is_watched(
    tmp_path: Path, key: str, inputs: Callable[[str], dict[str, Any]]
) -> None:
    path = tmp_path / "file"
    path.write_text("as it was")
    given = {"chips": CHIPS, **inputs(file_digest(path))}
    record: Any = {}
    call: Call = StepCall("a_rule", "x", {}, given, {key: path}, record, {})
    step = all_steps()["find_sources"]
    with steady_inputs(step, call):
        pass
    with pytest.raises(InputError, match="file: changed while"), steady_inputs(step, call):
        path.write_text("edited!")
    with pytest.raises(InputError, match="file: changed while"), steady_inputs(step, call):
        pass
    path.unlink()
    with pytest.raises(InputError, match="file"), steady_inputs(step, call):
        pass
