"""Which exposures a recipe names: from the forms that ``input`` may take to a list of files."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps.errors import InputError

_SUFFIXES = (".fits.fz", ".fits.gz", ".fit.gz", ".fits", ".fit", ".fts")
_SELECTION = re.compile(r"^(?P<path>.*\.\w+)\[(?P<selection>[^\]]+)\]$")


@dataclass(frozen=True)
class InputImage:
    """One exposure of the recipe.

    Attributes
    ----------
    name
        What it is called everywhere: the file's base name without its FITS suffix, with the
        selected extension behind it where there is one.
    path
        The file, absolute.
    selection
        The extension to use (``sci,1`` or ``1``), or None for all chips.
    """

    name: str
    path: Path
    selection: str | None


def image_name(path: Path) -> str:
    """Return the base name of `path` without its FITS suffix."""
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def expand_inputs(entries: str | list[str], *, base: Path) -> list[InputImage]:
    """Return the exposures that `entries` name, in their order.

    Parameters
    ----------
    entries
        ``input`` of the recipe: a file, a wildcard, a comma-separated list, ``@file``, or a list of
        these. Wildcards expand sorted, so that the answer does not depend on the disk.
    base
        The folder to which relative paths are relative.

    Raises
    ------
    InputError
        Listing every entry that names no file, and every name that stands for two inputs.
    """
    problems: list[str] = []
    images: list[InputImage] = []
    for entry in [entries] if isinstance(entries, str) else entries:
        for item in split_entry(entry):
            try:
                images += _expand_item(item, base)
            except InputError as error:
                problems.append(str(error))
    problems += _same_names(images)
    if problems:
        raise InputError("\n".join(problems))
    return images


def expand_refimage(entry: str, *, base: Path) -> InputImage:
    """Return the one image that ``refimage`` of the recipe names, perhaps with an extension.

    Parameters
    ----------
    entry
        A file name, or ``name.fits[sci,1]``.
    base
        The folder to which a relative path is relative.

    Raises
    ------
    InputError
        There is no such file.
    """
    selected = _SELECTION.match(entry.strip())
    name, selection = (selected["path"], selected["selection"]) if selected else (entry, None)
    path = base / name.strip()
    if not path.is_file():
        raise InputError(
            f"refimage: {entry}: there is no such file ({path}); name one image, without wildcards"
        )
    return _image(path, selection)


def split_entry(entry: str) -> Iterator[str]:
    """Split a comma-separated list, leaving the commas inside brackets alone."""
    for item in re.split(r",(?![^\[]*\])", entry):
        if item.strip():
            yield item.strip()


def _expand_item(item: str, base: Path) -> list[InputImage]:
    """Expand one file name, wildcard or ``@file``."""
    if item.startswith("@"):
        return _read_list(base / item[1:])
    selected = _SELECTION.match(item)
    pattern, selection = (selected["path"], selected["selection"]) if selected else (item, None)
    if pattern.lower().endswith("_asn.fits"):
        raise InputError(
            f"input: {item}: association tables are not read yet; list the member images instead"
        )
    path = base / pattern
    if path.exists() or not glob.has_magic(pattern):
        if not path.is_file():
            raise InputError(f"input: {item}: there is no such file ({path}); correct the name")
        return [_image(path, selection)]
    found = sorted(glob.glob(str(path)))  # noqa: PTH207  sorted, and absolute patterns
    if not found:
        raise InputError(f"input: {item}: no file matches ({path}); correct the wildcard")
    return [_image(Path(name), selection) for name in found]


def _image(path: Path, selection: str | None) -> InputImage:
    """Name one input."""
    name = image_name(path)
    if selection:
        name += "_" + re.sub(r"\W", "", selection.lower())
    return InputImage(name=name, path=Path(path).absolute(), selection=selection)


def _read_list(path: Path) -> list[InputImage]:
    """Read a list file: one image a line, relative to the list; ``#`` starts a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"input: @{path}: cannot be read ({error}); correct the name") from error
    images: list[InputImage] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0].split()
        if len(words) > 1:
            problems.append(
                f"{path}:{number}: {' '.join(words[1:])}: catalogs in a list are not read yet; "
                "keep the image names only"
            )
        elif words:
            try:
                images += _expand_item(words[0], path.parent)
            except InputError as error:
                problems.append(f"{path}:{number}: {error}")
    if not images and not problems:
        problems.append(f"input: @{path}: the list is empty; write one image a line")
    if problems:
        raise InputError("\n".join(problems))
    return images


def _same_names(images: list[InputImage]) -> Iterator[str]:
    """Yield a message for each name that two inputs share."""
    seen: dict[str, InputImage] = {}
    for image in images:
        first = seen.setdefault(image.name.lower(), image)
        if first is not image:
            again = (
                "is given twice" if first.path == image.path else f"has the name of {first.path}"
            )
            yield f"input: {image.path} {again}; every image needs a base name of its own"
