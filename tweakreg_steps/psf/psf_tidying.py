"""Where the middle of a PSF is, and how much light it holds: what stars do not tell.

A star's place and the PSF's are moved together without any change to its pixels, and so are its
flux and the PSF's sum, its sky and a pedestal under the PSF. A convention has to hold these: the
middle is where the PSF has the same value at `BESIDE` full widths on both sides, in x and in y; it
is 0 at its edge; its sum is 1.

That middle hangs on four places of the PSF. With the 60 stars of a node it would be uncertain by
10 mpx, and stars on two sides of a chip as much off against each other. So it is taken of the mean
over all nodes, and each node is where least squares put its core in the mean's place.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.psf.psf_grid import PsfGrid, full_width

BESIDE = 0.29
"""Full widths at half maximum from the middle at which the PSF is the same on both sides.

Half a pixel in a PSF of 1.7 pixels, as Anderson & King (2000) have it: where it is steepest."""

ROUNDS = 8
"""Newton steps from the highest sample towards the middle; the last ones change nothing."""

STEP = 0.05
"""Samples over which a slope is measured."""

CORE = 0.5
"""Full widths around the middle within which a node is compared with the mean. Farther out coma
moves the light, and with it the middle from one side of a chip to the other: with 1.2 full widths
dithered exposures of WFC3/UVIS were aligned to 0.062 mas, with 0.4 to 0.6 to 0.020 to 0.028. The
four places of each node alone came to 0.025, but put the ends of a strip 10 mpx apart."""

TURNS = 4
"""Gauss-Newton steps of that."""


def find_middles(psf: PsfGrid) -> FloatArray:
    """Find the middle of the PSF at each node.

    Returns
    -------
    float array, shape (n_y, n_x, 2)
        Pixels along x and y from the middle sample.
    """
    mean = replace(
        psf,
        images=psf.images.mean(axis=(0, 1), keepdims=True),
        x_nodes=psf.x_nodes.mean(keepdims=True),
        y_nodes=psf.y_nodes.mean(keepdims=True),
    )
    middle = _middle_of_one(mean)
    return middle + _beside(psf, mean, middle)


def _beside(psf: PsfGrid, mean: PsfGrid, middle: FloatArray) -> FloatArray:
    """Find where the PSF at each node lies beside the mean, pixels, shape (n_y, n_x, 2)."""
    size = psf.images.shape[-1]
    row, column = size // 2 + np.rint(psf.oversampling * middle[::-1]).astype(int)
    half = math.ceil(CORE * full_width(mean) * psf.oversampling)
    half = min(half, row, column, size - 1 - row, size - 1 - column)
    core = np.s_[row - half : row + half + 1, column - half : column + half + 1]
    grid = np.mgrid[core].astype(np.float64)

    def mean_moved(by: FloatArray) -> FloatArray:
        return _values(mean, grid - by[:, None, None])

    shifts = []
    for image in psf.images.reshape(-1, size, size):
        moved = np.zeros(2)
        for _ in range(TURNS):
            model = mean_moved(moved)
            slopes = [(mean_moved(moved + step) - model) / STEP for step in STEP * np.eye(2)]
            terms = np.stack([*slopes, model, np.ones_like(model)]).reshape(4, -1).T
            moved = moved + np.clip(np.linalg.lstsq(terms, image[core].ravel())[0][:2], -1.0, 1.0)
        shifts.append(moved[::-1] / psf.oversampling)
    return np.array(shifts).reshape(*psf.images.shape[:2], 2)


def _values(psf: PsfGrid, at: FloatArray) -> FloatArray:
    """Return the values of a PSF that is the same everywhere at rows and columns of its samples."""
    from scipy.ndimage import map_coordinates

    coefficients = psf.coefficients[0, 0]
    return np.asarray(
        map_coordinates(coefficients, at, order=psf.degree, prefilter=False, mode="mirror")
    )


def _middle_of_one(psf: PsfGrid) -> FloatArray:
    """Find the middle of a PSF that is the same everywhere, pixels along x and y, shape (2,)."""
    size = psf.images.shape[-1]
    beside = BESIDE * full_width(psf) * psf.oversampling
    reach = beside * np.array([[0.0, 0.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0]])

    def unequal(at: FloatArray) -> FloatArray:
        right, left, above, below = _values(psf, at[:, None] + reach)
        return np.array([above - below, right - left])

    image = psf.images[0, 0]
    at = np.array(np.unravel_index(image.argmax(), image.shape), dtype=np.float64)
    for _ in range(ROUNDS):
        here = unequal(at)
        columns = [(unequal(at + step) - here) / STEP for step in STEP * np.eye(2)]
        at -= np.clip(np.linalg.lstsq(np.stack(columns, axis=1), here)[0], -1.0, 1.0)
    return np.asarray((at[::-1] - (size - 1) / 2.0) / psf.oversampling)


def centre(psf: PsfGrid) -> PsfGrid:
    """Move the PSF at each node so that its middle is the middle sample.

    It is interpolated by splines, which a PSF should not suffer again and again.
    """
    from scipy.ndimage import map_coordinates

    size = psf.images.shape[-1]
    coefficients = psf.coefficients.reshape(-1, size, size)
    moved = np.empty_like(coefficients)
    for node, middle in enumerate(find_middles(psf).reshape(-1, 2)):
        rows, columns = (np.arange(size) + psf.oversampling * shift for shift in middle[::-1])
        at = np.meshgrid(rows, columns, indexing="ij")
        moved[node] = map_coordinates(
            coefficients[node], at, order=psf.degree, prefilter=False, mode="nearest"
        )
    return replace(psf, images=moved.reshape(psf.images.shape))


def normalise(psf: PsfGrid, half: int) -> PsfGrid:
    """Cut the PSF to some pixels on each side of the star, make it 0 at its edge, its sum 1.

    The pedestal that is taken away is the median of the outermost pixel of the disc; beyond the
    disc, where no star tells anything, it is 0.
    """
    middle, kept = psf.images.shape[-1] // 2, half * psf.oversampling
    cut = slice(middle - kept, middle + kept + 1)
    images = psf.images[..., cut, cut]
    step = np.arange(-kept, kept + 1)
    distance = np.hypot(step, step[:, None])
    outermost = (distance <= kept) & (distance > kept - psf.oversampling)
    pedestal = np.median(images[..., outermost], axis=-1)
    light = np.where(distance <= kept, images - pedestal[..., None, None], 0.0)
    total = light.sum(axis=(-2, -1), keepdims=True) / psf.oversampling**2
    return replace(psf, images=light / total)
