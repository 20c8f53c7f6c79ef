"""Every error this package raises on purpose.

::

    TweakRegError                   exit status
    ├── RecipeError                 2   the recipe or the command line is wrong
    │   └── NotYamlError            2   because the text is no YAML
    ├── InputError                  2   an input cannot be used; known before a job runs
    │   └── DamagedFileError        2   because the file is not whole
    ├── LockedError                 4   another run holds the output folder
    ├── JobFailedError              1   a job of the run failed
    └── NotAlignedError             -   this one image cannot be aligned; the others go on
        └── ChanceOffsetError       -   because no offset is more than chance

A message names what, where, the value and the way out. `TweakRegWarning` is no error: it is what a
Python call says of a run that came to its end.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Reason(StrEnum):
    """Why an image is not aligned: the codes of ``summary.ecsv``."""

    UNREADABLE = "unreadable"
    NO_PIXELS = "no_pixels"
    NO_SOURCES = "no_sources"
    FEW_SOURCES = "few_sources"
    NO_REFERENCE_SOURCES = "no_reference_sources"
    NO_OVERLAP = "no_overlap"
    NO_SIGNIFICANT_OFFSET = "no_significant_offset"
    FEW_MATCHES = "few_matches"
    SINGULAR_FIT = "singular_fit"
    FEW_KEPT = "few_kept"
    LARGE_RMS = "large_rms"
    LARGE_ERROR = "large_error"
    LARGE_SHIFT = "large_shift"
    LARGE_ROTATION = "large_rotation"
    LARGE_SCALE = "large_scale"
    SMALL_COVERAGE = "small_coverage"
    NOT_BETTER = "not_better"
    WCS_NOT_REPRESENTABLE = "wcs_not_representable"
    REJECTED = "rejected"


REASON_TEXTS: dict[Reason, str] = {
    Reason.UNREADABLE: "the file is damaged or incomplete",
    Reason.NO_PIXELS: "a chip has no finite pixel",
    Reason.NO_SOURCES: "no source was found above the threshold, or none is left of the catalogs",
    Reason.FEW_SOURCES: "fewer sources than object_matching.minobj",
    Reason.NO_REFERENCE_SOURCES: "the reference has no sources",
    Reason.NO_OVERLAP: "no reference source lies within the search radius of any source",
    Reason.NO_SIGNIFICANT_OFFSET: (
        "unrelated lists give such an offset more often than acceptance.max_false_alarm,"
        " or another one is about as good"
    ),
    Reason.FEW_MATCHES: "fewer matches than object_matching.minobj",
    Reason.SINGULAR_FIT: "the matched sources do not determine the fit (too few, or on one line)",
    Reason.FEW_KEPT: "the fit keeps fewer pairs than acceptance.min_matches",
    Reason.LARGE_RMS: "the pairs scatter by more than acceptance.max_rms",
    Reason.LARGE_ERROR: "the standard error of the fit is larger than acceptance.max_error",
    Reason.LARGE_SHIFT: "the correction is larger than acceptance.max_shift",
    Reason.LARGE_ROTATION: "the rotation is larger than acceptance.max_rotation",
    Reason.LARGE_SCALE: "the change of scale is larger than acceptance.max_scale",
    Reason.SMALL_COVERAGE: "the pairs cover less of the field than acceptance.min_coverage",
    Reason.NOT_BETTER: "the fit predicts pairs left out of it no better than the present WCS does",
    Reason.WCS_NOT_REPRESENTABLE: "the fit cannot be expressed by this kind of WCS",
    Reason.REJECTED: "the fit was rejected with tweakreg review",
}
"""One line for each reason, as the documentation and the final table show it."""


class TweakRegError(Exception):
    """Base of all errors of this package."""

    exit_status = 1


class TweakRegWarning(UserWarning):
    """Something a caller should know of: an image not aligned, a setting not carried over."""


class RecipeError(TweakRegError):
    """The recipe or the command line is wrong; nothing was run."""

    exit_status = 2


class NotYamlError(RecipeError):
    """A text is no YAML; carries the text, and the line (from 0) where reading it failed."""

    def __init__(self, message: str, *, text: str, line: int) -> None:
        super().__init__(message)
        self.text = text
        self.line = line


class InputError(TweakRegError):
    """An input file cannot be used; known before any job ran."""

    exit_status = 2


class DamagedFileError(InputError):
    """A file is not whole: cut off, empty, not FITS; carries which, what was found, the way out."""

    def __init__(self, path: Path, what: str, way_out: str = "fetch the file again") -> None:
        super().__init__(f"{path}: {what}; {way_out}")
        self.path = path
        self.what = what
        self.way_out = way_out


class LockedError(TweakRegError):
    """Another run holds the output folder."""

    exit_status = 4


class JobFailedError(TweakRegError):
    """A job of the run failed."""

    exit_status = 1


class NotAlignedError(TweakRegError):
    """One image cannot be aligned; carries the reason code of ``summary.ecsv``."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class ChanceOffsetError(NotAlignedError):
    """No offset is more than chance; carries the best one's probability of being chance."""

    def __init__(self, detail: str, false_alarm: float) -> None:
        super().__init__(Reason.NO_SIGNIFICANT_OFFSET, detail)
        self.false_alarm = false_alarm
