"""The PSF of a camera and filter from dithered exposures of the same stars.

Anderson & King (2000, PASP 112, 1360), in rounds: the stars are measured with the present PSF,
their positions averaged over the exposures, and the residuals at the averaged positions make the
next PSF, which is centred again. `photutils.psf.EPSFBuilder` builds one PSF for a whole image, from
positions of that image alone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.errors import TweakRegError
from tweakreg_steps.psf.grouping import near_pairs
from tweakreg_steps.psf.pixel_boxes import Boxes
from tweakreg_steps.psf.psf_error import difference_of_positions
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width
from tweakreg_steps.psf.psf_residuals import Samples, improve, stack
from tweakreg_steps.psf.psf_stars import FIRST_HALF, ExposedChip, Field, select_stars
from tweakreg_steps.psf.psf_tidying import centre, find_middles, normalise
from tweakreg_steps.psf.star_means import Observations, StarMeans, mean_positions

log = logging.getLogger(__name__)

Index = IndexArray

OVERSAMPLING = 4
"""Samples a pixel of a built PSF, as in the STDPSF library."""

ROUNDS = 6
"""Rounds of measuring, averaging and improving; each takes away half of the phase error or more."""

STEPS = 3
"""Improvements of the PSF in each round."""

LEAST_OBSERVATIONS = 80
"""Observations of stars without which there is no PSF; docs/psf.md shows what fewer give."""

OBSERVATIONS_A_NODE = 60
"""Observations of stars for one node of the PSF: with half or twice as many, positions with PSFs
built from 300 to 2,700 observations were no better (docs/psf.md)."""

MOST_NODES = 28
"""Nodes on one detector, as many as the library has for a WFC3/UVIS chip."""

PHASE_ERROR = 0.01
"""Pixels; what a position is uncertain by besides its noise while the PSF is not yet right."""


class FewStarsError(TweakRegError):
    """Too few stars to build a PSF from; carries how many there are and are needed."""

    def __init__(self, detector: int, n_observations: int, needed: int) -> None:
        super().__init__(
            f"detector {detector}: {n_observations} observations of isolated stars that two or "
            f"more exposures see, and a PSF needs {needed}; give imagefindpars.psf a file, lower "
            "the threshold, or use centroid: daofind"
        )
        self.detector = detector
        self.n_observations = n_observations
        self.needed = needed


@dataclass(frozen=True, eq=False)
class BuiltPsf:
    """A PSF, and from what it was built.

    Attributes
    ----------
    psf
        The PSF of the detector.
    error
        Standard error along one axis, in pixels, that the PSF adds to a position measured with it.
    n_stars, n_observations
        Numbers of stars, and of their observations, that it was built from.
    scatter
        Robust standard deviation of an observation about the mean over the exposures, along one
        axis, in pixels, with the last PSF.
    phase_spread
        Median over the stars of the standard deviation of their phases, in pixels: near zero where
        the exposures were not dithered by parts of a pixel.
    """

    psf: PsfGrid
    error: float
    n_stars: int
    n_observations: int
    scatter: float
    phase_spread: float


def build_psfs(chips: Sequence[ExposedChip]) -> dict[int, BuiltPsf]:
    """Build the PSF of every detector from all exposures.

    Parameters
    ----------
    chips
        All chips of all exposures with one camera and filter.

    Returns
    -------
    dict
        By detector.

    Raises
    ------
    FewStarsError
        A detector has too few stars for a PSF that is the same all over it.
    """
    fields = select_stars(chips)
    detectors = sorted({chip.detector for chip in chips})
    for detector in detectors:
        _require_stars(fields, detector)
    means = _average(fields)
    psfs = {d: _first_psf(_samples(fields, means, d, None), _area(chips, d)) for d in detectors}
    errors = {}
    for turn in range(ROUNDS):
        fields = [field.measure(psfs[field.chip.detector]) for field in fields]
        means = _average(fields)
        for d in detectors:
            whole = _area(chips, d) if turn == 1 else None
            samples = _samples(fields, means, d, psfs[d])
            psfs[d] = _improve(psfs[d], samples, divided_over=whole)
            if turn == ROUNDS - 1:
                errors[d] = _find_error(psfs[d], samples)
        log.info("PSF, round %d: the exposures differ by %.4f px", turn + 1, means.scatter)
    return {d: _describe(centre(psfs[d]), errors[d], fields, means, d) for d in detectors}


def _require_stars(fields: Sequence[Field], detector: int) -> None:
    """Refuse to build from too few."""
    number = sum(int(f.chosen.sum()) for f in fields if f.chip.detector == detector)
    if number < LEAST_OBSERVATIONS:
        raise FewStarsError(detector, number, LEAST_OBSERVATIONS)


def _average(fields: Sequence[Field]) -> StarMeans:
    """Average the stars' positions; the observations are those of the fields, one by one."""
    weights = [1.0 / (field.errors[field.chosen] ** 2 + PHASE_ERROR**2) for field in fields]
    return mean_positions(
        Observations(
            star=np.concatenate([f.chip.star[f.sources[f.chosen]] for f in fields]),
            chip=np.repeat(np.arange(len(fields)), [int(f.chosen.sum()) for f in fields]),
            xy=np.concatenate([f.plane()[f.chosen] for f in fields]),
            weight=np.concatenate(weights),
        )
    )


