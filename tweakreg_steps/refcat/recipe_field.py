"""The field of a recipe's exposures on the sky, by their headers."""

from __future__ import annotations

import numpy as np

from tweakreg_steps.alignment.overlap import hull_of
from tweakreg_steps.astrometry.reference_plane import PlaneSource, footprints
from tweakreg_steps.fits_files.exposure import list_chips
from tweakreg_steps.recipes.inputs import expand_inputs
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.refcat.gaia_query import Circle, circles_around


def fields_of(recipe: Recipe, *, margin: float) -> list[Circle]:
    """Return circles on the sky that hold all exposures of a recipe; no pixels are read.

    Parameters
    ----------
    recipe : Recipe
        The recipe; a reference catalog that it names need not be there yet.
    margin : float
        Arcseconds by which headers may be wrong, and stars may have moved.

    Raises
    ------
    InputError
        An exposure cannot be read.
    """
    hulls = []
    for image in expand_inputs(recipe.values["input"], base=recipe.base):
        source: PlaneSource = (image.path, list_chips(image.path, image.selection))
        edges = np.concatenate(list(footprints([source])))
        hulls.append(hull_of(edges[:, 0], edges[:, 1]))
    return circles_around(hulls, margin=margin)
