"""A step says once what it is: what it works on, reads, writes and consumes.

Everything else follows from these declarations: which jobs there are and which comes after which,
what makes a job stale, the rules that Snakemake sees, what may be cleaned away or shared between
recipes, what the warm process imports, what a product says of its making. The model is LSST's
``PipelineTaskConnections``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tweakreg_steps.fits_files.exposure_record import ChipRecord, LearntChip

if TYPE_CHECKING:
    from tweakreg_steps.records.plan_file import DeclaredProduct
    from tweakreg_steps.steps.subject import Subject
    from tweakreg_steps.surveying.inspection import Inspected

Facts = Mapping[str, object]
"""What a job depends on beside its parameters and the products it takes; JSON."""


class NoFacts(TypedDict):
    """A job depends on nothing else."""


class ChipsOfImage(TypedDict):
    """Where the chips of a job's image are, with the digests of the parts that it reads."""

    chips: list[ChipRecord]


class OfImages(TypedDict, total=False):
    """What the plan adds to the facts of a job: what it reads of images.

    For a job about one image its ``chips`` as `ChipsOfImage`, and digests of its ``file`` and of
    the ``data`` of each HDU; for one about several images the chips of each (``exposures``), or
    one digest of the ``wcs`` of all.
    """

    chips: list[ChipRecord]
    file: str
    data: list[str]
    exposures: dict[str, list[ChipRecord]]
    wcs: str


class Per(StrEnum):
    """What a job of a step works on."""

    IMAGE = "image"
    CHIP = "chip"
    PAIR = "pair"
    GROUP = "group"
    """All images of one camera and filter."""
    OTHER = "other"
    """Another file of an image's exposure."""
    ALL = "all"


@dataclass(frozen=True)
class Product:
    """A kind of file that steps write and read.

    Attributes
    ----------
    pattern
        Where it stands below the output folder: ``masks/{image}.fits``.
    is_intermediate
        Nothing but other jobs reads it; ``clean`` removes it once nothing needs it any more.
    counts_by_content
        Who reads it depends on what it holds, and not on how it was made.
    category
        The heading under which ``snakemake --report`` shows it; empty where it does not.
    """

    pattern: str
    is_intermediate: bool = False
    counts_by_content: bool = False
    category: str = ""

    def path(self, **wildcards: str) -> str:
        """Return the path of one such file, relative to the output folder."""
        return self.pattern.format(**wildcards)


@cache
def declared(product: Product) -> DeclaredProduct:
    """Return what is declared of a kind of file, as JSON has it."""
    return {
        "pattern": product.pattern,
        "is_intermediate": product.is_intermediate,
        "counts_by_content": product.counts_by_content,
        "category": product.category,
    }


Names = Callable[["Subject"], Iterable[str]]
"""Gives the names of the images, or of the pairs of images, whose products a job takes."""


@dataclass(frozen=True)
class Read:
    """A product that a step takes of certain images only, or of none.

    Attributes
    ----------
    product
        The kind of file.
    of
        The names of the images (or pairs) of which the job takes it; for a product that is no
        image's, any name stands for "yes".
    """

    product: Product
    of: Names


Writes = Mapping[str, Product]


@dataclass(frozen=True)
class Step:
    """A step of the workflow; its module's function ``run`` does the work.

    Attributes
    ----------
    module
        Its module; the rule, the log and the step have the last part of that name.
    per
        What one job works on.
    facts
        Gives what a job depends on beside parameters and products, or None where there is no such
        job.
    reads
        The products it takes, by what it calls them; a job about several images takes an image's
        product of each of them.
    writes
        The products it makes, by what it calls them, or how they follow from the recipe and
        the image.
    consumes
        A typed dictionary of the parameters that it consumes, section by section.
    parts
        Which parts of its images it reads: ``pixels``, ``dq``, ``err``, ``wcs`` of each chip,
        ``file``, ``data``.
    images
        The images it reads, where these are not the one that it works on.
    combine
        Where it reads many images, how their chips make the one digest ``wcs`` of its facts.
    content
        Digest of what a product holds that counts by its content.
    preview
        The same digest before the job has run, or None where that cannot be known.
    writes_input
        It may write a solution into the user's own file, and knows of an earlier one there.
    is_shared
        Recipes may share what it makes.
    imports
        What its work imports, for the warm process to import before.
    mem_mb, mem_mb_per_mpixel, runtime
        What a job needs: MB of memory, more of it for each million pixels of the largest chip of
        its image, minutes. In a group of a cluster the minutes of all its jobs are added.
    """

    module: str
    per: Per
    facts: Callable[[Subject], Facts | None]
    writes: Writes | Callable[[Subject], Writes]
    reads: Mapping[str, Product | Read] = field(default_factory=dict)
    consumes: type | None = None
    parts: tuple[str, ...] | Callable[[Subject], tuple[str, ...]] = ()
    images: Callable[[Subject], Sequence[Inspected]] | None = None
    combine: Callable[[Iterable[Sequence[LearntChip]], Facts], str] | None = None
    content: Callable[[Path], str] | None = None
    preview: Callable[[Subject], str | None] | None = None
    writes_input: bool = False
    is_shared: bool = False
    imports: tuple[str, ...] = ()
    mem_mb: int = 500
    mem_mb_per_mpixel: int = 0
    runtime: int = 1

    @cached_property
    def rule(self) -> str:
        """The name of the rule, the step and the log."""
        return self.module.rpartition(".")[2]

    def products_of(self, subject: Subject) -> Writes:
        """Return what a job writes, by what the step calls it."""
        return self.writes(subject) if callable(self.writes) else self.writes

    def parts_of(self, subject: Subject) -> tuple[str, ...]:
        """Return which parts of its images a job reads."""
        return self.parts(subject) if callable(self.parts) else self.parts

    def images_of(self, subject: Subject) -> Sequence[Inspected]:
        """Return the images of which a job reads parts."""
        if not self.parts_of(subject):
            return ()
        if self.images is not None:
            return self.images(subject)
        return () if subject.image is None else (subject.image,)
