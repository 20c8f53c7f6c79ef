"""What is learnt of an exposure, as ``digests/<image>.json`` and the plan's records hold it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.fits_files.pixel_unit import UnitRecord


class ChipRecord(TypedDict):
    """Where a chip is: as `Chip` says it, ``shape`` being (ny, nx)."""

    number: int
    extension: int
    label: str
    shape: list[int]


class LearntChip(ChipRecord):
    """All that is learnt of a chip.

    The digests of its ``pixels``, its flags (``dq``) and its errors (``err``), None without, and
    of its ``wcs``: the cards, and the lookup tables they point to. ``unit``, what its pixels
    count; ``camera`` and ``noise``, the cards that tell its PSF and the noise of its pixels;
    ``wcsnames``, the names of its primary and alternate WCSs, and ``alternates``, the keys of the
    latter with their names.
    """

    pixels: str
    dq: str | None
    err: str | None
    unit: UnitRecord
    camera: dict[str, CardValue]
    noise: dict[str, CardValue]
    wcs: str
    wcsnames: list[str]
    alternates: dict[str, str]


class PsfChip(ChipRecord):
    """Where a chip is, and the cards that tell its PSF.

    Where the noise of its pixels counts, digests of its flags and errors, None without, and the
    cards that tell the noise.
    """

    camera: dict[str, CardValue]
    dq: NotRequired[str | None]
    err: NotRequired[str | None]
    noise: NotRequired[dict[str, CardValue]]


class ContentDigests(TypedDict):
    """Digest of all headers and data of a ``file``, and of the ``data`` of each HDU."""

    file: str
    data: list[str]


class LearntExposure(ContentDigests):
    """All that is learnt of an exposure.

    ``primary``: telescope, instrument and reference files as the primary header names them.
    ``model``: the IDCTAB of the model that the first extension holds, or None. ``headerlets``:
    the names of those attached. ``gwcs``: whether the WCS that counts is not in the header.
    ``labels``: what the first two headers say of time, filter and target. ``epoch``: the middle
    of the exposure, a Julian year, or None.
    """

    chips: list[LearntChip]
    primary: dict[str, CardValue]
    model: CardValue | None
    headerlets: list[str]
    gwcs: bool
    labels: dict[str, CardValue]
    epoch: float | None


class FileStatus(TypedDict):
    """What changes when an exposure does; of a WFPC2 one, the same of its file of flags as well."""

    size: int
    mtime_ns: int
    inode: int
    quality_size: NotRequired[int]
    quality_mtime_ns: NotRequired[int]
    quality_inode: NotRequired[int]


class Identity(FileStatus):
    """The same, and how the file was looked at."""

    format: int
    selection: str | None


class NotedExposure(LearntExposure):
    """What is learnt of an exposure, and of which file."""

    identity: Identity


def chip_from_record(record: ChipRecord) -> Chip:
    """Return the chip that an entry of a job's record describes."""
    ny, nx = record["shape"]
    return Chip(
        number=record["number"],
        extension=record["extension"],
        label=record["label"],
        shape=(ny, nx),
    )
