"""Other files of the exposures of a recipe, which get the same correction.

A file belongs to an exposure by its root name (ROOTNAME of its primary header, or its name up to
the last underscore), or because the recipe says so. A drizzled image belongs to the exposure that
it was drizzled from (D001DATA, D002DATA, ...); one drizzled from several has no correction, as each
of these has its own. The correction moves the sky under a WCS; it
is that of another file only if both had the same WCS before: the same cards, or the same WCSNAME.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.exposure_record import LearntChip
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.recipes.inputs import InputImage, expand_inputs, images_of
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.outdir_files import TRANSFERRED
from tweakreg_steps.surveying.inspection import Inspected, Unread, inspect_inputs

ALSO = "update_header.also"

_MOST_DRIZZLED = 1000
"""One more than the chips that a drizzled image's header can name."""


@dataclass(frozen=True)
class OtherFile:
    """Another file of an exposure.

    Attributes
    ----------
    file
        The file, and what was learnt from it.
    owner
        The exposure whose correction it gets.
    refused
        Why it cannot get that; empty where it can.
    """

    file: Inspected
    owner: Inspected
    refused: str


@dataclass(frozen=True)
class _Asked:
    """A file that is to get a correction, and whose: None where the root name tells."""

    image: InputImage
    owner: str | None
    is_named: bool


def survey_others(
    recipe: Recipe, images: Sequence[Inspected], unread: Sequence[Unread]
) -> tuple[tuple[OtherFile, ...], tuple[str, ...]]:
    """Return the other files that a recipe, or a transfer before, names, and notes about them.

    Those of an input that is not whole are left out, as it is.

    Raises
    ------
    InputError
        Naming every file that is not there, belongs to no exposure or has the name of another.
    """
    if not recipe.header["updatehdr"]:
        return (), ()
    # an owner that was named once holds
    asked = sorted([*_of_recipe(recipe), *_of_transfers(recipe)], key=lambda one: not one.owner)
    if not asked:
        return (), ()
    inputs = [*(image.image for image in images), *(one.image for one in unread)]
    paths = {image.path.resolve() for image in inputs}
    unique = {one.image.path.resolve(): one for one in reversed(asked)}
    wanted = [one for path, one in reversed(unique.items()) if path not in paths]
    by_name = {image.image.name: image for image in images}
    by_root: dict[str, list[Inspected]] = {}
    roots = {one.image.path: _roots(one.image.path) for one in wanted}
    for image in images if wanted else ():
        by_root.setdefault(_root(_primary(image.image.path), image.image.path), []).append(image)
    damaged = {one.image.name for one in unread} | {_root_of_name(one.image.path) for one in unread}
    problems: list[str] = []
    notes: list[str] = []
    found: list[tuple[_Asked, Inspected]] = []
    for one in wanted:
        of = roots[one.image.path]
        if damaged & ({one.owner} if one.owner else {*of}):
            continue
        owners = [by_name[one.owner]] if one.owner else by_root.get(of[0], [])
        if len(owners) == 1:
            found.append((one, owners[0]))
            continue
        which = "several inputs have" if owners else "no input has"
        text = (
            f"{ALSO}: {one.image.path}: {which} its root name {of[0]}; write"
            f" also: {{IMAGE: [{one.image.path.name}]}} with the name of an input"
        )
        (problems if one.is_named else notes).append(text)
    problems += _same_names([one.image.path for one, _ in found], images)
    if problems:
        raise InputError("\n".join(problems))
    renamed = [_distinct(one.image, set(by_name)) for one, _ in found]
    files = inspect_inputs(renamed, recipe.outdir)
    others = tuple(
        OtherFile(
            file,
            owner,
            _refusal(file, owner, roots[one.image.path], is_explicit=one.owner is not None),
        )
        for file, (one, owner) in zip(files, found, strict=True)
    )
    return others, tuple(notes)


def named_others(recipe: Recipe) -> list[Path]:
    """Return the other files that a recipe, or a transfer before, names."""
    return [one.image.path for one in (*_of_recipe(recipe), *_of_transfers(recipe))]


def _of_recipe(recipe: Recipe) -> Iterator[_Asked]:
    """Yield the files that the recipe names."""
    also: Any = recipe.header["also"]
    yield from () if also is None else _of_entries(recipe, also)


