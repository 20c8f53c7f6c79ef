"""Positions, fluxes and local skies of all sources of a chip by fitting the PSF.

Sources whose fitting boxes overlap are fitted together (`tweakreg_steps.psf.group_fit`); the light
of those farther away is taken from the pixels between rounds. What has its middle masked is
measured from its wings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.psf.group_fit import TOLERANCE, Bounds, GroupFit, GroupPixels, fit_groups
from tweakreg_steps.psf.grouping import group_sources, near_pairs
from tweakreg_steps.psf.pixel_boxes import Boxes, ChipPixels, disc
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Index = NDArray[np.intp]

CORE = 1.6
"""Radius of the fitted pixels in full widths at half maximum.

With a well sampled PSF the position is then known to 1.01 of what all pixels of the star tell
(measured with 1e3 to 1e6 electrons); a radius of 1.1 leaves 1.07 at 1e5.
"""

ROUNDING = 0.3
"""Pixels added to a radius so that the disc is round: 21 pixels for 2, 37 for 3."""

WINGS = 4.0
"""The same, where the middle of a star has to be left out."""

LARGEST_GROUP = 6
"""Sources fitted together; the matrices grow with the square, and the pieces of the PSF too."""

PASSES = 3
"""Rounds in which the light of neighbours outside the group is taken away."""

PIECE = 512
"""Sources times members of a group that are fitted at a time: what stays in the cache."""

MOST_OF_CORE = 0.8
"""Part of the core's pixels without which a source is measured from its wings."""

FELT = 0.05
"""Light of a neighbour that is taken away, in units of the sky's noise of a pixel."""

FARTHEST, FARTHEST_IN_WINGS = 1.5, 2.5
"""Pixels, in x and in y, from the place it was found at to where a source may be measured."""

SIGNIFICANT = 3.0
"""Standard deviations of chi square beyond which it is not chance: one good star in 500 is so."""

UNLIKE = 0.1
"""Sum of the absolute residuals, over the flux and above what the noise gives, from which on a
source is not like the PSF.

Painted stars have 0.01 with their own PSF and 0.03 with one that is 30 nm out of focus; of cosmic
rays and hot pixels 96 to 100 % are beyond it and significantly so, and 0.6 % of the stars."""

MEAN_DEVIATION = 0.8
"""Mean absolute deviation of normal noise in standard deviations: sqrt(2 / pi)."""

ONE = 0.6
"""Full widths at half maximum within which two sources are taken for one: what a finder makes of
the jagged top of one star. Two stars so near have one maximum."""

OWN = 1.3
"""A source's pixel in units of the light of its brighter neighbours there, above which it is one:
what rings and spikes of a bright star rise above the PSF by."""

ROUGH = 1.5
"""Radius in pixels of the light that a first flux is estimated from."""

LEAST_SIGNAL = 2.0
"""Flux in units of its error below which there is no source."""

LARGEST_ERROR = 1.0
"""Pixels; what is less well known is not measured."""

