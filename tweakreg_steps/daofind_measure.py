"""What DAOFIND measures of a star: its centre, its sharpness and its two roundnesses.

Stetson (1987, PASP 99, 191), with the details of IRAF's ``daofind``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.daofind_kernel import FloatArray, Kernel


@dataclass(frozen=True)
class Marginal:
    """A Gaussian fitted to the pixels of boxes summed along one axis.

    Attributes
    ----------
    shift
        Centre of the Gaussian from the box's middle, pixels, shape (n,); nan without a height.
    height
        Its height, in weighted sums of pixels, shape (n,).
    """

    shift: FloatArray
    height: FloatArray


def fit_marginals(boxes: FloatArray, kernel: Kernel) -> tuple[Marginal, Marginal]:
    """Fit a Gaussian to the sums along the columns and along the rows.

    With the marginal ``D`` of the pixels and ``G`` of the kernel's Gaussian (both summed with
    triangular weights across, and fitted with triangular weights ``w`` along), the height ``h``
    minimises ``sum w * (D - h*G - sky)**2``, and the shift is the first step towards the minimum
    of the same sum over the centre of ``G``::

        h = (<GD> - <G><D>/<1>) / (<GG> - <G>**2/<1>)
        shift = sigma**2 * <k G D> / (h * <(k G)**2>)

    ``<.>`` is the sum with weights ``w``, ``k`` the pixel from the middle.  A shift out of the
    box is replaced by the first moment ``<k D> / (h * <G>)``, and by 0 if that is outside too.

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
    in_x = _fit(
        np.einsum("nyx,y->nx", boxes, across_y), across_y @ kernel.gaussian, kernel.sigma_x
    )
    in_y = _fit(
        np.einsum("nyx,x->ny", boxes, across_x), kernel.gaussian @ across_x, kernel.sigma_y
    )
    return in_x, in_y


def roundness_of_heights(heights: FloatArray) -> NDArray[np.float64]:
    """First roundness: twofold over fourfold symmetry of the convolved image.

    Parameters
    ----------
    heights
        Convolved pixels around each source, shape (n, ny, nx), ny and nx odd.

    Returns
    -------
    numpy.ndarray
        Shape (n,): 0 for a round star, negative for one long in x, positive for one long in y.
    """
    middle_y, middle_x = heights.shape[1] // 2, heights.shape[2] // 2
    signs = np.ones(heights.shape[1:])
    signs[middle_y:, :middle_x] = -1.0
    signs[: middle_y + 1, middle_x + 1 :] = -1.0
    signs[middle_y, middle_x] = 0.0
    twofold = np.einsum("nyx,yx->n", heights, signs)
    fourfold = np.einsum("nyx,yx->n", np.abs(heights), np.abs(signs))
    return np.divide(2.0 * twofold, fourfold, out=np.zeros_like(twofold), where=fourfold > 0.0)


def sharpness(boxes: FloatArray, heights: FloatArray, kernel: Kernel) -> NDArray[np.float64]:
    """Middle pixel above the mean of the others of the kernel, over the fitted height.

    Parameters
    ----------
    boxes
        Pixels around each source, shape (n, ny, nx) of the kernel.
    heights
        Fitted height at each source, positive, shape (n,).
    kernel
        The Gaussian.

    Returns
    -------
    numpy.ndarray
        Shape (n,): near 1 for a single bright pixel, towards 0 for a broad source.
    """
    around = kernel.support.copy()
    around[kernel.half_y, kernel.half_x] = False
    middle = boxes[:, kernel.half_y, kernel.half_x]
    return np.asarray((middle - boxes[:, around].mean(axis=1)) / heights)


def _triangle(half: int) -> FloatArray:
    """Weights 1, 2, … half + 1, … 2, 1."""
    return half + 1.0 - np.abs(np.arange(-half, half + 1))


def _fit(data: FloatArray, gaussian: FloatArray, sigma: float) -> Marginal:
    """Fit of all boxes along one axis: data of shape (n, m), Gaussian of shape (m,)."""
    half = gaussian.size // 2
    w, k, g = _triangle(half), np.arange(-half, half + 1.0), gaussian
    sum_g, sum_d, sum_1 = w @ g, data @ w, w.sum()
    height = (data @ (w * g) - sum_g * sum_d / sum_1) / (w @ g**2 - sum_g**2 / sum_1)
    fitted = np.where(height > 0.0, height, np.nan)
    shift = sigma**2 * (data @ (w * k * g)) / (fitted * (w @ (k * g) ** 2))
    moment = (data @ (w * k)) / (fitted * sum_g)
    shift = np.where(np.abs(shift) > half, moment, shift)
    return Marginal(np.where(np.abs(shift) > half, 0.0, shift), height)
