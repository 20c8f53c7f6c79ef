"""Replacing an original by its copy with a solution, and putting the original back.

The new file is written whole beside the original and takes its name at once; the record that leads
back is on the disk before. So whatever happens, the name stands for the original or for the file
with the solution, and the same call again finishes what was begun.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_steps.applying.byte_delta import keep_difference, rebuild, sha256_of
from tweakreg_steps.applying.original_file import content_of, hold_file, holds, is_fits, keep_status
from tweakreg_steps.atomic import atomic_path, sync_folder
from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.fits_files.digests import digest_content
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.records.outdir_files import digests_of
from tweakreg_steps.records.statement import Statement
from tweakreg_steps.records.undo_record import (
    UndoRecord,
    changed_since,
    read_record,
    record_path,
    remove_record,
    undo_path,
    write_record,
)

if TYPE_CHECKING:
    from tweakreg_steps.headers.header_update import WrittenHeader

Writer = Callable[[Path], "WrittenHeader"]
"""Writes the file with the solution under the name it is given, and says what was written."""


def apply_solution(
    path: Path, *, outdir: Path, digest: str, statement: Statement, write: Writer
) -> WrittenHeader:
    """Replace an original by its copy with a solution.

    An earlier solution is taken back before; where the file holds this one already, nothing is
    done.

    Parameters
    ----------
    path : Path
        The original; where it is a link, what it leads to is replaced.
    outdir : Path
        The output folder, in which the way back is kept.
    digest : str
        ``file`` of `tweakreg_steps.fits_files.digests.digest_exposure` when it was measured.
    statement : Statement
        What the new file says of its making; its stamp tells one solution from another.
    write : Writer
        Writes the new file.

    Returns
    -------
    WrittenHeader
        What `write` said.

    Raises
    ------
    InputError
        The file is not the one that was measured, or ``applied/`` holds the way back of another.
    LockedError
        Another run is replacing the file.
    JobFailedError
        Something could not be written; the file is as it was.
    """
    target = path.resolve()
    with hold_file(target), _nothing_lost(target):
        record = _record_of(path, outdir)
        if record and holds(target, record.applied):
            if record.solution == statement["stamp"]:
                return record.written
            _put_back(target, record, outdir, path.name)
        return _replace(path, outdir=outdir, digest=digest, statement=statement, write=write)


def restore_original(path: Path, *, outdir: Path) -> bool:
    """Put an original back, bit for bit, and tell whether that was needed.

    Parameters
    ----------
    path : Path
        The file.
    outdir : Path
        The output folder with the way back.

    Raises
    ------
    InputError
        The file was changed since; nothing is written.
    LockedError
        Another run is replacing the file.
    JobFailedError
        Something could not be written, or what comes out is not the original.
    """
    record = _record_of(path, outdir)
    if record is None:
        return False
    target = path.resolve()
    with hold_file(target), _nothing_lost(target):
        applied = holds(target, record.applied)
        if applied:
            _put_back(target, record, outdir, path.name)
        elif not holds(target, record.original):
            raise InputError(changed_since(path, outdir))
        remove_record(outdir, path.name)
    return applied


@contextmanager
def _nothing_lost(target: Path) -> Iterator[None]:
    """Add to an error about writing that the file is whole."""
    try:
        yield
    except JobFailedError as error:
        raise JobFailedError(f"{error} ({target} itself is whole; try again then)") from error


def _record_of(path: Path, outdir: Path) -> UndoRecord | None:
    """Return the record about a file, and refuse that of another file of the same name."""
    record = read_record(outdir, path.name)
    if record is None or record.original_path(outdir) == path.resolve():
        return record
    other = record.original_path(outdir)
    if not other.is_file() or not holds(other, record.applied):
        return None
    raise InputError(
        f"{path}: {record_path(outdir, path.name)} holds the way back of another file of this "
        f"name, {other}; restore that one first"
    )


def _replace(
    path: Path, *, outdir: Path, digest: str, statement: Statement, write: Writer
) -> WrittenHeader:
    """Write the new file and the way back, then give the new file the name."""
    target = path.resolve()
    before = digest_content(target)
    if before["file"] != digest:
        raise InputError(
            f"{path}: is not the file that was measured, it was changed since; run again"
        )
    with atomic_path(target) as temporary:
        written = write(temporary)
        keep_status(target, temporary)
        after = digest_content(temporary)
        kept = undo_path(outdir, path.name)
        segments = keep_difference(
            target, temporary, kept, original_data=before["data"], other_data=after["data"]
        )
        record = UndoRecord(
            path=os.path.relpath(path.absolute(), outdir.absolute()),
            solution=statement["stamp"],
            original=content_of(target, before["file"]),
            applied=content_of(temporary, after["file"]),
            mtime_ns=target.stat().st_mtime_ns,
            segments=segments,
            written=written,
            provenance={**statement},
            measured=_measured(path, outdir, digest),
        )
        if sha256_of(rebuild(segments, temporary, kept)) != record.original.sha256:
            raise JobFailedError(f"{path}: could not be made again from {kept}; nothing is written")
        write_record(outdir, path.name, record)
    sync_folder(target.parent)
    return written


def _put_back(target: Path, record: UndoRecord, outdir: Path, name: str) -> None:
    """Make the original again, and give it the name."""
    kept = undo_path(outdir, name)
    with atomic_path(target) as temporary:
        try:
            with temporary.open("wb") as sink:
                sink.writelines(rebuild(record.segments, target, kept))
        except (EOFError, FileNotFoundError, IsADirectoryError) as error:
            raise JobFailedError(f"{kept}: is damaged ({error}); bring it back") from error
        if not holds(temporary, record.original) or not is_fits(temporary):
            raise JobFailedError(
                f"{kept}: does not give the original, it was changed; bring it back"
            )
        keep_status(target, temporary)
        os.utime(temporary, ns=(record.mtime_ns, record.mtime_ns))
    sync_folder(target.parent)


def _measured(path: Path, outdir: Path, digest: str) -> tuple[dict[str, Any], ...]:
    """Return what was learnt of the original under any of its names, lately or once before."""
    names = glob.escape(image_name(path)) + "*"
    lately = map(recall_json, sorted(outdir.glob(digests_of(names))))
    before = read_record(outdir, path.name)
    found = [*(before.measured if before else ()), *lately]
    wanted = [record for record in found if record and record.get("file") == digest]
    return tuple({record["identity"]["selection"]: record for record in wanted}.values())
