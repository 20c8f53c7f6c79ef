"""The fit of the PSF to many groups of sources at once, all groups having one size.

For the pixels ``d`` around a group the model ``m = sky + sum flux_j psf(x - x_j, y - y_j)`` is
fitted by Gauss-Newton steps

    A^T W A step = A^T W (d - m)

with the derivatives ``A`` of the model by each x_j, y_j, flux_j and by the sky, and the weights
``W = 1 / variance`` of the model (see `tweakreg_steps.psf.pixel_noise`), so that a chance excess
of a pixel does not change its own weight. ``(A^T W A)^-1`` at the end is the covariance: for
independent pixels, the Cramér-Rao bound of those in the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tweakreg_steps.arrays import BoolArray, FloatArray, IndexArray
from tweakreg_steps.psf.psf_grid import PsfGrid, PsfPieces, cut_pieces

Index = IndexArray

TOLERANCE = 1e-3
"""Pixels; a step that is shorter is the last. The next would be of its square's order."""

LONGEST = 0.4
"""Pixels; a step is not longer, for the PSF is no longer linear over more."""

FAINTEST = 0.05
"""Part of its flux, or at the start of its brightest neighbour's, that a source keeps."""

SINGULAR = 1e-9
"""Added to the diagonal of the scaled normal matrix: what the pixels do not tell stays put."""


@dataclass(frozen=True, eq=False)
class GroupPixels:
    """The pixels of n groups of g sources: g boxes of p pixels each, one after the other.

    Attributes
    ----------
    values
        What they hold, shape (n, g * p).
    variance
        Their variance if only the sky were there, same shape, positive.
    usable
        False for what is left out, and for pixels that an earlier box of the group holds.
    others
        Expected light of sources outside of the group, same shape.
    left, bottom
        First pixel of each box, FITS pixels, shape (n, g).
    side
        Pixels on a side of a box.
    per_unit, sky
        Variance that a unit of light adds; level of the sky that ``variance`` holds for.
    """

    values: FloatArray
    variance: FloatArray
    usable: BoolArray
    others: FloatArray
    left: FloatArray
    bottom: FloatArray
    side: int
    per_unit: float
    sky: float

    def __getitem__(self, rows: IndexArray) -> GroupPixels:
        return replace(
            self,
            values=self.values[rows],
            variance=self.variance[rows],
            usable=self.usable[rows],
            others=self.others[rows],
            left=self.left[rows],
            bottom=self.bottom[rows],
        )


@dataclass(frozen=True, eq=False)
class GroupFit:
    """What was fitted to n groups of g sources.

    Attributes
    ----------
    x, y, flux
        Shape (n, g); FITS pixels, and the unit of the pixels times pixels.
    sky
        Shape (n,).
    covariance
        Of x, y, flux of each source, and of the sky at last, shape (n, 3 g + 1, 3 g + 1).
    residual, deviation
        Pixel minus model, and the standard deviation of the pixel, shape (n, g * p).
    converged
        Shape (n,).
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    sky: FloatArray
    covariance: FloatArray
    residual: FloatArray
    deviation: FloatArray
    converged: BoolArray


@dataclass(frozen=True, eq=False)
class Bounds:
    """Where sources may be: within some pixels, in x and in y, of a place.

    ``x, y`` have the shape (n, g), FITS pixels.
    """

    x: FloatArray
    y: FloatArray
    reach: float

    def __getitem__(self, rows: Index) -> Bounds:
        return Bounds(self.x[rows], self.y[rows], self.reach)

    def keep(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bring places back within the bounds."""
        return (
            x.clip(self.x - self.reach, self.x + self.reach),
            y.clip(self.y - self.reach, self.y + self.reach),
        )


def fit_groups(
    psf: PsfGrid,
    data: GroupPixels,
    bounds: Bounds,
    x: FloatArray,
    y: FloatArray,
    *,
    rounds: int,
) -> GroupFit:
    """Fit all groups.

    Parameters
    ----------
    psf
        The PSF of the chip.
    data
        The pixels of the groups.
    bounds
        What sources must not leave: one that did would fit another star.
    x, y
        Where the fit starts, FITS pixels, shape (n, g).
    rounds
        Steps after which a group that has not converged is left as it is.
    """
    n, g = x.shape
    pieces = _cut(psf, data, x, y)
    state = _State(x, y, *_fluxes(pieces, data, x, y))
    converged = np.zeros(n, dtype=np.bool_)
    rows = np.arange(n)
    for _ in range(rounds):
        near, some = _of_rows(pieces, rows, n, g), data if rows.size == n else data[rows]
        moved, longest = _step(near, some, bounds[rows], state[rows])
        state.put(rows, moved)
        converged[rows] = longest < TOLERANCE
        rows = rows[longest >= TOLERANCE]
        if not rows.size:
            break
        far = rows[
            ~_of_rows(pieces, rows, n, g)
            .reach(*_by_box(state.x[rows], state.y[rows]))
            .reshape(len(rows), -1)
            .all(axis=1)
        ]
        if far.size:
            pieces = pieces.put(_pairs(far, g), _cut(psf, data[far], state.x[far], state.y[far]))
    return _result(pieces, data, state, converged)


