"""Positions, fluxes and local skies of all sources of a chip by fitting the PSF.

Sources whose fitting boxes overlap are fitted together (`tweakreg_steps.psf.group_fit`); the light
of those farther away is taken from the pixels between rounds. What has its middle masked is
measured from its wings.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.psf.fit_layout import (
    LARGEST_GROUP,
    PIECE,
    FittedChip,
    Layout,
    core_radius,
    lay_out,
    outside_pairs,
)
from tweakreg_steps.psf.group_fit import TOLERANCE, Bounds, GroupPixels, fit_groups
from tweakreg_steps.psf.image_parts import ImageParts
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_positions import Flag, PsfPositions, describe_sources, unmeasured

Index = IndexArray

PASSES = 3
"""Rounds in which the light of neighbours outside the group is taken away."""

FIRST_ROUNDS, ROUNDS = 6, 30
"""Steps of a fit: stars converge in four or so. What has not after the first ones is fitted again,
all of a chip together, and given up after the others."""

FARTHEST, FARTHEST_IN_WINGS = 1.5, 2.5
"""Pixels, in x and in y, from the place it was found at to where a source may be measured."""

LEAST_SIGNAL = 2.0
"""Flux in units of its error below which there is no source."""

LARGEST_ERROR = 1.0
"""Pixels; what is less well known is not measured."""


def fit_positions(
    pixels: RealPixels | ImageParts,
    good: BoolArray | ImageParts,
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
    chip = FittedChip(ChipPixels(pixels, good, noise), psf, core_radius(psf))
    found = unmeasured(x, y)
    if not len(found):
        return found
    layout = lay_out(chip, x, y)
    found, layout = _fit_real(chip, layout, found, None, layout.all_groups())
    for _ in range(PASSES - 1):
        pairs = outside_pairs(chip, layout, found)
        if not len(pairs):
            break
        near = np.unique(layout.group[pairs[:, 0]])
        found, layout = _fit_real(chip, layout, found, pairs, near)
    return _flag(found, layout, x, y)


def _fit_real(
    chip: FittedChip, layout: Layout, found: PsfPositions, pairs: Index | None, groups: Index
) -> tuple[PsfPositions, Layout]:
    """Fit some groups, and again without those members that turn out to be nothing.

    What a finder takes for a star beside a bright one is often a piece of its rings.
    """
    start = found
    for _ in range(LARGEST_GROUP):
        found = _fit_some(chip, layout, found, pairs, groups)
        nothing = _is_nothing(layout, found, groups)
        if not nothing.any():
            break
        groups = np.unique(layout.group[nothing])
        layout = layout.without(nothing)
        groups = groups[np.isin(groups, layout.group)]
        rest = np.flatnonzero(np.isin(layout.group, groups))
        found = found.put(rest, start[rest])
    return found, layout


def _is_nothing(layout: Layout, found: PsfPositions, groups: Index) -> BoolArray:
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


def _is_brightest(layout: Layout, found: PsfPositions) -> BoolArray:
    """Tell which source is the brightest of its group."""
    order = np.lexsort([np.nan_to_num(found.flux), layout.group])
    last = np.append(layout.group[order][1:] != layout.group[order][:-1], True)
    brightest = np.zeros(len(order), dtype=np.bool_)
    brightest[order[last]] = True
    return brightest


def _fit_some(
    chip: FittedChip, layout: Layout, found: PsfPositions, pairs: Index | None, groups: Index
) -> PsfPositions:
    """Fit some groups anew, starting from what was found."""
    for members in layout.by_size(groups):
        size = members.shape[1]
        left, piece = members, max(1, PIECE // size**2)
        for rounds in (FIRST_ROUNDS, ROUNDS):
            for i in range(0, len(left), piece):
                part = left[i : i + piece]
                fitted = _fit_part(chip, layout, found, pairs, part, rounds)
                found = found.put(part.ravel(), fitted)
            left = left[~found.converged[left[:, 0]]]
    return found


def _fit_part(
    chip: FittedChip,
    layout: Layout,
    found: PsfPositions,
    pairs: Index | None,
    members: Index,
    rounds: int,
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
    return describe_sources(fit_groups(chip.psf, data, bounds, x, y, rounds=rounds), boxes)


def _flag(found: PsfPositions, layout: Layout, x: FloatArray, y: FloatArray) -> PsfPositions:
    """Give back the position of what could not be measured, and say so."""
    measured = (layout.group >= 0) & found.converged
    beside = ((found.flags & Flag.BLENDED) > 0) | layout.second
    flags = found.flags | np.where(layout.whole, 0, int(Flag.LEFT_OUT))
    flags |= np.where(layout.in_wings, int(Flag.WINGS), 0)
    flags |= np.where(measured, 0, int(Flag.NOT_MEASURED))
    flags |= np.where(~measured & beside, int(Flag.NOTHING), 0)
    lost = np.flatnonzero(~measured)
    kept = replace(found, flags=flags)
    return kept.put(lost, replace(unmeasured(x[lost], y[lost]), flags=flags[lost]))
