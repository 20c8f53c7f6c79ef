"""What the ledger has of a job that ran: its record, and what its products were like.

So a later run knows what need not be made again, whatever the times of the files say. A job writes
its entry as a note of its own, a JSON file; `tweakreg_steps.records.ledger_file` gathers them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from tweakreg_steps import __version__
from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import memorize_json
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.library_versions import library_versions

_NEEDED = {"record", "products", "ticket", "declared", "log", "contents"}


@dataclass(frozen=True)
class FitsProduct:
    """A FITS file that a step has made, with a digest that did not cost reading all of it.

    Attributes
    ----------
    path
        The file.
    digest
        As `tweakreg_steps.fits_files.digests.digest_copy` gives it.
    """

    path: Path
    digest: str


Product = Path | FitsProduct
"""What a step says that it has made."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a product was like when it was made.

    Attributes
    ----------
    size
        Bytes.
    mtime_ns
        Its time.
    sha256
        Digest of its bytes; None where `fits` is known.
    fits
        The digest of a `FitsProduct`; None for others.
    """

    size: int
    mtime_ns: int
    sha256: str | None = None
    fits: str | None = None


class MadeRecord(TypedDict):
    """A `Made` as a note has it: one of the two digests."""

    size: int
    mtime_ns: int
    sha256: NotRequired[str]
    fits: NotRequired[str]


class EntryRecord(TypedDict):
    """An `Entry` as a note has it."""

    record: JobRecord
    ticket: str
    declared: list[str]
    log: str
    contents: Mapping[str, str]
    versions: Mapping[str, str]
    products: Mapping[str, MadeRecord]
    version: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is noted of a job.

    Attributes
    ----------
    record
        Everything that the products depend on.
    ticket
        What the plan called this run of the job.
    declared
        The products that the plan knew of.
    log
        Where the job's messages went, relative to the output folder.
    contents
        Digests of what products hold that count by their content, by their names.
    versions
        The versions of Python and of the libraries that the job ran with; empty where a former
        version of this package did not note them.
    products
        What the products were like, by their names relative to the output folder.
    version
        The version of this package; empty where it was not noted.
    """

    record: JobRecord
    ticket: str
    declared: tuple[str, ...]
    log: str
    contents: Mapping[str, str]
    versions: Mapping[str, str]
    products: Mapping[str, Made]
    version: str

    @property
    def identity(self) -> str:
        """What those who take the products depend on: the stamp of the job, or what they hold."""
        return next(iter(self.contents.values()), digest(self.record))

    def as_json(self) -> EntryRecord:
        """Return the entry as a note has it."""
        said: EntryRecord = {
            "record": self.record,
            "ticket": self.ticket,
            "declared": list(self.declared),
            "log": self.log,
            "contents": self.contents,
            "versions": self.versions,
            "products": {name: _made_as_json(made) for name, made in self.products.items()},
        }
        if self.version:
            said["version"] = self.version
        return said


def write_note(
    path: Path,
    record: JobRecord,
    products: Sequence[Product],
    *,
    ticket: str,
    declared: Sequence[str],
    log: str,
    contents: Mapping[str, str],
) -> None:
    """Note that a job made its products, now that they are there.

    A note that a crash of the machine has spoilt is taken for none, and costs its job.

    Parameters
    ----------
    path
        The job's note: `tweakreg_steps.records.outdir_files.note_of`.
    products
        The files, relative to the output folder, which is the working directory.
    record, ticket, declared, log, contents
        As in `Entry`.
    """
    entry = Entry(
        record,
        ticket,
        tuple(sorted(declared)),
        log,
        contents,
        library_versions(),
        dict(map(_describe, products)),
        __version__,
    )
    memorize_json(path, entry.as_json())


def entry_of_json(content: object) -> Entry | None:
    """Return the entry that a JSON value is, or None where it is of another form."""
    if not isinstance(content, dict) or not _is_sound(content):
        return None
    products = {name: _made_of_json(made) for name, made in content["products"].items()}
    return Entry(
        content["record"],
        content["ticket"],
        tuple(content["declared"]),
        content["log"],
        content["contents"],
        content.get("versions") or {},
        products,
        content.get("version") or "",
    )