LEAST_PIXELS = 6
"""Usable pixels without which a source is not measured: two more than it has unknowns."""


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

    @property
    def is_star(self) -> BoolArray:
        """Whether a source may be a star, or a galaxy, shape (n,)."""
        return (self.flags & (Flag.NOTHING | Flag.NARROW)) == 0

    def __getitem__(self, chosen: Index | BoolArray) -> PsfPositions:
        return PsfPositions(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def put(self, chosen: Index, others: PsfPositions) -> PsfPositions:
        """Return the sources with the chosen ones replaced."""
        merged = [getattr(self, field.name).copy() for field in fields(self)]
        for values, field in zip(merged, fields(self), strict=True):
            values[chosen] = getattr(others, field.name)
        return PsfPositions(*merged)


def fit_positions(
    pixels: RealPixels,
    good: BoolArray,
    psf: PsfGrid,
    noise: PixelNoise,
    x: FloatArray,
    y: FloatArray,
) -> PsfPositions:
    """Fit the PSF to all sources of a chip.

    Parameters
    ----------
    pixels
        Shape (ny, nx).
    good
        False where a pixel must not be used: masked, saturated, flagged; shape (ny, nx). Pixels
        that are not finite are left out in any case.
    psf
        The PSF of the chip.
    noise
        The noise of its pixels.
    x, y
        Where the sources were found, to a pixel; FITS pixels, shape (n,).

    Returns
    -------
    PsfPositions
        In the given order.
    """
    chip = _Chip(ChipPixels(pixels, good, noise), psf, core_radius(psf))
    found = _unmeasured(x, y)
    if not len(found):
        return found
    layout = _lay_out(chip, x, y)
    found, layout = _fit_real(chip, layout, found, None, layout.all_groups())
    for _ in range(PASSES - 1):
        pairs = _outside_pairs(chip, layout, found)
        if not len(pairs):
            break
        near = np.unique(layout.group[pairs[:, 0]])
        found, layout = _fit_real(chip, layout, found, pairs, near)
    return _flag(found, layout, x, y)


def _is_misfit(chi2: FloatArray, n_pixels: Index) -> BoolArray:
    """Tell which sources the PSF does not fit within the noise."""
    freedom = np.maximum(n_pixels - 4.0, 1.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(chi2 > 1.0 + SIGNIFICANT * np.sqrt(2.0 / freedom))


def core_radius(psf: PsfGrid) -> float:
    """Give the radius in pixels of the disc of pixels that is fitted."""
    whole = max(2, round(CORE * full_width(psf)))
    return min(whole, int(psf.radius) - 1) + ROUNDING


@dataclass(frozen=True, eq=False)
class _Chip:
    """A chip, its PSF, and the radius of the pixels that are fitted."""

    pixels: ChipPixels
    psf: PsfGrid
    radius: float

    @property
    def wing_radius(self) -> float:
        """Radius in pixels for a star without a middle."""
        whole = round(WINGS * full_width(self.psf))
        return min(whole, int(self.psf.radius) - 1) + ROUNDING


@dataclass(frozen=True, eq=False)
class _Layout:
    """Which sources are fitted how; arrays of shape (n,).

    Attributes
    ----------
    group
        Number of the group that a source is fitted in; -1 where it cannot be.
    in_wings
        Whether a source is fitted with the larger radius, alone.
    whole
        Whether all pixels of its core can be used.
    second
        Whether a source is taken for a part of another one.
    x, y
        Where a source was found.
    """

    group: Index
    in_wings: BoolArray
    whole: BoolArray
    second: BoolArray
    x: FloatArray
    y: FloatArray

    def without(self, nothing: BoolArray) -> _Layout:
        """Return the same with some sources in no group."""
        return replace(self, group=np.where(nothing, -1, self.group))

    def is_alone(self) -> BoolArray:
        """Tell which sources are the only members of their groups."""
        _, inverse, size = np.unique(self.group, return_inverse=True, return_counts=True)
        return (size[inverse] == 1) & (self.group >= 0)

    def all_groups(self) -> Index:
        """Numbers of the groups."""
        return np.unique(self.group[self.group >= 0])

    def by_size(self, groups: Index) -> Iterator[Index]:
        """Give, for each kind and size of groups, the members, shape (m, g)."""
        chosen = np.flatnonzero(np.isin(self.group, groups))
        order = chosen[np.argsort(self.group[chosen], kind="stable")]
        _, start, size = np.unique(self.group[order], return_index=True, return_counts=True)
        wings = self.in_wings[order[start]]
        for kind in (False, True):
            for g in np.unique(size[wings == kind]):
                first = start[(wings == kind) & (size == g)]
                yield order[first[:, None] + np.arange(g)]


def _lay_out(chip: _Chip, x: FloatArray, y: FloatArray) -> _Layout:
    """Group the sources; those without a middle go alone, with their wings."""
    known = np.isfinite(x) & np.isfinite(y)
    core, wings = np.zeros(len(x), dtype=np.intp), np.zeros(len(x), dtype=np.intp)
    for some in np.array_split(np.flatnonzero(known), 1 + len(x) // PIECE):
        core[some] = chip.pixels.boxes(x[some], y[some], chip.radius).usable.sum(axis=1)
    full = np.count_nonzero(disc(chip.radius))
    in_wings = known & (core < MOST_OF_CORE * full)
    few = np.flatnonzero(in_wings)
    wings[few] = chip.pixels.boxes(x[few], y[few], chip.wing_radius).usable.sum(axis=1)
    group = np.full(len(x), -1)
    second = _is_second(chip, x, y, known)
    known, in_wings = known & ~second, in_wings & ~second
    together = np.flatnonzero(known & ~in_wings)
    group[together] = group_sources(
        x[together], y[together], distance=2.0 * chip.radius, largest=LARGEST_GROUP
    )
    alone = np.flatnonzero(in_wings & (wings >= LEAST_PIXELS))
    group[alone] = group.max(initial=-1) + 1 + np.arange(len(alone))
    return _Layout(group, in_wings, core == full, second, x, y)


def _is_second(chip: _Chip, x: FloatArray, y: FloatArray, known: BoolArray) -> BoolArray:
    """Tell which sources are only a piece of a brighter neighbour.

    They are too near to it to be told apart, or their pixel holds hardly more than its light.
    """
    second = np.zeros(len(x), dtype=np.bool_)
    some = np.flatnonzero(known)
    if not some.size:
        return second
    x, y = x[some], y[some]
    flux = _rough_flux(chip, x, y)
    source, other = near_pairs(x, y, chip.psf.radius).T
    fainter = flux[source] < flux[other]
    fainter |= (flux[source] == flux[other]) & (source > other)
    source, other = source[fainter], other[fainter]
    near = np.hypot(x[source] - x[other], y[source] - y[other]) < ONE * full_width(chip.psf)
    second[some[source[near]]] = True
    pixel = chip.pixels.boxes(x, y, 0.0)
    there = flux[other] > 0.0
    source, other = source[there], other[there]
    light = pixel.light_of(chip.psf, x[other], y[other], flux[other], source)
    noise = np.sqrt(pixel.variance + chip.pixels.noise.per_unit * light)
    above = pixel.values - chip.pixels.noise.sky - OWN * light
    second[some[(light > 0.0)[:, 0] & (above < 3.0 * noise)[:, 0] & pixel.usable[:, 0]]] = True
    return second


def _rough_flux(chip: _Chip, x: FloatArray, y: FloatArray) -> FloatArray:
    """Estimate fluxes from the pixels next to each place, and the PSF there."""
    boxes = chip.pixels.boxes(x, y, ROUGH)
    light = boxes.light_of(chip.psf, x, y, np.ones(len(x)), np.arange(len(x)))
    above = np.where(boxes.usable, boxes.values - chip.pixels.noise.sky, 0.0).sum(axis=1)
    part = np.where(boxes.usable, light, 0.0).sum(axis=1)
    return np.asarray(np.where(part > 0.0, above / np.where(part > 0.0, part, 1.0), 0.0))


def _outside_pairs(chip: _Chip, layout: _Layout, found: PsfPositions) -> Index:
    """List (source, neighbour outside its group whose light reaches its pixels), shape (m, 2)."""
    measured = np.flatnonzero((layout.group >= 0) & np.isfinite(found.xx))
    if not measured.size:
        return np.zeros((0, 2), dtype=np.intp)
    reach = chip.psf.radius + chip.radius
    pairs = measured[near_pairs(found.x[measured], found.y[measured], reach)]
    source, other = pairs.T
    apart = np.hypot(found.x[source] - found.x[other], found.y[source] - found.y[other])
    radius = np.where(layout.in_wings[source], chip.wing_radius, chip.radius)
    light = found.flux[other] * _brightest_at(chip.psf, np.maximum(apart - radius, 0.0))
    seen = light > FELT * np.sqrt(chip.pixels.noise.sky_variance)
    return pairs[seen & (layout.group[source] != layout.group[other])]


def _brightest_at(psf: PsfGrid, distance: FloatArray) -> FloatArray:
    """Give the largest value of the mean PSF at or beyond distances in pixels."""
    mean = psf.images.mean(axis=(0, 1))
    step = np.arange(mean.shape[0]) - (mean.shape[0] - 1) / 2
    ring = np.hypot(step, step[:, None]).astype(np.intp)
    highest = np.zeros(ring.max() + 2)
    np.maximum.at(highest, ring.ravel(), mean.ravel())
    beyond = np.maximum.accumulate(highest[::-1])[::-1]
    index = np.minimum(distance * psf.oversampling, len(beyond) - 1).astype(np.intp)
    return np.asarray(beyond[index])


def _fit_real(
    chip: _Chip, layout: _Layout, found: PsfPositions, pairs: Index | None, groups: Index
) -> tuple[PsfPositions, _Layout]:
    """Fit some groups, and again without those members that turn out to be nothing.

    What a finder takes for a star beside a bright one is often a piece of its rings.
    """
    start = found
    for _ in range(LARGEST_GROUP):
        found = _fit_some(chip, layout, found, pairs, groups)
        nothing = _is_nothing(chip, layout, found, groups)
        if not nothing.any():
            break
        groups = np.unique(layout.group[nothing])
        layout = layout.without(nothing)
        groups = groups[np.isin(groups, layout.group)]
        rest = np.flatnonzero(np.isin(layout.group, groups))
        found = found.put(rest, start[rest])
    return found, layout


def _is_nothing(chip: _Chip, layout: _Layout, found: PsfPositions, groups: Index) -> BoolArray:
    """Tell which members of some groups have no light of their own, or went astray.

    Of a group that has not converged without any such member, the faintest one is suspected.
    """
    member = np.isin(layout.group, groups)
    moved = np.maximum(np.abs(found.x - layout.x), np.abs(found.y - layout.y))
    farthest = np.where(layout.in_wings, FARTHEST_IN_WINGS, FARTHEST)
    with np.errstate(invalid="ignore"):
        sound = (moved < farthest - TOLERANCE) & (found.errors <= LARGEST_ERROR)
        sound &= found.flux >= LEAST_SIGNAL * found.flux_error
    nothing = member & ~sound & ~_is_brightest(layout, found)
    nothing |= member & ~sound & layout.is_alone()
    explained = np.isin(layout.group, layout.group[nothing])
    for group in np.unique(layout.group[member & ~found.converged & ~explained]):
        own = np.flatnonzero(layout.group == group)
        nothing[own[np.argmin(found.flux[own])]] = True
    return nothing


def _is_brightest(layout: _Layout, found: PsfPositions) -> BoolArray:
    """Tell which source is the brightest of its group."""
    order = np.lexsort([np.nan_to_num(found.flux), layout.group])
    last = np.append(layout.group[order][1:] != layout.group[order][:-1], True)
    brightest = np.zeros(len(order), dtype=np.bool_)
    brightest[order[last]] = True
    return brightest


def _fit_some(
    chip: _Chip, layout: _Layout, found: PsfPositions, pairs: Index | None, groups: Index
) -> PsfPositions:
    """Fit some groups anew, starting from what was found."""
    for members in layout.by_size(groups):
        size = members.shape[1]
        for i in range(0, len(members), max(1, PIECE // size**2)):
            part = members[i : i + max(1, PIECE // size**2)]
            found = found.put(part.ravel(), _fit_part(chip, layout, found, pairs, part))
    return found


def _fit_part(
    chip: _Chip, layout: _Layout, found: PsfPositions, pairs: Index | None, members: Index
) -> PsfPositions:
    """Fit some groups of one size, members of shape (m, g)."""
    m, g = members.shape
    x, y = found.x[members], found.y[members]
    in_wings = bool(layout.in_wings[members[0, 0]])
    radius = chip.wing_radius if in_wings else chip.radius
    reach = FARTHEST_IN_WINGS if in_wings else FARTHEST
    bounds = Bounds(layout.x[members], layout.y[members], reach)
    boxes = chip.pixels.boxes(x.ravel(), y.ravel(), radius)
    others = np.zeros_like(boxes.values)
    if pairs is not None:
        box_of = np.full(len(found), -1)
        box_of[members.ravel()] = np.arange(members.size)
        box, other = box_of[pairs[:, 0]], pairs[:, 1]
        there = box >= 0
        other = other[there]
        others = boxes.light_of(
            chip.psf, found.x[other], found.y[other], found.flux[other], box[there]
        )
    data = GroupPixels(
        boxes.values.reshape(m, -1),
        boxes.variance.reshape(m, -1),
        boxes.in_first(g).reshape(m, -1),
        others.reshape(m, -1),
        boxes.left.reshape(m, g),
        boxes.bottom.reshape(m, g),
        boxes.side,
        chip.pixels.noise.per_unit,
        chip.pixels.noise.sky,
    )
    return _sources(fit_groups(chip.psf, data, bounds, x, y), boxes)


def _sources(fit: GroupFit, boxes: Boxes) -> PsfPositions:
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
    quality = np.abs(residual).sum(axis=1) / flux
    chi2 = np.where(freedom > 0.0, square / np.maximum(freedom, 1.0), np.nan)
    noise = MEAN_DEVIATION * np.where(boxes.usable, deviation, 0.0).sum(axis=1) / flux
    unlike = (quality - noise > UNLIKE) & _is_misfit(chi2, count)
    narrow = _is_peaked(boxes, residual, deviation)
    kind = np.where(narrow, int(Flag.NARROW), int(Flag.EXTENDED))
    flags = np.full(n * g, int(Flag.BLENDED) if g > 1 else 0) | np.where(unlike, kind, 0)
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


def _unmeasured(x: FloatArray, y: FloatArray) -> PsfPositions:
    """Sources of which only the position is known."""
    unknown = np.full((8, len(x)), np.nan)
    none = np.zeros(len(x), dtype=np.intp)
    return PsfPositions(
        x.astype(float), y.astype(float), *unknown, none, none, np.zeros(len(x), dtype=np.bool_)
    )


def _flag(found: PsfPositions, layout: _Layout, x: FloatArray, y: FloatArray) -> PsfPositions:
    """Give back the position of what could not be measured, and say so."""
    measured = (layout.group >= 0) & found.converged
    beside = ((found.flags & Flag.BLENDED) > 0) | layout.second
    flags = found.flags | np.where(layout.whole, 0, int(Flag.LEFT_OUT))
    flags |= np.where(layout.in_wings, int(Flag.WINGS), 0)
    flags |= np.where(measured, 0, int(Flag.NOT_MEASURED))
    flags |= np.where(~measured & beside, int(Flag.NOTHING), 0)
    lost = np.flatnonzero(~measured)
    kept = replace(found, flags=flags)
    return kept.put(lost, replace(_unmeasured(x[lost], y[lost]), flags=flags[lost]))
