"""The folders that the desk may read and write: the recipe's, its results' and its inputs'."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import RecipeError, TweakRegError
from tweakreg_steps.recipes.inputs import images_of, split_entry
from tweakreg_steps.recipes.recipe import Recipe, load_recipe
from tweakreg_steps.recipes.schema import IMAGES, parameters

_LISTED = 500
"""Files of which a menu is made."""
_ENTRIES = (("input",), ("extends",), ("outdir",), ("cache",))


@dataclass(frozen=True)
class Folders:
    """Where the desk may read and write.

    Attributes
    ----------
    base
        The folder of the recipe, to which its paths are relative.
    roots
        The folders, links followed; what lies below them is allowed, too.
    """

    base: Path
    roots: tuple[Path, ...]

    @classmethod
    def of_recipe(cls, path: Path, more: Iterable[Path]) -> Folders:
        """Return the folders of a recipe as it is written now, and some that the user names.

        A recipe that is not valid has its own folder alone.
        """
        try:
            recipe = load_recipe(path)
        except TweakRegError:
            recipe = None
        return cls.of_folders(path, recipe, more)

    @classmethod
    def of_folders(cls, path: Path, recipe: Recipe | None, more: Iterable[Path]) -> Folders:
        """Return the folders of a recipe that is read already, if it could be read."""
        base = path.resolve().parent
        roots = [base, path.absolute().parent, *more]
        if recipe:
            roots.append(recipe.outdir)
            with suppress(TweakRegError):
                found = images_of(recipe)
                roots += [image.path.parent for image in found]
        return cls(base, tuple(dict.fromkeys(Path(os.path.realpath(root)) for root in roots)))

    def hold(self, path: Path) -> bool:
        """Tell whether a path lies in one of the folders, whatever links are on the way."""
        real = Path(os.path.realpath(self.base / path))
        return any(real.is_relative_to(root) for root in self.roots)

    def require(self, recipe: Recipe | None) -> None:
        """Refuse a recipe whose results would lie elsewhere.

        Raises
        ------
        RecipeError
            Naming the folder.
        """
        if recipe is not None and not self.hold(recipe.outdir):
            raise RecipeError(
                f"outdir: {recipe.outdir} lies outside of the folders of this recipe; start the "
                "desk again"
            )

    def files(self) -> list[str]:
        """Return the first files of the folders, as a recipe would name them."""
        names: list[str] = []
        for root in self.roots:
            try:
                with os.scandir(root) as entries:
                    found = sorted(e.path for e in entries if e.is_file() and e.name[:1] != ".")
            except OSError:
                continue
            names += [
                os.path.relpath(name, self.base) if root.is_relative_to(self.base) else name
                for name in found
            ]
        return names[:_LISTED]

    def outside(self, tree: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
        """Yield a message for each path of a recipe that leads out of the folders.

        Parameters
        ----------
        tree
            The recipe.
        known
            The recipe as it stands in the file: what its owner has written there may lead anywhere.
        """
        written = set(_paths(known))
        for name, path in _paths(tree):
            if (name, path) not in written and not self.hold(Path(_before_magic(path))):
                yield (
                    f"{name}: {path!r} lies outside of the folders of this recipe, its results and "
                    "its inputs; write it into the file with an editor, or start the desk with "
                    "--folder"
                )


def _before_magic(path: str) -> str:
    """Return the folder in which a wildcard begins, or the path itself.

    A wildcard that climbs up again may lead anywhere, for which the root stands.
    """
    parts = Path(path).parts
    first = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    climbs = ".." in parts[first:]
    return str(Path(*parts[:first])) if first and not climbs else "/" if climbs else "."


def _paths(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each path that a recipe names, with the name of its parameter."""
    of_images = _at(tree, (IMAGES,))
    images = list(of_images) if isinstance(of_images, Mapping) else []
    for parameter in parameters():
        is_path = parameter.file or parameter.path in _ENTRIES
        for path in [parameter.path] * is_path + [
            (*parameter.path, key) for key in parameter.files
        ]:
            for start in ((), *((IMAGES, image) for image in images)):
                yield from _of_value(".".join((*start, *path)), _at(tree, (*start, *path)))


def _of_value(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the paths that a value holds."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            for entry in split_entry(one):
                yield name, entry.removeprefix("@")


def _at(tree: object, path: tuple[str, ...]) -> object:
    """Return what stands at a path of a tree, or None."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree
