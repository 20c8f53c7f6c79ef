"""A run whose processes are all killed, at any moment, goes on from there and leaves no trace.

A kill is a SIGKILL of the whole process group after a seeded random time. A run is started anew
after each kill, until one comes to its end before it is killed: then everything is as after a run
that nobody disturbed, and the next round begins. The ordinary number of kills keeps the suite
short; ``TWEAKREG_KILLS=200 pytest tests/test_killed_runs.py`` does as many in all as that says.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked_run import import_everything
from skies import Scene
from tiny import LEAN, copy_tiny
from whole_runs import World

_KILLS = int(os.environ.get("TWEAKREG_KILLS", "36"))
_WITH_STARTS = _KILLS // 6
_VARIANTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "sextractor": {"imagefindpars": {"finder": "sextractor", "threshold": 10}},
    "clean": {"clean": True},
    "expand_refcat": {"expand_refcat": True},
}
_FEWEST = {"everything": 2, "sextractor": 2, "clean": 2}
"""How many exposures these have: the jobs of a third one are those of the second again."""
_SHARES = {"everything": 0.55, "sextractor": 0.15, "clean": 0.15, "expand_refcat": 0.15}
"""What part of the kills is done to each variant."""


def kill_and_compare(
    scene: Scene,
    folder: Path,
    changes: dict[str, Any],
    kills: int,
    *,
    forked: bool,
    number: int | None = None,
) -> None:
    """Kill runs at random moments, and compare what they come to with an undisturbed run."""
    undisturbed = World(folder / "undisturbed", is_first=not forked)
    copy_tiny(scene, undisturbed.folder, number=number, **changes)
    started = time.monotonic()
    assert not kill(undisturbed, forked=forked)(1000.0)
    length = time.monotonic() - started
    names, contents = undisturbed.names(), undisturbed.contents()
    moments = np.random.default_rng([kills, forked, *folder.name.encode()]).uniform
    left = kills
    for turn in count():
        # that of a command is the user's first run, once
        world = World(folder / str(turn), is_first=turn == 0 and not forked)
        copy_tiny(scene, world.folder, number=number, **changes)
        began: float | None = time.monotonic()
        while left and kill(world, forked=forked)(moments(0.0, length)):
            left -= 1
            began = None
            assert world.living() == []
        if left and began is not None:  # not killed once: runs are shorter than was thought
            length = min(length, time.monotonic() - began)
        assert not kill(world, forked=forked)(1000.0)
        assert world.living() == []
        assert world.contents() == contents
        assert world.names() - names == set()
        shutil.rmtree(world.folder)
        if not left:
            break


def kill(world: World, *, forked: bool) -> Callable[[float], bool]:
    """Return the function that runs and kills."""
    return world.kill_fork_after if forked else world.kill_after


@pytest.mark.parametrize("variant", _VARIANTS)
def test_killed_at_any_moment_of_its_work(
    tiny_exposures: Scene, tmp_path: Path, variant: str
) -> None:
    import_everything()
    kills = round((_KILLS - _WITH_STARTS) * _SHARES[variant])
    changes, number = _VARIANTS[variant], _FEWEST.get(variant)
    kill_and_compare(tiny_exposures, tmp_path, changes, kills, forked=True, number=number)


def test_killed_at_any_moment_from_the_start_of_the_program(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    # with few jobs, so that the start is a good part of the run
    kill_and_compare(tiny_exposures, tmp_path, LEAN, _WITH_STARTS, forked=False, number=2)