def _of_entries(recipe: Recipe, also: Any) -> Iterator[_Asked]:  # noqa: ANN401  a recipe's value
    """Yield the files of a name, of a list, or by the names of the inputs they belong to."""
    if isinstance(also, str):
        for image in _expand(also, recipe.base):
            yield _Asked(image, None, not glob.has_magic(also))
        return
    if not isinstance(also, Mapping):
        for entry in also:
            yield from _of_entries(recipe, entry)
        return
    names = {i.name for i in images_of(recipe)}
    for name, entries in also.items():
        owner = name if name in names else image_name(Path(name))
        if owner not in names:
            raise InputError(
                f"{ALSO}: {name}: is no input; there are {', '.join(sorted(names)[:10])}"
            )
        for image in _expand(entries, recipe.base):
            yield _Asked(image, owner, is_named=True)


def _of_transfers(recipe: Recipe) -> Iterator[_Asked]:
    """Yield the files that a transfer into the output folder named before, if they are there."""
    said = recall_json(recipe.outdir / TRANSFERRED) or {}
    for path, owner in said.items():
        file = recipe.outdir / path
        if file.is_file():
            for image in expand_inputs(glob.escape(str(file)), base=recipe.base):
                normal = Path(*image.path.parent.resolve().parts, image.path.name)
                yield _Asked(replace(image, path=normal), owner, is_named=False)


def _expand(entries: str | list[str], base: Path) -> list[InputImage]:
    """Return the files that entries name; as whole files."""
    try:
        return [replace(i, selection=None) for i in expand_inputs(entries, base=base)]
    except InputError as error:
        raise InputError(str(error).replace("input:", f"{ALSO}:")) from error


def _primary(path: Path) -> CardList:
    """Return the primary header of a file."""
    return CardList(scan_hdus(path)[0].header)


def _roots(path: Path) -> list[str]:
    """Return the root names of what a file was drizzled from, in their order, or its own."""
    header = _primary(path)
    names = (header.text(f"D{number:03d}DATA") for number in range(1, _MOST_DRIZZLED))
    parts = [Path(name.partition("[")[0].strip()) for name in takewhile(bool, names)]
    found = dict.fromkeys(image_name(part).rpartition("_")[0].lower() for part in parts)
    return list(found) or [_root(header, path)]


def _root(header: CardList, path: Path) -> str:
    """Return the root name of an exposure's file, in small letters."""
    said = header.text("ROOTNAME").strip().lower()
    return said or _root_of_name(path)


def _root_of_name(path: Path) -> str:
    """Return the root name that the name of a file tells, in small letters."""
    return image_name(path).rpartition("_")[0].lower() or image_name(path).lower()


def _same_names(paths: Sequence[Path], images: Sequence[Inspected]) -> Iterator[str]:
    """Yield a message for each file whose aligned copy would have another's name."""
    seen = {image.image.path.name: image.image.path for image in images}
    for path in paths:
        first = seen.setdefault(path.name, path)
        if first is not path:
            yield f"{ALSO}: {path} has the name of {first}, and so would its copy; rename one"


def _distinct(image: InputImage, taken: set[str]) -> InputImage:
    """Return a file under a name that no input has."""
    return replace(image, name=f"{image.name}_also") if image.name in taken else image


def _refusal(file: Inspected, owner: Inspected, roots: Sequence[str], *, is_explicit: bool) -> str:
    """Return why a file cannot get the correction of an exposure; empty where it can."""
    if len(roots) > 1:
        return (
            f"it was drizzled from {len(roots)} exposures, of which each has its own correction; "
            "drizzle their aligned copies"
        )
    own, other = ([chip["wcs"] for chip in image.chips] for image in (file, owner))
    if set(own) & set(other):
        return ""
    names, owners = ({_present(chip) for chip in image.chips} for image in (file, owner))
    if names == owners and (names != {""} or is_explicit):
        return ""
    return (
        f"its WCS was {_spelled(names)} and that of {owner.image.path.name}"
        f" {_spelled(owners)}: the correction of the one is not that of the other"
    )


def _present(chip: LearntChip) -> str:
    """Return the name of a chip's primary WCS, blank where it has none."""
    names, alternates = list(chip["wcsnames"]), [n for n in chip["alternates"].values() if n]
    return names[0] if len(names) > len(alternates) else ""


def _spelled(names: set[str]) -> str:
    """Write the names of WCSs."""
    return ", ".join(sorted(name or "without a name" for name in names))
