"""Of which images a job takes a product, and other questions that several steps ask."""

from __future__ import annotations

from collections.abc import Iterable

from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.reporting.unread_images import UnreadImage
from tweakreg_steps.steps.declaration import Read
from tweakreg_steps.steps.products import (
    CATALOG,
    EXPANDED_SOURCES,
    POSITIONS,
    REFERENCE_SOURCES,
)
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.findings import Findings
from tweakreg_steps.surveying.psf_survey import BUILD


def all_names(subject: Subject) -> Iterable[str]:
    """Return the names of all images."""
    return subject.findings.names


def rejected_names(subject: Subject) -> list[str]:
    """Return the names of the images whose fit was rejected, in order."""
    images = subject.findings.images
    return [image.image.name for image in images if subject.decide(image) is Decision.REJECT]


def unread_images(findings: Findings) -> list[UnreadImage]:
    """Return the inputs that are not whole, in order."""
    return [
        UnreadImage(
            place=one.place,
            name=one.image.name,
            file=one.image.path.name,
            detail=one.detail,
            way_out=one.way_out,
        )
        for one in findings.unread
    ]


def is_aligned_alone(subject: Subject) -> bool:
    """Tell whether an image is aligned by itself, and not in a chain or with all others."""
    is_alone = not subject.recipe["expand_refcat"] and subject.findings.mosaic is None
    return subject.is_input and is_alone


def is_drawn(subject: Subject) -> bool:
    """Tell whether there is anything to draw: of the reference itself there is not."""
    return subject.is_input and not subject.findings.is_reference(subject.this)


def is_psf_wanted(subject: Subject) -> bool:
    """Tell whether the sources of an image are measured with a PSF."""
    if not subject.is_sought or subject.has_catalogs:
        return False
    return bool(subject.values[subject.findpars]["centroid"] == "psf")


def is_psf_built(subject: Subject) -> bool:
    """Tell whether that PSF is built from the exposures."""
    return is_psf_wanted(subject) and subject.values[subject.findpars]["psf"] == BUILD


def _if_measured(subject: Subject) -> Iterable[str]:
    """Return a name where the sources are measured with a PSF."""
    return (subject.name,) if is_psf_wanted(subject) else ()


def _if_found(subject: Subject) -> Iterable[str]:
    """Return a name where the sources stay where they were found."""
    return () if is_psf_wanted(subject) else (subject.name,)


def if_built(subject: Subject) -> Iterable[str]:
    """Return a name where the PSF is built."""
    return (subject.name,) if is_psf_built(subject) else ()


BEST_POSITIONS = {
    "catalog": Read(CATALOG, of=_if_found),
    "positions": Read(POSITIONS, of=_if_measured),
}
"""The sources of an image where they are best known."""


def is_reported(subject: Subject) -> bool:
    """Tell whether an image has a page in the report."""
    return subject.is_input and bool(subject.recipe["report"])


def _if_expanded(subject: Subject) -> Iterable[str]:
    """Return a name where the reference list grows."""
    return (subject.name,) if subject.recipe["expand_refcat"] else ()


def _if_not_expanded(subject: Subject) -> Iterable[str]:
    """Return a name where the reference list stays as it was made."""
    return () if subject.recipe["expand_refcat"] else (subject.name,)


LAST_SOURCES = {
    "expanded": Read(EXPANDED_SOURCES, of=_if_expanded),
    "sources": Read(REFERENCE_SOURCES, of=_if_not_expanded),
}
"""The reference list as it is in the end: an image was matched with its first rows."""
