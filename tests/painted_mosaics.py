"""Painted mosaics of ground-based exposures, of which the truth is known, and a sparse catalog."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from scipy.spatial import cKDTree

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.demo.painting import UVIS_PSF, cosmic_rays, expose, paint_stars, steep_fluxes

SHAPE = (300, 400)
PIXEL = 0.2  # arcsec

_ALONE = 10.0
"""Pixels around a star of the catalog in which there is no other one."""

STRIP = [(i * 0.7, 0.0) for i in range(6)]
GRID = [(i * 0.75, j * 0.75) for j in range(2) for i in range(4)]
DITHERS = [(0.03 * np.cos(0.8 * i), 0.04 * np.sin(0.8 * i)) for i in range(8)]
"""Where the corners of exposures lie, in sides of an exposure."""


@dataclass(frozen=True)
class Painted:
    """A painted mosaic.

    ``truths`` are the WCSs of the exposures as they should be; ``stars`` ra, dec (deg), shape
    (n, 2); ``catalog`` tells which of them are in the catalog.
    """

    folder: Path
    paths: tuple[Path, ...]
    truths: tuple[WCS, ...]
    stars: FloatArray
    catalog: BoolArray

    def seen(self, one: int) -> BoolArray:
        """Tell which stars lie on an exposure."""
        x, y = self.truths[one].wcs_world2pix(self.stars, 1).T
        nx, ny = self.truths[one].pixel_shape
        return np.asarray((x > 0.5) & (x < nx + 0.5) & (y > 0.5) & (y < ny + 0.5))

    def errors(self, aligned: Path) -> FloatArray:
        """Return where aligned headers put a grid of each exposure, less the truth, in pixels."""
        found = []
        for path, truth in zip(self.paths, self.truths, strict=True):
            nx, ny = truth.pixel_shape
            grid = np.array([(x, y) for x in (1.0, nx / 2, nx) for y in (1.0, ny / 2, ny)])
            sky = _wcs_of(aligned / path.name).wcs_pix2world(grid, 1)
            found.append((truth.wcs_world2pix(sky, 1) - grid) * _scale(truth))
        return np.array(found)

    def seams(self, aligned: Path) -> FloatArray:
        """Return by how much each two exposures disagree about their common stars, in pixels."""
        headers = [_wcs_of(aligned / path.name) for path in self.paths]
        seen = [self.seen(i) for i in range(len(self.paths))]
        plane = self.truths[0]
        found = []
        for i in range(len(self.paths)):
            for j in range(i + 1, len(self.paths)):
                both = self.stars[seen[i] & seen[j]]
                if len(both) < 5:
                    continue
                one, two = (
                    plane.wcs_world2pix(
                        headers[k].wcs_pix2world(self.truths[k].wcs_world2pix(both, 1), 1), 1
                    )
                    for k in (i, j)
                )
                found.append(np.sqrt(np.mean((one - two) ** 2, axis=0)))
        return np.array(found)

    def recipe(self, **changes: Any) -> Path:  # noqa: ANN401  values of a recipe
        """Write a recipe; `changes` are laid over it section by section."""
        recipe: dict[str, Any] = {
            "input": "m??.fits",
            "outdir": "out",
            "imagefindpars": {"threshold": 8.0, "conv_width": 2.5, "skysigma": 5.0},
            "reference_catalog": {"refcat": "stars.cat"},
            "object_matching": {"minobj": 2, "searchrad": 1.0, "see2dplot": False},
            "catalog_fitting": {"fitgeometry": "rshift", "residplot": "No plot"},
            "acceptance": {"never_worse": False, "max_false_alarm": 1.0},
            "update_header": {"updatehdr": True},
            "writecat": False,
        }
        for key, value in changes.items():
            nested = isinstance(recipe.get(key), dict) and isinstance(value, dict)
            recipe[key] = recipe[key] | value if nested else value
        path = self.folder / "recipe.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in recipe.items() if v is not None}))
        return path


def paint_mosaic(
    folder: Path,
    corners: Sequence[tuple[float, float]],
    *,
    seed: int,
    at: tuple[float, float] = (150.1, 22.2),
    density: int = 150,
    n_catalog: int = 6,
    catalog_noise: float = 0.01,
    shift: float = 1.5,
    roll: float = 0.02,
    pixels: Sequence[float] | None = None,
    lattice: float | None = None,
) -> Painted:
    """Paint a mosaic: ``m00.fits``, ... and ``stars.cat``.

    ``density`` stars and ``n_catalog`` of the catalog fall on each exposure; the catalog is wrong
    by ``catalog_noise`` pixels along an axis, headers by ``shift`` pixels and ``roll`` degrees.
    ``pixels`` are the sizes of the exposures' pixels (arcsec) where they differ. With ``lattice``
    the stars are that many pixels apart from each other along both axes, all equally bright.
    """
    rng = np.random.default_rng(seed)
    plane = WCS(_header(at, np.zeros(2), 0.0, PIXEL))
    places = np.array(corners) * np.array(SHAPE[::-1])
    low, high = places.min(axis=0) - 30.0, places.max(axis=0) + SHAPE[::-1] + 30.0
    fields = np.prod(high - low) / np.prod(SHAPE)
    xy = rng.uniform(low, high, (int(density * fields), 2))
    if lattice is not None:
        sides = [np.arange(one, other, lattice) for one, other in zip(low, high, strict=True)]
        xy = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    stars = np.asarray(plane.wcs_pix2world(xy, 1))
    flux = steep_fluxes(len(xy), rng=rng, faintest=3000.0, slope=1.2)
    flux = flux if lattice is None else np.full(len(xy), 2e4)
    known = np.zeros(len(xy), dtype=np.bool_)
    alone = np.asarray(cKDTree(xy).query(xy, k=2)[0])[:, 1] > _ALONE
    known[np.argsort(-flux * alone)[: round(n_catalog * fields)]] = True
    wrong = xy[known] + rng.normal(0.0, catalog_noise, (int(known.sum()), 2))
    np.savetxt(folder / "stars.cat", plane.wcs_pix2world(wrong, 1), fmt="%.10f")
    paths, truths = [], []
    for i, place in enumerate(places):
        size = PIXEL if pixels is None else pixels[i]
        truth = _header(at, place, rng.normal(0.0, 1.0), size)
        wcs = WCS(truth)
        shape = int(SHAPE[0] * PIXEL / size), int(SHAPE[1] * PIXEL / size)
        wcs.pixel_shape = shape[::-1]
        x, y = wcs.wcs_world2pix(stars, 1).T
        near = (x > -20) & (x < shape[1] + 20) & (y > -20) & (y < shape[0] + 20)
        light = paint_stars(shape, x=x[near], y=y[near], flux=flux[near], psf=UVIS_PSF)
        rays = cosmic_rays(shape, number=20, rng=rng, mean_length=3.0, counts_per_pixel=300.0)
        image = expose(light, hits=(rays,), rng=rng, sky=25.0, read_noise=3.1)
        header = _turned(truth, rng.uniform(-shift, shift, 2) * (i > 0), rng.normal(0.0, roll))
        path = folder / f"m{i:02d}.fits"
        fits.PrimaryHDU(image, header).writeto(path)
        paths.append(path)
        truths.append(wcs)
    return Painted(folder, tuple(paths), tuple(truths), stars, known)


def _header(at: tuple[float, float], place: FloatArray, turn: float, pixel: float) -> fits.Header:
    """Return the header of an exposure whose corner is at a place of the first one's plane."""
    angle, scale = np.radians(3.0 + turn), pixel / 3600.0
    middle = np.array([200.5, 150.5])
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"], header["RADESYS"] = "deg", "deg", "ICRS"
    header["CRPIX1"], header["CRPIX2"] = (middle - 0.5) * PIXEL / pixel + 0.5
    header["CRVAL1"], header["CRVAL2"] = at
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -cosine, sine, sine, cosine
    if place.any():
        first = WCS(_header(at, np.zeros(2), 0.0, PIXEL))
        ra, dec = first.wcs_pix2world([middle + place], 1)[0]
        # north turns from pointing to pointing near a pole: the camera does not
        up = np.array([middle + place, middle + place + [0.0, 10.0]])
        sky = np.radians(first.wcs_pix2world(up, 1))
        (a, d), (b, e) = sky
        position = np.arctan2(
            np.cos(e) * np.sin(b - a),
            np.cos(d) * np.sin(e) - np.sin(d) * np.cos(e) * np.cos(b - a),
        )
        angle = position + np.radians(turn)
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        header["CRVAL1"], header["CRVAL2"] = ra, dec
        header["CD1_1"], header["CD1_2"] = -cosine, sine
        header["CD2_1"], header["CD2_2"] = sine, cosine
    return header


def _turned(truth: fits.Header, shift: FloatArray, roll: float) -> fits.Header:
    """Return a header that is wrong by a shift (pixels) and a roll (degrees)."""
    header, turn = truth.copy(), np.radians(roll)
    matrix = np.array([[truth["CD1_1"], truth["CD1_2"]], [truth["CD2_1"], truth["CD2_2"]]])
    matrix = matrix @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    (header["CD1_1"], header["CD1_2"]), (header["CD2_1"], header["CD2_2"]) = matrix
    header["CRPIX1"], header["CRPIX2"] = truth["CRPIX1"] + shift[0], truth["CRPIX2"] + shift[1]
    return header


def _wcs_of(path: Path) -> WCS:
    """Return the WCS of an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(fits.getheader(path))


def _scale(wcs: WCS) -> float:
    """Return the size of a pixel in that of the mosaic's."""
    return float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))) * 3600.0 / PIXEL)


def rms(values: FloatArray) -> float:
    """Return the rms along one axis."""
    return float(np.sqrt(np.mean(values**2)))
