"""The ledger of an output folder: one database, and the notes of jobs that it has not taken in yet.

Each job leaves a note, a file of its own, and nothing else: any number of them may write at once,
on any machine and file system, and one that is killed spoils nothing. The process that holds the
folder gathers the notes when a run begins and when it ends. It never changes the database but
writes another one and puts that in its place, and only then removes the notes. So whoever reads
sees a whole one without asking for a lock, at whatever moment anything is killed; where there is a
note of a job, it counts.

A folder of results may come from anybody. A database that is damaged, a link, or of another form is
none; what it says of a product is held against the product.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from tweakreg_steps.atomic import atomic_path, sync_folder
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.json_file import memorize_json
from tweakreg_steps.records.ledger import Entry, entry_of_json, is_name, with_times
from tweakreg_steps.records.outdir_files import LEDGER, NOTES, note_of
from tweakreg_steps.text_file import read_small_file

JobKey = tuple[str, str]
"""Rule and name of a job."""

_BYTES = 256 << 20
"""The largest entry: that of a job on 10,000 exposures takes some 2 MiB."""
_COLUMNS = ("rule", "name", "ticket", "declared", "content")
_TABLE = (
    f"CREATE TABLE entry ({', '.join(f'{column} TEXT' for column in _COLUMNS)},"
    " PRIMARY KEY (rule, name))"
)
_INSERT = "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)"
_PAGE = 16384
"""Bytes of a page of a new database: of smaller ones a third stays empty; an entry has 1.3 kB."""
_ENDING = ".json"
_FORGOTTEN = None
"""What the note of a job holds whose entry is to be forgotten."""

Row = tuple[str, str, str, str, str]
"""The columns of a job."""


class Ledger:
    """What is known of the jobs that ran in an output folder.

    Parameters
    ----------
    outdir
        The output folder.
    connection
        Its database; None where there is none.
    """

    def __init__(self, outdir: Path, connection: sqlite3.Connection | None) -> None:
        self._outdir = outdir
        self._connection = connection
        self._noting: dict[str, bool] = {}

    def entry(self, rule: str, name: str) -> Entry | None:
        """Return the entry of a job, or None where there is none that can be read."""
        if self._has_notes(rule):
            with suppress(OSError, ValueError, RecursionError):
                content = _read_note(self._outdir / note_of(rule, name))
                entry = entry_of_json(content)
                if entry is not None or content is _FORGOTTEN:
                    return entry
        content = self._look_up("content", rule, name)
        return None if content is None else _entry_of_text(content)

    def ticket(self, rule: str, name: str) -> str | None:
        """Return what the plan called the last run of a job; None where that is not known."""
        if self._has_notes(rule):
            entry = self.entry(rule, name)
            return entry.ticket if entry else None
        return self._look_up("ticket", rule, name)

    def declared(self, rule: str, name: str) -> Sequence[str]:
        """Return the products that the plan knew of when a job ran last."""
        if self._has_notes(rule):
            entry = self.entry(rule, name)
            return entry.declared if entry else ()
        text = self._look_up("declared", rule, name)
        return text.split("\0") if text else ()

    def jobs(self) -> list[JobKey]:
        """Return the jobs of which there is an entry or a note, sorted."""
        found = set(_noted(self._outdir))
        if self._connection is not None:
            with suppress(sqlite3.Error):
                rows = self._connection.execute("SELECT rule, name FROM entry")
                found.update((str(rule), str(name)) for rule, name in rows)
        return sorted(key for key in found if all(map(is_name, key)))

    def entries(self) -> Iterator[tuple[JobKey, Entry]]:
        """Yield all entries that can be read, sorted by their jobs."""
        for key in self.jobs():
            entry = self.entry(*key)
            if entry is not None:
                yield key, entry

    def _look_up(self, column: str, rule: str, name: str) -> str | None:
        """Return what the database has of a job."""
        if self._connection is None:
            return None
        query = f"SELECT {column} FROM entry WHERE rule = ? AND name = ?"  # noqa: S608  a literal
        try:
            row = self._connection.execute(query, (rule, name)).fetchone()
        except (sqlite3.Error, UnicodeEncodeError):
            return None
        return row[0] if row and isinstance(row[0], str) else None

    def _has_notes(self, rule: str) -> bool:
        """Tell whether any job of a rule has left a note; most have been gathered."""
        found = self._noting.get(rule)
        if found is None:
            found = self._noting[rule] = _is_filled(self._outdir / NOTES / rule)
        return found


@contextmanager
def open_ledger(outdir: Path) -> Iterator[Ledger]:
    """Give the ledger of an output folder, for as long as no job runs that it would hear of."""
    connection = _connect(outdir / LEDGER)
    try:
        yield Ledger(outdir, connection)
    finally:
        if connection is not None:
            connection.close()


def read_entry(outdir: Path, rule: str, name: str) -> Entry | None:
    """Return the entry of one job, or None where there is none that can be read."""
    with open_ledger(outdir) as ledger:
        return ledger.entry(rule, name)


def has_ledger(outdir: Path) -> bool:
    """Tell whether a folder has a ledger, and so is an output folder."""
    return (outdir / LEDGER).is_file() or (outdir / NOTES).is_dir()


def forget_entry(outdir: Path, rule: str, name: str) -> None:
    """Have no entry of a job any more."""
    memorize_json(outdir / note_of(rule, name), _FORGOTTEN)


def refresh_times(outdir: Path, key: JobKey, entry: Entry) -> None:
    """Note the present times of products that are known to be as they were made."""
    with suppress(JobFailedError):  # it only saves time, and the folder may not be ours
        memorize_json(outdir / note_of(*key), with_times(entry, outdir).as_json())


def gather_notes(outdir: Path, tickets: Mapping[JobKey, str]) -> None:
    """Take the notes of jobs into the database; only for the holder of the folder.

    Where that is not possible, all stays as it is, and is as good.

    Parameters
    ----------
    outdir
        The output folder.
    tickets
        The jobs that this run has done, with what the plan called them: the present times of
        their products are noted.
    """
    read = partial(_read_notes, outdir, tickets)
    if next(read(), None) is None:
        return
    with suppress(JobFailedError, OSError):
        taken = _write_database(outdir / LEDGER, read)
        sync_folder((outdir / LEDGER).parent)
        for note in taken:
            note.remove(outdir)


@dataclass(frozen=True, slots=True)
class _Note:
    """A note that was read; of its content no more is kept than tells it again.

    Attributes
    ----------
    key
        The job.
    status
        What changes if a job writes it again.
    check
        The hash of what the database is to have of it; None where that is to be forgotten.
    """

    key: JobKey
    status: tuple[int, int]
    check: int | None

    def remove(self, outdir: Path) -> None:
        """Remove the note, unless another job has written it again."""
        path = outdir / note_of(*self.key)
        with suppress(OSError):
            if _status(path) == self.status:
                path.unlink()


Read = tuple[_Note, Row | None]
"""A note, and what the database is to have of it."""


def _read_notes(outdir: Path, tickets: Mapping[JobKey, str]) -> Iterator[Read]:
    """Yield the notes that can be read: of 10,000 exposures there are more than fit into memory."""
    for key in _noted(outdir):
        path = outdir / note_of(*key)
        try:
            status = _status(path)
            content = _read_note(path)
        except (OSError, ValueError, RecursionError):
            continue
        if content is _FORGOTTEN:
            yield _Note(key, status, None), None
            continue
        entry = entry_of_json(content)
        if entry is None:
            continue
        if tickets.get(key) == entry.ticket:
            entry = with_times(entry, outdir)
        text = json.dumps(entry.as_json(), sort_keys=True, separators=(",", ":"))
        row = (*key, entry.ticket, "\0".join(entry.declared), text)
        yield _Note(key, status, hash(row)), row


def _write_database(path: Path, read: Callable[[], Iterator[Read]]) -> list[_Note]:
    """Put a database in the place of another one, which has what that has, and the notes."""
    with atomic_path(path) as temporary:
        before = _connect(path)
        if before is None:
            return _update(temporary, [_TABLE], read())
        with closing(before):
            with suppress(sqlite3.DatabaseError):
                shutil.copyfile(path, temporary)
                taken = _update(temporary, [], read())
                if _holds(temporary, taken):
                    return taken
            os.truncate(temporary, 0)
            return _update(temporary, [_TABLE], read(), _readable_rows(before))


def _update(
    path: Path, statements: Iterable[str], notes: Iterable[Read], rows: Iterable[Row] = ()
) -> list[_Note]:
    """Change a database that nobody else knows yet; return the notes that it has taken in."""
    taken: list[_Note] = []
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA page_size={_PAGE}")
        for statement in statements:
            connection.execute(statement)
        connection.executemany(_INSERT, rows)
        for note, row in notes:
            if row is None:
                connection.execute("DELETE FROM entry WHERE rule = ? AND name = ?", note.key)
            else:
                connection.execute(_INSERT, row)
            taken.append(note)
    return taken


def _holds(path: Path, notes: Iterable[_Note]) -> bool:
    """Tell whether a database has what was noted; a damaged one may take it and not give it."""
    connection = _connect(path)
    if connection is None:
        return False
    query = f"SELECT {', '.join(_COLUMNS)} FROM entry WHERE rule = ? AND name = ?"  # noqa: S608
    with closing(connection), suppress(sqlite3.Error):
        found = ((connection.execute(query, note.key).fetchone(), note.check) for note in notes)
        return all((None if row is None else hash(row)) == check for row, check in found)
    return False


def _readable_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield the rows of a damaged database, as far as they can be read."""
    with suppress(sqlite3.Error):
        yield from connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM entry")  # noqa: S608


