"""A folder in which recipes share the products of costly jobs, found by what they depend on.

``jobs/<digest>.json`` holds the record of a job, the versions of the libraries that did it and the
SHA-256 of each of its products; ``content/<two digits>/<SHA-256>`` holds a product. A job takes its
products from there if record and versions are the same to the letter, and only what has the digest
that was noted: whatever a killed process or a full disk left behind is never believed. Nothing in
the folder is needed: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tweakreg_steps import __version__
from tweakreg_steps.atomic import expendable_path, write_bytes_atomically
from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.json_file import memorize_json, read_json, recall_json
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.library_versions import VERSIONS, library_versions
from tweakreg_steps.text_file import read_small_file

_BYTES = 16 << 30
"""The largest product."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProductCache:
    """The shared folder; where it cannot be used, jobs are done without it.

    Attributes
    ----------
    folder
        The folder, which need not exist yet.
    """

    folder: Path

    def holds(self, record: Mapping[str, object]) -> bool:
        """Tell whether the products of a job are there; their content is not looked at."""
        contents = self._contents(record)
        return bool(contents) and all(self._content(name).is_file() for name in contents.values())

    def take(self, record: Mapping[str, object], files: Mapping[str, Path | None]) -> list[Path]:
        """Write the products of a job as they are there.

        Parameters
        ----------
        record
            Everything that the products depend on.
        files
            The files of the job, by the name its rule gives them.

        Returns
        -------
        list of Path
            The products; empty where the job has to be done.

        Raises
        ------
        JobFailedError
            A product cannot be written.
        """
        found: dict[Path, bytes] = {}
        # every one is read, so that none that was damaged stays
        contents = {key: self._read(name) for key, name in self._contents(record).items()}
        for key, content in contents.items():
            product = files.get(key)
            if content is None or product is None:
                return []
            found[product] = content
        for product, content in found.items():
            write_bytes_atomically(product, content)
        return list(found)

    def put(
        self,
        record: Mapping[str, object],
        files: Mapping[str, Path | None],
        products: Sequence[Path],
    ) -> None:
        """Keep the products of a job that was done; parameters as for `take`."""
        keys = {path: key for key, path in files.items()}
        try:
            names = {keys[product]: self._keep(product.read_bytes()) for product in products}
            memorize_json(_entry_path(self.folder, record), {**_key(record), "products": names})
        except (OSError, JobFailedError) as error:
            log.warning("the cache %s is not used: %s", self.folder, error)

    def _keep(self, content: bytes) -> str:
        """Write a content, if it is not there; return its digest."""
        name = hashlib.sha256(content).hexdigest()
        path = self._content(name)
        if not path.is_file():
            with expendable_path(path) as temporary:
                temporary.write_bytes(content)
        return name

    def _read(self, name: str) -> bytes | None:
        """Return a content; None where it is not there, or is not what it was."""
        path = self._content(name)
        try:
            content = read_small_file(path, limit=_BYTES)
        except OSError as error:
            log.warning("the cache %s is not used: %s", self.folder, error)
            return None
        if hashlib.sha256(content).hexdigest() == name:
            return content
        log.warning("%s was damaged; it is made again", path)
        with suppress(OSError):
            path.unlink()
        return None

    def _contents(self, record: Mapping[str, object]) -> dict[str, str]:
        """Return the digest of each product of a job, by the name its rule gives it."""
        entry = recall_json(_entry_path(self.folder, record)) or {}
        products = entry.pop("products", None)
        return products if entry == _key(record) and isinstance(products, dict) else {}

    def _content(self, name: str) -> Path:
        """Return where a content stands."""
        return self.folder / "content" / name[:2] / name


def _key(record: Mapping[str, object]) -> dict[str, object]:
    """Return all that has to be the same for products to be the same, byte for byte."""
    return {"record": record, VERSIONS: {"tweakreg-steps": __version__, **library_versions()}}


def _entry_path(folder: Path, record: Mapping[str, object]) -> Path:
    """Return where the entry of a job stands."""
    return folder / "jobs" / f"{digest(_key(record))}.json"


def cache_named_in(path: Path) -> ProductCache | None:
    """Return the cache that a step may use, or None.

    Parameters
    ----------
    path
        The JSON file in which the run names the folder; null where the recipe has none.
    """
    folder = read_json(path) if path.is_file() else None
    return ProductCache(Path(folder)) if folder else None


def require_trusted(folder: Path, *, shared: bool) -> None:
    """Refuse a folder that others can write, unless the recipe says that it is meant so.

    What is taken from a cache is believed: a record there names the digests of its products, and
    who can write the one can write the others.

    Raises
    ------
    InputError
        Naming the folder.
    """
    if shared:
        return
    for path in (folder, folder / "jobs", folder / "content"):
        try:
            status = path.stat()
        except OSError:
            continue
        others_write = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        if others_write or status.st_uid not in (os.geteuid(), 0):
            how = "can be written by others" if others_write else "belongs to another user"
            raise InputError(
                f"cache: {path}: {how}, who could give this run false products; close it with "
                "chmod -R go-w, choose another cache, or set shared_cache: true"
            )


def make_shared(folder: Path) -> None:
    """Make a new cache folder that others can use, as the umask says, if that is possible."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)


def cache_problem(folder: Path) -> str | None:
    """Say why nothing can be kept in a folder, or None; a new one is for this user alone."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        return f"cache: {folder}: cannot be made ({error.strerror}); the run does without it"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"cache: {folder}: is not writable; the run only takes from it"
    return None
