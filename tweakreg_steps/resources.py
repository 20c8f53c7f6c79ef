"""Where the workflow's own files are: inside the package in a wheel, above it in a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def workflow_folder() -> Path:
    """Return the folder that holds ``Snakefile``, ``rules`` and ``schemas``."""
    bundled = _PACKAGE / "workflow"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def provide_step_command() -> None:
    """Let the rules' shells find the command ``tweakreg-step`` of this installation."""
    scripts = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", "").split(os.pathsep)
    if scripts not in paths:
        os.environ["PATH"] = os.pathsep.join([scripts, *paths])
