"""An original file that is to be replaced: its lock, its content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tweakreg_steps.atomic import is_temporary_name
from tweakreg_steps.errors import InputError, LockedError
from tweakreg_steps.fits_files.fits_blocks import open_stream
from tweakreg_steps.records.undo_record import FileContent

_FITS = b"SIMPLE  ="


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Hold a file against other runs that would replace it, and clear what a killed one left.

    Raises
    ------
    InputError
        It cannot be opened.
    LockedError
        Another run is replacing it.
    """
    try:
        stream = path.open("r+b")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened for writing ({error.strerror}); allow it"
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LockedError(f"{path}: another run is replacing this file; wait for it") from error
        if not os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            raise LockedError(f"{path}: another run has just replaced this file; try again")
        _remove_leftovers(path)
        yield


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of a killed process beside `path`, and theirs, the last first."""
    names = [found.name for found in path.parent.iterdir() if is_temporary_name(found.name)]
    made = [path.name]
    for product in made:
        made += [name for name in names if is_temporary_name(name, of=product)]
    for name in reversed(made[1:]):
        path.with_name(name).unlink(missing_ok=True)


def is_fits(path: Path) -> bool:
    """Tell whether a file begins as FITS does, gzipped or not."""
    try:
        with open_stream(path) as stream:
            return stream.read(len(_FITS)) == _FITS
    except (OSError, EOFError, zlib.error):
        return False


def content_of(path: Path, digest: str) -> FileContent:
    """Return what tells a file's content from any other; `digest` is that of its HDUs."""
    return FileContent(sha256=sha256_of_file(path), size=path.stat().st_size, digest=digest)


def holds(path: Path, content: FileContent) -> bool:
    """Tell whether a file holds exactly this content."""
    return path.stat().st_size == content.size and sha256_of_file(path) == content.sha256


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def keep_status(old: Path, new: Path) -> None:
    """Give a file the permissions, extended attributes and owner of the one it will replace."""
    status = old.stat()
    shutil.copystat(old, new)
    os.utime(new)
    if (new.stat().st_uid, new.stat().st_gid) != (status.st_uid, status.st_gid):
        os.chown(new, status.st_uid, status.st_gid)
        new.chmod(stat.S_IMODE(status.st_mode))  # chown clears the set-id bits
