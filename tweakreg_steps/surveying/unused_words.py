"""What a user wrote and nothing obeys: said before the work begins, as warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.recipes.inputs import expand_refimage, images_of
from tweakreg_steps.recipes.recipe import Recipe

_SHELL_WORD = re.compile(
    r"(?:^|[@,\s])~[\w.-]*/|(?:^|[@,\s/])\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})(?:/|$)"
)


def unused_words(recipe: Recipe) -> Iterator[str]:
    """Yield what is to be said of words in a recipe, and in its exclusions, that do nothing."""
    for key, value in _texts(recipe.values):
        if _SHELL_WORD.search(value):
            yield (
                f"{key}: {value[:100]!r}: ~ and $NAME are not replaced, and stand for folders of "
                "these names; write the path in full"
            )
    path = recipe.file("exclusions")
    if path is None:
        return
    from tweakreg_steps.masking.exclusions import unused_lines

    try:
        yield from unused_lines(path, sorted(_base_names(recipe)))
    except InputError:
        return  # what cannot be read is an error of the look at the files


def _base_names(recipe: Recipe) -> Iterator[str]:
    """Yield the base names of the inputs and of the reference image."""
    images = images_of(recipe)
    if recipe.values["refimage"]:
        images = [*images, expand_refimage(recipe.values["refimage"], base=recipe.base)]
    for image in images:
        yield image_name(image.path)


def _texts(values: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  any recipe value
    """Yield each text of a recipe with the key that it stands under."""
    if isinstance(values, str):
        yield key, values
    elif isinstance(values, dict):
        for name, value in values.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _texts(value, key)
