"""Source finding: DAOFIND on one chip, with the parameters of ``imagefindpars``.

Stetson (1987, PASP 99, 191) as IRAF and TweakReg have it: the same thresholds select the same
stars.  Unlike TweakReg, blended stars are told apart (`tweakreg_steps.finding.daofind_objects`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.daofind_kernel import FloatImage, Kernel, fit_heights, make_kernel
from tweakreg_steps.finding.daofind_measure import Stars, measure_roundness, measure_stars
from tweakreg_steps.finding.daofind_objects import Objects, find_objects, joint_centres
from tweakreg_steps.finding.limits import strictly_between
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.finding.threshold import Threshold, find_above


@dataclass(frozen=True)
class ChipSources:
    """What was found on one chip, and above which threshold."""

    stars: Stars
    above: Threshold

    @property
    def errors(self) -> FloatArray:
        """Standard error of each centre along one axis that the noise of the sky gives, pixels."""
        return self.stars.noise_response * self.above.pixel_noise


def find_sources_on_chip(
    pixels: RealPixels,
    good: BoolArray,
    *,
    counts_per_unit: float | None,
    computesig: bool,
    skysigma: float,
    conv_width: float,
    threshold: float | None,
    peakmin: float | None,
    peakmax: float | None,
    fluxmin: float | None,
    fluxmax: float | None,
    nsigma: float,
    ratio: float,
    theta: float,
    use_sharp_round: bool,
    sharplo: float,
    sharphi: float,
    roundlo: float,
    roundhi: float,
) -> ChipSources:
    """Find the sources of one chip.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False where no source may be, shape (ny, nx); ``imagefindpars.dqbits`` is in it.
    counts_per_unit, computesig, skysigma, threshold
        See `tweakreg_steps.finding.threshold.find_above`.
    conv_width, peakmin, peakmax, fluxmin, fluxmax, nsigma, ratio, theta, use_sharp_round, \
