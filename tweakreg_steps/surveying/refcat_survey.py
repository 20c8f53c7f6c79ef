"""A look at the reference catalog before any job runs: its digest, and what its age may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.inspection import Inspected

if TYPE_CHECKING:
    from tweakreg_steps.astrometry.space_motion import MovingStars

_LEAST = 1.0
"""mas that a typical star has to have moved by for the age of a catalog to be spoken of: what the
fit of an exposure to a catalog may be good for."""

_NAMED = 5
"""Images that a message names."""


@dataclass(frozen=True, eq=False)
class SurveyedCatalog:
    """What a look at the reference catalog has found.

    Attributes
    ----------
    name
        Its file name.
    digest
        Digest of the file.
    moves
        Whether where its stars are, or how well that is known, depends on the epoch.
    stars
        Its stars at its epoch.
    """

    name: str
    digest: str
    moves: bool
    stars: MovingStars

    def notes(self, images: Sequence[Inspected]) -> tuple[str, ...]:
        """Return what a user should know of it beside these images."""
        return tuple(self._notes(images))

    def _notes(self, images: Sequence[Inspected]) -> Iterator[str]:
        """Yield the same."""
        import numpy as np

        from tweakreg_steps.astrometry.space_motion import word_of_age

        epochs = np.array([image.epoch for image in images if image.epoch is not None])
        word = word_of_age(self.stars, epochs, least=_LEAST)
        if word:
            yield f"{self.name}: {word}"
        undated = [image.image.name for image in images if image.epoch is None]
        if self.moves and undated:
            more = f" and {len(undated) - _NAMED} more" if len(undated) > _NAMED else ""
            yield (
                f"{', '.join(undated[:_NAMED])}{more}: no header tells when the exposure was taken;"
                f" the stars of {self.name} are taken where that has them"
            )


def survey_refcat(recipe: Recipe) -> SurveyedCatalog | None:
    """Look at the reference catalog; None where the recipe names none.

    Raises
    ------
    InputError
        It cannot be read.
    """
    path = recipe.file("reference_catalog", "refcat")
    if path is None:
        return None
    from tweakreg_steps.astrometry.catalog_motions import catalog_motions
    from tweakreg_steps.tables.motion_columns import moves
    from tweakreg_steps.tables.reference_catalog import read_reference_catalog

    section = recipe.values["reference_catalog"]
    parameters = {key: value for key, value in section.items() if key != "refcat"}
    found = read_reference_catalog(path, **parameters)
    motions = catalog_motions(found.x, found.y, found.more, ref_epoch=None, error=found.error)
    moving = moves(found.more, no_pm=section["no_pm"])
    return SurveyedCatalog(path.name, file_digest(path), moving, motions.stars)
