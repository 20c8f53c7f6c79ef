"""Products are complete or absent: written under a hidden name, synced, then renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tweakreg_steps.errors import JobFailedError

_RANDOM_LENGTH = 12
_SEAL_LENGTH = 12
_TEMPORARY = re.compile(
    rf"^\.(?P<label>.+)\.(?P<random>[0-9a-f]{{{_RANDOM_LENGTH}}})"
    rf"(?P<seal>[0-9a-f]{{{_SEAL_LENGTH}}})\.tmp(?:\.[^.]+)?$",
    re.DOTALL,
)
_LABEL_LIMIT = 150
"""Bytes of a product's name in that of its temporary file, so that 255 are enough."""
_SUFFIX_LIMIT = 12
"""Characters: what is longer is no suffix that a writer looks at."""
_TRIES = 100
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

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

    The temporary file is there, empty, under a hidden name that nobody can foresee and that was
    nobody's before (so no link is followed), with the permissions that a new file has. The name
    keeps the last suffix, so that writers which look at it behave the same: ``catalog.ecsv`` is
    written as ``.catalog.ecsv.<random>.tmp.ecsv``.
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
        Where to write. Removed when the block raises.

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
    temporary: Path | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = _create(final)
        yield temporary
        _require_untouched(temporary)
        if sync:
            _sync(temporary)
        temporary.replace(final)
    except OSError as error:
        given = of_the_system(error)
        if temporary is None or _is_about_writing(given, temporary):
            raise JobFailedError(explain_failure(given, final)) from error
        raise
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _create(final: Path) -> Path:
    """Make an empty file beside `final`, under a name that was free."""
    for _ in range(_TRIES):
        path = final.with_name(temporary_name(final.name, final.suffix))
        with suppress(FileExistsError):
            os.close(os.open(path, _CREATE, 0o666))
            return path
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final.parent))


def _require_untouched(temporary: Path) -> None:
    """Refuse a temporary file that another user has put into the place of this program's own."""
    status = temporary.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise JobFailedError(
            f"{temporary}: was replaced by something of another user while it was written; set "
            "outdir to a folder that nobody else can write"
        )


@contextmanager
def temporary_folder(final: Path) -> Iterator[Path]:
    """Give a new folder beside `final`, for this user alone; it is removed when the block ends.

    Its name holds the stem of `final` and no suffix.
    """
    folder = final.with_name(temporary_name(final.stem, ""))
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def temporary_name(name: str, suffix: str) -> str:
    """Return a new name for a temporary file of the product `name`.

    It is sealed: a digest in it tells it from any name that another program has made up, so that
    what a killed process left behind can be removed, and nothing else.
    """
    label = _label(name)
    random = secrets.token_hex(_RANDOM_LENGTH // 2)
    kept = suffix if len(suffix) <= _SUFFIX_LIMIT else ""
    return f".{label}.{random}{_seal(label, random)}.tmp{kept}"


def is_temporary_name(name: str, *, of: str | None = None) -> bool:
    """Tell whether this program made up a name, for a temporary file of `of` if that is given."""
    found = _TEMPORARY.match(name)
    if found is None or found["seal"] != _seal(found["label"], found["random"]):
        return False
    return of is None or found["label"] == _label(of)


def _label(name: str) -> str:
    """Return what stands for a product's name in that of its temporary file."""
    raw = os.fsencode(name)
    if len(raw) <= _LABEL_LIMIT:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:_SEAL_LENGTH]
    return f"{raw[:_LABEL_LIMIT].decode(errors='ignore')}~{digest}"


def _seal(label: str, random: str) -> str:
    """Return the digest by which this program knows its temporary names again."""
    text = os.fsencode(f"tweakreg-steps temporary {label} {random}")
    return hashlib.sha256(text).hexdigest()[:_SEAL_LENGTH]


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


def find_leftovers(folder: Path, *, lock: str | None = None) -> tuple[Path, ...]:
    """List temporary files and folders below `folder` that a killed process left behind, sorted.

    Only for a caller that knows that nobody is writing there, such as the holder of the run's
    lock. Links are not followed; only what has a name that this program makes up is listed.

    Parameters
    ----------
    folder
        Where to look.
    lock
        Name of the file that tells an output folder: another one below `folder` is left alone,
        for another run may be writing there.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        if lock in files and Path(parent) != folder:
            folders.clear()
            continue
        ours = [name for name in folders if is_temporary_name(name)]
        found += [Path(parent, name) for name in (*ours, *filter(is_temporary_name, files))]
        folders[:] = [name for name in folders if name not in ours]
    return tuple(sorted(found))


def remove_leftovers(folder: Path, *, lock: str | None = None) -> None:
    """Remove what `find_leftovers` lists.

    Raises
    ------
    JobFailedError
        Something of it cannot be removed.
    """
    for path in find_leftovers(folder, lock=lock):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to) or a folder with all in it; it may be gone.

    Raises
    ------
    JobFailedError
        It cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        place = Path(error.filename or path)
        raise JobFailedError(
            f"{place}: a former run left it behind, and it cannot be removed "
            f"({error.strerror or error}); remove it, or set another outdir"
        ) from error


def sync_folder(folder: Path) -> None:
    """Have the kernel put the names in a folder on the disk, so that a rename outlasts a crash."""
    _sync(folder)


def _sync(path: Path) -> None:
    """Have the kernel put the file on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def of_the_system(error: OSError) -> OSError:
    """Return the error that the system gave, where a library has raised another one of its own.

    Astropy does so on a full disk, without a number.
    """
    before = error.__context__
    if error.errno is None and isinstance(before, OSError):
        return of_the_system(before)
    return error


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
    probe: Path | None = None
    try:
        probe = _create(folder / "probe")
        with probe.open("wb") as stream:
            stream.write(bytes(_PROBE_SIZE))
    except OSError as error:
        raise JobFailedError(explain_failure(error, folder)) from error
    finally:
        if probe is not None:
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
