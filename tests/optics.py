"""Stars seen through a telescope: painted exactly from the optics, without any interpolation.

The light of a star on a pixel grid is band-limited by the pupil. So the optical transfer function
of a place on the chip, times those of the pixel and of the diffusing charge, gives every pixel of a
star at any sub-pixel place by one small Fourier sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray, IntArray

DIAMETER = 2.4  # metres
OBSCURATION = 0.33  # of the diameter
VANE = 0.022  # width of a spider's arm, of the diameter
PERIOD = 32  # pixels after which the Fourier sum repeats
NODES = 9  # of the lattice on which the aberrations are worked out, on each axis
HALF = 12  # pixels painted on each side of a star


@dataclass(frozen=True)
class Optics:
    """A camera behind the telescope.

    Attributes
    ----------
    scale
        Arcseconds a pixel.
    band
        Wavelengths in micrometres, of equal weight.
    diffusion
        Sigma in pixels of the Gaussian by which charge spreads.
    focus
        Defocus everywhere, nm rms of the wavefront.
    bow, astigmatism, coma
        What the aberrations change by over half a chip, nm rms: defocus with the square of the
        distance from the middle, the others in proportion to x and to y.
    size
        (ny, nx) of the chip in pixels.
    """

    scale: float
    band: tuple[float, ...]
    diffusion: float
    focus: float
    bow: float
    astigmatism: float
    coma: float
    size: tuple[int, int]

    def defocused(self, nm: float) -> Optics:
        """Return the same at another focus."""
        return replace(self, focus=self.focus + nm)


def uvis(size: tuple[int, int] = (2051, 4096)) -> Optics:
    """Return WFC3/UVIS in F606W: full width at half maximum 1.8 pixels."""
    return Optics(0.0396, (0.53, 0.59, 0.65), 0.48, 8.0, 12.0, 18.0, 12.0, size)


def infrared(size: tuple[int, int] = (1014, 1014)) -> Optics:
    """Return WFC3/IR in its bluest filters: full width at half maximum 1.1 pixels."""
    return Optics(0.128, (0.95, 1.05, 1.15), 0.2, 8.0, 12.0, 18.0, 12.0, size)


@dataclass(frozen=True)
class Sky:
    """What is painted besides the stars: sky and read noise in electrons."""

    level: float
    read_noise: float


@dataclass(frozen=True)
class Stamps:
    """Stars of one electron each in boxes of 25 pixels.

    Attributes
    ----------
    light, by_x, by_y
        Pixels, and their derivatives by the star's place, shape (n, 25, 25).
    middle
        0-based (row, column) of the boxes' middles, shape (n, 2).
    """

    light: FloatArray
    by_x: FloatArray
    by_y: FloatArray
    middle: IntArray


def stamps(optics: Optics, x: FloatArray, y: FloatArray) -> Stamps:
    """Paint stars at FITS pixels (the centre of the first is 1), shape (n,)."""
    middle = np.stack([np.rint(y), np.rint(x)], axis=1).astype(np.int64) - 1
    offset = np.arange(-HALF, HALF + 1)
    frequency = _frequencies(optics)
    lattice = np.linspace(-1.0, 1.0, NODES)
    ny, nx = optics.size
    at_x, at_y = _lattice_weights(x, nx, lattice), _lattice_weights(y, ny, lattice)
    pixels = np.empty((3, len(x), offset.size, offset.size))
    for i in range(len(x)):
        transfer = _between(_transfer_lattice(optics), at_y[i], at_x[i])
        rows = _wave(offset + middle[i, 0] + 1.0 - y[i], _upper(frequency)) @ transfer
        slopes = _wave(offset + middle[i, 0] + 1.0 - y[i], _upper(frequency))
        slopes = (slopes * (-2j * math.pi * _upper(frequency))) @ transfer
        columns = _wave(offset + middle[i, 1] + 1.0 - x[i], frequency).T
        pixels[0, i] = (rows @ columns).real
        pixels[1, i] = (rows @ (columns * (-2j * math.pi * frequency)[:, None])).real
        pixels[2, i] = (slopes @ columns).real
    light, by_x, by_y = pixels / PERIOD**2
    return Stamps(light, by_x, by_y, middle)


def effective_psf(
    optics: Optics, x: float, y: float, *, oversampling: int, half: int
) -> FloatArray:
    """Sample the effective PSF at a place on a chip: shape (2 * half * oversampling + 1,) * 2."""
    offset = np.arange(-half * oversampling, half * oversampling + 1) / oversampling
    lattice = np.linspace(-1.0, 1.0, NODES)
    ny, nx = optics.size
    at_x = _lattice_weights(np.array([x]), nx, lattice)[0]
    at_y = _lattice_weights(np.array([y]), ny, lattice)[0]
    transfer = _between(_transfer_lattice(optics), at_y, at_x)
    frequency = _frequencies(optics)
    rows = _wave(offset, _upper(frequency)) @ transfer
    return np.asarray((rows @ _wave(offset, frequency).T).real / PERIOD**2)


def paint(optics: Optics, x: FloatArray, y: FloatArray, flux: FloatArray) -> FloatArray:
    """Return the expected electrons of stars on an empty sky, shape of the chip."""
    drawn = stamps(optics, x, y)
    ny, nx = optics.size
    image = np.zeros((ny + 2 * HALF, nx + 2 * HALF))
    for stamp, (row, column), electrons in zip(drawn.light, drawn.middle, flux, strict=True):
        if -HALF <= row < ny + HALF and -HALF <= column < nx + HALF:
            window = image[max(row, 0) : row + 2 * HALF + 1, max(column, 0) : column + 2 * HALF + 1]
            top, left = max(-row, 0), max(-column, 0)
            window += electrons * stamp[top : top + window.shape[0], left : left + window.shape[1]]
    return image[HALF : HALF + ny, HALF : HALF + nx].clip(0.0)


def expose(expected: FloatArray, sky: Sky, rng: np.random.Generator) -> FloatArray:
    """Draw one noisy exposure in electrons, the sky included."""
    return np.asarray(
        rng.poisson(expected + sky.level) + rng.normal(0.0, sky.read_noise, expected.shape)
    )


def scattered(
    optics: Optics, spacing: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Places of isolated stars with random phases: one in every square of some pixels."""
    ny, nx = optics.size
    y, x = np.meshgrid(
        np.arange(spacing, ny - spacing + 1, spacing, dtype=float),
        np.arange(spacing, nx - spacing + 1, spacing, dtype=float),
        indexing="ij",
    )
    jitter = min(spacing / 2 - 6.0, spacing / 4)
    return (
        x.ravel() + rng.uniform(-jitter, jitter, x.size),
        y.ravel() + rng.uniform(-jitter, jitter, x.size),
    )


