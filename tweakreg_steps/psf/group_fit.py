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

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

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

    values: NDArray[np.floating]
    variance: NDArray[np.floating]
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
        Pixel minus model, and the standard deviation of the pixel, shape (n, g * p). These and the
        covariance follow from the derivatives at the start of the last step, which is short.
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

    def put(self, rows: Index, others: GroupFit) -> None:
        """Replace some groups."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(others, field.name)


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
    n = len(x)
    pieces = _cut(psf, data, x, y)
    shapes = _evaluate(pieces, x, y)
    fit = _step(shapes, data, bounds, _State(x, y, *_fluxes(shapes[0], data)))
    for _ in range(rounds - 1):
        rows = np.flatnonzero(~fit.converged)
        if not rows.size:
            break
        state = _State(fit.x[rows], fit.y[rows], fit.flux[rows], fit.sky[rows])
        some = data if rows.size == n else data[rows]
        pieces, shapes = _follow(psf, some, pieces, state, rows)
        fit.put(rows, _step(shapes, some, bounds[rows], state))
    return fit


@dataclass(frozen=True, eq=False)
class _State:
    """The unknowns: x, y, flux of shape (n, g), sky of shape (n,)."""

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    sky: FloatArray


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


def _follow(
    psf: PsfGrid, data: GroupPixels, pieces: PsfPieces, state: _State, rows: Index
) -> tuple[PsfPieces, tuple[FloatArray, ...]]:
    """Evaluate the PSF where some sources of all are now; with all pieces, cut anew where needed.

    ``data`` and ``state`` are those of the rows.
    """
    g = state.x.shape[1]
    n = len(pieces.row) // g**2
    near = _of_rows(pieces, rows, n, g)
    enough = near.reach(*_by_box(state.x, state.y)).reshape(len(rows), -1).all(axis=1)
    if not enough.all():
        far = np.flatnonzero(~enough)
        cut = _cut(psf, data[far], state.x[far], state.y[far])
        pieces = pieces.put(_pairs(rows[far], g), cut)
        near = _of_rows(pieces, rows, n, g)
    return pieces, _evaluate(near, state.x, state.y)


def _evaluate(pieces: PsfPieces, x: FloatArray, y: FloatArray) -> tuple[FloatArray, ...]:
    """Give PSF and derivatives of each source in all pixels of its group, shape (n, g, p)."""
    n, g = x.shape
    return tuple(a.reshape(n, g, -1) for a in pieces.evaluate(*_by_box(x, y)))


def _fluxes(psf: FloatArray, data: GroupPixels) -> tuple[FloatArray, FloatArray]:
    """Fit fluxes and sky with the positions held, each pixel weighing as one of the sky."""
    n, _, p = psf.shape
    columns = np.concatenate([psf, np.ones((n, 1, p))], axis=1)
    solved = _solve(columns, data.usable / data.variance, data.values - data.others)[0]
    brightest = np.max(np.abs(solved[:, :-1]), axis=1, keepdims=True)
    return np.maximum(solved[:, :-1], FAINTEST * brightest), solved[:, -1]


def _model(shapes: tuple[FloatArray, ...], data: GroupPixels, state: _State) -> _Model:
    """Compute the model from the PSF and its derivatives at the places of the sources."""
    psf, by_x, by_y = shapes
    n, g, p = psf.shape
    flux = state.flux[:, :, None]
    light = (flux * psf).sum(axis=1) + state.sky[:, None] + data.others
    variance = data.variance + data.per_unit * np.maximum(light - data.sky, 0.0)
    derivatives = np.ones((n, 3 * g + 1, p))
    derivatives[:, 0:-1:3] = flux * by_x
    derivatives[:, 1:-1:3] = flux * by_y
    derivatives[:, 2:-1:3] = psf
    return _Model(light, variance, derivatives)


def _step(
    shapes: tuple[FloatArray, ...], data: GroupPixels, bounds: Bounds, state: _State
) -> GroupFit:
    """Take one step, and tell what is left of the pixels after it."""
    model = _model(shapes, data, state)
    residual = data.values - model.light
    step, covariance = _solve(model.derivatives, data.usable / model.variance, residual)
    n, g = state.x.shape
    by_source = step[:, :-1].reshape(n, g, 3)
    way = np.hypot(by_source[..., 0], by_source[..., 1])
    short = np.minimum(1.0, LONGEST / np.maximum(way, LONGEST))
    x, y = bounds.keep(state.x + short * by_source[..., 0], state.y + short * by_source[..., 1])
    flux = np.maximum(state.flux + by_source[..., 2], FAINTEST * state.flux)
    moved = np.stack([x - state.x, y - state.y, flux - state.flux], axis=2)
    taken = np.concatenate([moved.reshape(n, -1), step[:, -1:]], axis=1)
    return GroupFit(
        x=x,
        y=y,
        flux=flux,
        sky=state.sky + step[:, -1],
        covariance=covariance,
        residual=residual - (taken[:, None] @ model.derivatives)[:, 0],
        deviation=np.sqrt(model.variance),
        converged=np.hypot(moved[..., 0], moved[..., 1]).max(axis=1) < TOLERANCE,
    )


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
