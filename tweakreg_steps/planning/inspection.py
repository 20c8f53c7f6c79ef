"""Looking at the inputs before any job runs: what they hold, and digests of it.

An input is read only if its size, time or place on the disk has changed since it was last looked
at; what was learnt is kept in ``digests/<image>.json``. So touching or copying a file costs one
reading and makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import read_json, recall_json, write_json
from tweakreg_steps.planning.layout import digests_of
from tweakreg_steps.recipes.inputs import InputImage

_FORMAT = 3


@dataclass(frozen=True)
class Inspected:
    """An input image and what was learnt from it.

    Attributes
    ----------
    image
        The input.
    chips
        For each chip its ``number`` (from 1), ``extension``, ``label``, ``shape`` (ny, nx), the
        digests ``pixels``, ``dq``, ``err`` (or None) and ``wcs``, and the ``wcsnames`` that the
        header holds.
    file
        Digest of the whole content.
    data
        Digest of each HDU's data.
    """

    image: InputImage
    chips: tuple[dict[str, Any], ...]
    file: str
    data: tuple[str, ...]


def inspect_inputs(images: Sequence[InputImage], outdir: Path) -> list[Inspected]:
    """Look at each input, or recall what was learnt when it has not changed since.

    Parameters
    ----------
    images
        The inputs, in the recipe's order.
    outdir
        The output folder, where ``digests/`` is kept.

    Raises
    ------
    InputError
        Listing every input that cannot be used.
    """
    problems: list[str] = []
    learnt: list[Inspected] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in [pool.submit(_inspect, image, outdir) for image in images]:
            try:
                learnt.append(future.result())
            except InputError as error:
                problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return learnt


def _inspect(image: InputImage, outdir: Path) -> Inspected:
    """Look at one input."""
    record_path = outdir / digests_of(image.name)
    identity = _identity(image)
    record = recall_json(record_path)
    if record is None or record.get("identity") != identity:
        from tweakreg_steps.planning.digests import digest_exposure

        record = {"identity": identity, **digest_exposure(image.path, image.selection)}
        write_json(record_path, record)
        record = read_json(record_path)
    return Inspected(
        image=image, chips=tuple(record["chips"]), file=record["file"], data=tuple(record["data"])
    )


def _identity(image: InputImage) -> dict[str, Any]:
    """Return what changes when the file does, without reading it."""
    return {"format": _FORMAT, "selection": image.selection, **stat_key(image.path)}


def stat_key(path: Path) -> dict[str, int]:
    """Return what changes when a file does, without reading it: size, mtime_ns, inode.

    Raises
    ------
    InputError
        There is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); correct the name in `input`"
        ) from error
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
