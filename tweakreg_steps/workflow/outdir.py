"""The output folder: there, writable and nobody's trap, or refused before anything is computed.

A folder of results travels: it may have been made by anybody. A run writes, reads and removes in it
by names that it knows beforehand, so none of these may be a link that leads elsewhere, and a file
that stands under one of them must be one that a run has made.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json, write_json
from tweakreg_steps.provenance.reading import read_statements
from tweakreg_steps.records.ledger_file import open_ledger
from tweakreg_steps.records.outdir_files import (
    ALIGNED,
    FOLDERS,
    LEDGER,
    LOCK,
    LOG_HEAD,
    LOGS,
    NOTES,
    SCRATCH,
    STATE,
)
from tweakreg_steps.records.statement import KEY
from tweakreg_steps.steps.products import HEADER_RECORD

OWN_FOLDERS = (*FOLDERS, NOTES, SCRATCH)
"""The folders that no link may stand for."""

_CLAIMS = f"{LOGS}/claims.json"
"""The files that a run has begun to make; there from the first job to the good end of the run."""

_LEVEL = 16
"""Bytes at the beginning of a log that tell it: as many as `LOG_HEAD` has."""
_LOG_BEGIN = re.compile(rb"(?:INFO|WARNING|ERROR): |$|Traceback |" + LOG_HEAD.encode())
_UTF8 = 4
"""Bytes of a character, at most."""
_NAME_MAX = 255
"""Bytes of a file's name, where the system does not tell."""


def prepare_outdir(outdir: Path) -> None:
    """Make the output folder if it is not there, and refuse one that cannot serve.

    Parameters
    ----------
    outdir
        The folder itself, no link to it: ``outdir`` of a recipe may be a link, nothing in it may.

    Raises
    ------
    InputError
        It cannot be made or written, is a home folder, or holds a link or a file where a run needs
        a folder of its own; or a file in ``digests`` that no run has made.
    """
    require_usable(outdir)
    try:
        (outdir / STATE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"outdir: {outdir}: cannot be made ({error.strerror}); choose a folder you may write"
        ) from error


