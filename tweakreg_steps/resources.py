"""Where the workflow's own files are: inside the package in a wheel, above it in a checkout."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def workflow_folder() -> Path:
    """Return the folder that holds ``Snakefile``, ``rules`` and ``schemas``."""
    bundled = _PACKAGE / "bundled"
    return bundled if bundled.is_dir() else _PACKAGE.parent


def user_cache() -> Path:
    """Return the folder for what this program remembers from run to run, the user's own."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tweakreg-steps"


def provide_step_command() -> None:
    """Let the rules' shells find the command ``tweakreg-step`` of this installation first."""
    schemes = (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"))
    for folder in (Path(sys.executable).parent, *map(Path, schemes)):
        if (folder / "tweakreg-step").is_file():
            paths = os.environ.get("PATH", "").split(os.pathsep)
            os.environ["PATH"] = os.pathsep.join(dict.fromkeys([str(folder), *paths]))
            return
