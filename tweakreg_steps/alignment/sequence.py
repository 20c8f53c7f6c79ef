"""Aligning images one after the other with a reference list that grows on the way.

Whichever image is next depends on those aligned before it: on what they have added to the list.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from tweakreg_steps.alignment.alignment_parameters import AlignmentParameters
from tweakreg_steps.alignment.fitted_image import FittedImage, fit_image
from tweakreg_steps.alignment.match_table import make_match_table
from tweakreg_steps.alignment.overlap import SkyHull, hull_of, intersect, joint_area
from tweakreg_steps.alignment.reference_list import add_new_sources, list_of_image
from tweakreg_steps.errors import Reason
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from astropy.wcs import WCS

log = logging.getLogger(__name__)

_BY_ITSELF = frozenset({Reason.NO_PIXELS, Reason.NO_SOURCES, Reason.FEW_SOURCES})
"""Why an image cannot be aligned whatever the reference list holds."""


@dataclass(frozen=True)
class AlignedImage:
    """What became of one image: its matches and its fit, those of the last attempt."""

    matches: ColumnTable
    fitted: FittedImage


@dataclass(frozen=True)
class AlignedSequence:
    """What became of all images.

    Attributes
    ----------
    images
        By name, in the order given.
    sources
        The reference list as it has grown; its metadata's ``order`` names the images whose fits
        were accepted, in the order in which they were.
    """

    images: Mapping[str, AlignedImage]
    sources: ColumnTable


def align_in_sequence(
    skies: Mapping[str, ColumnTable],
    start: ColumnTable | None,
    *,
    plane: WCS,
    reference: str | None,
    enforce_user_order: bool,
    parameters: Mapping[str, AlignmentParameters],
) -> AlignedSequence:
    """Align images with a reference list that takes in the new sources of each one aligned.

    With ``enforce_user_order`` each image is tried once in the order given. The images still not
    aligned then (without it: all) are tried in order of decreasing overlap with the list as it
    is; each time the list has grown all that are left are tried again. Only images whose fit was
    accepted add sources.

    Parameters
    ----------
    skies : mapping of str to ColumnTable
        The sources of each image, undistorted, in the user's order.
    start : ColumnTable or None
        The reference list at the start; None where it is to be that of one of the images, which
        `choose_reference` names.
    plane : astropy.wcs.WCS
        The reference plane.
    reference : str or None
        Name of the image that is itself what ``start`` was made of; None where none is.
    enforce_user_order : bool
        See above.
    parameters : mapping of str to AlignmentParameters
        What the recipe says for each image.
    """
    hulls = {name: hull_of(sky["ra"], sky["dec"]) for name, sky in skies.items()}
    if start is None:
        reference = choose_reference(
            {name: len(sky) for name, sky in skies.items()},
            hulls,
            minobj={name: parameters[name].matching["minobj"] for name in skies},
            enforce_user_order=enforce_user_order,
        )
        log.info("%s is the reference", reference)
        start = list_of_image(skies[reference], reference)
    run = _Run(skies, hulls, start, reference, plane, parameters)
    if enforce_user_order:
        for name in list(run.waiting):
            run.attempt(name)
    while candidates := run.worth_trying():
        run.attempt(max(candidates, key=run.overlap))
    images = {name: run.images[name] for name in skies}
    return AlignedSequence(
        images, replace(run.sources, meta={**run.sources.meta, "order": run.order})
    )


def choose_reference(
    numbers: Mapping[str, int],
    hulls: Mapping[str, SkyHull],
    *,
    minobj: Mapping[str, int],
    enforce_user_order: bool,
) -> str:
    """Return the image that the sequence starts from.

    With ``enforce_user_order`` it is the first one with enough sources to match anything.
    Without, it is one of the pair with the largest overlap: the one whose overlaps with all other
    images have the larger sum; of equals, the first.

    Parameters
    ----------
    numbers : mapping of str to int
        Number of sources of each image, in the user's order.
    hulls : mapping of str to SkyHull
        Their convex hulls.
    minobj : mapping of str to int
        Their ``object_matching.minobj``. Images with fewer sources are taken only where there is no
        other: the first that has any, or the first of all.
    enforce_user_order : bool
        See above.
    """
    rich = [name for name, number in numbers.items() if number >= minobj[name]]
    if enforce_user_order or len(rich) <= 1:
        usable = rich or [name for name, number in numbers.items() if number]
        return next(iter(usable or numbers))
    total = dict.fromkeys(rich, 0.0)
    largest, best = 0.0, (rich[0], rich[0])
    for pair in combinations(rich, 2):
        area = intersect(hulls[pair[0]], hulls[pair[1]]).area
        for name in pair:
            total[name] += area
        if area > largest:
            largest, best = area, pair
    return max(best, key=lambda name: total[name])


class _Run:
    """The state of a sequence: what is aligned, what waits, and what the list covers."""

    def __init__(
        self,
        skies: Mapping[str, ColumnTable],
        hulls: Mapping[str, SkyHull],
        sources: ColumnTable,
        reference: str | None,
        plane: WCS,
        parameters: Mapping[str, AlignmentParameters],
    ) -> None:
        self.skies, self.hulls, self.sources = skies, hulls, sources
        self.plane, self.parameters = plane, parameters
        self.images: dict[str, AlignedImage] = {}
        self.order: list[str] = []
        self.waiting = [name for name in skies if name != reference]
        self.shared: dict[str, list[SkyHull]] = {name: [] for name in self.waiting}
        self._cover(hull_of(sources["ra"], sources["dec"]))
        if reference in skies:
            self.images[str(reference)] = self._align(str(reference), is_reference=True)

    def worth_trying(self) -> list[str]:
        """Return the waiting images that the list as it is now may align, though none did yet."""
        return [name for name in self.waiting if self._may_succeed(name)]

    def _may_succeed(self, name: str) -> bool:
        """Tell whether an image was not tried, or failed for want of what the list has now."""
        if name not in self.images:
            return True
        last = self.images[name].matches.meta
        return last["reason"] not in _BY_ITSELF and last["n_reference"] < len(self.sources)

    def overlap(self, name: str) -> float:
        """Return the area that an image shares with the list, in square arcseconds."""
        return joint_area(self.shared[name])

    def attempt(self, name: str) -> None:
        """Try to align an image; if it is, let it add its new sources."""
        self.images[name] = self._align(name, is_reference=False)
        fitted = self.images[name].fitted
        if fitted.record["status"] != "aligned":
            return
        self.waiting.remove(name)
        self.order.append(name)
        before, matching = len(self.sources), self.parameters[name].matching
        self.sources = add_new_sources(
            self.sources,
            self.skies[name],
            fitted,
            plane=self.plane,
            tolerance=matching["tolerance"],
            separation=matching["separation"],
        )
        added = len(self.sources) - before
        log.info("%s: adds %d to the now %d reference sources", name, added, len(self.sources))
        if added:
            self._cover(self.hulls[name])

    def _align(self, name: str, *, is_reference: bool) -> AlignedImage:
        """Match and fit an image."""
        given = self.parameters[name]
        matches = make_match_table(
            self.skies[name],
            self.sources,
            plane=self.plane,
            image=name,
            is_reference=is_reference,
            matching=given.matching,
            max_chance=given.max_chance,
        )
        fitted = fit_image(matches, plane=self.plane, fitting=given.fitting, gates=given.gates)
        return AlignedImage(matches, fitted)

    def _cover(self, hull: SkyHull) -> None:
        """Note that the list now covers a field."""
        for name in self.waiting:
            self.shared[name].append(intersect(self.hulls[name], hull))
