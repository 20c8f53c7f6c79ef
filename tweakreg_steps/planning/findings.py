"""What is known about a recipe's files before any job is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tweakreg_steps.planning.inspection import Inspected


@dataclass(frozen=True)
class UserFile:
    """A file of the user's that belongs to an image: its path, and the digest of what it holds."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Findings:
    """What a look at the recipe's files has found.

    Attributes
    ----------
    images
        The inputs, in order.
    refimage
        The reference image, or None where the recipe names none.
    refcat
        Digest of the reference catalog, or None.
    exclusions
        For each image named in the exclusions catalog, the digest of each chip's region file or
        mask.
    catalogs
        For each image whose sources are not found in its pixels, the catalog of each chip.
    sextractor
        Version of the installed SExtractor, or None where it is not used.
    weights
        For each image that SExtractor is to search, the files that its options name: ``filter``,
        and ``weights<chip>``.
    """

    images: tuple[Inspected, ...]
    refimage: Inspected | None = None
    refcat: str | None = None
    exclusions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    catalogs: Mapping[str, Mapping[str, UserFile]] = field(default_factory=dict)
    sextractor: str | None = None
    weights: Mapping[str, Mapping[str, UserFile]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the images, in order."""
        return [image.image.name for image in self.images]

    @property
    def all_images(self) -> tuple[Inspected, ...]:
        """The inputs, and the reference image behind them if there is one."""
        return (*self.images, *([self.refimage] if self.refimage else []))

    @property
    def reference(self) -> Inspected | None:
        """The image whose sources are the reference list; None where a catalog is."""
        if self.refcat is not None:
            return None
        return self.refimage or self.images[0]

    def is_reference(self, image: Inspected) -> bool:
        """Tell whether an input is the reference itself, so that there is nothing to fit."""
        return self.reference is not None and image.image.path == self.reference.image.path


def chip_records(inspected: Inspected, *digests: str) -> list[dict[str, Any]]:
    """Return where an image's chips are, with the digests named."""
    keys = ("number", "extension", "label", "shape", *digests)
    return [{key: chip[key] for key in keys} for chip in inspected.chips]
