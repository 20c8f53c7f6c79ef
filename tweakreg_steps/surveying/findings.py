"""What is known about a recipe's files before any job is planned."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from tweakreg_steps.fits_files.exposure_record import ChipRecord
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, REFERENCE_FINDPARS
from tweakreg_steps.records.outdir_files import plain_name
from tweakreg_steps.records.review_file import Review
from tweakreg_steps.sections import OneGeometry
from tweakreg_steps.surveying.inspection import Inspected, Unread
from tweakreg_steps.surveying.other_files import OtherFile
from tweakreg_steps.surveying.reference_files import ReferenceFile


@dataclass(frozen=True)
class UserFile:
    """A file of the user's that belongs to an image: its path, and the digest of what it holds."""

    path: Path
    digest: str


@dataclass(frozen=True)
class MosaicFindings:
    """How the images lie to each other, where they are solved together.

    Attributes
    ----------
    pairs
        The two images of each pair that overlaps, in the order of the input, by what it is called.
    groups
        For each image the group with which it shares its correction: its own name where it has
        one of its own.
    geometries
        What the correction of each group may do.
    cameras
        For each image its camera and filter, as one text.
    epochs
        When each image was taken, where stars of the catalog move; empty where they do not.
    floats
        No image is the reference: it is the mean of them all that is held.
    """

    pairs: Mapping[str, tuple[str, str]]
    groups: Mapping[str, str]
    geometries: Mapping[str, OneGeometry]
    cameras: Mapping[str, str]
    epochs: Mapping[str, float | None]
    floats: bool


@dataclass(frozen=True)
class Findings:
    """What a look at the recipe's files has found.

    Attributes
    ----------
    images
        The inputs that are whole, in order.
    unread
        The inputs that are not, in order.
    refimage
        The reference image, or None where the recipe names none.
    refcat
        Digest of the reference catalog, or None.
    refcat_moves
        Whether where its stars are, or how well that is known, depends on the epoch.
    others
        Other files of the images' exposures, which get the same correction.
    notes
        What a user should know before the work begins.
    exclusions
        For each image named in the exclusions catalog, each chip's region file or mask.
    reference_is_chosen
        Whether which input is the reference is found out only when the images are aligned.
    reference_files
        For each image whose WCS is to be updated, its reference files by keyword.
    history
        Digest of the text that becomes the headerlets' HISTORY, or None.
    reviews
        What was decided about each image with ``tweakreg review``.
    catalogs
        For each image whose sources are not found in its pixels, the catalog of each chip.
    sextractor
        Version of the installed SExtractor, or None where it is not used.
    weights
        For each image that SExtractor is to search, the files that its options name: ``filter``,
        and ``weights<chip>``.
    mosaic
        How the images lie to each other; None where each is aligned by itself.
    psfs
        For each image whose sources are measured with the PSF of a file, that file.
    """

    images: tuple[Inspected, ...]
    unread: tuple[Unread, ...] = ()
    refimage: Inspected | None = None
    refcat: str | None = None
    refcat_moves: bool = False
    others: tuple[OtherFile, ...] = ()
    notes: tuple[str, ...] = ()
    exclusions: Mapping[str, Mapping[str, UserFile]] = field(default_factory=dict)
    reference_is_chosen: bool = False
    reference_files: Mapping[str, Mapping[str, ReferenceFile]] = field(default_factory=dict)
    history: str | None = None
    reviews: Mapping[str, Review] = field(default_factory=dict)
    catalogs: Mapping[str, Mapping[str, UserFile]] = field(default_factory=dict)
    sextractor: str | None = None
    weights: Mapping[str, Mapping[str, UserFile]] = field(default_factory=dict)
    mosaic: MosaicFindings | None = None
    psfs: Mapping[str, UserFile] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the inputs that are whole, in order."""
        return [image.image.name for image in self.images]

    @cached_property
    def input_ids(self) -> frozenset[int]:
        """The identities of the inputs: each tells whether an image is one of them."""
        return frozenset(map(id, self.images))

    @property
    def inputs(self) -> list[InputImage]:
        """All inputs, in order, whole or not."""
        found = [image.image for image in self.images]
        for one in self.unread:
            found.insert(one.place, one.image)
        return found

    @property
    def all_images(self) -> tuple[Inspected, ...]:
        """The inputs, and the reference image behind them if there is one."""
        return (*self.images, *([self.refimage] if self.refimage else []))

    @property
    def reference(self) -> Inspected | None:
        """The image whose sources are the reference list; None where no image is known to be."""
        if self.refcat is not None or self.reference_is_chosen:
            return None
        return self.refimage or self.images[0]

    @property
    def sought_refimage(self) -> Inspected | None:
        """The reference image where its sources are the reference list, and so are looked for."""
        return self.refimage if self.refcat is None else None

    @property
    def reference_name(self) -> str | None:
        """What users call the image whose sources are the reference list; None for a catalog."""
        if self.reference is None:
            return None
        name = self.reference.image.name
        return plain_name(name) if self.reference is self.refimage else name

    @property
    def sought(self) -> Iterator[tuple[Inspected, str]]:
        """The images whose sources are looked for in their pixels, with the section that says how.

        They are the inputs without catalogs, and the reference image where it is sought.
        """
        sections = [(image, IMAGE_FINDPARS) for image in self.images]
        if self.sought_refimage:
            sections.append((self.sought_refimage, REFERENCE_FINDPARS))
        for image, section in sections:
            if image.image.name not in self.catalogs:
                yield image, section

    def files_of(self, name: str) -> dict[str, Path]:
        """Return the user's files that belong to an image, by what records call their digests.

        Of several under one name each has its own behind a dot: ``reference_files.IDCTAB``,
        ``exclusions.1``.
        """
        found = {key: file.path for key, file in self.weights.get(name, {}).items()}
        if name in self.psfs:
            found["psf"] = self.psfs[name].path
        for key, files in (
            ("catalogs", self.catalogs.get(name, {})),
            ("reference_files", self.reference_files.get(name, {})),
            ("exclusions", self.exclusions.get(name, {})),
        ):
            found |= {f"{key}.{part}": file.path for part, file in files.items()}
        return found

    def is_reference(self, image: Inspected) -> bool:
        """Tell whether an input is the reference itself, so that there is nothing to fit.

        It is when all of its chips are chips of the reference.
        """
        if self.mosaic is not None and self.mosaic.floats:
            return False
        reference = self.reference
        if reference is None or _file(image) != _file(reference):
            return False
        return _extensions(image) <= _extensions(reference)


def _file(image: Inspected) -> str:
    """Return the path of an image's file, in the one spelling that all spellings of it have."""
    return os.path.normpath(image.image.path)


def _extensions(image: Inspected) -> set[int]:
    """Return the extensions of the file that are the image's chips."""
    return {chip["extension"] for chip in image.chips}


def chip_records(inspected: Inspected, *parts: str) -> list[ChipRecord]:
    """Return where an image's chips are, with the parts of `LearntChip` named."""
    return select_parts(inspected.chips, *parts)


def select_parts(chips: Iterable[Mapping[str, object]], *parts: str) -> list[ChipRecord]:
    """Return of what was learnt of chips where they are, and the parts named."""
    keys = (*ChipRecord.__annotations__, *parts)
    return [cast("ChipRecord", {key: chip[key] for key in keys}) for chip in chips]
