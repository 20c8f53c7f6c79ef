"""What the fit of the PSF tells of a source: place, errors, and whether it is a star."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntFlag

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.group_fit import GroupFit
from tweakreg_steps.psf.pixel_boxes import Boxes

Index = IndexArray

SIGNIFICANT = 3.0
"""Standard deviations of chi square beyond which it is not chance: one good star in 500 is so."""

UNLIKE = 0.1
"""Sum of the absolute residuals, over the flux and above what the noise gives, from which on a
source is not like the PSF.

Painted stars have 0.01 with their own PSF and 0.03 with one that is 30 nm out of focus; of cosmic
rays and hot pixels 96 to 100 % are beyond it and significantly so, and 0.6 % of the stars."""

MEAN_DEVIATION = 0.8
"""Mean absolute deviation of normal noise in standard deviations: sqrt(2 / pi)."""


class Flag(IntFlag):
    """What is to be known of a fitted source."""

    BLENDED = 1
    """Fitted together with neighbours."""
    LEFT_OUT = 2
    """Pixels of its core were left out: masked, saturated, or off the image."""
    WINGS = 4
    """Measured from its wings, with a larger box."""
    NOT_MEASURED = 8
    """Too few usable pixels, or no fit: x, y are those it was given, its error is nan."""
    NOTHING = 16
    """Not measured because no light of its own is left beside brighter sources: a piece of them."""
    NARROW = 32
    """No PSF fits it, its light is in fewer pixels: a cosmic ray, a hot pixel."""
    EXTENDED = 64
    """No PSF fits it, its light is in more pixels: a galaxy, a blend."""


@dataclass(frozen=True, eq=False)
class PsfPositions:
    """Sources as the PSF fits them; arrays of shape (n,).

    Attributes
    ----------
    x, y
        Centres in FITS pixels: the centre of the first pixel is 1.0.
    flux
        Total flux above the local sky, in the unit of the pixels times pixels.
    sky
        Local sky, in the unit of the pixels; one for all members of a group.
    xx, yy, xy
        Covariance of x and y in square pixels; nan where not measured.
    flux_error
        Standard error of the flux.
    quality
        Sum of the absolute residuals of the core over the flux: 0 for a perfect fit.
    chi2
        Reduced chi square of the core; nan without degrees of freedom.
    n_pixels
        Pixels that were used.
    flags
        See `Flag`.
    converged
        Whether the fit came to an end.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    sky: FloatArray
    xx: FloatArray
    yy: FloatArray
    xy: FloatArray
    flux_error: FloatArray
    quality: FloatArray
    chi2: FloatArray
    n_pixels: Index
    flags: Index
    converged: BoolArray

    def __len__(self) -> int:
        return len(self.x)

    @property
    def errors(self) -> FloatArray:
        """Standard error of a centre along one axis, rms over both, in pixels.

        Where the pixels differ from the model by more than their noise, as they do for bright
        stars with a wrong PSF, by so much more: ``sqrt(chi2)`` times that of the covariance.
        """
        worse = np.where(_is_misfit(self.chi2, self.n_pixels), self.chi2, 1.0)
        return np.asarray(np.sqrt((self.xx + self.yy) / 2.0 * worse))

    def errors_with(self, psf_error: float) -> FloatArray:
        """Give `errors` of a fit whose PSF adds one of its own along each axis, in pixels.

        What the PSF adds makes residuals, too: of the two larger errors one counts.
        """
        noise = np.sqrt((self.xx + self.yy) / 2.0)
        return np.asarray(np.maximum(self.errors, np.hypot(noise, psf_error)))

    @property
    def is_star(self) -> BoolArray:
        """Whether a source may be a star, or a galaxy, shape (n,)."""
        return np.asarray((self.flags & int(Flag.NOTHING | Flag.NARROW)) == 0)

    def __getitem__(self, chosen: Index | BoolArray) -> PsfPositions:
        return PsfPositions(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def put(self, chosen: Index, others: PsfPositions) -> PsfPositions:
        """Return the sources with the chosen ones replaced."""
        merged = [getattr(self, field.name).copy() for field in fields(self)]
        for values, field in zip(merged, fields(self), strict=True):
            values[chosen] = getattr(others, field.name)
        return PsfPositions(*merged)


def describe_sources(fit: GroupFit, boxes: Boxes) -> PsfPositions:
    """Describe the sources of groups one by one."""
    n, g = fit.x.shape
    residual, deviation = (a.reshape(n * g, -1) for a in (fit.residual, fit.deviation))
    residual = np.where(boxes.usable, residual, 0.0)
    count = boxes.usable.sum(axis=1)
    freedom = count - 3.0 - 1.0 / g
    square = np.sum((residual / deviation) ** 2, axis=1)
    at_x = 3 * np.arange(g)
    at_y, at_flux = at_x + 1, at_x + 2
    covariance = fit.covariance
    flux = fit.flux.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):  # where all pixels hold the same
        quality = np.abs(residual).sum(axis=1) / flux
        noise = MEAN_DEVIATION * np.where(boxes.usable, deviation, 0.0).sum(axis=1) / flux
    chi2 = np.where(freedom > 0.0, square / np.maximum(freedom, 1.0), np.nan)
    unlike = (quality - noise > UNLIKE) & _is_misfit(chi2, count)
    narrow = _is_peaked(boxes, residual, deviation)
    kind = np.where(narrow, int(Flag.NARROW), int(Flag.EXTENDED))
    flags: Index = np.where(unlike, kind, 0) | (int(Flag.BLENDED) if g > 1 else 0)
    return PsfPositions(
        x=fit.x.ravel(),
        y=fit.y.ravel(),
        flux=flux,
        sky=np.repeat(fit.sky, g),
        xx=covariance[:, at_x, at_x].ravel(),
        yy=covariance[:, at_y, at_y].ravel(),
        xy=covariance[:, at_x, at_y].ravel(),
        flux_error=np.sqrt(covariance[:, at_flux, at_flux]).ravel(),
        quality=quality,
        chi2=chi2,
        n_pixels=count,
        flags=flags,
        converged=np.repeat(fit.converged, g),
    )


