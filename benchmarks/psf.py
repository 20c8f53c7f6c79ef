"""Positions of stars painted through real PSFs: the finder, the PSF's fit, the photon limit.

usage: python benchmarks/psf.py [positions] [stars] [speed] [builder] [alignment] [--grids FOLDER]

The grids of the STDPSF library are taken from the wheel ``space_phot`` of the package index, or
from a folder of PSFSTD files; nothing of them is kept. ``positions`` compares centroids on
WFC3/UVIS and IR PSFs, ``stars`` shows how many stars a built PSF needs, ``speed`` times finding,
fitting and building, ``builder`` builds with `photutils.psf.EPSFBuilder`. ``alignment`` needs no
grids: it aligns exposures painted by an optical model, also with drizzlepac where
``--drizzlepac-python`` names its interpreter.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tweakreg_steps.arrays import BoolArray, FloatArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from psf_alignment import compare_alignments  # noqa: E402 - path set above
from psf_scenes import phase_bias, without_smooth_field  # noqa: E402 - path set above

from tweakreg_steps.finding.daofind import find_sources_on_chip  # noqa: E402
from tweakreg_steps.psf.pixel_boxes import ChipPixels  # noqa: E402
from tweakreg_steps.psf.pixel_noise import PixelNoise  # noqa: E402
from tweakreg_steps.psf.psf_build import BuiltPsf, FewStarsError, build_psfs  # noqa: E402
from tweakreg_steps.psf.psf_camera import Setup  # noqa: E402
from tweakreg_steps.psf.psf_file import describe_psf_file, read_psf  # noqa: E402
from tweakreg_steps.psf.psf_fit import fit_positions  # noqa: E402
from tweakreg_steps.psf.psf_grid import PsfGrid, cut_pieces  # noqa: E402
from tweakreg_steps.psf.psf_stars import ExposedChip  # noqa: E402
from tweakreg_steps.recipes.schema import parameters  # noqa: E402

SKY, READ_NOISE = 40.0, 3.1
NOISE = PixelNoise(None, SKY, SKY + READ_NOISE**2, 1.0, "painted")
UVIS, IR = (2051, 4096), (1014, 1014)
CASES = {
    "UVIS F275W": ("PSFSTD_WFC3UV_F275W.fits", UVIS),
    "UVIS F606W": ("PSFSTD_WFC3UV_F606W.fits", UVIS),
    "UVIS F814W": ("PSFSTD_WFC3UV_F814W.fits", UVIS),
    "IR F110W": ("PSFSTD_WFC3IR_F110W.fits", IR),
    "IR F160W": ("PSFSTD_WFC3IR_F160W.fits", IR),
}
FLUXES = (1e3, 1e4, 1e5, 1e6)
BOX = 11  # pixels on each side of a painted star
FINDING = signature(find_sources_on_chip).parameters
SEARCH: dict[str, Any] = {
    parameter.path[-1]: parameter.default
    for parameter in parameters()
    if parameter.path[0] == "imagefindpars" and parameter.path[-1] in FINDING
    if parameter.path[-1] not in {"threshold", "conv_width"}
}


@dataclass(frozen=True, eq=False)
class Stars:
    """An exposure, and where its stars are."""

    pixels: NDArray[np.float32]
    x: FloatArray
    y: FloatArray
    flux: FloatArray

    @property
    def good(self) -> BoolArray:
        """Use every pixel."""
        return np.ones(self.pixels.shape, dtype=np.bool_)


def main() -> None:
    """Run what is asked for."""
    parts: dict[str, Callable[[Path], None]] = {
        "positions": compare_positions,
        "stars": vary_stars,
        "speed": time_steps,
        "builder": compare_builder,
    }
    parser = argparse.ArgumentParser(description="Positions of stars painted through real PSFs.")
    parser.add_argument(
        "parts", nargs="*", help=", ".join([*parts, "alignment"]), default=["positions", "speed"]
    )
    parser.add_argument("--grids", type=Path, help="folder with PSFSTD_*.fits")
    parser.add_argument("--drizzlepac-python", help="interpreter with drizzlepac, for alignment")
    options = parser.parse_args()
    if "alignment" in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            compare_alignments(Path(scratch), options.drizzlepac_python)
    options.parts = [part for part in options.parts if part != "alignment"]
    if not options.parts:
        return
    with tempfile.TemporaryDirectory() as scratch:
        grids = options.grids or fetch_grids(Path(scratch))
        for part in options.parts:
            parts[part](grids)


def fetch_grids(folder: Path) -> Path:
    """Take the grids out of the wheel that ships them."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "space_phot"]
    subprocess.run([*pip, "-d", str(folder)], check=True)
    with zipfile.ZipFile(next(folder.glob("space_phot*.whl"))) as wheel:
        for name in wheel.namelist():
            if Path(name).name.startswith("PSFSTD_"):
                (folder / Path(name).name).write_bytes(wheel.read(name))
    return folder


