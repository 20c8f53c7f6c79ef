"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from importlib import import_module
from pathlib import Path

import pytest
from failing import failing_scene
from forked_run import ForkedCall
from hypothesis import settings
from psf_runs import built_recipe, psf_scene
from raw_exposures import provide_reference_files
from rich_runs import make_sequence, make_solved, make_updated, run_recipe
from shared_runs import made_once, painted_once
from skies import Scene, small_uvis_scene
from tiny import copy_tiny, tiny_scene
from warm_forks import Nursery, leave_to_the_kernel

from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.finding.sextractor_program import find_program
from tweakreg_steps.running import own_process, step_server

# programs that tests start can be interrupted, also where the tests run in the background
signal.signal(signal.SIGINT, signal.default_int_handler)

# the same examples every time, however slow the machine is
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")

# an editor is the text editor, whatever display there is
os.environ["TWEAKREG_EDITOR"] = "text"

_RUNS = {
    *("solved_run", "psf_built_run", "failing_run"),
    *("finished_run", "tiny_run", "run_copy", "updated_run", "sequence_run", "flt_run", "flt_copy"),
}
"""Fixtures that hold a finished run."""
_STARTS_RUNS = re.compile(
    r"whole_runs|forked_run|plain_snakemake|main\(\[\*?\"(run|demo|apply)|\"snakemake\"|TweakReg\("
)
"""What the text of a module holds whose tests start runs of their own."""
_LONG = {
    "test_slurm",
    "test_killed_runs",
    "test_astrodrizzle",
    "test_installation",
    "test_workflow",
}
"""Modules with a test of a minute: first, so that no process is left with one when others end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, mark those that start a workflow, skip those without a program."""
    items.sort(key=lambda item: item.path.stem not in _LONG)
    starting = {
        path: _STARTS_RUNS.search(path.read_text(encoding="utf-8")) is not None
        for path in {item.path for item in items}
    }
    for item in items:
        if starting[item.path] or _RUNS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.workflow)
    with_sextractor = [
        item
        for item in items
        if item.get_closest_marker("sextractor") or "sextractor" in item.name.partition("[")[2]
    ]
    if with_sextractor and not os.environ.get("CI") and not _has_sextractor():
        for item in with_sextractor:
            item.add_marker(pytest.mark.skip(reason="SExtractor is not installed"))


def pytest_collection(session: pytest.Session) -> None:
    """Import the modules of the tests, each process of pytest-xdist beginning with others.

    So they share the work of writing down the modules with the assertions made to explain
    themselves, which takes longer than anything else of the collection.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not number or sys.dont_write_bytecode:
        return
    folders = map(Path, session.config.args)
    modules = [path.stem for folder in folders for path in sorted(folder.glob("test_*.py"))]
    first = int(number) * len(modules) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for name in modules[first:] + modules[:first]:
        # what is wrong is said when the module is collected
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, millions of objects, out of what Python looks through.

    It would do so in each run that a test starts in this process.
    """
    gc.freeze()


def _has_sextractor() -> bool:
    """Tell whether SExtractor is installed."""
    try:
        find_program()
    except InputError:
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    """Have runs that tests start here fork their warm processes, and Python calls their runs.

    They do not wait for the disk.
    """
    if not sys.platform.startswith("linux"):  # as the warm process itself
        yield
        return
    nursery = Nursery()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", leave_to_the_kernel)
        patch.setattr(step_server, "Popen", nursery.start)
        patch.setattr(own_process, "Popen", ForkedCall)
        yield
    nursery.close()


@pytest.fixture
def own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs start interpreters for their processes, as they do outside of tests."""
    monkeypatch.setattr(step_server, "Popen", subprocess.Popen)
    monkeypatch.setattr(own_process, "Popen", subprocess.Popen)


@pytest.fixture(scope="session")
def small_scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Four small two-chip exposures with known errors; read only."""
    return painted_once(tmp_path_factory, "small", small_uvis_scene)