def require_usable(outdir: Path) -> None:
    """Refuse an output folder that cannot serve; nothing is made or written.

    Raises
    ------
    InputError
        As `prepare_outdir`.
    """
    _refuse([*_home_problems(outdir)])
    nearest = next(folder for folder in (outdir, *outdir.parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise InputError(
            f"outdir: {outdir}: cannot be made (Not a directory: {nearest}); choose a folder you "
            "may write"
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"outdir: {outdir}: is not writable; choose a folder you may write")
    paths = [*map(Path, OWN_FOLDERS), *_inside(outdir)]
    problems = [*_links(outdir, (*paths, Path(LOCK), Path(LEDGER)))]
    problems += _blocked_folders(outdir, map(Path, OWN_FOLDERS))
    _refuse(problems or [*_foreign_digests(outdir)])


def require_room(outdir: Path, products: Iterable[str]) -> list[str]:
    """Refuse an output folder in which something stands in the way of products.

    Snakemake would say it in its own way, or remove a folder that is empty.

    Parameters
    ----------
    outdir
        The output folder.
    products
        The files that jobs are to make, their logs included, relative to it.

    Returns
    -------
    list of str
        Those that are there.

    Raises
    ------
    InputError
        Naming each file where a folder is needed, each folder where a file is, each link, and each
        name that is too long for the disk.
    """
    nearest: dict[str, None] = {}
    long_names: list[str] = []
    limit = _longest_name(outdir)

    def short_names() -> Iterator[str]:
        for name in products:
            folder, _, file = name.rpartition("/")
            nearest[folder] = None
            if len(file) * _UTF8 > limit and len(os.fsencode(file)) > limit:
                long_names.append(name)
            else:
                yield name

    there = dict.fromkeys(_there(outdir, short_names()))
    folders = dict.fromkeys(p for one in nearest for p in (Path(one), *Path(one).parents))
    problems = [
        *(
            f"outdir: {name}: the name is {len(os.fsencode(name.rpartition('/')[2]))} bytes long, "
            f"and the disk takes {limit}; give the image a shorter name"
            for name in dict.fromkeys(long_names)
        ),
        *_links(outdir, [*folders, *map(Path, there)]),
        *_blocked_folders(outdir, folders),
        *(
            f"outdir: {outdir / name}: is a {kind}, and a file of that name is to be written; "
            "remove it, or choose another outdir"
            for name in there
            if (kind := _other_kind(os.lstat(outdir / name).st_mode))
        ),
    ]
    _refuse(problems)
    return [*there]


def _other_kind(mode: int) -> str:
    """Name what is neither a file nor a link; a job would wait for ever for a pipe's other end."""
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        return ""
    return "folder" if stat.S_ISDIR(mode) else "pipe or a device"


def _there(outdir: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield those of some files that are there, or whatever has their names.

    There may be a million names, most of them in folders that are not there.
    """
    root = os.fspath(outdir)
    is_there: dict[str, bool] = {}
    for name in names:
        folder = name.rpartition("/")[0]
        if folder not in is_there:
            is_there[folder] = (outdir / folder).is_dir()
        if is_there[folder] and os.path.lexists(f"{root}/{name}"):
            yield name


def foreign_files(outdir: Path, files: Iterable[str]) -> list[str]:
    """Return those of some files that are there and that no run has made, in their order.

    A file is a run's if the ledger has it among the products of a job, if it says itself which job
    made it, or if a run that did not come to its good end had begun to make it (see `claim`).

    Parameters
    ----------
    outdir
        The output folder.
    files
        Names relative to it.
    """
    there = list(dict.fromkeys(_there(outdir, files)))
    claimed = frozenset(_claims(outdir)) if there else frozenset()
    unclaimed = [name for name in there if name not in claimed]
    owned = frozenset(ledger_products(outdir)) if unclaimed else frozenset()
    unknown = [name for name in unclaimed if name not in owned]
    return [name for name in unknown if not _says_that_it_is_ours(outdir, name)]


def _says_that_it_is_ours(outdir: Path, name: str) -> bool:
    """Tell whether a file says itself that a run has made it; the ledger may be lost.

    The copy of an image that is not aligned is the user's file as it is; its record is beside it.
    """
    path = outdir / name
    if name.startswith(f"{LOGS}/"):
        return _is_log(path)
    if name.startswith(f"{ALIGNED}/"):
        record = recall_json(outdir / HEADER_RECORD.path(file=path.name)) or {}
        if record.get("aligned") == path.name and KEY in record:
            return True
    try:
        return bool(read_statements(path))
    except InputError:
        return False


def _is_log(path: Path) -> bool:
    """Tell whether a file is the log of a job: empty, or begun as a job's messages are."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return _LOG_BEGIN.match(stream.readline(_LEVEL)) is not None
    except OSError:
        return False


def require_own(outdir: Path, files: Iterable[str]) -> None:
    """Refuse to overwrite or remove files that no run has made.

    Raises
    ------
    InputError
        Naming each of them; see `foreign_files`.
    """
    _refuse([foreign_problem(outdir / name) for name in foreign_files(outdir, files)])


def foreign_problem(path: Path) -> str:
    """Say that a run would overwrite a file of the user's."""
    return (
        f"outdir: {path}: no run has made this file, and one would overwrite or remove it; move it "
        "away, or choose another outdir"
    )


def claim(outdir: Path, files: Iterable[str]) -> None:
    """Note down the files that jobs are about to make, so that they are known as theirs.

    A job that is killed between its product and its entry in the ledger leaves a file that the
    ledger does not know.
    """
    before = frozenset(_claims(outdir))
    now = before.union(files)
    if now != before:
        write_json(outdir / _CLAIMS, {"files": sorted(now)})


def release(outdir: Path) -> None:
    """Forget the claims: all jobs are done, and the ledger knows their products."""
    (outdir / _CLAIMS).unlink(missing_ok=True)


def is_unfinished(outdir: Path) -> bool:
    """Tell whether a run that has begun to make files has not come to its good end."""
    return (outdir / _CLAIMS).is_file()


def _claims(outdir: Path) -> Iterator[str]:
    """Yield the files that were claimed."""
    found = (recall_json(outdir / _CLAIMS) or {}).get("files")
    yield from (name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def ledger_products(outdir: Path) -> Iterator[str]:
    """Yield the products that the ledger knows; the log of a job that is in it counts, too."""
    with open_ledger(outdir) as ledger:
        for _, entry in ledger.entries():
            yield entry.log
            yield from entry.products


def _home_problems(outdir: Path) -> Iterator[str]:
    """Yield that a folder is somebody's home, or the root of all."""
    homes = {Path.home()}
    with suppress(OSError, KeyError):  # it is not there yet, or its owner has no name
        homes.add(Path(pwd.getpwuid(outdir.stat().st_uid).pw_dir))
    if outdir == Path(outdir.anchor) or outdir in homes | {home.resolve() for home in homes}:
        yield f"outdir: {outdir}: is a home folder; name a folder below it, such as results"


def _inside(outdir: Path) -> Iterator[Path]:
    """Yield what is in folders in which each rule has one, and Snakemake some of its own."""
    for folder in (".snakemake", NOTES, LOGS):
        with suppress(OSError):
            yield from (Path(folder, path.name) for path in (outdir / folder).iterdir())


def _foreign_digests(outdir: Path) -> Iterator[str]:
    """Yield what no run has put into the folder ``digests``, where none has come to its jobs."""
    if os.path.lexists(outdir / ".tweakreg") or not (outdir / "digests").is_dir():
        return
    for path in sorted((outdir / "digests").iterdir()):
        if "identity" not in (recall_json(path) or {}):
            yield foreign_problem(path)


def _links(outdir: Path, paths: Iterable[Path]) -> Iterator[str]:
    """Yield each of some paths that is a link."""
    for path in paths:
        if path != Path() and (outdir / path).is_symlink():
            yield (
                f"outdir: {outdir / path}: is a link, and a run follows none in the output folder "
                "(which itself may be one); remove it, or choose another outdir"
            )


def _longest_name(outdir: Path) -> int:
    """Return how many bytes the name of a file may have on the disk."""
    try:
        return os.pathconf(outdir, "PC_NAME_MAX")
    except OSError:
        return _NAME_MAX


def _blocked_folders(outdir: Path, folders: Iterable[Path]) -> list[str]:
    """Say which of the folders that are needed cannot be made because of a file."""
    return [
        f"outdir: {outdir / folder}: is a file, and a folder of that name is needed; remove it, "
        "or choose another outdir"
        for folder in folders
        if os.path.lexists(outdir / folder)
        and not (outdir / folder).is_dir()
        and not (outdir / folder).is_symlink()
    ]


def _refuse(problems: list[str]) -> None:
    """Raise an error if there are problems."""
    if problems:
        raise InputError("\n".join(problems))
