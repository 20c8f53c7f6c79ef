"""Which exposures share one correction, and what that may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.sections import OneGeometry

Wanted = Mapping[str, OneGeometry]
"""What the recipe says of groups or images, or of wildcards for them."""

_SHOWN = 3
"""Names that a message lists."""


def find_groups(
    wanted: str | Mapping[str, str | Sequence[str]],
    images: Sequence[InputImage],
    visits: Mapping[str, str],
) -> dict[str, str]:
    """Return the group of each image: its own name where it has one of its own.

    Parameters
    ----------
    wanted
        ``solution.groups``.
    images
        The inputs, in order, whole or not.
    visits
        The visit that the header of each image names; empty where it names none. An input that
        is not whole has none.

    Raises
    ------
    InputError
        Listing what is wrong with the groups.
    """
    if wanted == "exposure":
        return {image.name: image.name for image in images}
    if wanted == "visit":
        without = [name for name, visit in visits.items() if not visit]
        if without:
            raise InputError(
                f"solution.groups: the headers of {_some(without)} name no visit "
                "(VISIT_ID, PROPOSID with LINENUM, or ROOTNAME); list the files of each group"
            )
        return dict(visits)
    assert isinstance(wanted, Mapping)  # noqa: S101  the recipe was checked
    return _listed(wanted, images)


def _listed(
    wanted: Mapping[str, str | Sequence[str]], images: Sequence[InputImage]
) -> dict[str, str]:
    """Return the group of each image where the recipe lists the files of each group."""
    names = [image.name for image in images]
    problems: list[str] = []
    found: dict[str, str] = {}
    for group, files in wanted.items():
        for file in [files] if isinstance(files, str) else files:
            meant = [image.name for image in images if _is_named(image, file)]
            if not meant:
                text = f"{file} is none of the images; they are {_some(names)}"
                problems.append(f"solution.groups.{group}: {text}")
            problems += [
                f"solution.groups.{group}: {name} is in the group {found[name]} already; "
                "leave it out of one"
                for name in meant
                if found.setdefault(name, group) != group
            ]
    problems += [
        f"solution.groups.{name}: is the name of an image that is not in it; choose another name"
        for name in names
        if name in wanted and found.get(name) != name
    ]
    if problems:
        raise InputError("\n".join(problems))
    return {name: found.get(name, name) for name in names}


def _is_named(image: InputImage, file: str) -> bool:
    """Tell whether a list means an image: by its file, or by what it is called."""
    own = Path(file).name
    called = image.path.name, image.label, image.name
    return any(own == name or fnmatchcase(name, own) for name in called)


def geometries_of(values: Tree, groups: Mapping[str, str]) -> dict[str, OneGeometry]:
    """Return what the correction of each group may do.

    Parameters
    ----------
    values
        The complete recipe.
    groups
        The group of each image.

    Raises
    ------
    InputError
        Listing the names that are none of a group or an image, and the groups whose exposures are
        to be fitted in different ways.
    """
    wanted = values["solution"]["fitgeometry"]
    problems = [
        f"solution.fitgeometry.{key}: is none of the groups or images; they are {_some(groups)}"
        for key in (wanted if isinstance(wanted, Mapping) else ())
        if not any(
            fnmatchcase(name, key) or name == key for pair in groups.items() for name in pair
        )
    ]
    found: dict[str, OneGeometry] = {}
    members: dict[str, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    for group, names in members.items():
        kinds = {_geometry(values, wanted, group, name) for name in names}
        found[group] = min(kinds)
        if len(kinds) > 1:
            problems.append(
                f"solution.fitgeometry: the exposures of the group {group} share one correction, "
                f"but are to be fitted by {' and '.join(sorted(kinds))}; say which for {group}"
            )
    if problems:
        raise InputError("\n".join(problems))
    return found


def _geometry(
    values: Tree, wanted: OneGeometry | Wanted | None, group: str, name: str
) -> OneGeometry:
    """Return what the recipe says for an image of a group; a name goes before wildcards."""
    if isinstance(wanted, str):
        return wanted
    for said in _said(wanted or {}, group, name):
        return said
    own: OneGeometry = image_values(values, name)["catalog_fitting"]["fitgeometry"]
    return own


def _said(wanted: Wanted, group: str, name: str) -> Iterator[OneGeometry]:
    """Yield what is said for a group, then for an image, names before wildcards."""
    yield from (wanted[key] for key in (group, name) if key in wanted)
    yield from (
        value for own in (group, name) for key, value in wanted.items() if fnmatchcase(own, key)
    )


def _some(names: Mapping[str, str] | Sequence[str]) -> str:
    """List the first few names."""
    return ", ".join(list(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
