"""What DAOFIND measures of a star: its centre, its sharpness and its two roundnesses.

Stetson (1987, PASP 99, 191), with the details of IRAF's ``daofind``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.finding.daofind_kernel import FloatArray, FloatImage, Kernel
from tweakreg_steps.finding.sky_noise import RealPixels

Index = NDArray[np.intp]

PIECE = 1 << 14  # sources measured at a time


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
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    peak: FloatArray
    sharpness: FloatArray
    roundness1: FloatArray
    roundness2: FloatArray
    noise_response: FloatArray

    def __len__(self) -> int:
        return int(self.x.size)

    def __getitem__(self, chosen: NDArray[np.bool_] | Index) -> Stars:
        return Stars(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def put(self, chosen: NDArray[np.bool_], others: Stars) -> Stars:
        """Return the sources with the chosen ones replaced."""
        merged = []
        for field in fields(self):
            values = getattr(self, field.name).copy()
            values[chosen] = getattr(others, field.name)
            merged.append(values)
        return Stars(*merged)


@dataclass(frozen=True)
class Marginal:
    """A Gaussian fitted to the pixels of boxes summed along one axis.

    Attributes
    ----------
    shift
        Centre of the Gaussian from the box's middle, pixels, shape (n,); nan without a height.
    height
        Its height, in the unit of the pixels, shape (n,); nan where it is not positive.
    response
        Standard error of the shift for independent noise of 1 in each sum, shape (n,).
    """

    shift: FloatArray
    height: FloatArray
    response: FloatArray


def measure_stars(
    pixels: RealPixels, heights: FloatImage, row: Index, column: Index, kernel: Kernel
) -> Stars:
    """Measure the sources at some pixels, each in the kernel's box around its pixel.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    heights
        The convolved image, shape (ny, nx).
    row, column
        Middle of each box, 0-based, shape (n,); the boxes are inside the image.
    kernel
        The Gaussian.

    Returns
    -------
    Stars
        In the given order; x, y and roundness2 are nan where no Gaussian fits, and all is nan
        where a pixel of the box is not finite.
    """
    pieces = [
        _measure_piece(pixels, heights, row[i : i + PIECE], column[i : i + PIECE], kernel)
        for i in range(0, max(1, row.size), PIECE)
    ]
    return _join(pieces)


def fit_marginals(boxes: FloatArray, kernel: Kernel) -> tuple[Marginal, Marginal]:
    """Fit a Gaussian to the sums along the columns and along the rows.

    With the marginal ``D`` of the pixels and ``G`` of the kernel's Gaussian (both summed with
    triangular weights across, and fitted with triangular weights ``w`` along), the height ``h``
    minimises ``sum w * (D - h*G - sky)**2``, and the shift is the first step towards the minimum
    of the same sum over the centre of ``G``::

        h = (<GD> - <G><D>/<1>) / (<GG> - <G>**2/<1>)
        shift = sigma**2 * <k G D> / (h * <(k G)**2>)

    ``<.>`` is the sum with weights ``w``, ``k`` the pixel from the middle.  The shift is linear in
    D but for h, so that noise of 1 in each element of D gives it the standard error::

        response = sigma**2 * sqrt(sum (w k G)**2) / (h * <(k G)**2>)

    A shift out of the box is replaced by the first moment ``<k D> / (h * <G>)``, and by 0 if that
    is outside too.

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
    across_y, across_x = _triangle(kernel.half_y), _triangle(kernel.half_x)
    in_x = _fit(across_y @ boxes, across_y @ kernel.gaussian, kernel.sigma_x)
    in_y = _fit(boxes @ across_x, kernel.gaussian @ across_x, kernel.sigma_y)
    return in_x, in_y