def _connect(path: Path) -> sqlite3.Connection | None:
    """Open a database that nobody changes any more; None where it is none of ours.

    Nothing but the one table may be in it: a view or a trigger would be somebody's program.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        uri = f"file:{quote(os.fspath(path.absolute()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True)
    except (OSError, sqlite3.Error):
        return None
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _BYTES)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    except sqlite3.Error:
        schema = []
    if schema == [(_TABLE,)]:
        return connection
    connection.close()
    return None


def _noted(outdir: Path) -> Iterator[JobKey]:
    """Yield the jobs of which there are notes, sorted; a link is none."""
    for rule in sorted(_names_in(outdir / NOTES)):
        for name in sorted(_names_in(outdir / NOTES / rule)):
            if name.endswith(_ENDING):
                yield rule, name.removesuffix(_ENDING)


def _names_in(folder: Path) -> list[str]:
    """Return what is in a folder, but for links; nothing where it is none."""
    try:
        with os.scandir(folder) as files:
            return [file.name for file in files if not file.is_symlink()]
    except OSError:
        return []


def _is_filled(folder: Path) -> bool:
    """Tell whether there is anything in a folder."""
    try:
        with os.scandir(folder) as files:
            return next(files, None) is not None
    except OSError:
        return False


def _read_note(path: Path) -> object:
    """Return what a note holds.

    Raises
    ------
    OSError, ValueError, RecursionError
        It cannot be read.
    """
    content: object = json.loads(read_small_file(path, limit=_BYTES).decode())
    return content


def _entry_of_text(text: str) -> Entry | None:
    """Return the entry that the database has as a text; None where it is of another form."""
    try:
        return entry_of_json(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _status(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written again."""
    status = path.lstat()
    return status.st_mtime_ns, status.st_ino
