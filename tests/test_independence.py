"""Products depend on the recipe and its files, and on nothing else of the world."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forked_run import import_everything
from skies import Scene
from tiny import copy_tiny
from whole_runs import World

SHUFFLED = """\
import os, random
def shuffled(listing):
    def listed(*arguments, **options):
        names = listing(*arguments, **options)
        entries = list(names)
        random.Random(5).shuffle(entries)
        return entries if isinstance(names, list) else Listing(entries)
    return listed
class Listing:
    def __init__(self, entries): self.entries = iter(entries)
    def __iter__(self): return self
    def __next__(self): return next(self.entries)
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def close(self): pass
os.listdir, os.scandir = shuffled(os.listdir), shuffled(os.scandir)
"""
"""A ``sitecustomize`` module with which every process sees folders in an order of its own."""


def locales() -> str:
    """Return a locale that writes numbers with a comma if there is one, or another than C."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=True).stdout
    names = known.split()
    wanted = [name for name in names if name.startswith(("de_DE", "fr_FR"))]
    return (wanted or [name for name in names if name not in {"C", "POSIX"}])[0]


C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Tokyo"}


def test_of_locale_time_zone_threads_and_seed_of_hashes(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path
) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path)
    local = {"LC_ALL": locales(), "LC_NUMERIC": locales(), "TZ": "America/St_Johns"}
    threads = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "PYTHONHASHSEED": "7"}
    status, said = world.finish("-j", "4", environment=local | threads)
    assert status == 0, said
    assert world.contents() == World(tiny_run).contents()


def test_of_the_order_of_folders_and_without_a_locale(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path
) -> None:
    world = World(tmp_path / "world")
    recipe = copy_tiny(tiny_exposures, world.folder)
    for path in reversed(tiny_exposures.paths):
        (world.folder / path.name).unlink()
        shutil.copyfile(path, world.folder / path.name)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SHUFFLED)
    paths = [str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]
    environment = {**C, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    seen = subprocess.run(
        [sys.executable, "-c", "import os; print(sorted(os.listdir()) == os.listdir())"],
        cwd=recipe.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "False"
    status, said = world.finish(environment=environment)
    assert status == 0, said
    assert world.contents() == World(tiny_run).contents()


@pytest.mark.parametrize(("elsewhere", "jobs"), [("relative", "1"), ("absolute", "4")])
def test_of_the_number_of_jobs_and_the_working_folder(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path, jobs: str, elsewhere: str
) -> None:
    import_everything()
    there = World(tmp_path / "there")
    recipe = copy_tiny(tiny_exposures, there.folder)
    here = World(tmp_path / "some" / "where")
    here.folder.mkdir(parents=True)
    named = os.path.relpath(recipe, here.folder) if elsewhere == "relative" else str(recipe)
    status, said = here.finish_fork("run", named, "-j", jobs)
    assert status == 0, said
    assert there.contents() == World(tiny_run).contents()
