"""Folders that the processes of a session of tests share: what takes long is made once."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from skies import Scene


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that `make` has filled, in this process of the session or in another one.

    Whoever comes first makes it, and the others wait. What has failed is tried again by each.
    """
    of_process = factory.getbasetemp()
    # a process of pytest-xdist has a folder in that of the session
    session = of_process.parent if "PYTEST_XDIST_WORKER" in os.environ else of_process
    folder, done = session / name, session / f"{name}.done"
    with (session / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def painted_once(
    factory: pytest.TempPathFactory, name: str, paint: Callable[[Path], Scene]
) -> Scene:
    """Return a scene that `paint` has painted into a folder, once as above; read only."""

    def make(folder: Path) -> None:
        (folder / "exposures").mkdir()
        (folder / "scene.pickle").write_bytes(pickle.dumps(paint(folder / "exposures")))

    content = (made_once(factory, name, make) / "scene.pickle").read_bytes()
    scene: Scene = pickle.loads(content)  # noqa: S301  ours
    return scene