def with_times(entry: Entry, outdir: Path) -> Entry:
    """Return an entry with the present times of products that are known to be as they were made.

    Snakemake touches what a job has made; without this, each would be read again to be sure.
    """
    products = {
        name: replace(made, mtime_ns=path.stat().st_mtime_ns) if path.is_file() else made
        for name, made in entry.products.items()
        for path in (outdir / name,)
    }
    return replace(entry, products=products)


def _is_sound(entry: Mapping[str, Any]) -> bool:
    """Tell whether a mapping is of the form that `Entry.as_json` gives it."""
    record, products = entry.get("record"), entry.get("products")
    return (
        isinstance(record, dict)
        and is_name(record.get("rule"))
        and is_name(record.get("name"))
        and isinstance(record.get("code"), str)
        and all(isinstance(record.get(k), dict) for k in ("parameters", "inputs", "upstream"))
        and _are_chips(record["inputs"].get("chips", []))
        and isinstance(products, dict)
        and all(_is_product(*item) for item in products.items())
        and _is_of_texts(entry.get("versions") or {})
        and isinstance(entry.get("version") or "", str)
        and entry.keys() >= _NEEDED
        and isinstance(entry["ticket"], str)
        and _is_inside(entry["log"])
        and _is_of_texts(entry["contents"])
        and isinstance(entry["declared"], list)
        and all(isinstance(name, str) for name in entry["declared"])
    )


def _is_of_texts(value: object) -> bool:
    """Tell whether all values of a mapping are texts."""
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _are_chips(chips: object) -> bool:
    """Tell whether the chips of an entry can be told apart."""
    return isinstance(chips, list) and all(isinstance(c, dict) and "number" in c for c in chips)


def is_name(value: object) -> bool:
    """Tell whether a value may be that of a rule or a job: files are named after them."""
    return (
        isinstance(value, str)
        and value not in ("", ".", "..")
        and "/" not in value
        and "\0" not in value
    )


def _is_inside(name: object) -> bool:
    """Tell whether a value names a file in the output folder."""
    return (
        isinstance(name, str)
        and not name.startswith("/")
        and ".." not in name.split("/")
        and "\0" not in name
    )


def _is_product(name: str, made: object) -> bool:
    """Tell whether a product stands in the output folder, and is described."""
    return (
        _is_inside(name)
        and isinstance(made, dict)
        and type(made.get("size")) is int
        and type(made.get("mtime_ns")) is int
        and isinstance(made.get("sha256", made.get("fits")), str)
    )


def _made_of_json(made: MadeRecord) -> Made:
    """Return what a product was like, from its description in a note."""
    sha256 = made.get("sha256")
    fits = made.get("fits") if sha256 is None else None
    return Made(made["size"], made["mtime_ns"], sha256, fits)


def _made_as_json(made: Made) -> MadeRecord:
    """Return what a product was like, as a note has it."""
    said: MadeRecord = {"size": made.size, "mtime_ns": made.mtime_ns}
    if made.sha256 is not None:
        said["sha256"] = made.sha256
    elif made.fits is not None:
        said["fits"] = made.fits
    return said


def _describe(product: Product) -> tuple[str, Made]:
    """Return a product's name, and what tells whether it is still as it was made."""
    path = product.path if isinstance(product, FitsProduct) else product
    status = path.stat()
    size, time = status.st_size, status.st_mtime_ns
    if isinstance(product, FitsProduct):
        return os.path.normpath(path), Made(size, time, fits=product.digest)
    return os.path.normpath(path), Made(size, time, sha256=_digest(path))


def is_as_made(path: Path, made: Made) -> bool:
    """Tell whether a product is as it was made; a new time alone is nothing."""
    status = path.stat()
    if status.st_size != made.size or status.st_mtime_ns == made.mtime_ns:
        return status.st_size == made.size
    if made.sha256 is not None:
        return _digest(path) == made.sha256
    from tweakreg_steps.fits_files.digests import digest_copy

    try:
        return bool(digest_copy(path, []) == made.fits)
    except InputError:
        return False


def _digest(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
