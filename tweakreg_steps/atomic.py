"""Products are complete or absent: written under a hidden name, synced, then renamed."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tweakreg_steps.errors import JobFailedError

_LEFTOVER = re.compile(r"^\..+\.\d+\.tmp(\.[^.]+)?$")

_FILE_IN_THE_WAY = "a file stands where the folder should be: remove it, or set another outdir"

_WAYS_OUT: dict[int, str] = {
    errno.ENOSPC: "free space there, or set outdir to a disk that has some",
    errno.EDQUOT: "free space within your quota, or set outdir to another disk",
    errno.EFBIG: "raise the limit of the size of files (ulimit -f)",
    errno.EROFS: "the file system is read-only: set outdir to a folder that can be written",
    errno.EACCES: "change the permissions, or set outdir to a folder that can be written",
    errno.EPERM: "change the permissions, or set outdir to a folder that can be written",
    errno.ENOTDIR: _FILE_IN_THE_WAY,
    errno.EEXIST: _FILE_IN_THE_WAY,
    errno.EISDIR: "a folder stands where the file should be: remove it, or set another outdir",
    errno.EIO: "the disk reports a fault: set outdir to another disk",
}

_PROBE_SIZE = 1 << 16
_DISK_SAYS_NO = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Give a temporary path beside `final` that becomes `final` when the block ends well.

    The temporary name is hidden and keeps the last suffix, so that writers which look at the
    suffix behave the same: ``catalog.ecsv`` is written as ``.catalog.ecsv.<pid>.tmp.ecsv``.
    The file is synced before it is renamed, so that a crash leaves either the old product or the
    new one; the folder is not synced: a rename that a crash undoes only costs its job. The folder
    is made if it is not there.

    Parameters
    ----------
    final : Path
        Name of the finished product.

    Yields
    ------
    Path
        Where to write; it does not exist yet. Removed when the block raises.

    Raises
    ------
    JobFailedError
        If the product cannot be written; names the path, the cause and the way out.
    """
    with _renamed_path(final, sync=True) as temporary:
        yield temporary


@contextmanager
def expendable_path(final: Path) -> Iterator[Path]:
    """Give a temporary path as `atomic_path` does, for a file that a crash may spoil.

    It is not synced, which takes longer than writing it: only for what is recognized when it is
    spoilt, and made again.
    """
    with _renamed_path(final, sync=False) as temporary:
        yield temporary


@contextmanager
def _renamed_path(final: Path, *, sync: bool) -> Iterator[Path]:
    """Give a temporary path that becomes `final` when the block ends well."""
    temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp{final.suffix}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if sync:
            _sync(temporary)
        temporary.replace(final)
    except OSError as error:
        if _is_about_writing(error, temporary):
            raise JobFailedError(explain_failure(error, final)) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, which is never seen half-written.

    Raises
    ------
    JobFailedError
        If it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8, line ends as they are, to `path`, which is never seen half-written.

    Raises
    ------
    JobFailedError
        If it cannot be written.
    """
    write_bytes_atomically(path, text.encode())


def find_leftovers(folder: Path) -> tuple[Path, ...]:
    """List temporary files and folders below `folder` that a killed process left behind, sorted.

    Only for a caller that knows that nobody is writing there, such as the holder of the run's
    lock.
    """
    return tuple(sorted(p for p in folder.rglob(".*.tmp*") if _LEFTOVER.match(p.name)))


def remove_leftovers(folder: Path) -> None:
    """Remove what `find_leftovers` lists."""
    for path in find_leftovers(folder):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the kernel put the names in a folder on the disk, so that a rename outlasts a crash."""
    _sync(folder)


def _sync(path: Path) -> None:
    """Have the kernel put the file on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_of_the_disk(error: OSError) -> bool:
    """Tell whether a write failed because of the disk, whatever the file."""
    return error.errno in _DISK_SAYS_NO


def require_space(folder: Path) -> None:
    """Write a file into a folder, to see whether that works, and remove it.

    Raises
    ------
    JobFailedError
        It does not.
    """
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        with probe.open("wb") as stream:
            stream.write(bytes(_PROBE_SIZE))
    except OSError as error:
        raise JobFailedError(explain_failure(error, folder)) from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _is_about_writing(error: OSError, temporary: Path) -> bool:
    """Tell a failed write from a failed read of some other file inside the block."""
    if error.filename is None:
        return is_of_the_disk(error)
    named = Path(os.fsdecode(error.filename))
    return named == temporary or named in temporary.parents


def explain_failure(error: OSError, final: Path) -> str:
    """Say what could not be written, why, and what to do."""
    cause = error.strerror or str(error)
    way_out = _WAYS_OUT.get(error.errno or 0, "set outdir to a folder that can be written")
    return f"cannot write {final}: {cause}; {way_out}"