def compare_positions(grids: Path) -> None:
    """Print the error of each centroid in thousandths of a pixel."""
    print("rms an axis in mpx (largest mean in a bin of phase); pulls of the PSF fits' errors")
    print("case        electrons  daofind 3.5   daofind 2.5   library PSF   built   bound  pulls")
    for case, (file, shape) in CASES.items():
        psf = load(grids / file)
        built = build(psf, shape, number=700, seed=2)
        for flux in FLUXES:
            stars = scatter(psf, shape, number=1300, seed=1, flux=flux)
            finder = [describe(stars, *find(stars, width)) for width in (3.5, 2.5)]
            fits = [fit(stars, one) for one in (psf, built.psf)]
            library, own = (describe(stars, one.x, one.y) for one in fits)
            errors = fits[0].errors, fits[1].errors_with(built.error)
            pulls = [pull(stars, one.x, one.y, own) for one, own in zip(fits, errors, strict=True)]
            limit = 1e3 * bound(psf, stars)
            print(
                f"{case:11s} {flux:8.0f}   {finder[0]}  {finder[1]}  {library}  {own}"
                f"  {limit:5.1f}  {pulls[0]:.2f} {pulls[1]:.2f}",
                flush=True,
            )


def vary_stars(grids: Path) -> None:
    """Print how good a PSF is that is built from few and from many stars."""
    print("case        stars/exposure  observations  nodes  error at 1e5 e- in mpx (phase)")
    for case in ("UVIS F606W", "IR F160W"):
        file, shape = CASES[case]
        psf = load(grids / file)
        stars = scatter(psf, shape, number=1300, seed=1, flux=1e5)
        for number in (25, 40, 80, 160, 320, 700, 1500):
            try:
                built = build(psf, shape, number=number, seed=3)
            except FewStarsError as few:
                print(f"{case:11s} {number:8d} {few.n_observations:12d}  refused")
                continue
            found = fit(stars, built.psf)
            nodes = f"{len(built.psf.x_nodes)}x{len(built.psf.y_nodes)}"
            print(
                f"{case:11s} {number:8d} {built.n_observations:12d} {nodes:>9s}"
                f"  {describe(stars, found.x, found.y)}",
                flush=True,
            )


def time_steps(grids: Path) -> None:
    """Print the CPU time of finding, fitting and building on full chips."""
    psf = load(grids / CASES["UVIS F606W"][0])
    stars = scatter(psf, UVIS, number=6000, seed=4, flux=None)
    with_find = cpu(lambda: find(stars, 3.5, threshold=20.0))
    found = find(stars, 3.5, threshold=20.0)
    with_fit = cpu(lambda: fit_positions(stars.pixels, stars.good, psf, NOISE, *found))
    print(f"{len(found[0])} sources on a chip: finding {with_find:.2f} s CPU, fit {with_fit:.2f} s")
    print(f"both over finding: {(with_find + with_fit) / with_find:.2f}  (bar: 2.0)")
    print(f"fit of a source: {1e3 * with_fit / len(found[0]):.3f} ms  (bar: 0.2)")
    chips = expose_dithered(psf, UVIS, number=6000, seed=5)
    build_time = cpu(lambda: build_psfs(chips))
    print(f"PSF from 4 x 6000 stars: {build_time:.1f} s CPU  (bar: 20)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak memory of all that, four exposures held: {peak:.0f} MB")


