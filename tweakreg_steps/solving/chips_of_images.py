"""Where the sources of images lie on their detectors, and what terms of chips say of each image.

A term moves the sources of a chip in the frame of its detector; the frame of an exposure, pixels of
the plane over pixels of the detector, is read off its sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.fit_file import ChipTerm, ChipTerms
from tweakreg_steps.matching.linear_models import Geometry
from tweakreg_steps.matching.source_list import SourceList
from tweakreg_steps.solving.chip_terms import NO_CHIPS, ChipDetections
from tweakreg_steps.solving.unit_parameters import fields_at

_LEAST = 3
"""Sources, not on a line, that tell the frame of an exposure."""

Shape = tuple[int, int]


@dataclass(frozen=True, eq=False)
class ChipsOfImages:
    """The chips of all images.

    Attributes
    ----------
    names : list of (str, int)
        Camera and filter, and number, of each chip that has a term.
    lengths : (n_chips,) float array
        Half the length of each, in pixels: the unit of places on it.
    detections : ChipDetections
        Of all sources of all images, one after the other.
    """

    names: list[tuple[str, int]]
    lengths: FloatArray
    detections: ChipDetections

    def displacements(self, numbers: FloatArray) -> FloatArray:
        """Return what terms do to all sources, in pixels of the plane, (n, 2)."""
        n = len(self.detections.chip)
        return np.zeros((n, 2)) + self.detections.displacements(numbers)

    def record(self, image: int, camera: str, numbers: FloatArray) -> ChipTerms | None:
        """Return the terms of an image on the plane, by the numbers of its chips.

        Each chip's sources are to be moved by ``shift + matrix (v - m)``, v their places on the
        plane, m that of the chip's middle pixel. None where there are no terms.
        """
        if not self.names:
            return None
        frame = self.detections.frames[image]
        found: dict[str, ChipTerm] = {}
        for place, (own, chip) in enumerate(self.names):
            if own == camera:
                origin, along_x, along_y = (
                    fields_at(np.array([at]))[0] @ numbers[place]
                    for at in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
                )
                linear = np.column_stack([along_x - origin, along_y - origin])
                matrix = frame @ linear @ np.linalg.inv(frame) / self.lengths[place]
                shift = frame @ origin
                found[str(chip)] = {"shift": shift.tolist(), "matrix": matrix.tolist()}
        return {"camera": camera, "of": found}


NO_CHIPS_OF_IMAGES = ChipsOfImages([], np.zeros(0), NO_CHIPS)
"""No terms."""


def chips_of_images(
    lists: Sequence[SourceList],
    cameras: Sequence[str],
    shapes: Sequence[Mapping[int, Shape]],
    geometry: Geometry | None,
) -> ChipsOfImages:
    """Gather the chips of images.

    Parameters
    ----------
    lists : sequence of SourceList
        The sources of each image on the plane.
    cameras : sequence of str
        Camera and filter of each image.
    shapes : sequence of mappings
        By the number of each chip of an image its shape (ny, nx).
    geometry : {"shift", "rshift", "rscale", "general"} or None
        What a term may do; None for no terms.
    """
    known = {
        (camera, number): shape
        for camera, own in zip(cameras, shapes, strict=True)
        for number, shape in own.items()
    }
    if geometry is None or not known:
        return NO_CHIPS_OF_IMAGES
    names = sorted(known)
    number = {name: place for place, name in enumerate(names)}
    middle = np.array([[(nx + 1) / 2, (ny + 1) / 2] for ny, nx in map(known.__getitem__, names)])
    length = np.array([max(known[name]) / 2 for name in names])
    exposure = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    detector = np.concatenate([np.zeros((0, 3)), *(one.detector for one in lists)])
    chip = np.array(
        [
            number[cameras[image], int(of)]
            for image, of in zip(exposure.tolist(), detector[:, 0].tolist(), strict=True)
        ],
        dtype=np.intp,
    )
    place = (detector[:, 1:] - middle[chip]) / length[chip, None]
    frames = np.array([frame_of(one) for one in lists]).reshape(-1, 2, 2)
    detections = ChipDetections(geometry, len(names), chip, place, exposure, frames)
    return ChipsOfImages(names, length, detections)


def frame_of(sources: SourceList) -> FloatArray:
    """Return pixels of the plane over pixels of the detector, (2, 2), by an exposure's first chip.

    An exposure whose sources do not tell it gets the plane's own frame.
    """
    for chip in np.unique(sources.detector[:, 0]):
        mine = sources.detector[:, 0] == chip
        away = sources.detector[mine, 1:] - sources.detector[mine, 1:].mean(axis=0)
        if mine.sum() < _LEAST or np.linalg.matrix_rank(away) < 2:  # noqa: PLR2004  two axes
            continue
        there = sources.xy[mine] - sources.xy[mine].mean(axis=0)
        return np.asarray(np.linalg.lstsq(away, there, rcond=None)[0].T)
    return np.eye(2)
