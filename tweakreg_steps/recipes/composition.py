"""A recipe as it is written: one file, laid over those that its ``extends`` names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import NotYamlError, RecipeError
from tweakreg_steps.printable import control_name
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.moved_paths import move_paths
from tweakreg_steps.recipes.written_right import hint_for_text
from tweakreg_steps.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml

EXTENDS = "extends"
_SHOWN = 200
_CHAIN = 30
"""The longest chain of files that extend each other; people write three."""
_FILES = 100
"""The largest number of files that one recipe is made of, each counted as often as it is named."""
_OUTDIR = "outdir"


@dataclass(frozen=True, order=True)
class Place:
    """Where a key of a recipe is written: file, line and column, from 1; 0 for no line.

    As text it is what editors and compilers call a place, so that one can jump there.
    """

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)


@dataclass(frozen=True)
class RecipeSource:
    """What the files of a recipe say together.

    Attributes
    ----------
    value
        The document, without ``extends``.
    places
        Where each key or list item that holds is written, by its path from the root.
    duplicates
        Keys that stand twice in one file: path and place of the later one.
    """

    value: Any
    places: Mapping[KeyPath, Place]
    duplicates: tuple[tuple[KeyPath, Place], ...]


def read_recipe_source(path: Path, section: str | None = None) -> RecipeSource:
    """Read a recipe file, or the recipe that is a section of a file, and those that it extends.

    A mapping is laid over a mapping key by key, anything else replaces what was there. Paths in a
    file are relative to it, and are rewritten to be relative to the file that extends it. The
    ``outdir`` of a file that is extended does not count: two recipes need two.

    Raises
    ------
    RecipeError
        A file cannot be read or is not YAML, or extends itself.
    """
    source = _read_file(path)
    return _compose(_section_of(source, section) if section else source, path, (), count(1))


def _section_of(source: YamlSource, section: str) -> YamlSource:
    """Return one section of a file as a document of its own, the lines as they are."""
    return YamlSource(
        value=source.value[section],
        lines={key[1:]: line for key, line in source.lines.items() if key[:1] == (section,)},
        columns={key[1:]: n for key, n in source.columns.items() if key[:1] == (section,)},
        duplicates=tuple(
            (key[1:], line) for key, line in source.duplicates if key[:1] == (section,)
        ),
    )


def _read(path: Path, chain: tuple[Path, ...], files: Iterator[int]) -> RecipeSource:
    """Read one file below those of the chain."""
    if next(files) > _FILES:
        raise RecipeError(
            f"{chain[0]}: {EXTENDS}: more than {_FILES} files lie under it; write them as fewer"
        )
    return _compose(_read_file(path), path, chain, files)


def _compose(
    source: YamlSource, path: Path, chain: tuple[Path, ...], files: Iterator[int]
) -> RecipeSource:
    """Lay one file over those that it extends; `files` counts what is read."""
    own = _own_source(source, path)
    if not isinstance(source.value, Mapping) or source.value.get(EXTENDS) is None:
        return own
    place = own.places[(EXTENDS,)]
    merged = RecipeSource({}, {}, ())
    for name in _base_names(source.value[EXTENDS], place):
        base = Path(os.path.normpath(path.parent / name))
        _require_new(base, (*chain, path), place)
        found = _read(base, (*chain, path), files)
        if not isinstance(found.value, Mapping):
            raise RecipeError(
                f"{place}: {EXTENDS}: {base} is no mapping of parameters; name a recipe"
            )
        merged = _lay_over(merged, _moved(found, base.parent, path.parent))
    return _lay_over(merged, own)


def source_of_text(text: str, path: Path) -> RecipeSource:
    """Return what the text of a recipe file at `path`, and the files it extends, say."""
    with _hints():
        source = parse_yaml(text, name=str(path))
    return _compose(source, path, (), count(1))


def _read_file(path: Path) -> YamlSource:
    """Read a recipe file."""
    with _hints():
        return read_yaml(path)


@contextmanager
def _hints() -> Iterator[None]:
    """Say of a text that is no YAML what is probably wrong with it."""
    try:
        yield
    except NotYamlError as error:
        hint = hint_for_text(error.text, error.line)
        raise RecipeError(f"{error}{hint}") from error


def _own_source(source: YamlSource, path: Path) -> RecipeSource:
    """Say of each key of one file where it stands."""
    value = source.value
    if isinstance(value, Mapping):
        value = {key: child for key, child in value.items() if key != EXTENDS}
    return RecipeSource(
        value=value,
        places={key: Place(path, line, source.columns[key]) for key, line in source.lines.items()},
        duplicates=tuple(
            (key, Place(path, line, source.columns[key])) for key, line in source.duplicates
        ),
    )


def _base_names(value: object, place: Place) -> list[str]:
    """Return the files that a recipe extends, the later ones laid over the earlier."""
    given = value if isinstance(value, list) else [value]
    names = [n for n in given if isinstance(n, str) and n and not control_name(n)]
    if not names or names != given:
        raise RecipeError(
            f"{place}: {EXTENDS}: {repr(value)[:_SHOWN]} is not allowed; name a recipe file, or a "
            "list of them"
        )
    return names


def _require_new(base: Path, chain: tuple[Path, ...], place: Place) -> None:
    """Refuse a file that extends itself, over however many others."""
    if len(chain) > _CHAIN:
        raise RecipeError(
            f"{chain[0]}: {EXTENDS}: a chain of more than {_CHAIN} files; write them as fewer"
        )
    if base.resolve() in [path.resolve() for path in chain]:
        way = " extends ".join(path.name for path in (*chain, base))
        raise RecipeError(f"{place}: {EXTENDS}: {way}; take one of them out")


def _lay_over(base: RecipeSource, own: RecipeSource) -> RecipeSource:
    """Lay one source over another."""
    if not isinstance(own.value, Mapping) or not isinstance(base.value, Mapping):
        return own
    return RecipeSource(
        value=merge(base.value, own.value),
        places={**base.places, **own.places},
        duplicates=(*base.duplicates, *own.duplicates),
    )


def _moved(source: RecipeSource, old: Path, new: Path) -> RecipeSource:
    """Return a source as the file of another folder would say it; without its ``outdir``."""
    if not isinstance(source.value, Mapping):
        return source
    kept = {key: child for key, child in source.value.items() if key != _OUTDIR}
    return RecipeSource(move_paths(kept, old=old, new=new), source.places, source.duplicates)
