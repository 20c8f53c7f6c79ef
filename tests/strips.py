"""A strip of exposures, each overlapping the next one: painted, or only as lists of sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skies
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.alignment.alignment_parameters import AlignmentParameters
from tweakreg_steps.alignment.sequence import AlignedSequence, align_in_sequence
from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.astrometry.reference_plane import _make_plane
from tweakreg_steps.astrometry.rigid_motion import Motion, motion_matrix, move_header
from tweakreg_steps.demo.painting import UVIS_PSF, cosmic_rays, expose, paint_stars, steep_fluxes
from tweakreg_steps.sections import CatalogFitting, FitGates, ObjectMatching
from tweakreg_steps.tables.ecsv import ColumnTable

SHAPE = (480, 640)
PIXEL = 0.4  # arcsec

MATCHING: ObjectMatching = {
    "minobj": 8,
    "searchrad": 4.0,
    "searchunits": "pixels",
    "method": "histogram",
    "fallback": "brightest",
    "mirrored": False,
    "leave_out_narrow": True,
    "leave_out_fixed": True,
    "use2dhist": True,
    "tolerance": 1.0,
    "separation": 0.0,
    "xoffset": 0.0,
    "yoffset": 0.0,
}
MAX_FALSE_ALARM = 1e-3
FITTING: CatalogFitting = {
    "fitgeometry": "shift",
    "weights": "none",
    "robust_start": True,
    "nclip": 3,
    "sigma": 3.0,
}
GATES: FitGates = {
    "min_matches": None,
    "max_rms": None,
    "max_error": None,
    "max_shift": None,
    "max_rotation": None,
    "max_scale": 0.1,
    "min_coverage": None,
    "never_worse": True,
}


def strip_scene(
    directory: Path,
    *,
    number: int = 6,
    step: float = 0.42,
    density: int = 160,
    pointing_error: float = 1.0,
    roll_error: float = 0.0,
    seed: int = 11,
) -> skies.Scene:
    """Paint a strip of ground-based exposures, ``strip1.fits`` in the west to the last in the east.

    Neighbours share ``1 - step`` of the field; ``density`` stars and 60 cosmic rays fall on each
    exposure. The headers of all but the first are in error by ``pointing_error`` (arcsec), each in
    another direction, and by ``roll_error`` (degrees).
    """
    rng = np.random.default_rng(seed)
    pointings = [Motion(i * step * SHAPE[1] * PIXEL, 0.0, 0.0) for i in range(number)]
    first = WCS(skies._ground_header("TAN", pointings[0]))
    length = SHAPE[1] * (1 + step * (number - 1))
    stars = int(density * length * (SHAPE[0] + 200) / (SHAPE[0] * SHAPE[1]))
    # east is to the left, and a little down: the camera is turned by three degrees
    x = rng.uniform(SHAPE[1] - length - 40.0, SHAPE[1] + 40.0, stars)
    y = rng.uniform(-100.0, SHAPE[0] + 100.0, stars) + (SHAPE[1] - x) * np.tan(np.radians(3.0))
    ra, dec = first.all_pix2world(x, y, 1)
    flux = steep_fluxes(stars, rng=rng, faintest=4000.0, slope=1.5)
    exposures = []
    for i, pointing in enumerate(pointings):
        header = skies._ground_header("TAN", pointing)
        chip = skies._chip_truth(WCS(header), 1, SHAPE, ra, dec)
        light = paint_stars(SHAPE, x=chip.x, y=chip.y, flux=flux[chip.star], psf=UVIS_PSF)
        rays = cosmic_rays(SHAPE, number=60, rng=rng, mean_length=3.0, counts_per_pixel=300.0)
        pixels = expose(light, hits=(rays,), rng=rng, sky=skies.SKY, read_noise=skies.READ_NOISE)
        error = skies._error(i, pointing_error, roll_error, rng)
        move_header(header, motion_matrix((header["CRVAL1"], header["CRVAL2"]), error))
        path = directory / f"strip{i + 1}.fits"
        fits.PrimaryHDU(pixels, header).writeto(path, overwrite=True)
        exposures.append(skies.ExposureTruth(path, error, (chip,)))
    return skies.Scene(ra, dec, flux, tuple(exposures))


@dataclass(frozen=True)
class ListStrip:
    """A strip as lists of sources: what each image measures, and where the stars truly are.

    ``skies`` hold what is measured, noise included; ``by_header`` is where the headers put the
    stars, ``true`` where they are: by image, pixels of ``plane``, shape (n, 2).
    """

    plane: WCS
    skies: dict[str, ColumnTable]
    by_header: dict[str, FloatArray]
    true: dict[str, FloatArray]

    def align(self, start: ColumnTable | None = None, **changes: Any) -> AlignedSequence:  # noqa: ANN401
        """Align the images; `changes` are keywords of `align_in_sequence`."""
        given: dict[str, Any] = {
            "plane": self.plane,
            "reference": None,
            "enforce_user_order": True,
            "epochs": {},
            "parameters": dict.fromkeys(
                self.skies, AlignmentParameters(MATCHING, MAX_FALSE_ALARM, FITTING, GATES)
            ),
        }
        return align_in_sequence(self.skies, start, **(given | changes))

    def error(self, sequence: AlignedSequence, name: str) -> float:
        """Return the rms error in pixels, per axis, of where an image's fit puts the stars."""
        fit = sequence.images[name].fitted.fit
        assert fit is not None
        return float(np.sqrt(np.mean((fit.correct(self.by_header[name]) - self.true[name]) ** 2)))


def list_strip(
    rng: np.random.Generator,
    *,
    number: int = 6,
    size: float = 400.0,
    step: float = 0.45,
    density: int = 60,
    noise: float = 0.05,
    error: float = 2.0,
) -> ListStrip:
    """Draw the lists of a strip of square images ``a``, ``b``, ...; lengths in pixels of the plane.

    The first is where its header says, the others are off by up to ``error`` in x and y.
    """
    plane = _make_plane(np.array([10.0, 40.0]), np.eye(2) * 0.1 / 3600.0, np.zeros(2))
    length = size * (1 + step * (number - 1))
    stars = rng.uniform(0.0, [length, size], (int(density * length / size), 2))
    tables, by_header, true = {}, {}, {}
    for i in range(number):
        name = "abcdefghijklmnop"[i]
        low = i * step * size
        inside = stars[(stars[:, 0] >= low) & (stars[:, 0] <= low + size)]
        shift = rng.uniform(-error, error, 2) if i else np.zeros(2)
        by_header[name], true[name] = inside + shift, inside
        tables[name] = sky_table(plane, inside + shift + rng.normal(0.0, noise, inside.shape))
    return ListStrip(plane, tables, by_header, true)


def sky_table(plane: WCS, places: FloatArray, *, reason: str | None = None) -> ColumnTable:
    """Return the table of sources at places (pixels of a plane, 1-based, shape (n, 2))."""
    places = np.reshape(places, (-1, 2))
    ra, dec = plane.wcs_pix2world(places, 1).T if len(places) else np.zeros((2, 0))
    return ColumnTable(
        {
            "id": np.arange(len(places)),
            "chip": np.ones(len(places), dtype=np.int64),
            "x": places[:, 0],
            "y": places[:, 1],
            "flux": np.full(len(places), 100.0),
            "error": np.full(len(places), 1.0),
            "narrow": np.zeros(len(places), dtype=np.bool_),
            "ra": np.asarray(ra),
            "dec": np.asarray(dec),
        },
        meta={"reason": reason, "found_in": "pixels"},
    )
