"""The user's files that a job read, and whether they are still as they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Literal, NotRequired, get_args

from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.fits_files.exposure_record import ChipRecord
from tweakreg_steps.fits_files.image_name import split_selection
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.manifest import (
    ManifestImage,
    read_files,
    read_manifest,
    read_refimage,
)
from tweakreg_steps.records.outdir_files import MANIFEST
from tweakreg_steps.records.statement import image_of_job
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import Step
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.inspection import Inspected, inspect_inputs
from tweakreg_steps.surveying.plane_order import in_plane_order

_GROUPS = ("exclusions", "catalogs", "reference_files")
"""What the records call several digests of files, each by its part."""
_SINGLE = re.compile(r"refcat|history|filter|psf|weights\d+")
"""What the records call the digest of one file."""
Part = Literal["pixels", "dq", "err", "wcs"]
"""A part of a chip of which records hold digests."""
_PARTS: tuple[Part, ...] = get_args(Part)
_DATA = "data"
"""Digests of the data of an image, which the digest of all of it covers."""

Present = Callable[[], Mapping[str, str | None]]
"""Gives digests as they are now."""


class RecordedChip(ChipRecord):
    """Where a chip is, with the digests of the parts that a job read; None where it has none."""

    pixels: NotRequired[str]
    dq: NotRequired[str | None]
    err: NotRequired[str | None]
    wcs: NotRequired[str]


class State(StrEnum):
    """Whether a file is still as it was."""

    CURRENT = "current"
    CHANGED = "changed"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class UserInput:
    """A file of the user's, or a part of it, that a job read.

    Attributes
    ----------
    what
        What was read: ``pixels``, ``wcs``, ``exclusions.1``, ...
    paths
        Where it was at the last run, relative to the output folder; several where many files
        count together; none where no recipe names it any more.
    digests
        What it held; of an image by chip, else under an empty name.
    state
        Whether it holds that still; unknown where it is not named any more, or where what is
        learnt of it cannot be kept in the output folder.
    """

    what: str
    paths: tuple[str, ...]
    digests: Mapping[str, str]
    state: State


@dataclass(frozen=True)
class UserFiles:
    """The user's files as the last run of an output folder named them.

    Attributes
    ----------
    outdir
        The output folder.
    images
        Inputs and reference image by name.
    refimage
        Name of the reference image, or None.
    files
        The files that belong to no image.
    """

    outdir: Path
    images: Mapping[str, ManifestImage] = field(default_factory=dict)
    refimage: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    _seen: dict[str, Inspected] = field(default_factory=dict)

    def read_by(self, record: JobRecord) -> Iterator[UserInput]:
        """Yield what a job read of the user's files, given its record."""
        image = self.images.get(image_of_job(record))
        inputs = record["inputs"]
        yield from self._parts(image, inputs.get("chips", []))
        for name, chips in inputs.get("exposures", {}).items():
            yield from self._parts(self.images.get(name), chips)
        if "file" in inputs:
            yield self._of_image("whole file", image, {"": inputs["file"]}, self._whole)
        step = all_steps()[record["rule"]]
        if step.combine is not None:
            yield self._of_all(step, inputs)
        for key, digest in _digests_of_files(inputs):
            yield self._file(key, self._path(image, key), digest)

    def _parts(self, image: ManifestImage | None, chips: list[RecordedChip]) -> Iterator[UserInput]:
        """Yield the parts of an image's chips that a job read."""
        for part in _PARTS:
            then = {chip["label"]: digest for chip in chips if (digest := chip.get(part))}
            if then:
                yield self._of_image(part, image, then, partial(self._present, part))

    def _of_image(
        self,
        what: str,
        image: ManifestImage | None,
        then: Mapping[str, str],
        now: Callable[[ManifestImage], Mapping[str, str | None]],
    ) -> UserInput:
        """Return a part of an image, compared with what `now` gives."""
        if image is None:
            return UserInput(what, (), then, State.UNKNOWN)
        state = self._compare([image], then, partial(now, image))
        return UserInput(what, (str(image.path),), then, state)

    def _present(self, part: Part, image: ManifestImage) -> dict[str, str | None]:
        """Return the digests of one part of an image's chips as they are now."""
        return {chip["label"]: chip[part] for chip in self._inspect(image).chips}

    def _whole(self, image: ManifestImage) -> dict[str, str]:
        """Return the digest of an image's file as it is now."""
        return {"": self._inspect(image).file}

    def _of_all(self, step: Step, inputs: Mapping[str, Any]) -> UserInput:
        """Return the WCS of all images that a job read, or of the reference image."""
        then = {"": inputs["wcs"]}
        if not self.images:  # the list of them was lost
            return UserInput("wcs", (), then, State.UNKNOWN)
        if self.refimage:
            images = [self.images[self.refimage]]
        else:
            images = in_plane_order(list(self.images.values()), name=lambda image: image.name)

        def now() -> dict[str, str]:
            assert step.combine  # noqa: S101  it was asked for before
            return {"": step.combine([self._inspect(image).chips for image in images], inputs)}

        paths = tuple(str(image.path) for image in images)
        return UserInput("wcs", paths, then, self._compare(images, then, now))

    def _compare(
        self,
        images: list[ManifestImage],
        then: Mapping[str, str],
        now: Present,
    ) -> State:
        """Compare digests of images with those of now."""
        if not all((self.outdir / image.path).is_file() for image in images):
            return State.MISSING
        try:
            return State.CURRENT if now() == then else State.CHANGED
        except InputError:
            return State.CHANGED
        except JobFailedError:  # what is learnt of an image is kept, and the folder may not be ours
            return State.UNKNOWN

    def _inspect(self, image: ManifestImage) -> Inspected:
        """Look at an image as it is now, once."""
        if image.name not in self._seen:
            selection = split_selection(image.label)[1]
            path = (self.outdir / image.path).resolve()
            (found,) = inspect_inputs([InputImage(image.name, path, selection)], self.outdir)
            self._seen[image.name] = found
        return self._seen[image.name]

    def _path(self, image: ManifestImage | None, key: str) -> Path | None:
        """Return the file of a digest, relative to the output folder."""
        own = image.files.get(key) if image else None
        return own or self.files.get(key)

    def _file(self, key: str, path: Path | None, digest: str) -> UserInput:
        """Return a file that counts by its content."""
        if path is None:
            return UserInput(key, (), {"": digest}, State.UNKNOWN)
        file = self.outdir / path
        if not file.is_file():
            state = State.MISSING
        else:
            state = State.CURRENT if file_digest(file) == digest else State.CHANGED
        return UserInput(key, (str(path),), {"": digest}, state)


def user_files_of(outdir: Path) -> UserFiles:
    """Return the user's files as the last run of an output folder named them."""
    path = outdir / MANIFEST
    if recall_json(path) is None:
        return UserFiles(outdir)
    refimage = read_refimage(path)
    images = [*read_manifest(path), *([refimage] if refimage else [])]
    return UserFiles(
        outdir,
        {image.name: image for image in images},
        refimage.name if refimage else None,
        read_files(path),
    )


def other_inputs(record: JobRecord) -> dict[str, Any]:
    """Return what a record's inputs say that is no digest of a file."""
    told = {"chips", "exposures", "file", _DATA, *_GROUPS}
    told |= {"wcs"} if all_steps()[record["rule"]].combine else set()
    told |= {key for key in record["inputs"] if _SINGLE.fullmatch(key)}
    return {key: value for key, value in record["inputs"].items() if key not in told}


def _digests_of_files(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the digests of files that are no images, by what the records call them."""
    for key, value in inputs.items():
        if key in _GROUPS:
            yield from ((f"{key}.{part}", digest) for part, digest in value.items())
        elif _SINGLE.fullmatch(key) and value is not None:
            yield key, value