def _samples(
    fields: Sequence[Field], means: StarMeans, detector: int, psf: PsfGrid | None
) -> list[Samples]:
    """Take the stars of a detector, at their mean positions, their neighbours' light taken.

    Field by field: all of them in one piece would need their memory twice.
    """
    parts = []
    start = 0
    for field in fields:
        stop = start + int(field.chosen.sum())
        offset, used = means.offset[start:stop], means.used[start:stop]
        start = stop
        if field.chip.detector == detector and used.any():
            parts.append(_samples_of(field, offset, used, psf))
    return parts


def _samples_of(field: Field, offset: FloatArray, used: BoolArray, psf: PsfGrid | None) -> Samples:
    """Take the used stars of one chip, where they are on the detector."""
    star = np.flatnonzero(field.chosen)[used]
    own = field.sources[star]
    shift = np.linalg.solve(field.chip.jacobian[own], offset[used][:, :, None])[:, :, 0]
    x, y = field.x[star] + shift[:, 0], field.y[star] + shift[:, 1]
    half, (right, up) = FIRST_HALF if psf is None else psf.radius, field.chip.offset
    boxes = field.pixels.boxes(field.x[star], field.y[star], half + 0.5)
    if psf is not None:
        boxes = _without_neighbours(boxes, field, star, psf.seen_from(field.chip.offset))
    boxes = replace(boxes.shrink(), left=boxes.left + right, bottom=boxes.bottom + up)
    n, noise = len(star), field.pixels.noise
    per_unit, sky = np.full(n, noise.per_unit), np.full(n, noise.sky)
    return Samples(boxes, per_unit, sky, x + right, y + up, field.chip.star[own])


def _without_neighbours(boxes: Boxes, field: Field, star: Index, psf: PsfGrid) -> Boxes:
    """Take the light of neighbours from the boxes of stars."""
    pairs = near_pairs(field.x, field.y, psf.radius + boxes.side / 2)
    box_of = np.full(len(field.x), -1)
    box_of[star] = np.arange(len(star))
    box, other = box_of[pairs[:, 0]], pairs[:, 1]
    there = (box >= 0) & (field.flux[other] > 0.0)
    box, other = box[there], other[there]
    light = boxes.light_of(psf, field.x[other], field.y[other], field.flux[other], box)
    return replace(boxes, values=np.where(boxes.usable, boxes.values - light, 0.0))


def _area(chips: Sequence[ExposedChip], detector: int) -> FloatArray:
    """Return the edges of what was exposed of a detector: by axis, first and last, shape (2, 2)."""
    own = [chip for chip in chips if chip.detector == detector]
    first = np.array([chip.offset for chip in own]) + 0.5
    last = first + np.array([chip.shape[::-1] for chip in own])
    return np.stack([first.min(axis=0), last.max(axis=0)], axis=1)


def _first_psf(samples: Sequence[Samples], area: FloatArray) -> PsfGrid:
    """Make a rough PSF, the same all over the detector, with a first guess of its width."""
    size = 2 * FIRST_HALF * OVERSAMPLING + 1
    x, y = (_nodes(1, edges) for edges in area)
    rough = PsfGrid(stack(samples, size, OVERSAMPLING)[None, None], x, y, OVERSAMPLING)
    return normalise(centre(rough), _half(rough))


def _half(psf: PsfGrid) -> int:
    """Pixels on each side of a star that its PSF is built for: what the wings' fit may need."""
    return int(np.clip(round(4.0 * full_width(psf)) + 1, 6, FIRST_HALF))


def _improve(
    psf: PsfGrid, samples: Sequence[Samples], *, divided_over: FloatArray | None
) -> PsfGrid:
    """Improve the PSF by the stars; before that, it may get more nodes."""
    if divided_over is not None:
        psf = _divide(psf, sum(map(len, samples)), divided_over)
    return _take_steps(psf, samples, STEPS)


