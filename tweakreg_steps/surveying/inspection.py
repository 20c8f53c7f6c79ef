"""Looking at the inputs before any job runs: what they hold, and digests of it.

An input is read only if its size, time or place on the disk has changed since it was last looked
at; what was learnt is kept in ``digests/<image>.json``. So touching or copying a file costs one
reading and makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from tweakreg_steps.errors import DamagedFileError, InputError
from tweakreg_steps.fits_files.companions import quality_file
from tweakreg_steps.fits_files.exposure_record import (
    ChipRecord,
    FileStatus,
    Identity,
    LearntChip,
    NotedExposure,
    chip_from_record,
)
from tweakreg_steps.fits_files.header_cards import Cards, CardValue
from tweakreg_steps.json_file import memorize_json, recall_json
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.records.outdir_files import digests_of, is_prepared
from tweakreg_steps.surveying.applied_inputs import as_measured
from tweakreg_steps.surveying.shared_values import SharedValues

_FORMAT = 7
_LARGE = 8 << 20
"""Bytes of a file whose digest takes longer than its headers (some milliseconds)."""


@dataclass(frozen=True)
class Inspected:
    """An input image and what was learnt from it.

    Attributes
    ----------
    image
        The input.
    chips
        What is known of each chip.
    file
        Digest of the whole content.
    data
        Digest of each HDU's data.
    primary, model, headerlets, gwcs
        As `tweakreg_steps.fits_files.exposure_record.LearntExposure` has them.
    labels
        What headers say of time, filter and target, for people to read.
    epoch
        The middle of the exposure, a Julian year; None where its headers do not tell.
    applied
        The file holds a solution of this output folder by now. All else then is as it was before.
    """

    image: InputImage
    chips: tuple[LearntChip, ...]
    file: str
    data: tuple[str, ...]
    primary: Cards = field(default_factory=dict)
    model: CardValue | None = None
    headerlets: tuple[str, ...] = ()
    gwcs: bool = False
    labels: Cards = field(default_factory=dict)
    epoch: float | None = None
    applied: bool = False

    @property
    def psf_name(self) -> str:
        """The name of its camera and filter, which the images of a PSF have in common."""
        from tweakreg_steps.psf.psf_camera import setup_name

        return setup_name(self.chips[0]["camera"] if self.chips else {})


@dataclass(frozen=True)
class Unread:
    """An input that is not whole, so that nothing of it is used.

    Attributes
    ----------
    image
        The input.
    place
        How many inputs stand before it.
    detail
        What is wrong with the file, with numbers.
    way_out
        What to do about it.
    """

    image: InputImage
    place: int
    detail: str
    way_out: str

    @property
    def note(self) -> str:
        """Say before a run what will become of it."""
        return (
            f"input: {self.image.path}: {self.detail}; it is not aligned, and nothing is written "
            f"for it: {self.way_out}, or take it out of input"
        )


def inspect_inputs(images: Sequence[InputImage], outdir: Path) -> list[Inspected]:
    """Look at each input, all of which have to be whole; else as `inspect_each`.

    Raises
    ------
    InputError
        Listing every input that cannot be used.
    """
    found, unread = inspect_each(images, outdir)
    if unread:
        texts = [f"{one.image.path}: {one.detail}; {one.way_out}" for one in unread]
        raise InputError("\n".join(texts))
    return found


def inspect_each(
    images: Sequence[InputImage], outdir: Path
) -> tuple[list[Inspected], list[Unread]]:
    """Look at each input, or recall what was learnt when it has not changed since.

    Parameters
    ----------
    images
        The inputs, in the recipe's order.
    outdir
        The output folder, where ``digests/`` is kept.

    Returns
    -------
    list of Inspected, list of Unread
        The inputs that are whole, and those that are not.

    Raises
    ------
    InputError
        Listing every input that is whole and cannot be used, and those that are not whole.
    """
    problems: list[str] = []
    learnt: list[Inspected] = []
    unread: list[Unread] = []
    look = partial(_inspect, outdir=outdir, shared=SharedValues())
    with ThreadPoolExecutor(max_workers=2) as pool:
        looks = [
            pool.submit(look, image).result if _takes_long(image, outdir) else partial(look, image)
            for image in images
        ]
        try:
            for place, (image, result) in enumerate(zip(images, looks, strict=True)):
                try:
                    learnt.append(result())
                except DamagedFileError as error:
                    unread.append(Unread(image, place, _detail(image, error), error.way_out))
                except InputError as error:
                    problems.append(str(error))
        finally:
            # after an interrupt nobody waits for the rest
            pool.shutdown(wait=False, cancel_futures=True)
    if problems:
        raise InputError("\n".join([*(one.note for one in unread), *problems]))
    return learnt, unread


def _takes_long(image: InputImage, outdir: Path) -> bool:
    """Tell whether an input is large and, by the times of the files, was not looked at yet.

    It is worth a thread of its own then: while a digest is computed, the headers of others can be
    read. Threads for small files, or for what is only recalled, hinder each other.
    """
    try:
        status = image.path.stat()
    except OSError:
        return False
    if status.st_size <= _LARGE:
        return False
    try:
        return (outdir / digests_of(image.name)).stat().st_mtime_ns < status.st_ctime_ns
    except OSError:
        return True


def _detail(image: InputImage, error: DamagedFileError) -> str:
    """Say what is wrong with a file, or with the one beside it that belongs to it."""
    return error.what if error.path == image.path else f"{error.path.name} {error.what}"


def inspect_refimage(image: InputImage, outdir: Path) -> Inspected:
    """Look at the reference image, as `inspect_inputs` does; its WCS is tried, too.

    Every job of the run depends on that WCS, so that a bad one is better known before.

    Raises
    ------
    InputError
        The image cannot be used.
    """
    try:
        return _inspect(image, outdir, SharedValues(), try_wcs=True)
    except InputError as error:
        raise InputError(f"refimage: {error}") from error


def _inspect(
    image: InputImage, outdir: Path, shared: SharedValues, *, try_wcs: bool = False
) -> Inspected:
    """Look at one input."""
    record_path = outdir / digests_of(image.name)
    identity = _identity(image)
    record = recall_noted(record_path)
    if record is None or record["identity"] != identity:
        from tweakreg_steps.fits_files.digests import digest_exposure

        found = digest_exposure(image.path, image.selection)
        if try_wcs:
            _try_wcs(image.path, found["chips"])
        record = {"identity": identity, **found}
        if is_prepared(outdir):
            memorize_json(record_path, record)
    before = as_measured(image, record, outdir)
    known = before or record
    return Inspected(
        image=image,
        chips=tuple(shared.values_of(chip) for chip in known["chips"]),
        file=known["file"],
        data=shared.texts(known["data"]),
        primary=shared.one(known["primary"]),
        model=shared.one(known["model"]),
        headerlets=shared.texts(known["headerlets"]),
        gwcs=known["gwcs"],
        labels=shared.values_of(record["labels"]),
        epoch=record["epoch"],
        applied=before is not None,
    )


def recall_noted(path: Path) -> NotedExposure | None:
    """Return what is noted of an input, or None where that is not all that is learnt by now."""
    found = recall_json(path)
    if found is None or not found.keys() >= NotedExposure.__required_keys__:
        return None
    return cast("NotedExposure", found)


def _try_wcs(path: Path, chips: Sequence[ChipRecord]) -> None:
    """Read the WCS of each chip, and refuse one that cannot be used."""
    from tweakreg_steps.fits_files.exposure import read_wcs

    for chip in chips:
        read_wcs(path, chip_from_record(chip))


def _identity(image: InputImage) -> Identity:
    """Return what changes when the file does, without reading it."""
    return {"format": _FORMAT, "selection": image.selection, **stat_key(image.path)}


def stat_key(path: Path) -> FileStatus:
    """Return what changes when an exposure does, without reading it: size, mtime_ns, inode.

    Of a WFPC2 exposure, the same of the file of flags beside it as well.

    Raises
    ------
    InputError
        There is no such file.
    """
    key = _stat(path)
    beside = quality_file(path)
    if beside is None:
        return key
    flags = _stat(beside)
    return {
        **key,
        "quality_size": flags["size"],
        "quality_mtime_ns": flags["mtime_ns"],
        "quality_inode": flags["inode"],
    }


def _stat(path: Path) -> FileStatus:
    """Return size, mtime_ns and inode of a file."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "inode": status.st_ino,
    }
