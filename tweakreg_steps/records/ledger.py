"""The ledger: for each job that ran, its record and what its products were like.

So a later run knows what need not be made again, whatever the times of the files say.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps import __version__
from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.json_file import memorize_json, recall_json, write_json
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.library_versions import VERSIONS, library_versions

Entry = dict[str, Any]
"""What is noted of a job: see `write_entry`."""

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


def write_entry(
    path: Path,
    record: Mapping[str, Any],
    products: Sequence[Product],
    *,
    ticket: str,
    declared: Sequence[str],
    log: str,
    contents: Mapping[str, str],
) -> None:
    """Record that a job made its products, now that they are there.

    Parameters
    ----------
    path
        The job's entry: `tweakreg_steps.records.outdir_files.ledger_of`.
    record
        Everything that the products depend on.
    products
        The files, relative to the output folder, which is the working directory.
    ticket
        What the plan called this run of the job.
    declared
        Those of them that the plan knew of.
    log
        Where the job's messages are, relative to the output folder.
    contents
        Digests of what products hold that count by their content, by their names.
    """
    entry = {
        "record": record,
        "ticket": ticket,
        "declared": sorted(declared),
        "log": log,
        "contents": contents,
        VERSIONS: library_versions(),
        "products": dict(map(_describe, products)),
        "version": __version__,
    }
    write_json(path, entry)


def read_entry(path: Path) -> Entry | None:
    """Return a job's entry, or None where there is none that can be read."""
    entry = recall_json(path)
    return entry if entry and _is_sound(entry) else None


def identity(entry: Entry) -> str:
    """Return what those who take a job's products depend on: its stamp, or what they hold."""
    contents: Mapping[str, str] = entry["contents"]
    return next(iter(contents.values()), digest(entry["record"]))


def refresh_times(path: Path, entry: Entry, outdir: Path) -> None:
    """Note the present times of products that are known to be as they were made.

    Snakemake touches what a job has made; without this, each would be read again to be sure.
    """
    products = {
        name: {**made, "mtime_ns": (outdir / name).stat().st_mtime_ns}
        for name, made in entry["products"].items()
        if (outdir / name).is_file()
    }
    if {**entry["products"], **products} != entry["products"]:
        try:
            memorize_json(path, {**entry, "products": {**entry["products"], **products}})
        except JobFailedError:  # it only saves time, and the folder may not be ours
            return


def _is_sound(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry is of the form that `write_entry` gives it."""
    record, products, versions = (entry.get(k) for k in ("record", "products", VERSIONS))
    return (
        isinstance(record, dict)
        and all(isinstance(record.get(k), str) for k in ("rule", "name", "code"))
        and all(isinstance(record.get(k), dict) for k in ("parameters", "inputs", "upstream"))
        and _are_chips(record["inputs"].get("chips", []))
        and isinstance(products, dict)
        and all(_is_product(*item) for item in products.items())
        and isinstance(versions or {}, dict)
        and entry.keys() >= _NEEDED
        and all(isinstance(entry[k], str) for k in ("ticket", "log"))
        and isinstance(entry["contents"], dict)
        and all(isinstance(content, str) for content in entry["contents"].values())
        and isinstance(entry["declared"], list)
        and all(isinstance(name, str) for name in entry["declared"])
    )


def _are_chips(chips: object) -> bool:
    """Tell whether the chips of an entry can be told apart."""
    return isinstance(chips, list) and all(isinstance(c, dict) and "number" in c for c in chips)


def _is_product(name: str, made: object) -> bool:
    """Tell whether a product stands in the output folder, and is described."""
    path = Path(name)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and "\0" not in name
        and isinstance(made, dict)
        and type(made.get("size")) is int
        and type(made.get("mtime_ns")) is int
        and isinstance(made.get("sha256", made.get("fits")), str)
    )


def _describe(product: Product) -> tuple[str, dict[str, Any]]:
    """Return a product's name, and what tells whether it is still as it was made."""
    path = product.path if isinstance(product, FitsProduct) else product
    status = path.stat()
    made: dict[str, Any] = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    if isinstance(product, FitsProduct):
        made["fits"] = product.digest
    else:
        made["sha256"] = _digest(path)
    return os.path.normpath(path), made


def is_as_made(path: Path, made: Mapping[str, Any]) -> bool:
    """Tell whether a product is as it was made; a new time alone is nothing."""
    status = path.stat()
    if status.st_size != made["size"] or status.st_mtime_ns == made["mtime_ns"]:
        return bool(status.st_size == made["size"])
    if "sha256" in made:
        return bool(_digest(path) == made["sha256"])
    from tweakreg_steps.fits_files.digests import digest_copy

    try:
        return bool(digest_copy(path, []) == made["fits"])
    except InputError:
        return False


def _digest(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
