"""What an image is called: after its file, and the extension that is selected behind the name."""

from __future__ import annotations

import re
from pathlib import Path

_SUFFIXES = (".fits.fz", ".fits.gz", ".fit.gz", ".fits", ".fit", ".fts")
_SUFFIX = re.compile(r"\w+")


def image_name(path: Path) -> str:
    """Return the base name of `path` without its FITS suffix."""
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def name_of_input(path: Path, selection: str | None) -> str:
    """Return what an input is called: its base name, and the selected extension behind it."""
    picked = re.sub(r"\W", "", selection.lower()) if selection else ""
    return "_".join(filter(None, (image_name(path), picked)))


def split_selection(item: str) -> tuple[str, str | None]:
    """Split ``name.fits[sci,1]`` into the name and the selected extension, None without one."""
    path, bracket, rest = item.rpartition("[")
    selection = rest.removesuffix("]")
    has_suffix = _SUFFIX.fullmatch(path.rpartition(".")[2]) is not None and "." in path
    if not bracket or rest == selection or not selection or "]" in selection or not has_suffix:
        return item, None
    return path, "".join(selection.split())
