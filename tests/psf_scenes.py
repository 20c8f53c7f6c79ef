"""Stars through known optics, and their PSFs as files and as grids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from optics import Optics, Sky, effective_psf, expose, paint, scattered

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.psf.pixel_boxes import ChipPixels
from tweakreg_steps.psf.pixel_noise import PixelNoise
from tweakreg_steps.psf.psf_fit import fit_positions
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.psf_positions import PsfPositions
from tweakreg_steps.psf.psf_stars import ExposedChip

SKY = Sky(level=40.0, read_noise=3.1)
NOISE = PixelNoise(None, SKY.level, SKY.level + SKY.read_noise**2, 1.0, "test")


@dataclass(frozen=True, eq=False)
class StarField:
    """Painted stars: pixels in electrons, and where the stars are, FITS pixels."""

    pixels: FloatArray
    x: FloatArray
    y: FloatArray
    flux: FloatArray

    def fit(self, psf: PsfGrid, *, off: float = 0.05) -> PsfPositions:
        """Fit from positions that are off by chance."""
        rng = np.random.default_rng(8)
        x, y = (place + rng.normal(0.0, off, len(place)) for place in (self.x, self.y))
        return fit_positions(self.pixels, self.good, psf, NOISE, x, y)

    @property
    def good(self) -> BoolArray:
        return np.ones(self.pixels.shape, dtype=np.bool_)


def library(optics: Optics, *, nodes: int = 9) -> PsfGrid:
    """Sample the true PSF on a grid over the chip; 9 nodes are those of the painted truth."""
    ny, nx = optics.size
    x, y = np.linspace(0.5, nx + 0.5, nodes), np.linspace(0.5, ny + 0.5, nodes)
    images = [[effective_psf(optics, a, b, oversampling=4, half=12) for a in x] for b in y]
    return PsfGrid(np.array(images), x, y, 4)


def isolated(optics: Optics, *, flux: float, seed: int = 1, spacing: int = 28) -> StarField:
    """Paint stars of one flux, far from each other, at all phases."""
    rng = np.random.default_rng(seed)
    x, y = scattered(optics, spacing, rng)
    fluxes = np.full(len(x), flux)
    return StarField(expose(paint(optics, x, y, fluxes), SKY, rng), x, y, fluxes)


def write_library(path: Path, optics: Optics, *, detectors: int) -> None:
    """Write a PSFSTD file as the library has it: 3 x 3 nodes, or 7 x 8 for two chips above another.

    Of two chips, which have the same PSF, the second lies above the first.
    """
    ny, nx = optics.size
    x = np.linspace(0, nx, 3 if detectors == 1 else 7).astype(int)
    y = np.linspace(0, ny, 3 if detectors == 1 else 4).astype(int)
    images = np.array(
        [[effective_psf(optics, a + 1, b + 1, oversampling=4, half=12) for a in x] for b in y]
        * detectors
    )
    header = fits.Header()
    header["NXPSFS"], header["NYPSFS"] = len(x), len(y) * detectors
    rows = np.concatenate([y + 2048 * chip for chip in range(detectors)])
    for i, place in enumerate(x, start=1):
        header[f"IPSFX{i:02d}"] = int(place)
    for i, place in enumerate(rows, start=1):
        header[f"JPSFY{i:02d}"] = int(place)
    fits.writeto(path, images.reshape(-1, *images.shape[-2:]).astype(np.float32), header)


def dithered(
    optics: Optics, *, number: int, seed: int, exposures: int = 4, finder_bias: float = 0.02
) -> list[ExposedChip]:
    """Expose a field several times, found with an error that depends on the phase.

    Exposures are shifted by up to 8 pixels and turned by 0.01 degrees; stars have 3e4 to 3e5
    electrons.
    """
    rng = np.random.default_rng(seed)
    ny, nx = optics.size
    x, y = scattered(optics, max(int(np.sqrt(nx * ny / number)), 13), rng)
    chosen = rng.permutation(len(x))[:number]
    u, v = x[chosen] - nx / 2, y[chosen] - ny / 2
    flux = np.minimum(3e4 * (1.0 - rng.random(len(u))) ** (-1 / 1.5), 3e5)
    chips = []
    for turn in range(exposures):
        angle, (right, up) = 2e-4 * turn, rng.uniform(-8.0, 8.0, 2) * (turn > 0)
        at_x = u * np.cos(angle) - v * np.sin(angle) + nx / 2 + right
        at_y = u * np.sin(angle) + v * np.cos(angle) + ny / 2 + up
        image = expose(paint(optics, at_x, at_y, flux), SKY, rng)
        pixels = ChipPixels(image, np.ones(image.shape, dtype=np.bool_), NOISE)
        found_x, found_y = (
            place + finder_bias * np.sin(2 * np.pi * place) + rng.normal(0.0, 0.01, len(place))
            for place in (at_x, at_y)
        )
        chips.append(_exposed(pixels, found_x, found_y, right, up))
    return chips


def _exposed(
    pixels: ChipPixels, x: FloatArray, y: FloatArray, right: float, up: float
) -> ExposedChip:
    """Describe a chip whose pointing is known to a turn."""
    return ExposedChip(
        load=lambda: pixels,
        shape=(pixels.pixels.shape[0], pixels.pixels.shape[1]),
        detector=1,
        offset=(0.0, 0.0),
        x=x,
        y=y,
        plane=np.column_stack([x - right, y - up]),
        jacobian=np.broadcast_to(np.eye(2), (len(x), 2, 2)),
        star=np.arange(len(x)),
    )


def without_smooth_field(
    place: tuple[FloatArray, FloatArray], size: tuple[int, int], error: FloatArray
) -> FloatArray:
    """Take a cubic polynomial over the chip from errors: where a PSF's middle is, is convention."""
    u, v = 2.0 * place[0] / size[1] - 1.0, 2.0 * place[1] / size[0] - 1.0
    terms = np.stack([u**i * v**j for i in range(4) for j in range(4 - i)], axis=1)
    return np.asarray(error - terms @ np.linalg.lstsq(terms, error)[0])


def phase_bias(place: FloatArray, error: FloatArray, *, bins: int = 10) -> float:
    """Largest mean error of the stars in a bin of sub-pixel phase."""
    phase = np.floor(((place + 0.5) % 1.0) * bins)
    return max(abs(float(error[phase == i].mean())) for i in range(bins))
