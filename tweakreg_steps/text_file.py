"""Small text files of the user's: read whole, and only if they are files and small."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_small_file(path: Path, *, limit: int) -> bytes:
    """Return what a file holds.

    A pipe or a device, at which reading would wait or never end, is refused; so is what is larger
    than anybody writes.

    Parameters
    ----------
    path
        The file; a link is followed.
    limit
        The largest size, bytes.

    Raises
    ------
    OSError
        It cannot be read, is no file, or is too large; ``strerror`` says which.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file but a pipe or a device", str(path))
        content = stream.read(min(status.st_size, limit) + 1)  # of the limit it would take room
        if len(content) > status.st_size:  # it has grown meanwhile
            content += stream.read(limit + 1 - len(content))
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MiB", str(path))
    return content
