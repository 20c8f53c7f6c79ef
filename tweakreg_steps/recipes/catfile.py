"""The coordinate file: which catalogs, made elsewhere, hold the sources of which image.

A text file with one line an image: its name, then one catalog for each chip in SCI order, or
``None`` or ``INDEF`` for a chip without one. Names of images count by their base name, with or
without folder and ending. Where an extension is selected (``name.fits[sci,2]``) the line of that
name holds its one catalog; else the line of the file does, at the chip's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.image_name import name_of_input, split_selection
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.tables.file_list import ListLine, missing_files, read_file_list, report

Catalogs = dict[int, Path]
"""The catalog of each chip, by its number from 1; chips without one are left out."""


def read_catfile(path: Path) -> dict[str, ListLine]:
    """Read a coordinate file.

    Returns
    -------
    dict of str to ListLine
        By name of the image (see `tweakreg_steps.recipes.inputs.name_of_input`).

    Raises
    ------
    InputError
        Naming each image that stands twice and each catalog that is missing; or the file cannot be
        read.
    """
    lines = read_file_list(path, called="list")
    found: dict[str, ListLine] = {}
    problems = report(path, missing_files(lines, called="list"))
    for line in lines:
        name, selection = split_selection(line.name)
        first = found.setdefault(name_of_input(Path(name), selection), line)
        if first is not line:
            problems.append(
                f"{path}, line {line.number}: {line.name} is in line {first.number} already; "
                "keep one of them"
            )
    if problems:
        raise InputError("\n".join(problems))
    return found


def catalogs_of_chips(
    image: InputImage, files: Sequence[Path | None], numbers: Sequence[int], *, where: str
) -> Catalogs:
    """Give each chip of an image its catalog from a line that names all chips of the file.

    Parameters
    ----------
    image
        The image.
    files
        The catalogs that the line names, None for a placeholder.
    numbers
        The numbers of the image's chips, from 1.
    where
        The list and its line, for messages.

    Raises
    ------
    InputError
        There are more catalogs than chips, or a chip has neither a catalog nor a placeholder.
    """
    n_needed = max(numbers)
    surplus = image.selection is None and any(file is not None for file in files[n_needed:])
    if surplus or len(files) < n_needed:
        raise _wrong_count(image, len(files), n_needed, where)
    found = {number: files[number - 1] for number in numbers}
    return {number: file for number, file in found.items() if file is not None}


def catalog_of_selection(
    image: InputImage, files: Sequence[Path | None], numbers: Sequence[int], *, where: str
) -> Catalogs:
    """Give the one chip of an image its catalog from a line that names the selected extension.

    Parameters and errors are those of `catalogs_of_chips`.
    """
    if len(files) != 1:
        raise _wrong_count(image, len(files), 1, where)
    return {number: file for number, file in zip(numbers, files, strict=True) if file is not None}


def _wrong_count(image: InputImage, n_given: int, n_needed: int, where: str) -> InputError:
    """Say that a line names too many catalogs, or too few."""
    chips = "chip" if n_needed == 1 else "chips"
    return InputError(
        f"{where}: {image.label} needs catalogs for {n_needed} {chips}, but {n_given} follow its "
        "name; write one catalog, or None, for each chip in SCI order"
    )
