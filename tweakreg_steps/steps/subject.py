"""What a job is about, as far as it is known before any job runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from tweakreg_steps.fits_files.exposure_record import ChipRecord
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, REFERENCE_FINDPARS, Tree
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.other_files import OtherFile

ALL = "all"
"""The name of a job that works on all images."""

Decide = Callable[[Inspected], Decision]
"""Says what was decided about the present fit of an image."""


@dataclass(frozen=True, repr=False, eq=False)
class Subject:
    """An image, one of its chips, some images together, or all images.

    Attributes
    ----------
    name
        The job's name: an image, ``<image>.<chip>``, a pair of images, a camera and filter, or
        ``all``.
    recipe
        The complete recipe.
    findings
        What a look at its files has found.
    image
        The image, or None for several and for all.
    chip
        Number of the chip, from 1, or None for all.
    is_input
        It is an input, and not the reference image alone.
    decide
        What was decided about the present fit of an image.
    wildcard
        What the names of products call several images together: ``pair``, ``psf``.
    members
        Several images together.
    other
        The image is another file of an exposure, and no input.
    """

    name: str
    recipe: Tree
    findings: Findings
    image: Inspected | None
    chip: int | None
    is_input: bool
    decide: Decide
    wildcard: str = ""
    members: tuple[Inspected, ...] = ()
    other: OtherFile | None = None

    def member(self, image: Inspected) -> Subject:
        """Return one of several images as what a job is about."""
        is_input = id(image) in self.findings.input_ids
        return replace(
            self, name=image.image.name, image=image, is_input=is_input, wildcard="", members=()
        )

    @cached_property
    def values(self) -> Tree:
        """The recipe as it holds for the image."""
        return self.recipe if self.image is None else image_values(self.recipe, self.image_name)

    @property
    def this(self) -> Inspected:
        """The image of a job that works on one."""
        assert self.image is not None  # noqa: S101  asked of steps per image alone
        return self.image

    @property
    def image_name(self) -> str:
        """The name of the image, ``all`` for several and for all."""
        return ALL if self.image is None else self.image.image.name

    @property
    def is_sought(self) -> bool:
        """Tell whether the sources of the image are needed."""
        return self.is_input or self.image is self.findings.sought_refimage

    @property
    def has_catalogs(self) -> bool:
        """Tell whether the sources of the image come from catalogs made elsewhere."""
        return self.image_name in self.findings.catalogs

    @property
    def exclusions(self) -> dict[str, str]:
        """The digest of the region file or mask of each chip that has one, by its number."""
        found = self.findings.exclusions.get(self.image_name, {})
        return {chip: file.digest for chip, file in found.items()}

    @property
    def findpars(self) -> str:
        """The section that says how the sources of the image are found."""
        return IMAGE_FINDPARS if self.image is None or self.is_input else REFERENCE_FINDPARS

    @cached_property
    def wildcards(self) -> dict[str, str]:
        """What the image gives for the wildcards of products."""
        if self.image is None:
            return {self.wildcard: self.name} if self.members else {}
        found = {
            "image": self.other.owner.image.name if self.other else self.image_name,
            "file": self.image.image.path.name,
            "psf": self.image.psf_name,
        }
        if self.chip is not None:
            found["chip"] = str(self.chip)
        if self.recipe["headerlet_creation"]["headerlet"]:
            from tweakreg_steps.headers.headerlet import headerlet_name

            hdrfile = self.recipe["headerlet_creation"]["hdrfile"]
            found["headerlet"] = headerlet_name(found["file"], hdrfile).removesuffix(".fits")
        return found

    def chips(self, *parts: str) -> list[ChipRecord]:
        """Return where the image's chips are, with the parts of them named."""
        return chip_records(self.this, *parts)
