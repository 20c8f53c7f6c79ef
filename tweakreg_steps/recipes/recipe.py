"""From what a user wrote to a complete recipe: one way, used by all that reads recipes."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.printable import control_name
from tweakreg_steps.recipes.composition import Place, RecipeSource, read_recipe_source
from tweakreg_steps.recipes.deprecated import rename_deprecated
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.overrides import cross_override_problems, cross_override_warnings
from tweakreg_steps.recipes.recipe_rules import (
    cross_field_problems,
    cross_field_warnings,
)
from tweakreg_steps.recipes.schema import (
    HEADER,
    IMAGES,
    Tree,
    allowed,
    is_section,
    load_schema,
    parameters,
    value_at,
)
from tweakreg_steps.recipes.written_right import hint_for_home, hint_for_key, hint_for_value
from tweakreg_steps.yaml_source import KeyPath

_MOST = 100
"""Problems that one message lists."""
_LONGEST = 200
"""Characters of a value or key that a message shows."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe: where it stands and what is the matter."""

    path: KeyPath
    text: str


@dataclass(frozen=True)
class Recipe:
    """A complete recipe.

    Attributes
    ----------
    values
        Every parameter with its value, defaults filled in, numbers of the schema's type.
    base
        The folder to which the paths in the recipe are relative.
    name
        The name of the recipe: its file name without suffix.
    warnings
        What is allowed but looks like a mistake.
    """

    values: Tree
    base: Path
    name: str
    warnings: tuple[str, ...]

    @property
    def header(self) -> Tree:
        """What happens to the headers: the section ``update_header``."""
        found: Tree = self.values[HEADER]
        return found

    @property
    def named_outdir(self) -> Path:
        """The output folder as the recipe names it, which may be a link."""
        return Path(self.values["outdir"] or f"results/{self.name}")

    @cached_property
    def outdir(self) -> Path:
        """The output folder, absolute, and no link."""
        return (self.base / self.named_outdir).resolve()

    def file(self, *path: str) -> Path | None:
        """Return the absolute path of the file that a parameter names, or None."""
        value = value_at(self.values, path)
        return (self.base / value).resolve() if value else None


def load_recipe(path: Path, settings: Tree | None = None) -> Recipe:
    """Read the recipe file at `path` and complete it.

    Parameters
    ----------
    path
        The file.
    settings
        Values to lay over it, nested as in a recipe; None for none.

    Raises
    ------
    RecipeError
        Listing every problem with file, line, key, value and what is allowed.
    """
    source = read_recipe_source(path)
    is_mapping = isinstance(source.value, Mapping)
    values = merge(dict(source.value), settings) if settings and is_mapping else source.value
    return complete(values, source=source, file=path)


def complete(values: object, *, source: RecipeSource | None, file: Path) -> Recipe:
    """Fill in the defaults and report every problem at once.

    Parameters
    ----------
    values
        The recipe as read, possibly with overrides laid over it.
    source
        What the files say, for line numbers; None where the values come from elsewhere.
    file
        The recipe file (it need not exist): messages name it, and paths are relative to its folder.

    Raises
    ------
    RecipeError
        Listing every problem.
    """
    places = source.places if source else {}
    if not isinstance(values, Mapping):
        raise RecipeError(
            f"{file}: a recipe is a mapping of parameters, got {_show(values)}; "
            "the shortest one is: input: '*_flc.fits'"
        )
    values, renamed = rename_deprecated(values)
    problems = [Problem(path, "is given twice; keep one") for path, _ in _duplicates(source)]
    problems += _schema_problems(values)
    wrong = _Wrong.of(problem.path for problem in problems)
    complete_values = _with_defaults(load_schema(), values, (), wrong)
    found = [*cross_field_problems(complete_values), *cross_override_problems(complete_values)]
    problems += [Problem(*problem) for problem in found]
    if problems:
        raise RecipeError(_report(problems, places, file))
    return Recipe(
        values=complete_values,
        base=file.resolve().parent,
        name=file.stem,
        warnings=(
            *renamed,
            *cross_field_warnings(complete_values, values),
            *cross_override_warnings(complete_values, values),
        ),
    )


def _duplicates(source: RecipeSource | None) -> tuple[tuple[KeyPath, Place], ...]:
    """Return the keys that stand twice."""
    return source.duplicates if source else ()


def _report(problems: list[Problem], places: Mapping[KeyPath, Place], file: Path) -> str:
    """Write one line for each problem, in the order of the files."""

    def place_of(path: KeyPath) -> Place:
        while path and path not in places:
            path = path[:-1]
        return places.get(path, Place(file, 0, 0))

    rows = sorted({(place_of(p.path), _dotted(p.path), p.text) for p in problems})
    lines = [f"{place}: {f'{name}: ' if name else ''}{text}" for place, name, text in rows[:_MOST]]
    if len(rows) > _MOST:
        lines.append(f"{file}: and {len(rows) - _MOST} more problems of these kinds")
    return "\n".join(lines)


def _dotted(path: KeyPath) -> str:
    """Write a key path as ``section.name``."""
    return ".".join(_cut(str(key)) for key in path)


