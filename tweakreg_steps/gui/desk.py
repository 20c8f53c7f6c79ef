"""What lies on the desk: a recipe's text, what it says, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.editing.recipe_editing import NEW_INPUT, keep_recipe
from tweakreg_steps.editing.setting_values import set_values, unset_value
from tweakreg_steps.errors import InputError, RecipeError, TweakRegError
from tweakreg_steps.gui.fields import Kind, kind_of, read_value, value_text
from tweakreg_steps.gui.folders import Folders
from tweakreg_steps.recipes.composition import source_of_text
from tweakreg_steps.recipes.inputs import images_of
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.recipes.schema import IMAGES, Parameter, parameters
from tweakreg_steps.text_file import read_small_file
from tweakreg_steps.yaml_source import parse_yaml

TOP_LEVEL = "input and run"
"""How the form calls what stands in no section."""
_BYTES = 4 << 20
"""The largest recipe."""
_MISSING = object()


@dataclass(frozen=True)
class Field:
    """One parameter in the form.

    Attributes
    ----------
    path
        The keys that lead to its value in the recipe, those of an image before it.
    parameter
        The parameter.
    kind
        How it is entered.
    text
        Its value as the form shows it; nothing for null.
    is_set
        Its value stands in this recipe's own text.
    is_changed
        Its value is not the default.
    usual
        What it would be if it were not set here, as a text.
    problem
        What is wrong with it, or nothing.
    """

    path: tuple[str, ...]
    parameter: Parameter
    kind: Kind
    text: str
    is_set: bool
    is_changed: bool
    usual: str
    problem: str


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the text: the parameter, or nothing, and its line, or 0."""

    name: str
    line: int
    text: str