@pytest.fixture(scope="session")
def finished_run(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the small scene, its recipe and a finished run; read only."""

    def make(folder: Path) -> None:
        copy_scene(small_scene, folder)
        run_recipe(folder / "recipe.yaml")

    return made_once(tmp_path_factory, "run", make)


@pytest.fixture(scope="session")
def tiny_exposures(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Three tiny two-chip exposures with known errors; read only."""
    return painted_once(tmp_path_factory, "tiny", tiny_scene)


@pytest.fixture(scope="session")
def tiny_run(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tiny exposures, their recipe and a finished run; read only."""
    return made_once(
        tmp_path_factory, "tiny_run", lambda folder: run_recipe(copy_tiny(tiny_exposures, folder))
    )


@pytest.fixture(scope="session")
def solved_run(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tiny exposures, solved together with a catalog; read only."""
    return made_once(tmp_path_factory, "solved", lambda folder: make_solved(folder, tiny_exposures))


@pytest.fixture(scope="session")
def psf_exposures(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Four dithered exposures of stars through a telescope; recipes may be written beside them."""
    return psf_scene(tmp_path_factory.mktemp("through_optics"))


@pytest.fixture(scope="session")
def psf_built_run(psf_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of a run that built the PSF of these exposures; read only."""
    return (
        made_once(
            tmp_path_factory,
            "psf_built",
            lambda folder: run_recipe(built_recipe(psf_exposures, folder)),
        )
        / "build"
    )


@pytest.fixture(scope="session")
def failing_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Return a folder with a run after which five of nine images are not aligned; read only."""

    def make(folder: Path) -> None:
        scene = failing_scene(folder)
        (folder / "scene.pickle").write_bytes(pickle.dumps(scene))
        assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 3

    folder = made_once(tmp_path_factory, "failing", make)
    return folder, pickle.loads((folder / "scene.pickle").read_bytes())  # noqa: S301  ours


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished run that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(finished_run, folder)
    return folder


@pytest.fixture(scope="session")
def reference_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the reference files of ACS exposures."""
    return provide_reference_files(tmp_path_factory.mktemp("references") / "jref")


@pytest.fixture
def jref(reference_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the environment name the folder of the reference files."""
    monkeypatch.setenv("jref", f"{reference_folder}/")
    return reference_folder


@pytest.fixture(scope="session")
def updated_run(reference_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run in which all is on that can be, its output in ``out``."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("jref", f"{reference_folder}/")
        return made_once(tmp_path_factory, "updated", make_updated)


@pytest.fixture(scope="session")
def sequence_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sequence from catalogs, its output in ``results/sequence``."""
    return made_once(
        tmp_path_factory, "sequence", lambda folder: make_sequence(folder, finished_run)
    )


@pytest.fixture(scope="session")
def flt_run(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the manual's first example has run; read only."""
    from tweakreg_steps import TweakReg

    def make(folder: Path) -> None:
        for path in small_scene.paths:
            shutil.copyfile(path, folder / path.name.replace("flc", "flt"))
        with chdir(folder):
            TweakReg(
                "*flt.fits",
                imagefindcfg={"threshold": 200, "conv_width": 3.5},
                refimagefindcfg={"threshold": 400, "conv_width": 2.5},
                updatehdr=False,
                shiftfile=True,
                outshifts="shift.txt",
            )

    return made_once(tmp_path_factory, "flt", make)


@pytest.fixture
def flt_copy(flt_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that folder as the working directory."""
    copy = tmp_path / "copy"
    shutil.copytree(flt_run, copy)
    monkeypatch.chdir(copy)
    return copy


RECIPE = """\
input: "*_flc.fits"
outdir: out
imagefindpars:
  threshold: 100
update_header:
  updatehdr: true
shiftfile_output:
  shiftfile: true
"""


LEAN_RECIPE = f"""\
{RECIPE}\
writecat: false
object_matching: {{see2dplot: false}}
catalog_fitting: {{residplot: No plot}}
"""
"""The same without what takes time: plots of images and text catalogs."""


def copy_scene(scene: Scene, folder: Path, recipe: str = RECIPE) -> None:
    """Copy a scene's exposures into a folder, with a recipe for them."""
    for path in scene.paths:
        shutil.copyfile(path, folder / path.name)
    (folder / "recipe.yaml").write_text(recipe)


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Return a function that replaces a text in a file."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return replace
