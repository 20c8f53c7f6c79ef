"""On a full disk, or one that must not be written, nothing is half-written and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_run import import_everything
from skies import Scene
from small_disk import FULL, SmallDisk, small_disk
from tiny import copy_tiny
from whole_runs import World

from tweakreg_steps.atomic import find_leftovers

SIZES = (4096, 16_000, 60_000, 180_000, 400_000, 700_000, 1_100_000, 1_700_000, 2_600_000)
"""Bytes at which a disk is full: while digests, the plan, masks, catalogs, notes of Snakemake,
text products, plots and aligned copies are written."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Return a small disk where the output folder of a run in ``tmp_path`` will be."""
    import_everything()
    with small_disk(tmp_path / "out") as made:
        yield made


def test_full_at_any_write_a_run_goes_on_when_there_is_space(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path, disk: SmallDisk
) -> None:
    whole = World(tiny_run).contents()
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path)
    n_done = []
    for size in SIZES:
        disk.resize(size)
        status, said = world.finish_fork(size_limit=disk.size_limit)
        assert status in (1, 2), said
        assert FULL.search(said)
        assert "Traceback" not in said
        written = world.contents()
        assert {name: whole.get(name) for name in written} == written
        assert find_leftovers(world.out) == ()
        n_done.append(len(written))
    assert n_done[-1] > n_done[len(SIZES) // 2] > n_done[0]
    disk.resize(None)
    assert world.finish_fork()[0] == 0
    assert world.contents() == whole


@pytest.mark.parametrize("free", [0, 100_000, 600_000, 700_000])
def test_full_while_originals_are_replaced(tiny_run: Path, disk: SmallDisk, free: int) -> None:
    world = World(disk.folder.parent)
    shutil.copytree(tiny_run, disk.folder, dirs_exist_ok=True)
    before = {path.name: path.read_bytes() for path in tiny_run.glob("*.fits")}
    after = {name: (tiny_run / "out" / "aligned" / name).read_bytes() for name in before}
    disk.fill(free)
    status, said = world.finish_fork("apply", "out/recipe.yaml", size_limit=disk.size_limit)
    assert status in (1, 2), said
    assert FULL.search(said)
    assert "Traceback" not in said
    for name, content in before.items():
        assert (disk.folder / name).read_bytes() in (content, after[name])
    assert find_leftovers(disk.folder) == ()
    disk.resize(None)
    assert world.finish_fork("apply", "out/recipe.yaml")[0] == 0
    assert {name: (disk.folder / name).read_bytes() for name in before} == after
    assert world.finish_fork("restore", "out/recipe.yaml")[0] == 0
    assert {name: (disk.folder / name).read_bytes() for name in before} == before
