"""Make expected.json: where drizzlepac 3.11 puts pixels after updating a header with a fit.

Run with the Python of an environment that holds drizzlepac, in this folder.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from drizzlepac.updatehdr import updatewcs_with_shift
from numpy.typing import NDArray
from stwcs.wcsutil import HSTWCS

HEADERS = Path(__file__).parents[1] / "wfc3_uvis_flc_headers.fits.gz"
SHAPE = (2051, 4096)
PLANE: dict[str, Any] = {
    "crval": [137.84, -64.91],
    "crpix": [2100.5, 2243.5],
    "scale": 0.0396,
    "angle": -120.0,
}
FITS: dict[str, dict[str, Any]] = {
    "small": {"rotation": 0.02, "scale": 1.00001, "skew": 0.0, "shift": [3.3, -2.1]},
    "10 arcsec": {"rotation": 0.3, "scale": 1.0, "skew": 0.0, "shift": [250.0, 0.0]},
    "skewed": {"rotation": 0.0, "scale": 1.001, "skew": 0.001, "shift": [-7.0, 5.0]},
    "turned over": {"rotation": 180.0, "scale": 1.0, "skew": 0.0, "shift": [100.0, 40.0]},
}
X, Y = [1.0, 4096.0, 1.0, 4096.0, 2000.0], [1.0, 1.0, 2051.0, 2051.0, 1000.0]


def plane() -> WCS:
    """Make the plane of the fits."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = PLANE["crval"], PLANE["crpix"]
    angle = np.radians(PLANE["angle"])
    sine, cosine = np.sin(angle), np.cos(angle)
    wcs.wcs.cd = PLANE["scale"] / 3600.0 * np.array([[-cosine, sine], [sine, cosine]])
    wcs.wcs.set()
    return wcs


def matrix(fit: dict[str, Any]) -> NDArray[np.float64]:
    """Return M of a fit."""
    a, b = np.radians([fit["rotation"], fit["rotation"] + fit["skew"]])
    turned = np.array([[np.cos(a), np.sin(b)], [-np.sin(a), np.cos(b)]])
    return np.asarray(fit["scale"] * turned)


def updated(path: Path, fit: dict[str, Any]) -> list[Any]:
    """Return where the updated header puts the pixels, for each chip."""
    with fits.open(HEADERS) as hdus:
        for chip in (1, 2):
            hdus["SCI", chip].data = np.zeros(SHAPE, dtype=np.uint8)
        hdus.writeto(path, overwrite=True)
    # drizzlepac's matrix is the transpose of M in (q - c) = M (p - c) + s
    dx, dy = fit["shift"]
    updatewcs_with_shift(str(path), plane(), fit=matrix(fit).T, xsh=dx, ysh=dy, wcsname="TWEAK")
    chips = [HSTWCS(f"{path}[sci,{chip}]") for chip in (1, 2)]
    return [np.transpose(chip.all_pix2world(X, Y, 1)).tolist() for chip in chips]


with tempfile.TemporaryDirectory() as folder:
    cases = {
        name: {**fit, "matrix": matrix(fit).tolist(), "sky": updated(Path(folder) / "a.fits", fit)}
        for name, fit in FITS.items()
    }
content = {"plane": PLANE, "x": X, "y": Y, "fits": cases}
Path(__file__).with_name("expected.json").write_text(json.dumps(content, indent=1) + "\n")
