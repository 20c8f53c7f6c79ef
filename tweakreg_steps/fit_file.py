"""The fit of an image as ``fits/<image>.json`` holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast

from tweakreg_steps.json_file import read_json


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
    uncertainty: dict[str, Any] | None
    error_x: NotRequired[float | None]
    error_y: NotRequired[float | None]


class ChipTerms(TypedDict):
    """What the chips of a camera are off by themselves: by number, about the middle of each."""

    camera: str
    of: dict[str, Any]


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
    changes: dict[str, dict[str, Any]]
    n_sources: int
    n_reference: int
    n_matched: int
    n_fit: int
    fitgeometry: str
    false_alarm: float | None
    acceptance: dict[str, Any] | None
    refused: FitNumbers | None
    epoch: NotRequired[float | None]
    solution: NotRequired[dict[str, Any] | None]
    chip_terms: NotRequired[ChipTerms]


def read_fit(path: Path) -> FitRecord:
    """Read the fit of an image.

    Raises
    ------
    InputError
        The file is missing, or holds something else.
    """
    return cast("FitRecord", read_json(path))


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