def unmeasured(x: FloatArray, y: FloatArray) -> PsfPositions:
    """Return sources of which only the position is known."""
    unknown = np.full(len(x), np.nan)
    none = np.zeros(len(x), dtype=np.intp)
    return PsfPositions(
        x=x.astype(np.float64),
        y=y.astype(np.float64),
        flux=unknown,
        sky=unknown,
        xx=unknown,
        yy=unknown,
        xy=unknown,
        flux_error=unknown,
        quality=unknown,
        chi2=unknown,
        n_pixels=none,
        flags=none,
        converged=np.zeros(len(x), dtype=np.bool_),
    )


def _is_misfit(chi2: FloatArray, n_pixels: Index) -> BoolArray:
    """Tell which sources the PSF does not fit within the noise."""
    freedom = np.maximum(n_pixels - 4.0, 1.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(chi2 > 1.0 + SIGNIFICANT * np.sqrt(2.0 / freedom))


def _is_peaked(boxes: Boxes, residual: FloatArray, deviation: FloatArray) -> BoolArray:
    """Tell where the brightest pixel stands out of the four beside it, after the fit.

    It is looked for in and beside the middle of each box.
    """
    side = boxes.side
    step = np.arange(side) - side // 2
    middle = np.maximum(np.abs(step), np.abs(step)[:, None]).ravel() <= 1
    at = np.where(boxes.usable & middle, boxes.values, -np.inf).argmax(axis=1)
    near = at[:, None] + np.array([-side, -1, 1, side])
    beside = np.take_along_axis(residual, near, axis=1).mean(axis=1)
    noise = np.take_along_axis(deviation, near, axis=1)
    own = np.take_along_axis(residual, at[:, None], axis=1)[:, 0]
    own_noise = np.take_along_axis(deviation, at[:, None], axis=1)[:, 0]
    variance = own_noise**2 + (noise**2).sum(axis=1) / near.shape[1] ** 2
    return np.asarray(own - beside > SIGNIFICANT * np.sqrt(variance))
