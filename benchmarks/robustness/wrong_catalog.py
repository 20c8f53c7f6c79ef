"""A reference catalog of which a part is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustness.sky import Sky
from robustness.truth import SURE, THRESHOLD, View
from tweakreg_steps.arrays import BoolArray, FloatArray

ERROR = 2.0
"""Standard error of an entry along each axis, in mas."""

DISPLACED = (0.1, 2.0)
"""How far wrong entries are off that are a star's, in arcseconds."""


@dataclass(frozen=True)
class Catalog:
    """A catalog of stars.

    Attributes
    ----------
    ra, dec : (m,) float arrays
        Degrees.
    mag : (m,) float array
        Magnitudes.
    right : (n,) bool array
        Whether a star of the sky is in it, at its right place.
    """

    ra: FloatArray
    dec: FloatArray
    mag: FloatArray
    right: BoolArray


def draw_catalog(sky: Sky, view: View, wrong: float, rng: np.random.Generator) -> Catalog:
    """Draw the catalog of the stars that a view holds.

    Of the wrong entries one half is displaced, as by proper motion, the other anywhere.

    Parameters
    ----------
    sky
        The stars.
    view
        Where they would be seen; the catalog is as deep as its exposure would be.
    wrong
        Part of the entries that is wrong.
    rng
        The source of chance.
    """
    seen = np.zeros(len(sky.ra), dtype=np.bool_)
    for chip in view.chips:
        seen[chip.star] = True
    entry = np.flatnonzero(seen & (view.height >= SURE * THRESHOLD * view.sky_sigma))
    ra, dec = sky.ra[entry], sky.dec[entry]
    cosine = np.cos(np.radians(dec))
    east, north = ERROR / 3.6e6 * rng.standard_normal((2, len(entry)))
    fate = rng.permutation(len(entry))
    displaced = fate < round(wrong / 2 * len(entry))
    anywhere = ~displaced & (fate < round(wrong * len(entry)))
    size, angle = rng.uniform(*DISPLACED, len(entry)), rng.uniform(0.0, 2.0 * np.pi, len(entry))
    east += displaced * size * np.sin(angle) / 3600.0
    north += displaced * size * np.cos(angle) / 3600.0
    ra, dec = ra + east / cosine, dec + north
    if len(entry):
        ra[anywhere] = rng.uniform(ra.min(), ra.max(), anywhere.sum())
        dec[anywhere] = rng.uniform(dec.min(), dec.max(), anywhere.sum())
    right = np.zeros(len(sky.ra), dtype=np.bool_)
    right[entry[~displaced & ~anywhere]] = True
    return Catalog(ra, dec, 25.0 - 2.5 * np.log10(view.flux[entry]), right)


def write_catalog(path: Path, catalog: Catalog) -> None:
    """Write a catalog as text: right ascension and declination in degrees, magnitude."""
    rows = np.column_stack([catalog.ra, catalog.dec, catalog.mag])
    np.savetxt(path, rows, fmt=("%.10f", "%.10f", "%.3f"))
