"""A recipe file that was not there before."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.errors import RecipeError


def write_new_recipe(path: Path, text: str) -> None:
    """Write a recipe; an existing file is never overwritten.

    Raises
    ------
    RecipeError
        If there is such a file already, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise RecipeError(f"{path}: is there already; choose another name with -o") from error
    except OSError as error:
        raise RecipeError(
            f"{path}: cannot be written ({error.strerror}); choose another"
        ) from error