def compare_builder(grids: Path) -> None:
    """Print what photutils' builder makes of the stars of one exposure."""
    from astropy.nddata import NDData
    from astropy.table import Table
    from photutils.psf import EPSFBuilder, extract_stars

    file, shape = CASES["UVIS F606W"]
    psf = load(grids / file)
    field = scatter(psf, shape, number=500, seed=6, flux=1e5)
    table = Table({"x": field.x - 1.0, "y": field.y - 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cutouts = extract_stars(NDData(field.pixels - SKY), table, size=21)
        started = time.process_time()
        made = EPSFBuilder(oversampling=4, maxiters=8, progress_bar=False)(cutouts)[0]
        seconds = time.process_time() - started
    image = np.asarray(made.data) / made.data.sum() * 16.0
    single = PsfGrid(image[None, None], np.ones(1), np.ones(1), 4)
    stars = scatter(psf, shape, number=1300, seed=1, flux=1e5)
    found = fit(stars, single)
    print(f"EPSFBuilder, 500 stars of one exposure: {describe(stars, found.x, found.y)} mpx,")
    print(f"mean offsets {1e3 * np.mean(found.x - stars.x):.1f}", end=" ")
    print(f"{1e3 * np.mean(found.y - stars.y):.1f} mpx, {seconds:.0f} s CPU")


def load(path: Path) -> PsfGrid:
    """Read the first detector of a file."""
    return read_psf(describe_psf_file(path), Setup("", "", 1, 0.0, 0.0))


def scatter(
    psf: PsfGrid, shape: tuple[int, int], *, number: int, seed: int, flux: float | None
) -> Stars:
    """Paint isolated stars at all phases, of one flux or of many (None)."""
    rng = np.random.default_rng(seed)
    x, y = places(shape, number, rng)
    fluxes = np.full(len(x), flux) if flux else bright(len(x), rng)
    return Stars(expose(psf, shape, x, y, fluxes, rng), x, y, fluxes)


def places(
    shape: tuple[int, int], number: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Choose a place in every cell of a grid."""
    step = np.sqrt(shape[0] * shape[1] / number)
    x, y = np.meshgrid(*(np.arange(0.5, size / step - 0.5) * step for size in shape[::-1]))
    jitter = rng.uniform(-step / 4, step / 4, (2, x.size))
    return x.ravel() + jitter[0] + 0.5, y.ravel() + jitter[1] + 0.5


def bright(number: int, rng: np.random.Generator) -> FloatArray:
    """Draw fluxes from 3e4 to 3e5 electrons."""
    return np.minimum(3e4 * (1.0 - rng.random(number)) ** (-1 / 1.5), 3e5)


def expose(
    psf: PsfGrid,
    shape: tuple[int, int],
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Paint stars through a PSF, with sky and noise."""
    image = np.zeros((shape[0] + 4 * BOX, shape[1] + 4 * BOX))
    step = np.arange(2 * BOX + 1)
    for i in range(0, len(x), 256):
        some = slice(i, i + 256)
        left, bottom = np.rint(x[some]) - BOX, np.rint(y[some]) - BOX
        light = cut_pieces(psf, x[some], y[some], left, bottom, step.size).evaluate(
            x[some], y[some]
        )
        row = (bottom.astype(int) - 1 + 2 * BOX)[:, None, None] + step[:, None]
        column = (left.astype(int) - 1 + 2 * BOX)[:, None, None] + step
        inside = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
        at = row.clip(0, image.shape[0] - 1), column.clip(0, image.shape[1] - 1)
        np.add.at(image, at, inside * light[0] * flux[some, None, None])
    expected = image[2 * BOX : -2 * BOX, 2 * BOX : -2 * BOX].clip(0.0) + SKY
    noise = READ_NOISE * rng.standard_normal(shape, dtype=np.float32)
    return rng.poisson(expected).astype(np.float32) + noise


def find(stars: Stars, width: float, *, threshold: float = 5.0) -> tuple[FloatArray, FloatArray]:
    """Find the stars as TweakReg does; the nearest source to each, in a test of centroids."""
    chip = find_sources_on_chip(
        stars.pixels,
        stars.good,
        threshold=threshold,
        conv_width=width,
        counts_per_unit=1.0,
        **SEARCH,
    )
    return chip.stars.x, chip.stars.y


def fit(stars: Stars, psf: PsfGrid) -> Any:  # noqa: ANN401 - PsfPositions
    """Fit a PSF from a tenth of a pixel beside the truth."""
    shift = np.random.default_rng(9).normal(0.0, 0.1, (2, len(stars.x)))
    return fit_positions(
        stars.pixels, stars.good, psf, NOISE, stars.x + shift[0], stars.y + shift[1]
    )


def build(psf: PsfGrid, shape: tuple[int, int], *, number: int, seed: int) -> BuiltPsf:
    """Build a PSF from four dithered exposures, found with a phase error of 0.02 px."""
    return build_psfs(expose_dithered(psf, shape, number=number, seed=seed))[1]


def expose_dithered(
    psf: PsfGrid, shape: tuple[int, int], *, number: int, seed: int
) -> list[ExposedChip]:
    """Expose a field four times."""
    rng = np.random.default_rng(seed)
    x, y = places(shape, number, rng)
    flux = bright(len(x), rng)
    chips = []
    for turn in range(4):
        right, up = (4.0 * turn + rng.uniform(0.0, 1.0, 2)) * (turn > 0)
        image = expose(psf, shape, x + right, y + up, flux, rng)
        pixels = ChipPixels(image, np.ones(shape, dtype=np.bool_), NOISE)
        found_x, found_y = (
            place + 0.02 * np.sin(2 * np.pi * place) + rng.normal(0.0, 0.01, len(place))
            for place in (x + right, y + up)
        )
        chips.append(
            ExposedChip(
                load=lambda pixels=pixels: pixels,  # type: ignore[misc]
                shape=shape,
                detector=1,
                offset=(0.0, 0.0),
                x=found_x,
                y=found_y,
                plane=np.column_stack([found_x - right, found_y - up]),
                jacobian=np.broadcast_to(np.eye(2), (len(x), 2, 2)),
                star=np.arange(len(x)),
            )
        )
    return chips


def describe(stars: Stars, x: FloatArray, y: FloatArray) -> str:
    """Give rms an axis and phase bias about a smooth field, in mpx, of the nearest source."""
    from scipy.spatial import cKDTree

    if not len(x):
        return "    -      "
    tree = cKDTree(np.column_stack([x, y]))
    distance, index = map(np.asarray, tree.query(np.column_stack([stars.x, stars.y])))
    there = distance < 0.5
    at = stars.x[there], stars.y[there]
    shape = (stars.pixels.shape[0], stars.pixels.shape[1])
    rests = [
        without_smooth_field(at, shape, found[index[there]] - true)
        for found, true in zip((x, y), at, strict=True)
    ]
    rms = 1e3 * np.sqrt(np.mean(np.square(rests)))
    bias = 1e3 * max(phase_bias(true, rest) for true, rest in zip(at, rests, strict=True))
    return f"{rms:5.1f} ({bias:4.1f})"


def pull(stars: Stars, x: FloatArray, y: FloatArray, errors: FloatArray) -> float:
    """Give the rms an axis about a smooth field in units of the errors."""
    at, shape = (stars.x, stars.y), (stars.pixels.shape[0], stars.pixels.shape[1])
    rests = [
        without_smooth_field(at, shape, found - true) / errors
        for found, true in zip((x, y), at, strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(rests))))


def bound(psf: PsfGrid, stars: Stars) -> float:
    """Give the Cramér-Rao bound of all pixels of a star, rms over stars and axes, pixels."""
    left, bottom = np.rint(stars.x) - BOX, np.rint(stars.y) - BOX
    pieces = cut_pieces(psf, stars.x, stars.y, left, bottom, 2 * BOX + 1)
    light, by_x, by_y = (a.reshape(len(left), -1) for a in pieces.evaluate(stars.x, stars.y))
    flux = stars.flux[:, None]
    gradient = np.stack([flux * by_x, flux * by_y, light, np.ones_like(light)], axis=-1)
    variance = np.maximum(flux * light, 0.0) + SKY + READ_NOISE**2
    information = np.swapaxes(gradient, 1, 2) @ (gradient / variance[..., None])
    covariance = np.linalg.inv(information)
    return float(np.sqrt(np.mean(covariance[:, [0, 1], [0, 1]])))


def cpu(call: Callable[[], object]) -> float:
    """Time a call, the second one."""
    call()
    started = time.process_time()
    call()
    return time.process_time() - started


if __name__ == "__main__":
    main()
