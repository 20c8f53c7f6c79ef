"""Folders that the processes of a session of tests share: what takes long is made once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


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