sharplo, sharphi, roundlo, roundhi
        See :func:`find_stars`.

    Returns
    -------
    ChipSources
        The sources, in order of rows, and the threshold.

    Raises
    ------
    NotAlignedError
        The noise has to be measured and no pixel is finite (``no_pixels``).
    """
    find = partial(
        find_stars,
        pixels,
        good,
        conv_width=conv_width,
        peakmin=peakmin,
        peakmax=peakmax,
        fluxmin=fluxmin,
        fluxmax=fluxmax,
        nsigma=nsigma,
        ratio=ratio,
        theta=theta,
        use_sharp_round=use_sharp_round,
        sharplo=sharplo,
        sharphi=sharphi,
        roundlo=roundlo,
        roundhi=roundhi,
    )
    stars, above = find_above(
        lambda level: find(threshold_level=level),
        pixels,
        counts_per_unit=counts_per_unit,
        computesig=computesig,
        skysigma=skysigma,
        threshold=threshold,
    )
    return ChipSources(stars, above)


def find_stars(
    pixels: RealPixels,
    good: BoolArray,
    *,
    threshold_level: float,
    conv_width: float,
    peakmin: float | None,
    peakmax: float | None,
    fluxmin: float | None,
    fluxmax: float | None,
    nsigma: float,
    ratio: float,
    theta: float,
    use_sharp_round: bool,
    sharplo: float,
    sharphi: float,
    roundlo: float,
    roundhi: float,
) -> Stars:
    """Find the stars of an image that stand above a level.

    The height of the best Gaussian is fitted at every pixel; what is above the threshold is
    divided into objects; each is measured in the kernel's box around its centre.  An object that
    is not round (a piece of a cosmic ray's track) is measured, as TweakReg does, in the box at
    the centre of all that is above the threshold around it.

    Masked pixels (``good`` False) keep their values in the fits, so that a star near them does
    not change; an object whose highest pixel is masked is no source.  Pixels that are not finite
    take no part in the fits, and a source with one in its box is left out, like one at an edge.

    Parameters
    ----------
    pixels
        Shape (ny, nx), any byte order.
    good
        False where no source may be, shape (ny, nx).
    threshold_level
        Height of the Gaussian that a source must exceed, in the unit of the pixels.
    conv_width
        Full width at half maximum of the Gaussian along its major axis, pixels.
    peakmin, peakmax, fluxmin, fluxmax
        The peak and the flux lie strictly between; None for no limit.
    nsigma
        Where the Gaussian is cut, in units of its sigma.
    ratio
        Minor over major axis of the Gaussian.
    theta
        Direction of its major axis, degrees counter-clockwise from x.
    use_sharp_round
        Leave out sources whose sharpness or roundnesses are not within the following limits.
    sharplo, sharphi
        Limits of the sharpness, inclusive.
    roundlo, roundhi
        Limits of both roundnesses, inclusive.

    Returns
    -------
    Stars
        In order of the rows of their highest pixels.
    """
    kernel = make_kernel(conv_width=conv_width, nsigma=nsigma, ratio=ratio, theta=theta)
    if pixels.shape[0] <= 2 * kernel.half_y + 2 or pixels.shape[1] <= 2 * kernel.half_x + 2:
        return Stars(*(np.empty(0) for _ in fields(Stars)))
    heights = fit_heights(pixels, kernel)
    objects = find_objects(heights, threshold_level=threshold_level)
    allowed = objects.inside(pixels.shape, kernel) & good[objects.peak_row, objects.peak_column]
    stars = _measure(pixels, good, heights, objects[allowed], kernel, threshold_level)
    kept = strictly_between(stars.peak, peakmin, peakmax) & strictly_between(
        stars.flux, fluxmin, fluxmax
    )
    if use_sharp_round:
        kept &= (stars.sharpness >= sharplo) & (stars.sharpness <= sharphi)
        for roundness in (stars.roundness1, stars.roundness2):
            kept &= (roundness >= roundlo) & (roundness <= roundhi)
    return stars[kept]


def _measure(
    pixels: RealPixels,
    good: BoolArray,
    heights: FloatImage,
    objects: Objects,
    kernel: Kernel,
    threshold_level: float,
) -> Stars:
    """Measure each object in the box of its kind; what cannot be measured is left out."""
    row, column = _middle(objects.row), _middle(objects.column)
    odd = ~(np.abs(measure_roundness(pixels, row, column, kernel)) <= tuning.ROUND)
    joint_row, joint_column = joint_centres(
        heights, good, objects[odd], kernel, threshold_level=threshold_level
    )
    ny, nx = pixels.shape
    row[odd] = _middle(joint_row).clip(kernel.half_y, ny - 1 - kernel.half_y)
    column[odd] = _middle(joint_column).clip(kernel.half_x, nx - 1 - kernel.half_x)
    stars = _flat_tops(measure_stars(pixels, row, column, kernel), pixels, objects)
    measured = np.flatnonzero(np.isfinite(stars.x + stars.y))
    stars, height = stars[measured], heights[row[measured], column[measured]]
    return stars[_distinct(stars, height)]


def _middle(centroid: FloatArray) -> IndexArray:
    """Pixels that centroids fall on."""
    return np.floor(centroid + 0.5).astype(np.intp)


def _flat_tops(stars: Stars, pixels: RealPixels, objects: Objects) -> Stars:
    """Put saturated stars, flat in all their box, at the centroid of their rim."""
    level = pixels[objects.peak_row, objects.peak_column]
    middle = pixels[_middle(objects.row), _middle(objects.column)]
    flat = ~np.isfinite(stars.x + stars.y) & (stars.peak == level) & (middle == level)
    return replace(
        stars,
        x=np.where(flat, objects.column + 1.0, stars.x),
        y=np.where(flat, objects.row + 1.0, stars.y),
        sharpness=np.where(flat, 0.0, stars.sharpness),
        roundness1=np.where(flat, 0.0, stars.roundness1),
        roundness2=np.where(flat, 0.0, stars.roundness2),
    )


def _distinct(stars: Stars, height: NDArray[np.float32]) -> BoolArray:
    """Tell the highest of sources whose centres are the same."""
    order = np.argsort(stars.y, kind="stable")
    x, y, height = stars.x[order], stars.y[order], height[order]
    same = np.zeros(len(stars), dtype=np.bool_)
    for step in range(1, len(stars)):
        near = y[step:] - y[:-step] <= tuning.SAME
        if not near.any():
            break
        first = np.flatnonzero(near & (np.abs(x[step:] - x[:-step]) <= tuning.SAME))
        lower = np.where(height[first] < height[first + step], first, first + step)
        same[order[lower]] = True
    return ~same
