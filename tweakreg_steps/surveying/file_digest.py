"""The digest of a file that counts by its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tweakreg_steps.errors import InputError

_DIGEST_LENGTH = 16


def file_digest(path: Path) -> str:
    """Return a digest of a file's content.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:_DIGEST_LENGTH]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error
