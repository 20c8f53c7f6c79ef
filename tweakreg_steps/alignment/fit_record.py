"""What ``fits/<image>.json`` says of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.fit_file import FitNumbers, UncertaintyRecord
from tweakreg_steps.matching.uncertainty import NUMBERS

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from tweakreg_steps.matching.fitting import LinearFit
    from tweakreg_steps.matching.uncertainty import Uncertainty


NO_NUMBERS: Mapping[str, None] = {
    **{name: None for name in FitNumbers.__annotations__ if name not in ("n_fit", "fitgeometry")},
}
"""What the record of an image without a fit says in place of one."""

IDENTITY: Mapping[str, object] = {
    **NO_NUMBERS,
    **dict.fromkeys(("dx", "dy", "rotation", "rotation_x", "rotation_y", "skew"), 0.0),
    **dict.fromkeys(("rms_x", "rms_y", "rms_ra", "rms_dec", "wrms_ra", "wrms_dec"), 0.0),
    "matrix": [[1.0, 0.0], [0.0, 1.0]],
    "scale": 1.0,
    "scale_x": 1.0,
    "scale_y": 1.0,
}
"""What the record of the reference says."""


def fit_record(fit: LinearFit, *, rms_sky: FloatArray, wrms_sky: FloatArray) -> FitNumbers:
    """Write a fit as plain values.

    Parameters
    ----------
    fit : LinearFit
        The fit.
    rms_sky : (2,) float array
        Rms of its kept pairs along right ascension and declination, mas.
    wrms_sky : (2,) float array
        The same, weighted.
    """
    return {
        "n_fit": int(fit.kept.sum()),
        "fitgeometry": fit.geometry,
        "center": fit.center.tolist(),
        "dx": float(fit.shift[0]),
        "dy": float(fit.shift[1]),
        "matrix": fit.matrix.tolist(),
        "rotation": fit.rotation,
        "rotation_x": fit.rotation_x,
        "rotation_y": fit.rotation_y,
        "scale": fit.scale,
        "scale_x": fit.scale_x,
        "scale_y": fit.scale_y,
        "skew": fit.skew,
        "rms_x": float(fit.rms[0]),
        "rms_y": float(fit.rms[1]),
        "rms_ra": float(rms_sky[0]),
        "rms_dec": float(rms_sky[1]),
        "wrms_ra": float(wrms_sky[0]),
        "wrms_dec": float(wrms_sky[1]),
        "weights": fit.weighting,
        "robust_start": fit.from_robust_start,
        "uncertainty": _uncertainty_record(fit.uncertainty),
    }


def _uncertainty_record(uncertainty: Uncertainty | None) -> UncertaintyRecord | None:
    """Write the standard errors, under the names of what they belong to, as plain values."""
    if uncertainty is None:
        return None
    axes = uncertainty.decomposition
    return {
        "dx": float(uncertainty.shift[0]),
        "dy": float(uncertainty.shift[1]),
        "matrix": uncertainty.matrix.tolist(),
        "rotation": axes.rotation,
        "rotation_x": axes.rotation_x,
        "rotation_y": axes.rotation_y,
        "scale": axes.scale,
        "scale_x": axes.scale_x,
        "scale_y": axes.scale_y,
        "skew": axes.skew,
        "covariance": uncertainty.covariance.tolist(),
        "covariance_of": list(NUMBERS),
    }


def rms_on_sky(plane: WCS, rms: FloatArray) -> FloatArray:
    """Turn an rms along the axes of the plane (mas) into one along right ascension and declination.

    The axes' errors are taken as independent: ``rms_ra² = Σ (R_1i rms_i)²`` with R the rotation of
    the plane's pixels to the sky.
    """
    rotation = plane.wcs.cd / np.sqrt(abs(np.linalg.det(plane.wcs.cd)))
    on_sky: FloatArray = np.sqrt((rotation**2) @ (rms**2))
    return on_sky