def _measure_piece(
    pixels: RealPixels, heights: FloatImage, row: Index, column: Index, kernel: Kernel
) -> Stars:
    """Measure some sources."""
    boxes = _cut(pixels, row, column, kernel)
    boxes[~np.isfinite(boxes).all(axis=(1, 2))] = np.nan
    in_x, in_y = fit_marginals(boxes, kernel)
    return Stars(
        x=column + 1.0 + in_x.shift,
        y=row + 1.0 + in_y.shift,
        flux=boxes.sum(axis=(1, 2)),
        peak=boxes.max(axis=(1, 2)),
        sharpness=_sharpness(boxes, heights[row, column], kernel),
        roundness1=_symmetry(_cut(heights, row, column, kernel)),
        roundness2=2.0 * (in_x.height - in_y.height) / (in_x.height + in_y.height),
        noise_response=_noise_response(in_x, in_y, kernel),
    )


def _join(pieces: Sequence[Stars]) -> Stars:
    """One after the other."""
    if len(pieces) == 1:
        return pieces[0]
    return Stars(*(np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Stars)))


def _cut(image: RealPixels, row: Index, column: Index, kernel: Kernel) -> FloatArray:
    """Boxes around pixels: shape (n, ny, nx) of the kernel."""
    boxes = np.lib.stride_tricks.sliding_window_view(image, kernel.gaussian.shape)
    return boxes[row - kernel.half_y, column - kernel.half_x].astype(np.float64)


def _symmetry(heights: FloatArray) -> FloatArray:
    """First roundness, from boxes of the convolved image."""
    middle_y, middle_x = heights.shape[1] // 2, heights.shape[2] // 2
    signs = np.ones(heights.shape[1:])
    signs[middle_y:, :middle_x] = -1.0
    signs[: middle_y + 1, middle_x + 1 :] = -1.0
    signs[middle_y, middle_x] = 0.0
    twofold = (heights * signs).sum(axis=(1, 2))
    fourfold = (np.abs(heights) * np.abs(signs)).sum(axis=(1, 2))
    roundness: FloatArray = 2.0 * twofold / np.where(fourfold > 0.0, fourfold, 1.0)
    return roundness


def _sharpness(boxes: FloatArray, height: NDArray[np.float32], kernel: Kernel) -> FloatArray:
    """Sharpness, from boxes of pixels; nan where the fitted height is not positive."""
    around = kernel.support.copy()
    around[kernel.half_y, kernel.half_x] = False
    excess = boxes[:, kernel.half_y, kernel.half_x] - boxes[:, around].mean(axis=1)
    sharpness: FloatArray = excess / np.where(height > 0.0, height, np.nan)
    return sharpness


def _noise_response(in_x: Marginal, in_y: Marginal, kernel: Kernel) -> FloatArray:
    """Rms over both axes of the standard error that pixels with noise of 1 give the centre."""
    sum_noise_x = np.linalg.norm(_triangle(kernel.half_y))
    sum_noise_y = np.linalg.norm(_triangle(kernel.half_x))
    response: FloatArray = np.sqrt(
        0.5 * (in_x.response * sum_noise_x) ** 2 + 0.5 * (in_y.response * sum_noise_y) ** 2
    )
    return response


def _triangle(half: int) -> FloatArray:
    """Weights 1, 2, … half + 1, … 2, 1."""
    weights: FloatArray = half + 1.0 - np.abs(np.arange(-half, half + 1))
    return weights


def _fit(data: FloatArray, gaussian: FloatArray, sigma: float) -> Marginal:
    """Fit of all boxes along one axis: data of shape (n, m), Gaussian of shape (m,)."""
    half = gaussian.size // 2
    w, k, g = _triangle(half), np.arange(-half, half + 1.0), gaussian
    sum_g, sum_d, sum_1 = w @ g, data @ w, w.sum()
    height = (data @ (w * g) - sum_g * sum_d / sum_1) / (w @ g**2 - sum_g**2 / sum_1)
    height = np.where(height > 0.0, height, np.nan)
    per_sum = sigma**2 / (height * (w @ (k * g) ** 2))
    shift = per_sum * (data @ (w * k * g))
    moment = (data @ (w * k)) / (height * sum_g)
    shift = np.where(np.abs(shift) > half, moment, shift)
    response = per_sum * np.linalg.norm(w * k * g)
    return Marginal(np.where(np.abs(shift) > half, 0.0, shift), height, response)
