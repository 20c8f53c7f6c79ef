"""What DAOFIND measures of a star: its centre, its sharpness and its two roundnesses.

`photutils.detection.DAOStarFinder` measures (Stetson 1987, PASP 99, 191, with the details of IRAF's
``daofind``). It is given no chip but the pixels around each source, one below the other: it
convolves all that it is given, which for a chip of 4096 x 2051 pixels takes 30 times as long.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.daofind_kernel import (
    Kernel,
)
from tweakreg_steps.finding.sky_noise import RealPixels

Index = IndexArray

_EVERYTHING = {
    "threshold": 1.0,
    "scale_threshold": False,
    "sharpness_range": None,
    "roundness_range": None,
}
"""Options of DAOStarFinder with which it selects nothing."""


@dataclass(frozen=True)
class Stars:
    """Sources of one chip; all arrays have the shape (n,).

    Attributes
    ----------
    x, y
        Centre in FITS pixels: the centre of the first pixel is 1.0.
    flux
        Sum of the pixels of the kernel's box around the source, sky included.
    peak
        Highest pixel of that box.
    sharpness
        Middle pixel above the mean of the others of the kernel, over the fitted height: near 1
        for a single bright pixel, towards 0 for a broad source.
    roundness1
        Twofold over fourfold symmetry of the convolved image: 0 for a round star, negative for
        one long in x, positive for one long in y.
    roundness2
        Twice the difference of the heights fitted along x and y over their sum: 0 for a star as
        round as the kernel, negative for one long in x.
    noise_response
        Standard error of the centre along one axis, in pixels, for independent noise of 1 in each
        pixel; nan without a height.
    phase_x, phase_y
        How far the centre is from the middle of the pixel around which it was measured, pixels: on
        this its error depends. Not always the nearest pixel; nan where no Gaussian fits.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    peak: FloatArray
    sharpness: FloatArray
    roundness1: FloatArray
    roundness2: FloatArray
    noise_response: FloatArray
    phase_x: FloatArray
    phase_y: FloatArray

    def __len__(self) -> int:
        return int(self.x.size)

    def __getitem__(self, chosen: BoolArray | Index) -> Stars:
        return Stars(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Marginal:
    """About a Gaussian fitted to the pixels of boxes summed along one axis; shape (n,).

    Attributes
    ----------
    height
        Its height, in the unit of the pixels; nan where it is not positive.
    outside
        Its centre is out of the box.
    moment
        What then takes the place of its shift from the box's middle, pixels; nan without a height.
    response
        Standard error of the shift for independent noise of 1 in each pixel; nan without a height.
    """

    height: FloatArray
    outside: BoolArray
    moment: FloatArray
    response: FloatArray


def measure_stars(pixels: RealPixels, row: Index, column: Index, kernel: Kernel) -> Stars:
    """Measure the sources at some pixels, each in the kernel's box around its pixel.

    Parameters
    ----------
    pixels
        Shape (ny, nx); mirrored beyond its edges.
    row, column
        Middle of each box, 0-based, shape (n,); the boxes are inside the image.
    kernel
        The Gaussian.

    Returns
    -------
    Stars
        In the given order; x, y, sharpness and both roundnesses are nan where no Gaussian fits, and
        all is nan where a pixel of the box is not finite.
    """
    pieces = [
        _measure_piece(pixels, row[i : i + tuning.PIECE], column[i : i + tuning.PIECE], kernel)
        for i in range(0, max(1, row.size), tuning.PIECE)
    ]
    return _join(pieces)


def measure_roundness(pixels: RealPixels, row: Index, column: Index, kernel: Kernel) -> FloatArray:
    """Return the second roundness of sources, which tells in which box they are to be measured.

    Parameters
    ----------
    pixels, row, column, kernel
        As for `measure_stars`.

    Returns
    -------
    numpy.ndarray
        Shape (n,), in the given order; nan where no Gaussian fits.
    """
    roundness = np.empty(row.size)
    for i in range(0, row.size, tuning.PIECE):
        piece = slice(i, i + tuning.PIECE)
        boxes = _cut(pixels, row[piece], column[piece], kernel.half_y, kernel.half_x)
        boxes[~np.isfinite(boxes).all(axis=(1, 2))] = np.nan
        in_x, in_y = fit_marginals(boxes, kernel)
        roundness[piece] = 2.0 * (in_x.height - in_y.height) / (in_x.height + in_y.height)
    return roundness


def fit_marginals(boxes: FloatArray, kernel: Kernel) -> tuple[Marginal, Marginal]:
    """Return what photutils does not tell of the Gaussians that it fits along x and y.

    With the marginal ``D`` of the pixels and ``G`` of the kernel's Gaussian (both summed with
    triangular weights ``v`` across, and fitted with triangular weights ``w`` along), ``k`` the
    pixel from the middle and ``<.>`` the sum with weights ``w``, the height and the shift are::

        h = (<GD> - <G><D>/<1>) / (<GG> - <G>**2/<1>)
        shift = sigma**2 * <k G D> / (h * <(k G)**2>)

    The shift is linear in D but for h, so that noise of 1 in each pixel gives it the error::

        response = sigma**2 * sqrt(sum (w k G)**2) * sqrt(sum v**2) / (h * <(k G)**2>)

    A shift out of the box is replaced by the first moment ``<k D> / (h * <G>)``, and by 0 if that
    is outside too. photutils 3.0 replaces it by a moment that has the sky in it and in x the wrong
    sign; on the ACS/HRC exposure of the parity test this makes 279 sources of 13,365 twice.

    Parameters
    ----------
    boxes
        Pixels around each source, shape (n, ny, nx) of the kernel.
    kernel
        The Gaussian.

    Returns
    -------
    tuple of Marginal
        Along x, along y.
    """
    along_x = _fit(boxes, kernel.gaussian, kernel.sigma_x)
    along_y = _fit(boxes.transpose(0, 2, 1), kernel.gaussian.T, kernel.sigma_y)
    return along_x, along_y


def _fit(boxes: FloatArray, gaussian: FloatArray, sigma: float) -> Marginal:
    """Fit along the last axis."""
    v, w = (_triangle(size // 2) for size in gaussian.shape)
    half = w.size // 2
    k, g, data = np.arange(-half, half + 1.0), v @ gaussian, v @ boxes
    mean = (w @ g) / w.sum()
    height = data @ (w * (g - mean)) / (w @ g**2 - mean * (w @ g))
    height = np.where(height > 0.0, height, np.nan)
    per_sum = sigma**2 / (height * (w @ (k * g) ** 2))
    moment: FloatArray = data @ (w * k) / (height * (w @ g))
    return Marginal(
        height=height,
        outside=np.abs(per_sum * (data @ (w * k * g))) > half,
        moment=np.where(np.abs(moment) > half, 0.0, moment),
        response=per_sum * np.linalg.norm(w * k * g) * np.linalg.norm(v),
    )


def _triangle(half: int) -> FloatArray:
    """Return weights 1, 2, … half + 1, … 2, 1."""
    weights: FloatArray = half + 1.0 - np.abs(np.arange(-half, half + 1))
    return weights


def _measure_piece(pixels: RealPixels, row: Index, column: Index, kernel: Kernel) -> Stars:
    """Measure some sources."""
    by, bx = kernel.half_y, kernel.half_x
    # what is convolved in the box is the box grown by half a kernel on each side
    stamps = _cut(pixels, row, column, 2 * by, 2 * bx)
    boxes = stamps[:, by:-by, bx:-bx]
    boxes = np.where(np.isfinite(boxes).all(axis=(1, 2), keepdims=True), boxes, np.nan)
    measured = _measure_stamps(stamps, np.isfinite(boxes[:, 0, 0]), kernel)
    in_x, in_y = fit_marginals(boxes, kernel)
    shift_x: FloatArray = np.where(in_x.outside, in_x.moment, measured["x"])
    shift_y: FloatArray = np.where(in_y.outside, in_y.moment, measured["y"])
    return Stars(
        x=column + 1.0 + shift_x,
        y=row + 1.0 + shift_y,
        flux=boxes.sum(axis=(1, 2)),
        peak=boxes.max(axis=(1, 2)),
        sharpness=measured["sharpness"],
        roundness1=measured["roundness1"],
        roundness2=measured["roundness2"],
        noise_response=np.sqrt(0.5 * (in_x.response**2 + in_y.response**2)),
        phase_x=shift_x,
        phase_y=shift_y,
    )


def _join(pieces: Sequence[Stars]) -> Stars:
    """Put one after the other."""
    if len(pieces) == 1:
        return pieces[0]
    return Stars(*(np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Stars)))


def _cut(pixels: RealPixels, row: Index, column: Index, reach_y: int, reach_x: int) -> FloatArray:
    """Cut out the pixels around some, shape (n, ny, nx)."""
    rows = _mirror(row, reach_y, pixels.shape[0])
    columns = _mirror(column, reach_x, pixels.shape[1])
    stamps: FloatArray = pixels[rows[:, :, None], columns[:, None, :]].astype(np.float64)
    return stamps


def _mirror(middle: Index, reach: int, size: int) -> Index:
    """Return the indices around some, those off the image mirrored at its edge; shape (n, m)."""
    index = middle[:, None] + np.arange(-reach, reach + 1)
    return np.where(index < 0, -1 - index, np.minimum(index, 2 * size - 1 - index))


def _measure_stamps(stamps: FloatArray, whole: BoolArray, kernel: Kernel) -> dict[str, FloatArray]:
    """Have photutils measure sources in the middle of stamps; nan for those it has nothing of."""
    from tweakreg_steps.finding.star_finders import DAOStarFinder, NoDetectionsWarning

    n, tall, wide = stamps.shape
    x, y = np.full(n, wide // 2), np.arange(n) * tall + tall // 2
    measured = {
        name: np.full(n, np.nan) for name in ("x", "y", "sharpness", "roundness1", "roundness2")
    }
    if not whole.any():
        return measured
    finder = DAOStarFinder(**kernel.options, xycoords=np.column_stack((x, y))[whole], **_EVERYTHING)
    with warnings.catch_warnings():
        # sources without a height are left out of the table, and known by that
        warnings.simplefilter("ignore", NoDetectionsWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        table = finder(_fill_holes(stamps).reshape(n * tall, wide))
    if table is None:
        return measured
    found_x, found_y = (np.asarray(table[f"{axis}_centroid"]) for axis in "xy")
    index = (found_y // tall).astype(np.intp)
    measured["x"][index], measured["y"][index] = found_x - x[index], found_y - y[index]
    for name in ("sharpness", "roundness1", "roundness2"):
        measured[name][index] = table[name]
    return measured


def _fill_holes(stamps: FloatArray) -> FloatArray:
    """Put the median of a stamp where it is not finite: near a source, but outside its box."""
    finite = np.isfinite(stamps)
    if finite.all():
        return stamps
    filled = np.where(finite, stamps, np.nan)
    filled[~finite.any(axis=(1, 2))] = 0.0
    median = np.nanmedian(filled, axis=(1, 2), keepdims=True)
    return np.where(np.isfinite(filled), filled, median)
