"""The recipe's schema, read once, and the parameters it holds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from tweakreg_steps.resources import workflow_folder

Tree = dict[str, Any]

IMAGE_FINDPARS = "imagefindpars"
"""The section that says how the sources of an input image are found."""

REFERENCE_FINDPARS = "refimagefindpars"
"""The same for the reference image."""

_PER_IMAGE = "x-per-image"

HEADER = "update_header"
"""The section that says what happens to the headers."""

IMAGES = "images"
"""The parameter that holds what differs for some images."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of the recipe, as the schema describes it.

    Attributes
    ----------
    path
        The keys that lead to it: ``("catalog_fitting", "nclip")``.
    default
        The value it has where the recipe is silent.
    unit
        Its unit, or an empty string.
    description
        What it does.
    tweakreg
        The section in which TweakReg keeps it, or ``none``.
    tweakreg_default
        The default that TweakReg's own files write, where it is another; None where it is not.
    switch
        Whether it only decides that a rule's products are wanted; it makes none stale.
    file
        Whether it is the path of a file, whose content is what counts.
    words
        What a value may be in place of the path of a file.
    of_run
        Whether no product depends on it.
    files
        The keys of its value under which the paths of files stand.
    per_image
        Whether its value may differ from image to image.
    schema
        Its JSON schema.
    """

    path: tuple[str, ...]
    default: Any
    unit: str
    description: str
    tweakreg: str
    tweakreg_default: Any
    switch: bool
    file: bool
    of_run: bool
    words: frozenset[str]
    files: tuple[str, ...]
    per_image: bool
    schema: Tree

    @property
    def name(self) -> str:
        """The dotted name, as ``catalog_fitting.nclip``."""
        return ".".join(self.path)


@cache
def load_schema() -> Tree:
    """Return the JSON schema of a recipe with every ``$ref`` replaced by what it names.

    What may stand below an image of ``images`` is taken from the sections themselves.
    """
    path = workflow_folder() / "schemas" / "recipe.schema.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema: Tree = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  safe
    _resolve(schema["properties"], schema.pop("$defs"))
    schema["properties"][IMAGES]["additionalProperties"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(_sections_per_image(schema)),
    }
    return schema


def _resolve(properties: Tree, definitions: Tree) -> None:
    """Put what each ``$ref`` names in its place; what stands beside it goes before."""
    for name, child in properties.items():
        reference = child.pop("$ref", None)
        if reference:
            definition = copy.deepcopy(definitions[reference.rsplit("/", 1)[-1]])
            properties[name] = {**definition, **child}
        if is_section(properties[name]):
            _resolve(properties[name]["properties"], definitions)


def _sections_per_image(schema: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield each section of which something may differ from image to image, with that alone."""
    for name, section in schema["properties"].items():
        if section.get(_PER_IMAGE, False):
            properties = section["properties"].items()
            kept = {key: child for key, child in properties if child.get(_PER_IMAGE, True)}
            yield name, {**section, "properties": kept}


def is_section(schema: Tree) -> bool:
    """Tell whether `schema` describes a section of parameters."""
    return "properties" in schema


@cache
def parameters() -> tuple[Parameter, ...]:
    """Return every parameter, in the schema's order."""
    return tuple(_walk(load_schema(), (), {}))


def _walk(schema: Tree, path: tuple[str, ...], inherited: Tree) -> Iterator[Parameter]:
    """Yield the parameters below one section."""
    for name, child in schema["properties"].items():
        notes = {**inherited, **{k: v for k, v in child.items() if k.startswith("x-")}}
        if is_section(child):
            yield from _walk(child, (*path, name), notes)
            continue
        yield Parameter(
            path=(*path, name),
            default=copy.deepcopy(child.get("default")),
            unit=child.get("x-unit", ""),
            description=child["description"],
            tweakreg=notes["x-tweakreg"],
            tweakreg_default=child.get("x-tweakreg-default"),
            switch=child.get("x-switch", False),
            file=child.get("x-file", False),
            of_run=child.get("x-run", False),
            words=frozenset(child.get("x-words", ())),
            files=tuple(child.get("x-files", ())),
            per_image=notes.get(_PER_IMAGE, False),
            schema=child,
        )


_KINDS = {"array": "a list", "object": "names with values"}
"""How a message calls a kind of value, where JSON's word would not do."""


def allowed(schema: Tree) -> str:
    """Say in words which values `schema` allows."""
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = " or ".join(_KINDS.get(name, str(name)) for name in types)
    bounds = [
        f"{sign} {schema[key]}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in schema
    ]
    return f"{words} {' and '.join(bounds)}".strip()


def value_at(tree: Tree, path: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
    """Return the value at `path` of a nested mapping."""
    for key in path:
        tree = tree[key]
    return tree