def _cut(text: str) -> str:
    """Return a text as a message can hold it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _show(value: object) -> str:
    """Show a value in a message as YAML would write it."""
    words = {True: "true", False: "false", None: "null"}
    if isinstance(value, bool) or value is None:
        return words[value]
    return _cut(repr(value))


def _schema_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that the JSON schema has against `values`."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(load_schema())
    for error in validator.iter_errors(values):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = sorted(set(map(str, error.instance)) - set(known))
            for key in unknown[:_MOST]:
                yield Problem((*path, key), _unknown_key(key, path))
            yield from (Problem((*path, key), "is not a known key") for key in unknown[_MOST:])
        elif error.validator == "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            yield from (Problem((*path, key), "is missing; it is required") for key in missing)
        else:
            name = str(path[-1]) if path else ""
            yield Problem(path, _wrong_value(name, error.instance, error.schema))
    yield from _strange(values, ())


def _strange(value: object, path: KeyPath) -> Iterator[Problem]:
    """Yield the numbers that are not finite, and the texts with control characters in them."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _strange_text(str(key), (*path, str(key)))
            yield from _strange(child, (*path, str(key)))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _strange(child, (*path, index))
    elif isinstance(value, str):
        yield from _strange_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, f"{_show(value)} is not a finite number; leave it out or give a number")


def _strange_text(text: str, path: KeyPath) -> Iterator[Problem]:
    """Yield that a text holds a control character."""
    strange = control_name(text)
    if strange:
        is_end = text.endswith("\n") and control_name(text[:-1]) is None
        hint = " (a block of text ends with one: begin it with >- in place of >)" if is_end else ""
        yield Problem(path, f"holds {strange}, which no text of a recipe can have; remove it{hint}")


def _unknown_key(key: str, section: KeyPath) -> str:
    """Say that a key is unknown, and which known one is nearest."""
    homes = [p.path for p in parameters() if p.path[-1] == key]
    if section[:1] == (IMAGES,) and (key in load_schema()["properties"] or _holds_for_all(homes)):
        return "holds for all images; see `tweakreg params images`"
    if homes:
        home = ".".join(homes[0][:-1])
        place = f"in the section {home}" if home else "at the top level"
        return f"is not known here; it belongs {place}{hint_for_home(key, homes)}"
    spelled = hint_for_key(key, section)
    if spelled:
        return spelled
    if len(key) > _LONGEST:
        return "is not a known key; `tweakreg params` lists them all"
    candidates = [*load_schema()["properties"], *(p.path[-1] for p in parameters())]
    here = [p.path[-1] for p in parameters() if p.path[:-1] == section]
    for names in (here, candidates):
        nearest = difflib.get_close_matches(key, names, n=1)
        if nearest:
            return f"is not a known key; the nearest is {nearest[0]}"
    return "is not a known key; `tweakreg params` lists them all"


def _holds_for_all(homes: list[tuple[str, ...]]) -> bool:
    """Tell whether none of the parameters may differ from image to image."""
    return bool(homes) and not any(p.per_image for p in parameters() if p.path in homes)


def _wrong_value(name: str, value: object, schema: Tree) -> str:
    """Say what is wrong with a value, what is allowed, and what to write if that is known."""
    if is_section(schema):
        names = ", ".join(schema["properties"])
        return f"{_show(value)} is not a section; write parameters below it, from: {names}"
    hint = hint_for_value(name, value, schema)
    if str(value).strip().upper() in ("NONE", "INDEF", "") and "null" in schema.get("type", ()):
        hint = " (write null for 'not given')"
    if "pattern" in schema and isinstance(value, str):
        hint = " (a plain file name: letters, digits, inside also blanks and . + = @ % , -)"
    return f"{_show(value)} is not allowed; allowed: {allowed(schema)}{hint}"


@dataclass(frozen=True)
class _Wrong:
    """Where something is wrong, and above what."""

    paths: frozenset[KeyPath]
    above: frozenset[KeyPath]

    @classmethod
    def of(cls, paths: Iterable[KeyPath]) -> Self:
        """Return what is wrong, from its paths."""
        found = frozenset(paths)
        return cls(found, frozenset(p[:n] for p in found for n in range(len(p) + 1)))


def _with_defaults(schema: Tree, values: object, path: KeyPath, wrong: _Wrong) -> Any:  # noqa: ANN401  any JSON value
    """Return `values` with the schema's defaults, and numbers in the schema's type.

    What is wrong already counts as not given, so that the rest can still be looked at.
    """
    if not is_section(schema):
        is_wrong = path in wrong.above
        return copy.deepcopy(schema.get("default")) if is_wrong else _typed(schema, values)
    given = values if isinstance(values, Mapping) and path not in wrong.paths else {}
    return {
        name: _with_defaults(
            child,
            given[name] if name in given else copy.deepcopy(child.get("default")),
            (*path, name),
            wrong,
        )
        for name, child in schema["properties"].items()
    }


def _typed(schema: Tree, value: object) -> object:
    """Give a number the type that the schema names, so that 3 and 3.0 are one value."""
    types = schema.get("type", ())
    types = types if isinstance(types, list) else [types]
    if isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        return {
            name: _typed(known[name] if name in known else schema["additionalProperties"], child)
            for name, child in value.items()
        }
    if isinstance(value, int) and "number" in types:
        return float(value)
    if isinstance(value, float) and "integer" in types and "number" not in types:
        return int(value) if math.isfinite(value) and value.is_integer() else value
    return value
