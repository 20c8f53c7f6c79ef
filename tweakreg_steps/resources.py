"""Where the workflow's own files are: beside the package in a wheel, above it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def workflow_folder() -> Path:
    """Return the folder that holds ``Snakefile``, ``rules`` and ``schemas``."""
    bundled = _PACKAGE / "workflow"
    return bundled if bundled.is_dir() else _PACKAGE.parent
