"""The digest of a small file that a recipe names: what counts is its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tweakreg_steps.errors import InputError

_LENGTH = 16


def file_digest(path: Path) -> str:
    """Return a digest of a file's content.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:_LENGTH]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error