@dataclass(frozen=True, eq=False)
class _State:
    """The unknowns: x, y, flux of shape (n, g), sky of shape (n,)."""

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    sky: FloatArray

    def __getitem__(self, rows: Index) -> _State:
        return _State(self.x[rows], self.y[rows], self.flux[rows], self.sky[rows])

    def put(self, rows: Index, other: _State) -> None:
        """Replace some rows."""
        self.x[rows], self.y[rows] = other.x, other.y
        self.flux[rows], self.sky[rows] = other.flux, other.sky


@dataclass(frozen=True, eq=False)
class _Model:
    """The model of n groups: light and its derivatives by the unknowns, and variance.

    ``light`` and ``variance`` have the shape (n, p), ``derivatives`` (n, 3 g + 1, p).
    """

    light: FloatArray
    variance: FloatArray
    derivatives: FloatArray


def _cut(psf: PsfGrid, data: GroupPixels, x: FloatArray, y: FloatArray) -> PsfPieces:
    """Cut the PSF of every source of a group around every box of it: star by star."""
    g = x.shape[1]
    left, bottom = (np.tile(corner, (1, g)).ravel() for corner in (data.left, data.bottom))
    return cut_pieces(psf, *_by_box(x, y), left, bottom, data.side)


def _by_box(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Repeat the place of each source for every box of its group, shape (n * g * g,)."""
    g = x.shape[1]
    return np.repeat(x, g, axis=1).ravel(), np.repeat(y, g, axis=1).ravel()


def _pairs(rows: Index, g: int) -> Index:
    """Flat indices of the pairs of source and box of some groups."""
    return np.asarray((rows[:, None] * g * g + np.arange(g * g)).ravel())


def _of_rows(pieces: PsfPieces, rows: Index, n: int, g: int) -> PsfPieces:
    """Take the pieces of some groups."""
    return pieces if rows.size == n else pieces[_pairs(rows, g)]


def _evaluate(pieces: PsfPieces, x: FloatArray, y: FloatArray) -> tuple[FloatArray, ...]:
    """Give PSF and derivatives of each source in all pixels of its group, shape (n, g, p)."""
    n, g = x.shape
    return tuple(a.reshape(n, g, -1) for a in pieces.evaluate(*_by_box(x, y)))


def _fluxes(
    pieces: PsfPieces, data: GroupPixels, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Fit fluxes and sky with the positions held, each pixel weighing as one of the sky."""
    psf, _, _ = _evaluate(pieces, x, y)
    n, _, p = psf.shape
    columns = np.concatenate([psf, np.ones((n, 1, p))], axis=1)
    solved = _solve(columns, data.usable / data.variance, data.values - data.others)[0]
    brightest = np.max(np.abs(solved[:, :-1]), axis=1, keepdims=True)
    return np.maximum(solved[:, :-1], FAINTEST * brightest), solved[:, -1]


def _model(pieces: PsfPieces, data: GroupPixels, state: _State) -> _Model:
    """Evaluate the model."""
    psf, by_x, by_y = _evaluate(pieces, state.x, state.y)
    n, _, p = psf.shape
    flux = state.flux[:, :, None]
    light = (flux * psf).sum(axis=1) + state.sky[:, None] + data.others
    variance = data.variance + data.per_unit * np.maximum(light - data.sky, 0.0)
    derivatives = np.stack([flux * by_x, flux * by_y, psf], axis=2).reshape(n, -1, p)
    return _Model(light, variance, np.concatenate([derivatives, np.ones((n, 1, p))], axis=1))


def _step(
    pieces: PsfPieces, data: GroupPixels, bounds: Bounds, state: _State
) -> tuple[_State, FloatArray]:
    """Take one step, and tell the longest way that a source of each group goes, shape (n,)."""
    model = _model(pieces, data, state)
    step, _ = _solve(model.derivatives, data.usable / model.variance, data.values - model.light)
    n, g = state.x.shape
    by_source = step[:, :-1].reshape(n, g, 3)
    way = np.hypot(by_source[..., 0], by_source[..., 1])
    short = np.minimum(1.0, LONGEST / np.maximum(way, LONGEST))
    x, y = bounds.keep(state.x + short * by_source[..., 0], state.y + short * by_source[..., 1])
    moved = _State(
        x,
        y,
        np.maximum(state.flux + by_source[..., 2], FAINTEST * state.flux),
        state.sky + step[:, -1],
    )
    return moved, np.hypot(x - state.x, y - state.y).max(axis=1)


def _solve(
    columns: FloatArray, weights: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Solve weighted least squares: solutions (n, q) and covariances (n, q, q)."""
    weighted = columns * weights[:, None, :]
    normal = weighted @ np.swapaxes(columns, 1, 2)
    right = weighted @ residual[:, :, None]
    diagonal = np.einsum("nii->ni", normal)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = normal * scale[:, :, None] * scale[:, None, :]
    scaled += SINGULAR * np.eye(scaled.shape[-1])
    inverse = np.linalg.inv(scaled) * scale[:, :, None] * scale[:, None, :]
    return (inverse @ right)[:, :, 0], inverse


def _result(pieces: PsfPieces, data: GroupPixels, state: _State, converged: BoolArray) -> GroupFit:
    """Compare the model with the pixels once more."""
    model = _model(pieces, data, state)
    residual = data.values - model.light
    _, covariance = _solve(model.derivatives, data.usable / model.variance, residual)
    return GroupFit(
        state.x,
        state.y,
        state.flux,
        state.sky,
        covariance,
        residual,
        np.sqrt(model.variance),
        converged,
    )