def _take_steps(psf: PsfGrid, samples: Sequence[Samples], number: int) -> PsfGrid:
    """Take some steps towards what stars are."""
    middles = find_middles(psf).reshape(-1, 2)
    centred = [_off_the_middle(psf, middles, part) for part in samples]
    for _ in range(number):
        psf = improve(psf, centred)
    return normalise(psf, int(psf.radius))


def _off_the_middle(psf: PsfGrid, middles: FloatArray, samples: Samples) -> Samples:
    """Move stars by how far the PSF is off its middle where they are.

    By so much they are beside where it was fitted, and the next PSF has its middle there; middles
    of the nodes in pixels, shape (n, 2).
    """
    nodes, weights = psf.node_weights(samples.x, samples.y)
    x, y = (weights[:, :, None] * middles[nodes]).sum(axis=1).T
    return replace(samples, x=samples.x + x, y=samples.y + y)


def _find_error(psf: PsfGrid, samples: Sequence[Samples]) -> float:
    """Find the error that the PSF adds to positions, pixels along one axis.

    Two PSFs, each of every other star, differ for the same reason for which the PSF differs from
    the true one: the noise of the stars that it is made of. Each holds half of the stars, so that
    positions measured with them differ by twice the error of those measured with the PSF of all.
    They go apart from that one in as many steps as it was made in.
    """
    halves = []
    for half in range(2):
        some = [part[part.star % 2 == half] for part in samples]
        halves.append(centre(_take_steps(psf, some, ROUNDS * STEPS)))
    return difference_of_positions(halves[0], halves[1], samples) / 2.0


def _divide(psf: PsfGrid, n_samples: int, area: FloatArray) -> PsfGrid:
    """Give the PSF as many nodes as there are stars for."""
    n_x, n_y = n_nodes(n_samples, *np.ptp(area, axis=1))
    images = np.broadcast_to(psf.images[0, 0], (n_y, n_x, *psf.images.shape[-2:])).copy()
    return replace(psf, images=images, x_nodes=_nodes(n_x, area[0]), y_nodes=_nodes(n_y, area[1]))


def n_nodes(n_observations: int, width: float, height: float) -> tuple[int, int]:
    """Say how many nodes, in x and in y, stars are enough for.

    Of all grids that leave `OBSERVATIONS_A_NODE` to a node, the one whose longer step is shortest.
    """
    most = min(max(1, n_observations // OBSERVATIONS_A_NODE), MOST_NODES)

    def longest_step(nodes: tuple[int, int]) -> float:
        # one node stands for a whole axis: as bad as a step of twice its length
        return max(size / max(n - 1, 0.5) for size, n in zip((width, height), nodes, strict=True))

    grids = [(n_x, n_y) for n_x in range(1, most + 1) for n_y in range(1, most // n_x + 1)]
    return min(grids, key=lambda nodes: (longest_step(nodes), nodes[0] * nodes[1]))


def _nodes(number: int, edges: FloatArray) -> FloatArray:
    """Place nodes along one axis of a chip: from edge to edge, or one in the middle."""
    first, last = edges
    return np.linspace(first, last, number) if number > 1 else edges.mean(keepdims=True)


def _describe(
    psf: PsfGrid, error: float, fields: Sequence[Field], means: StarMeans, detector: int
) -> BuiltPsf:
    """Say from what the PSF of a detector was built."""
    star = np.concatenate([f.chip.star[f.sources[f.chosen]] for f in fields])
    own = np.concatenate(
        [np.full(int(f.chosen.sum()), f.chip.detector == detector) for f in fields]
    )
    places = [np.concatenate([a[f.chosen] for f, a in _each(fields, axis)]) for axis in ("x", "y")]
    used = means.used & own
    return BuiltPsf(
        psf=psf,
        error=error,
        n_stars=len(np.unique(star[used])),
        n_observations=int(used.sum()),
        scatter=means.scatter,
        phase_spread=_phase_spread(star[used], [place[used] for place in places]),
    )


def _each(fields: Sequence[Field], axis: str) -> list[tuple[Field, FloatArray]]:
    """Pair fields with their positions along one axis."""
    return [(field, getattr(field, axis)) for field in fields]


def _phase_spread(star: Index, places: Sequence[FloatArray]) -> float:
    """Median circular standard deviation of the phases of each star, the lesser axis, pixels."""
    spreads = []
    count = np.bincount(star)
    several = count > 1
    for place in places:
        wave = np.exp(2j * math.pi * place)
        real, imaginary = (np.bincount(star, part) for part in (wave.real, wave.imag))
        length = np.hypot(real, imaginary)[several] / count[several]
        spread = np.sqrt(-2.0 * np.log(np.clip(length, 1e-6, 1.0))) / (2.0 * math.pi)
        spreads.append(float(np.median(spread)) if spread.size else math.nan)
    return min(spreads)
