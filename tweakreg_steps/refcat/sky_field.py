"""The field of exposures on the sky, by their headers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tweakreg_steps.alignment.overlap import hull_of
from tweakreg_steps.astrometry.reference_plane import PlaneSource, footprints
from tweakreg_steps.fits_files.exposure import list_chips
from tweakreg_steps.refcat.gaia_query import Circle, circles_around


def fields_of(images: Iterable[tuple[Path, str | None]], *, margin: float) -> list[Circle]:
    """Return circles on the sky that hold all of some exposures; no pixels are read.

    Parameters
    ----------
    images : iterable of (Path, str or None)
        The files, and which of their images is meant (`list_chips`).
    margin : float
        Arcseconds by which headers may be wrong, and stars may have moved.

    Raises
    ------
    InputError
        An exposure cannot be read.
    """
    hulls = []
    for path, selection in images:
        source: PlaneSource = (path, list_chips(path, selection))
        edges = np.concatenate(list(footprints([source])))
        hulls.append(hull_of(edges[:, 0], edges[:, 1]))
    return circles_around(hulls, margin=margin)