def bound(optics: Optics, x: FloatArray, y: FloatArray, flux: FloatArray, sky: Sky) -> FloatArray:
    """Return the Cramér-Rao bound of a position along one axis, rms over both, in pixels.

    Of all pixels of the painted star, for position, flux and sky free together, the information is
    ``sum g g^T / variance`` with the gradient g of the expected pixel.
    """
    drawn, scale = stamps(optics, x, y), flux[:, None, None]
    gradient = np.stack(
        [scale * drawn.by_x, scale * drawn.by_y, drawn.light, np.ones_like(drawn.light)], axis=-1
    ).reshape(len(x), -1, 4)
    variance = (scale * drawn.light + sky.level + sky.read_noise**2).reshape(len(x), -1, 1)
    information = np.swapaxes(gradient, 1, 2) @ (gradient / variance)
    covariance = np.linalg.inv(information)
    return np.asarray(np.sqrt((covariance[:, 0, 0] + covariance[:, 1, 1]) / 2))


def _lattice_weights(place: FloatArray, size: int, lattice: FloatArray) -> FloatArray:
    """Weights of a lattice over the chip for linear interpolation, shape (n, m)."""
    at = np.interp(2.0 * (place - 0.5) / size - 1.0, lattice, np.arange(lattice.size))
    return np.asarray(np.clip(1.0 - np.abs(at[:, None] - np.arange(lattice.size)), 0.0, None))


def _between(
    planes: NDArray[np.complex128], at_y: FloatArray, at_x: FloatArray
) -> NDArray[np.complex128]:
    """Interpolate transfer functions of a lattice."""
    transfer = np.zeros(planes.shape[2:], dtype=complex)
    for j in np.flatnonzero(at_y):
        for i in np.flatnonzero(at_x):
            transfer += at_y[j] * at_x[i] * planes[j, i]
    return transfer


def _frequencies(optics: Optics) -> FloatArray:
    """Frequencies of the Fourier sum in cycles a pixel, up to the cut-off D / wavelength."""
    arcsec = math.radians(1.0 / 3600.0)
    cut_off = DIAMETER / (min(optics.band) * 1e-6) * optics.scale * arcsec
    reach = math.ceil(cut_off * PERIOD)
    return np.arange(-reach, reach + 1) / PERIOD


