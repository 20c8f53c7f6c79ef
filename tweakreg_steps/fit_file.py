"""The fit of an image as ``fits/<image>.json`` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from tweakreg_steps.json_file import read_json, recall_json


class UncertaintyRecord(TypedDict):
    """The standard errors of the numbers of a fit, in their units; 0 for what the geometry fixes.

    ``covariance`` is that of the numbers which ``covariance_of`` names.
    """

    dx: float
    dy: float
    matrix: list[list[float]]
    rotation: float
    rotation_x: float
    rotation_y: float
    scale: float
    scale_x: float
    scale_y: float
    skew: float
    covariance: list[list[float]]
    covariance_of: list[str]


class FitNumbers(TypedDict):
    """The numbers of a fit, lengths in pixels of the reference plane, angles in degrees.

    With M the matrix, s = (dx, dy) and c the centre (1-based), the header puts at
    ``M (p - c) + c + s`` what belongs at p. The rms on the sky (``rms_ra``, ``rms_dec``, and with
    the weights of the fit ``wrms_ra``, ``wrms_dec``) and the standard errors ``error_x``,
    ``error_y`` over the kept pairs are in mas.
    """

    n_fit: int
    fitgeometry: str
    center: list[float]
    dx: float
    dy: float
    matrix: list[list[float]]
    rotation: float
    rotation_x: float
    rotation_y: float
    scale: float
    scale_x: float
    scale_y: float
    skew: float
    rms_x: float
    rms_y: float
    rms_ra: float
    rms_dec: float
    wrms_ra: float
    wrms_dec: float
    weights: str
    robust_start: bool
    uncertainty: UncertaintyRecord | None
    error_x: NotRequired[float | None]
    error_y: NotRequired[float | None]


class ComparisonRecord(TypedDict):
    """Distances of the kept pairs before and after a fit: weighted rms in pixels of the plane.

    By the ``present`` WCS, by fits that have ``held_out`` the pair, and by the one ``fitted``; and
    by how far that has ``moved`` the sources.
    """

    present: float
    held_out: float
    fitted: float
    moved: float


class AcceptanceRecord(TypedDict):
    """How a fit was judged: what was ``measured``, by the names of the gates, and what ``failed``.

    An infinite number is None; of few pairs there is no ``comparison``.
    """

    measured: dict[str, float | None]
    comparison: ComparisonRecord | None
    failed: list[str]


class ImageQuality(TypedDict):
    """How well an image fits the others that it was solved with, and the reference; in mas.

    ``held`` says what had to be held in its part; empty where everything is told.
    """

    n_stars: int
    n_reference: int
    held: str
    rms_relative: float | None
    rms_absolute: float | None
    error_relative: float | None
    error_absolute: float | None
    group: str


class ChipTerm(TypedDict):
    """By what a chip is off itself, in pixels of the reference plane about its middle."""

    shift: list[float]
    matrix: list[list[float]]


class ChipTerms(TypedDict):
    """What the chips of a camera are off by themselves, by their numbers."""

    camera: str
    of: dict[str, ChipTerm]


class FitRecord(TypedDict):
    """What is known of the alignment of an image.

    The numbers of an accepted fit stand beside these keys, of a refused one under ``refused``:
    `numbers_of` returns either.
    """

    image: str
    reference: str
    status: Literal["reference", "aligned", "not_aligned"]
    reason: str
    detail: str
    cure: str
    changes: dict[str, dict[str, object]]
    n_sources: int
    n_reference: int
    n_matched: int
    n_fit: int
    fitgeometry: str
    false_alarm: float | None
    acceptance: AcceptanceRecord | None
    refused: FitNumbers | None
    epoch: NotRequired[float | None]
    solution: NotRequired[ImageQuality | None]
    chip_terms: NotRequired[ChipTerms]


def read_fit(path: Path) -> FitRecord:
    """Read the fit of an image.

    Raises
    ------
    InputError
        The file is missing, or holds something else.
    """
    return cast("FitRecord", read_json(path))


def recall_fit(path: Path) -> FitRecord | None:
    """Return the fit of an image, or None where there is none that can be read."""
    return cast("FitRecord | None", recall_json(path))


def with_numbers(fit: FitRecord, numbers: Mapping[str, object]) -> FitRecord:
    """Return the record of an image with the numbers of its fit beside what it says."""
    return cast("FitRecord", {**fit, **numbers})


def numbers_of(fit: FitRecord) -> FitNumbers | None:
    """Return the numbers of a fit, refused or not; None for the reference and without a fit."""
    found = fit["refused"] or cast("FitNumbers", fit)
    return found if found["center"] else None


def accepted_numbers(fit: FitRecord) -> FitNumbers:
    """Return the numbers of the fit of an aligned image.

    Raises
    ------
    ValueError
        The image is not aligned, or is the reference.
    """
    if fit["status"] != "aligned":
        raise ValueError(f"{fit['image']}: {fit['status']}, so there is no fit to apply")
    return cast("FitNumbers", fit)
