"""Looking at the inputs before any job runs: what they hold, and digests of it.

An input is read only if its size, time or place on the disk has changed since it was last looked
at; what was learnt is kept in ``digests/<image>.json``. So touching or copying a file costs one
reading and makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.companions import quality_file
from tweakreg_steps.json_file import memorize_json, recall_json
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.records.outdir_files import digests_of, is_prepared
from tweakreg_steps.surveying.applied_inputs import as_measured
from tweakreg_steps.surveying.chip_record import chip_from_record

_FORMAT = 7
_LEARNT = frozenset({"chips", "file", "data", "primary", "model", "headerlets", "labels", "epoch"})


@dataclass(frozen=True)
class Inspected:
    """An input image and what was learnt from it.

    Attributes
    ----------
    image
        The input.
    chips
        For each chip its ``number`` (from 1), ``extension``, ``label``, ``shape`` (ny, nx), the
        digests ``pixels``, ``dq``, ``err`` (or None) and ``wcs``, the ``unit`` of its pixels, the
        cards that tell its ``camera`` and its ``noise``, the ``wcsnames`` that the header holds,
        and its ``alternates``.
    file
        Digest of the whole content.
    data
        Digest of each HDU's data.
    primary, model, headerlets, gwcs
        As `tweakreg_steps.fits_files.digests.digest_exposure` gives them.
    labels
        What headers say of time, filter and target, for people to read.
    epoch
        The middle of the exposure, a Julian year; None where its headers do not tell.
    applied
        The file holds a solution of this output folder by now. All else then is as it was before.
    """

    image: InputImage
    chips: tuple[dict[str, Any], ...]
    file: str
    data: tuple[str, ...]
    primary: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    headerlets: tuple[str, ...] = ()
    gwcs: bool = False
    labels: Mapping[str, Any] = field(default_factory=dict)
    epoch: float | None = None
    applied: bool = False

    @property
    def psf_name(self) -> str:
        """The name of its camera and filter, which the images of a PSF have in common."""
        from tweakreg_steps.psf.psf_camera import setup_name

        return setup_name(self.chips[0]["camera"] if self.chips else {})


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
        futures = [pool.submit(_inspect, image, outdir, try_wcs=False) for image in images]
        try:
            for future in futures:
                try:
                    learnt.append(future.result())
                except InputError as error:
                    problems.append(str(error))
        finally:
            # after an interrupt nobody waits for the rest
            pool.shutdown(wait=False, cancel_futures=True)
    if problems:
        raise InputError("\n".join(problems))
    return learnt


def inspect_refimage(image: InputImage, outdir: Path) -> Inspected:
    """Look at the reference image, as `inspect_inputs` does; its WCS is tried, too.

    Every job of the run depends on that WCS, so that a bad one is better known before.

    Raises
    ------
    InputError
        The image cannot be used.
    """
    try:
        return _inspect(image, outdir, try_wcs=True)
    except InputError as error:
        raise InputError(f"refimage: {error}") from error


def _inspect(image: InputImage, outdir: Path, *, try_wcs: bool) -> Inspected:
    """Look at one input."""
    record_path = outdir / digests_of(image.name)
    identity = _identity(image)
    record = recall_json(record_path)
    if record is None or record.get("identity") != identity or not record.keys() >= _LEARNT:
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
        chips=tuple(known["chips"]),
        file=known["file"],
        data=tuple(known["data"]),
        primary=known["primary"],
        model=known["model"],
        headerlets=tuple(known["headerlets"]),
        gwcs=known["gwcs"],
        labels=record["labels"],
        epoch=record["epoch"],
        applied=before is not None,
    )


def _try_wcs(path: Path, chips: Sequence[Mapping[str, Any]]) -> None:
    """Read the WCS of each chip, and refuse one that cannot be used."""
    from tweakreg_steps.fits_files.exposure import read_wcs

    for chip in chips:
        read_wcs(path, chip_from_record(chip))


def _identity(image: InputImage) -> dict[str, Any]:
    """Return what changes when the file does, without reading it."""
    return {"format": _FORMAT, "selection": image.selection, **stat_key(image.path)}


def stat_key(path: Path) -> dict[str, int]:
    """Return what changes when an exposure does, without reading it: size, mtime_ns, inode.

    Of a WFPC2 exposure, the same of the file of flags beside it as well.

    Raises
    ------
    InputError
        There is no such file.
    """
    key = _stat(path, "")
    beside = quality_file(path)
    return key if beside is None else key | _stat(beside, "quality_")


def _stat(path: Path, prefix: str) -> dict[str, int]:
    """Return size, mtime_ns and inode of a file."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error
    return {
        f"{prefix}size": status.st_size,
        f"{prefix}mtime_ns": status.st_mtime_ns,
        f"{prefix}inode": status.st_ino,
    }