def _wave(offset: FloatArray, frequency: FloatArray) -> NDArray[np.complex128]:
    wave: NDArray[np.complex128] = np.exp(2j * math.pi * np.outer(offset, frequency))
    return wave


def _upper(frequency: FloatArray) -> FloatArray:
    """Take those that are not negative: the light is real, the others tell the same."""
    upper: FloatArray = frequency[frequency.size // 2 :]
    return upper


@cache
def _transfer_lattice(optics: Optics) -> NDArray[np.complex128]:
    """Transfer functions on a lattice over the chip, shape (m, m, k, l), the upper half doubled."""
    places = np.linspace(-1.0, 1.0, NODES)
    whole = np.array([[_transfer(optics, u, v) for u in places] for v in places])
    half = whole[:, :, whole.shape[2] // 2 :].copy()
    half[:, :, 1:] *= 2.0
    return half


def _transfer(optics: Optics, u: float, v: float) -> NDArray[np.complex128]:
    """Transfer function of optics, pixel and charge at a place, the chip going from -1 to 1."""
    frequency = _frequencies(optics)
    optical = np.mean(
        [_optical_transfer(optics, wavelength, u, v) for wavelength in optics.band], axis=0
    )
    pixel = np.sinc(frequency) * np.exp(-2.0 * (math.pi * optics.diffusion * frequency) ** 2)
    return np.asarray(optical * np.outer(pixel, pixel))


def _optical_transfer(
    optics: Optics, wavelength: float, u: float, v: float
) -> NDArray[np.complex128]:
    """Autocorrelation of the pupil on the frequencies of the sum."""
    arcsec = math.radians(1.0 / 3600.0)
    # a frequency of 1/PERIOD cycles a pixel is this part of the diameter
    step = wavelength * 1e-6 / (PERIOD * optics.scale * arcsec) / DIAMETER
    half = int(1.0 / step) + 1
    side = 2 * half + 1
    p, q = np.meshgrid(np.arange(-half, half + 1) * step, np.arange(-half, half + 1) * step)
    pupil = _pupil(p, q, step) * np.exp(2j * math.pi * _wavefront(optics, p, q, u, v) / wavelength)
    padded = np.zeros((2 * side, 2 * side), dtype=complex)
    padded[:side, :side] = pupil
    spectrum = np.fft.fftshift(np.fft.ifft2(np.abs(np.fft.fft2(padded)) ** 2))
    spectrum /= spectrum[side, side]
    reach = (len(_frequencies(optics)) - 1) // 2
    if reach <= side - 1:
        return spectrum[side - reach : side + reach + 1, side - reach : side + reach + 1]
    full = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=complex)
    near = side - 1
    full[reach - near : reach + near + 1, reach - near : reach + near + 1] = spectrum[1:, 1:]
    return full


def _pupil(p: FloatArray, q: FloatArray, step: float) -> FloatArray:
    """Draw the open part of the pupil, its diameter being 1, with soft edges of one sample."""
    radius = np.hypot(p, q)
    open_ring = np.clip((0.5 - radius) / step + 0.5, 0, 1)
    open_ring *= np.clip((radius - OBSCURATION / 2) / step + 0.5, 0, 1)
    for across in (p + q, p - q):
        distance = np.abs(across) / math.sqrt(2.0)
        open_ring *= np.clip((distance - VANE / 2) / step + 0.5, 0, 1)
    return np.asarray(open_ring)


def _wavefront(optics: Optics, p: FloatArray, q: FloatArray, u: float, v: float) -> FloatArray:
    """Aberrations at a place of the chip in micrometres: Zernike terms of unit rms."""
    x, y = 2.0 * p, 2.0 * q
    square = x**2 + y**2
    terms = (
        (optics.focus + optics.bow * (u**2 + v**2 - 0.7), math.sqrt(3) * (2 * square - 1)),
        (optics.astigmatism * u, math.sqrt(6) * (x**2 - y**2)),
        (optics.astigmatism * v, math.sqrt(6) * 2 * x * y),
        (optics.coma * u, math.sqrt(8) * (3 * square - 2) * x),
        (optics.coma * v, math.sqrt(8) * (3 * square - 2) * y),
    )
    total = np.zeros_like(p)
    for nm, term in terms:
        total += nm * 1e-3 * term
    return total
