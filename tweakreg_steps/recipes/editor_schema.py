"""The schema of a recipe for editors, which complete and check while one types."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.recipes.composition import EXTENDS
from tweakreg_steps.recipes.schema import Tree, load_schema
from tweakreg_steps.resources import user_cache

_NAME = "recipe.schema.json"


def editor_schema() -> Tree:
    """Return the JSON schema of a recipe as a file may hold it.

    A file that extends another needs no ``input`` of its own.
    """
    schema = copy.deepcopy(load_schema())
    required = schema.pop("required")
    schema["anyOf"] = [{"required": required}, {"required": [EXTENDS]}]
    return schema


def schema_text() -> str:
    """Return the schema as JSON."""
    return json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n"


def schema_line() -> str:
    """Return the comment that tells an editor's YAML language server where the schema is.

    The schema is kept in the user's cache; where that cannot be written there is no comment.
    """
    path = user_cache() / _NAME
    text = schema_text()
    if not _holds(path, text):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text_atomically(path, text)
        except (OSError, JobFailedError):
            return ""
    return f"# yaml-language-server: $schema={path.absolute()}\n"


def _holds(path: Path, text: str) -> bool:
    """Tell whether a file holds a text."""
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
