"""Which exposures a recipe names: from the forms that ``input`` may take to a list of files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.image_name import name_of_input, split_selection
from tweakreg_steps.printable import control_name
from tweakreg_steps.recipes.association import association_members, is_association
from tweakreg_steps.records.ledger_file import open_ledger
from tweakreg_steps.tables.file_list import ListLine, missing_files, read_file_list, report

if TYPE_CHECKING:
    from tweakreg_steps.recipes.recipe import Recipe

_NAME_MAX = 255
"""Bytes of the name of a file or folder."""
_PATH_MAX = 4095
"""Bytes of a path."""
_SHOWN = 60


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
    catalogs
        The catalogs that a list names behind the image, in the order of its chips, None where
        a placeholder stands; None where the list names none.
    """

    name: str
    path: Path
    selection: str | None
    catalogs: tuple[Path | None, ...] | None = None

    @property
    def label(self) -> str:
        """The file's name with the selected extension behind it, as a list would name it."""
        return self.path.name + (f"[{self.selection}]" if self.selection else "")


def images_of(recipe: Recipe) -> list[InputImage]:
    """Return the exposures of a recipe, in their order.

    What a run has made in the output folder is none, where a wildcard takes that, too: the
    reference WCS, say, where the products lie beside the exposures. It is one if a wildcard takes
    nothing else.

    Raises
    ------
    InputError
        As `expand_inputs`.
    """
    return _expand(recipe.values["input"], recipe.base, recipe.outdir)


def expand_inputs(entries: str | list[str], *, base: Path) -> list[InputImage]:
    """Return the exposures that `entries` name, in their order.

    Parameters
    ----------
    entries
        ``input`` of the recipe: a file, a wildcard, an association table, a comma-separated list,
        ``@file``, or a list of these. Wildcards expand sorted, so that the answer does not depend
        on the disk.
    base
        The folder to which relative paths are relative.

    Raises
    ------
    InputError
        Listing every entry that names no file, and every name that stands for two inputs.
    """
    return _expand(entries, base, None)


def _expand(entries: str | list[str], base: Path, outdir: Path | None) -> list[InputImage]:
    """Expand entries, but for what a run has made in a folder, if one is given."""
    problems: list[str] = []
    images: list[InputImage] = []
    for entry in [entries] if isinstance(entries, str) else entries:
        for item in split_entry(entry):
            try:
                images += _expand_item(item, base, outdir)
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
    name, selection = split_selection(entry.strip())
    path = base / name.strip()
    _require_short(path)
    if not path.is_file():
        raise InputError(
            f"refimage: {entry}: there is no such file ({path}); name one image, without wildcards"
        )
    return _image(path, selection)


def split_entry(entry: str) -> Iterator[str]:
    """Split a comma-separated list, leaving the commas inside brackets alone.

    A comma is inside if the next bracket behind it closes.
    """
    last = len(entry)
    items = []
    closes = False
    for place in range(len(entry) - 1, -1, -1):
        character = entry[place]
        if character in "[]":
            closes = character == "]"
        elif character == "," and not closes:
            items.append(entry[place + 1 : last])
            last = place
    items.append(entry[:last])
    yield from (item.strip() for item in reversed(items) if item.strip())


def _expand_item(item: str, base: Path, outdir: Path | None) -> list[InputImage]:
    """Expand one file name, wildcard, association or ``@file``."""
    if item.startswith("@"):
        return _read_list(base / item[1:], outdir)
    pattern, selection = split_selection(item)
    path = base / pattern
    _require_short(path)
    if path.exists() or not glob.has_magic(pattern):
        if not path.is_file():
            raise InputError(f"input: {item}: there is no such file ({path}); correct the name")
        found = [str(path)]
    else:
        names = glob.glob(pattern, root_dir=base)  # noqa: PTH207  absolute patterns, too
        found = _without_products(sorted(str(base / name) for name in names), outdir)
    if not found:
        raise InputError(f"input: {item}: no file matches ({path}); correct the wildcard")
    return [image for name in found for image in _images(Path(name), selection)]


def _without_products(found: list[str], outdir: Path | None) -> list[str]:
    """Leave out what a run has made in the output folder, if there is anything else."""
    if outdir is None:
        return found
    paths = {name: Path(name) for name in found}
    folders = {folder: folder.resolve() for folder in {path.parent for path in paths.values()}}
    inside = {
        name: str((folders[path.parent] / path.name).relative_to(outdir))
        for name, path in paths.items()
        if folders[path.parent].is_relative_to(outdir)
    }
    if not inside:
        return found
    with open_ledger(outdir) as ledger:
        made = {product for _, entry in ledger.entries() for product in entry.products}
    return [name for name in found if inside.get(name) not in made] or found


def _require_short(path: Path) -> None:
    """Refuse a name that no file system can have."""
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > _NAME_MAX or len(os.fsencode(path)) > _PATH_MAX:
        raise InputError(
            f"input: {path.name[:_SHOWN]}...: no file has so long a name; correct it, or separate "
            "the files by commas"
        )


def _images(path: Path, selection: str | None) -> list[InputImage]:
    """Name one input, or the members of an association."""
    if not is_association(path.name):
        return [_image(path, selection)]
    if selection:
        raise InputError(
            f"input: {path}[{selection}]: an association has no extension to pick; name the images"
        )
    return [_image(member, None) for member in association_members(path)]


def _image(path: Path, selection: str | None) -> InputImage:
    """Name one input, whose products get that name, too."""
    strange = control_name(path.name)
    if strange:
        raise InputError(
            f"input: {path}: the name holds {strange}, which cannot stand in the names of the "
            "products; rename the file"
        )
    return InputImage(name_of_input(path, selection), path.absolute(), selection)


def _read_list(path: Path, outdir: Path | None) -> list[InputImage]:
    """Read a list: one image a line, relative to the list, its catalogs behind it if it has any."""
    lines = read_file_list(path, called="list")
    if not lines:
        raise InputError(f"input: @{path}: the list is empty; write one image a line")
    images: list[InputImage] = []
    problems = report(path, missing_files(lines, called="list"))
    for line in lines:
        try:
            images += _expand_line(line, path.parent, outdir)
        except InputError as error:
            problems.append(f"{path}, line {line.number}: {error}")
    if problems:
        raise InputError("\n".join(problems))
    return images


def _expand_line(line: ListLine, folder: Path, outdir: Path | None) -> list[InputImage]:
    """Expand the line of a list; catalogs can belong to one image only."""
    images = _expand_item(line.name, folder, outdir)
    if not line.files:
        return images
    if len(images) > 1:
        raise InputError(
            f"{line.name} stands for {len(images)} images, but catalogs follow it; write a line "
            "for each image"
        )
    return [replace(image, catalogs=line.files) for image in images]


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
