"""A fetched catalog as a file that says all about itself: runs stay offline and repeatable."""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

import numpy as np

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import InputError
from tweakreg_steps.refcat.gaia_query import RELEASE, UNITS
from tweakreg_steps.refcat.services import Answer

if TYPE_CHECKING:
    from astropy.table import Table

PINNED = "pinned"
"""Where in the metadata of the file it stands what it is."""

_SAID = frozenset({"release", "service", "queries", "date", "sha256"})


class PinRecord(TypedDict):
    """What a pinned catalog says of itself.

    Whence its stars are: ``release``, ``service`` and its ``table``, the ``queries``, and the
    ``date``; how many they are, and the digest of their numbers.
    """

    release: str
    service: str
    table: NotRequired[str]
    queries: list[str]
    date: str
    n_stars: NotRequired[int]
    sha256: str


def write_pinned(path: Path, answer: Answer, *, fetched: datetime) -> None:
    """Write a catalog as ECSV, with the queries, service, release, date and digest in its metadata.

    Parameters
    ----------
    path : Path
        The file; complete or not there at all.
    answer : Answer
        The stars.
    fetched : datetime
        When they were fetched, with its time zone.
    """
    table = plain_table(answer.stars)
    said: PinRecord = {
        "release": RELEASE,
        "service": answer.service.url,
        "table": answer.service.table,
        "queries": list(answer.queries),
        "date": fetched.isoformat(timespec="seconds"),
        "n_stars": len(table),
        "sha256": digest_of(table),
    }
    table.meta = {PINNED: said}
    text = StringIO()
    table.write(text, format="ascii.ecsv")
    write_text_atomically(path, text.getvalue())


def plain_table(stars: Table) -> Table:
    """Return the columns as plain numbers, nan where there is none, with Gaia's units."""
    from astropy.table import Column, Table

    plain = Table()
    for name in stars.colnames:
        values = np.ma.asarray(stars[name])
        if name == "source_id":
            plain[name] = Column(np.asarray(values, dtype=np.int64))
            continue
        known = np.where(np.ma.getmaskarray(values), np.nan, np.ma.getdata(values))
        plain[name] = Column(known.astype(np.float64), unit=UNITS.get(name))
    return plain


def digest_of(table: Table) -> str:
    """Return the SHA-256 of names and numbers of a table, whatever the file looks like."""
    digest = hashlib.sha256()
    for name in table.colnames:
        values = np.asarray(table[name])
        digest.update(f"{name}:{values.dtype.kind}:{len(values)};".encode())
        digest.update(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes())
    return digest.hexdigest()


def read_pinned(path: Path) -> PinRecord:
    """Return what a pinned catalog says of itself; it must be as it was fetched.

    Raises
    ------
    InputError
        The file is no pinned catalog, or its numbers were changed since.
    """
    from astropy.table import Table

    try:
        table = Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the catalog {path}: {error}") from error
    said = table.meta.get(PINNED)
    if not isinstance(said, dict) or not said.keys() >= _SAID:
        raise InputError(f"{path} is no catalog that tweakreg refcat has written")
    if digest_of(table) != said["sha256"]:
        raise InputError(
            f"{path} is not as it was fetched on {said['date']} from {said['service']}: its numbers"
            " were changed; fetch it again, or take its metadata away"
        )
    return cast("PinRecord", dict(said))


def former_pin(path: Path) -> PinRecord | None:
    """Return what a file says that may be written again; None where there is none yet.

    Raises
    ------
    InputError
        The file is not one that this program wrote, or was changed since; or there is no folder.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or choose another -o")
    if not path.exists() and not path.is_symlink():
        return None
    try:
        return read_pinned(path)
    except InputError as error:
        raise InputError(
            f"{path}: is there already and would be overwritten ({error}); choose another name with"
            " -o, or remove it"
        ) from error