class Desk:
    """A recipe that is edited as a form and as a text, which are always the same.

    Parameters
    ----------
    path
        The recipe; if it is not there, it begins with its input alone.
    folders
        Where it may read and write; None for the folders that the recipe names.
    text
        What to begin with in place of what the file holds; None for that.

    Raises
    ------
    RecipeError
        If the file is there and cannot be read.
    """

    def __init__(
        self, path: Path, *, folders: Folders | None = None, text: str | None = None
    ) -> None:
        self.path = path
        self.folders = folders or Folders.of_recipe(path, ())
        self.saved = _read(path) if text is None else text
        self.version = 0
        self._unread: dict[tuple[str, ...], tuple[str, str]] = {}
        self._set_text(self.saved or f'input: "{NEW_INPUT}"\n')

    @property
    def is_saved(self) -> bool:
        """The file holds what the desk shows."""
        return self.text == self.saved

    @property
    def sections(self) -> list[str]:
        """The sections of the form, in the schema's order."""
        return list(dict.fromkeys(section_of(parameter) for parameter in _shown()))

    @property
    def image_keys(self) -> list[str]:
        """The names and wildcards for which the recipe has values of their own."""
        found = _at(self._own, (IMAGES,))
        return [str(key) for key in found] if isinstance(found, Mapping) else []

    def set_text(self, text: str) -> None:
        """Take another text, whatever is wrong with it."""
        self._unread = {}
        if text != self.text:
            self._set_text(text)

    def set_value(self, path: tuple[str, ...], text: str) -> None:
        """Take what was entered in a field into the text; what is wrong with it is a problem.

        Raises
        ------
        RecipeError
            The text of the recipe is no YAML, or written so that the value cannot be set in it.
        """
        parameter = parameter_at(path)
        self._unread.pop(path, None)
        try:
            value = read_value(parameter, text)
        except RecipeError as error:
            self._unread[path] = (text, str(error))
            self.version += 1
            return
        is_there = _at(self._own, path) is not _MISSING
        if not is_there and value == self._usual(path, parameter):
            return
        name = str(self.path)
        base = unset_value(self.text, path, name=name) if isinstance(value, Mapping) else self.text
        changes: Any = value
        for key in reversed(path):
            changes = {key: changes}
        self._set_text(set_values(base, changes, name=name))

    def unset(self, path: tuple[str, ...]) -> None:
        """Take a value out of the text, so that the default holds, or what the recipe extends says.

        Raises
        ------
        RecipeError
            The text is written so that this cannot be done.
        """
        self._unread.pop(path, None)
        self._set_text(unset_value(self.text, path, name=str(self.path)))

    def change_image(self, image: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Set values for one image, as a cure proposes them."""
        self._set_text(set_values(self.text, {IMAGES: {image: changes}}, name=str(self.path)))

    def fields(self, section: str, *, image: str = "") -> list[Field]:
        """Return the fields of a section, for all images or for one key of ``images``."""
        return [
            self._field(parameter, image)
            for parameter in _shown()
            if section_of(parameter) == section and (parameter.per_image or not image)
        ]

    def search(self, words: str, *, image: str = "") -> list[Field]:
        """Return the fields in whose name or help all words stand."""
        wanted = words.lower().split()
        return [
            self._field(parameter, image)
            for parameter in _shown()
            if (parameter.per_image or not image)
            and all(w in f"{parameter.name} {parameter.description}".lower() for w in wanted)
        ]

    def n_changed(self, section: str, *, image: str = "") -> int:
        """Count the parameters of a section that do not have their defaults."""
        return sum(field.is_changed for field in self.fields(section, image=image))

    def save(self) -> None:
        """Write the text into the file.

        Raises
        ------
        RecipeError
            The text is not valid, or the file was changed since it was read; it is as it was.
        """
        if self.problems:
            raise RecipeError("\n".join(problem.text for problem in self.problems))
        if self.changed_outside():
            raise RecipeError(
                f"{self.path}: was changed by another program since it was read; reload it"
            )
        keep_recipe(self.path, self.text)
        self.saved = self.text
        self.version += 1

    def changed_outside(self) -> bool:
        """Tell whether another program changed the file since it was read."""
        try:
            return _read(self.path) != self.saved
        except RecipeError:
            return True

    def reload(self) -> None:
        """Take what the file holds, and drop what was not saved."""
        self._unread = {}
        self.saved = _read(self.path)
        self._set_text(self.saved)

    def _set_text(self, text: str) -> None:
        """Take a text and look at it."""
        self.text = text
        self.version += 1
        self._own: Mapping[str, Any] = {}
        self._given: Mapping[str, Any] = {}
        self.recipe: Recipe | None = None
        self.image_names: list[str] = []
        self._found = list(self._look())

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the text and with what was entered."""
        unread = [Problem(".".join(p), 0, message) for p, (_, message) in self._unread.items()]
        return [*self._found, *unread]

    @property
    def has_form(self) -> bool:
        """Whether the text can be shown as a form."""
        return self._is_tree

    def _look(self) -> Iterator[Problem]:
        """Read the text, and yield what is wrong with it."""
        self._is_tree = False
        try:
            own = parse_yaml(self.text, name=str(self.path)).value
            if isinstance(own, Mapping):
                self._own, self._is_tree = own, True
                outside = list(self.folders.outside(own, self._known()))
                if outside:
                    yield from (Problem(text.partition(":")[0], 0, text) for text in outside)
                    return
            source = source_of_text(self.text, self.path)
            self._given = source.value if isinstance(source.value, Mapping) else {}
            self.recipe = complete(source.value, source=source, file=self.path)
        except TweakRegError as error:
            yield from (self._problem(line) for line in str(error).splitlines())
            return
        try:
            found = images_of(self.recipe)
            self.image_names = [image.name for image in found]
        except InputError:
            pass  # `tweakreg plan` says it; the files may come later

    def _known(self) -> Mapping[str, Any]:
        """Return the recipe as it stands in the file."""
        try:
            value = parse_yaml(self.saved, name="").value
        except RecipeError:
            return {}
        return value if isinstance(value, Mapping) else {}

    def _problem(self, line: str) -> Problem:
        """Find line and parameter in a message that begins with its place."""
        found = _PLACE.match(line.removeprefix(str(self.path)))
        if found is None:
            return Problem("", 0, line)
        return Problem(found["name"] or "", int(found["line"] or 0), line)

    def _field(self, parameter: Parameter, image: str) -> Field:
        """Return one parameter as the form shows it."""
        path = (IMAGES, image, *parameter.path) if image else parameter.path
        own = _at(self._own, path)
        usual = self._usual(path, parameter)
        value = usual if own is _MISSING else own
        unread = self._unread.get(path)
        name = ".".join(path)
        return Field(
            path=path,
            parameter=parameter,
            kind=kind_of(parameter),
            text=unread[0] if unread else value_text(value),
            is_set=own is not _MISSING,
            is_changed=value != (self._usual(path, parameter) if image else parameter.default),
            usual=value_text(usual),
            problem="\n".join(
                p.text.partition(f"{name}: ")[2] or p.text
                for p in self.problems
                if p.name == name or p.name.startswith(f"{name}.")
            ),
        )

    def _usual(self, path: tuple[str, ...], parameter: Parameter) -> Any:  # noqa: ANN401  any value
        """Return the value that holds where this recipe's own text is silent."""
        if path != parameter.path:
            value = _at(self._given, parameter.path)
            return parameter.default if value is _MISSING else value
        is_own = _at(self._own, path) is not _MISSING
        value = _MISSING if is_own else _at(self._given, path)
        return parameter.default if value is _MISSING else value


_PLACE = re.compile(r"(?::(?P<line>\d+))?(?::\d+)?: (?:(?P<name>[\w.*?\[\]+-]+): )?")


def section_of(parameter: Parameter) -> str:
    """Return the section of the form in which a parameter stands."""
    return parameter.path[0] if len(parameter.path) > 1 else TOP_LEVEL


def parameter_at(path: tuple[str, ...]) -> Parameter:
    """Return the parameter whose value stands at a path of the recipe."""
    own = path[2:] if path[0] == IMAGES else path
    return next(parameter for parameter in parameters() if parameter.path == own)


def _shown() -> Iterator[Parameter]:
    """Yield the parameters that have a field; ``images`` is the form for some images."""
    return (parameter for parameter in parameters() if parameter.path != (IMAGES,))


def _at(tree: object, path: tuple[str, ...]) -> Any:  # noqa: ANN401  any YAML value
    """Return what stands at a path of a tree, or `_MISSING`."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return _MISSING
        tree = tree[key]
    return tree


def _read(path: Path) -> str:
    """Return what a recipe file holds; nothing where there is none."""
    try:
        return read_small_file(path, limit=_BYTES).decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror or error})") from error
