"""The kernel of DAOFIND and the image convolved with it.

Stetson (1987, PASP 99, 191): the height of the Gaussian that fits the pixels around a pixel best,
above a constant background, is a weighted sum of these pixels whose weights add up to zero. The
weights are those of `photutils.detection.DAOStarFinder`, which follow IRAF's rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.sky_noise import RealPixels

FloatImage = NDArray[np.float32]
BoolImage = BoolArray


@dataclass(frozen=True)
class Kernel:
    """A truncated elliptical Gaussian and the weights that fit its height.

    All arrays have the shape (2*half_y + 1, 2*half_x + 1); the Gaussian sits on the middle pixel.

    Attributes
    ----------
    gaussian
        Height 1, not truncated.
    support
        True inside ``nsigma`` Gaussian sigma, and inside 2 pixels.
    weights
        What a pixel adds to the fitted height; zero outside the support, zero in sum.
    sigma_x, sigma_y
        Gaussian sigma that the centroids assume along x and y, in pixels.
    options
        The arguments with which `photutils.detection.DAOStarFinder` makes it.
    """

    gaussian: FloatArray
    support: BoolImage
    weights: FloatArray
    sigma_x: float
    sigma_y: float
    options: Mapping[str, float]

    @property
    def half_x(self) -> int:
        """Columns on each side of the middle one."""
        return int(self.gaussian.shape[1] // 2)

    @property
    def half_y(self) -> int:
        """Rows on each side of the middle one."""
        return int(self.gaussian.shape[0] // 2)


def make_kernel(*, conv_width: float, nsigma: float, ratio: float, theta: float) -> Kernel:
    """Return photutils' kernel of DAOFIND.

    With ``u`` along the major axis and ``v`` across it the Gaussian is
    ``exp(-(u**2 + v**2 / ratio**2) / (2 * sigma**2))``, ``sigma = conv_width / 2.3548``.

    Parameters
    ----------
    conv_width
        Full width at half maximum along the major axis, in pixels.
    nsigma
        Where the Gaussian is cut, in units of its sigma.
    ratio
        Minor over major axis, above 0 and up to 1.
    theta
        Direction of the major axis, degrees counter-clockwise from x.

    Returns
    -------
    Kernel
        The Gaussian and the weights.
    """
    from tweakreg_steps.finding.star_finders import DAOStarFinder

    options = {"fwhm": conv_width, "sigma_radius": nsigma, "ratio": ratio, "theta": theta}
    kernel = DAOStarFinder(threshold=0.0, **options).kernel
    return Kernel(
        gaussian=kernel.gaussian_kernel_unmasked,
        support=kernel.mask.astype(np.bool_),
        weights=kernel.data,
        sigma_x=float(kernel.x_sigma),
        sigma_y=float(kernel.y_sigma),
        options=options,
    )


def fit_heights(pixels: RealPixels, kernel: Kernel) -> FloatImage:
    """Return the height of the best Gaussian at every pixel, above a constant local background.

    Beyond its edges the image is mirrored.  Pixels that are not finite do not take part: around
    them the Gaussian is fitted to the rest of the kernel's pixels, and where less than half of
    these are left the height is zero.

    Parameters
    ----------
    pixels
        Shape (ny, nx), any byte order.
    kernel
        The Gaussian.

    Returns
    -------
    numpy.ndarray
        Shape (ny, nx), in the unit of the pixels.
    """
    framed = _frame(pixels, kernel)
    finite = np.isfinite(framed)
    if finite.all():
        return _correlate(framed, kernel.weights, kernel.support)
    framed[~finite] = 0.0
    heights = _correlate(framed, kernel.weights, kernel.support)
    return _refit(heights, framed, finite, kernel)


def _frame(pixels: RealPixels, kernel: Kernel) -> FloatImage:
    """Mirrored edges around the image, and its level taken off.

    The weights add up to zero only in exact arithmetic: without its level the image keeps its
    precision, so that a constant added to it changes nothing.
    """
    coarse = pixels[:: tuning.LEVEL_STEP, :: tuning.LEVEL_STEP].astype(np.float64)
    coarse = coarse[np.isfinite(coarse)]
    level = float(np.median(coarse)) if coarse.size else 0.0
    ny, nx = pixels.shape
    by, bx = kernel.half_y, kernel.half_x
    framed = np.empty((ny + 2 * by, nx + 2 * bx), dtype=np.float32)
    with np.errstate(over="ignore"):  # what is too large for single precision is no data
        np.subtract(pixels, level, out=framed[by : ny + by, bx : nx + bx], casting="same_kind")
    framed[:by] = framed[2 * by - 1 : by - 1 : -1]
    framed[ny + by :] = framed[ny + by - 1 : ny - 1 : -1]
    framed[:, :bx] = framed[:, 2 * bx - 1 : bx - 1 : -1]
    framed[:, nx + bx :] = framed[:, nx + bx - 1 : nx - 1 : -1]
    return framed


def _correlate(framed: FloatImage, weights: FloatArray, support: BoolImage) -> FloatImage:
    """Weighted sum of the pixels around each pixel inside the frame.

    Direct sums: at the sizes of stellar kernels they take a fifth of a Fourier transform's time,
    and their rounding errors stay where the bright pixels are.
    """
    by, bx = weights.shape[0] // 2, weights.shape[1] // 2
    ny, nx = framed.shape[0] - 2 * by, framed.shape[1] - 2 * bx
    sums = np.zeros((ny, nx), dtype=np.float32)
    rows = max(1, tuning.STRIP // nx)
    part = np.empty((rows, nx), dtype=np.float32)
    groups = _equal_weights(weights, support)
    for start in range(0, ny, rows):
        stop = min(start + rows, ny)
        same = part[: stop - start]
        for weight, places in groups:
            total, *others = (framed[start + j : stop + j, i : i + nx] for j, i in places)
            for more in others:
                total = np.add(total, more, out=same)
            sums[start:stop] += np.multiply(total, weight, out=same)
    return sums


def _equal_weights(
    weights: FloatArray, support: BoolImage
) -> list[tuple[np.float32, list[tuple[int, int]]]]:
    """Array indices of the support grouped by weight: adding first saves multiplications."""
    groups: dict[np.float32, list[tuple[int, int]]] = {}
    for place in zip(*(index.tolist() for index in np.nonzero(support)), strict=True):
        groups.setdefault(np.float32(weights[place]), []).append(place)
    return list(groups.items())


def _refit(
    heights: FloatImage, framed: FloatImage, finite: BoolImage, kernel: Kernel
) -> FloatImage:
    """Heights fitted to the finite pixels alone, where some around a pixel are not finite."""
    one = kernel.support.astype(np.float64)
    g = kernel.gaussian * one
    present = finite.astype(np.float32)
    n, sum_g, sum_gg = (_correlate(present, w, kernel.support) for w in (one, g, g**2))
    sum_d, sum_gd = (_correlate(framed, w, kernel.support) for w in (one, g))
    whole = n > one.sum() - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        refitted = (sum_gd - sum_g * sum_d / n) / (sum_gg - sum_g**2 / n)
    refitted[n < tuning.LEAST_DATA * one.sum()] = 0.0
    return np.where(whole, heights, refitted)
