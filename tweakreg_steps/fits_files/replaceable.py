"""Whether a file of the user's may be replaced: what stands against it, in words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path


def replacement_problems(paths: Sequence[Path]) -> Iterator[str]:
    """Yield what forbids replacing files: for each `write_problems`; and that two are one file."""
    seen: dict[tuple[int, int], Path] = {}
    for path in paths:
        yield from write_problems(path)
        if path.exists():
            status = path.stat()
            first = seen.setdefault((status.st_dev, status.st_ino), path)
            if first is not path:
                yield (
                    f"{path}: is the same file as {first}, and two solutions cannot be written "
                    "into one; name the file once, without a selection"
                )


def write_problems(path: Path) -> Iterator[str]:
    """Yield what forbids replacing a file, in words.

    A file without write permission is not replaced, even where the permissions of its folder would
    allow it; nor is one whose owner could not be kept.
    """
    try:
        status = path.stat()
    except OSError as error:
        yield f"{path}: is not there ({error.strerror}); bring it back"
        return
    if not stat.S_ISREG(status.st_mode):
        yield f"{path}: is not a file; name the file itself"
        return
    if not status.st_mode & stat.S_IWUSR or not _may(path, os.W_OK):
        yield f"{path}: is write-protected; allow writing with chmod u+w"
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        yield f"{path}: belongs to another user; let its owner do this, or take the aligned copies"
    folder = path.resolve().parent
    if not _may(folder, os.W_OK | os.X_OK):
        yield f"{path}: its folder {folder} is not writable; allow writing there"


def _may(path: Path, mode: int) -> bool:
    """Tell whether this process may do something with a file."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def link_note(path: Path) -> str:
    """Return a word about the other names of a file, which keep its former content, if any."""
    others = path.stat().st_nlink - 1
    return f"{path}: {others} more hard link(s) to this file will not follow it" if others else ""
