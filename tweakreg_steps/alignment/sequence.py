"""Aligning images one after the other with a reference list that grows on the way.

Whichever image is next depends on those aligned before it: on what they have added to the list.
"""

from __future__ import annotations

import heapq
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tweakreg_steps.alignment.alignment_parameters import AlignmentParameters
from tweakreg_steps.alignment.fitted_image import FittedImage, fit_image
from tweakreg_steps.alignment.match_table import make_match_table
from tweakreg_steps.alignment.moving_reference import at_epoch
from tweakreg_steps.alignment.neighbourhood import SkyCircle, neighbours
from tweakreg_steps.alignment.overlap import Coverage, SkyHull, hull_of, intersect
from tweakreg_steps.alignment.reference_list import add_new_sources, list_of_image
from tweakreg_steps.errors import Reason
from tweakreg_steps.matching.tuning import TRIANGLE_REACH
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
    epochs: Mapping[str, float | None],
    parameters: Mapping[str, AlignmentParameters],
) -> AlignedSequence:
    """Align images with a reference list that takes in the new sources of each one aligned.

    With ``enforce_user_order`` each image is tried once in the order given. The images still not
    aligned then (without it: all) are tried in order of decreasing overlap with the list as it
    is; each time the list has grown where they could see it, those that are left are tried again.
    Only images whose fit was accepted add sources.

    Only neighbours on the sky are looked at, so the time grows with the number of images and of
    overlaps; where all images show one field, every pair of them is an overlap.

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
    epochs : mapping of str to float or None
        When each image was taken, Julian years; needed where the stars of ``start`` move.
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
    run = _Run(skies, hulls, start, reference, plane, epochs, parameters)
    if enforce_user_order:
        for image in list(run.waiting):
            run.attempt(image)
    while (name := run.take_next()) is not None:
        run.attempt(name)
    for name in run.waiting:
        run.explain(name)
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
    for pair in _overlapping(rich, hulls):
        area = intersect(hulls[pair[0]], hulls[pair[1]]).area
        for name in pair:
            total[name] += area
        if area > largest:
            largest, best = area, pair
    return max(best, key=lambda name: total[name])


def _overlapping(names: Sequence[str], hulls: Mapping[str, SkyHull]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of images that may overlap, in the order of their names."""
    solid = [name for name in names if len(hulls[name].corners)]
    circles = [SkyCircle(hulls[name].center, hulls[name].radius) for name in solid]
    for i, j in neighbours(circles, [0.0] * len(solid)):
        if i < j:
            yield solid[i], solid[j]


class _Run:
    """The state of a sequence: what is aligned, what waits, and what the list covers.

    Attributes
    ----------
    images : dict
        What became of each image tried so far, by its last attempt.
    order : list of str
        Images whose fits were accepted.
    sources : ColumnTable
        The reference list as it is.
    """

    def __init__(
        self,
        skies: Mapping[str, ColumnTable],
        hulls: Mapping[str, SkyHull],
        sources: ColumnTable,
        reference: str | None,
        plane: WCS,
        epochs: Mapping[str, float | None],
        parameters: Mapping[str, AlignmentParameters],
    ) -> None:
        self.skies, self.hulls, self.sources = skies, hulls, sources
        self.plane, self.epochs, self.parameters = plane, epochs, parameters
        self.images: dict[str, AlignedImage] = {}
        self.order: list[str] = []
        self.waiting = {name: rank for rank, name in enumerate(skies) if name != reference}
        self._within_reach_of = _who_sees_whom(skies, plane, parameters)
        self._coverage = {name: Coverage(hulls[name]) for name in self.waiting}
        self._untold: dict[str, list[SkyHull]] = {name: [] for name in self.waiting}
        self._worth_trying = set(self.waiting)
        self._queue: list[tuple[float, int, str]] = []
        self._cover(hull_of(sources["ra"], sources["dec"]), self.waiting)
        if reference in skies:
            self.images[str(reference)] = self._align(
                str(reference), is_reference=True, look_further=False
            )

    def take_next(self) -> str | None:
        """Return the image that overlaps most with the list, of those that it may align now."""
        self._refresh()
        while self._queue:
            area, _, name = self._queue[0]
            if name in self._worth_trying and -area == self._coverage[name].area:
                return name
            heapq.heappop(self._queue)
        return None

    def attempt(self, name: str) -> None:
        """Try to align an image; if it is, let it add its new sources."""
        self.images[name] = self._align(name, is_reference=False, look_further=False)
        self._worth_trying.discard(name)
        fitted = self.images[name].fitted
        if fitted.record["status"] != "aligned":
            return
        del self.waiting[name]
        self.order.append(name)
        before, matching = len(self.sources), self.parameters[name].matching
        self.sources = add_new_sources(
            self.sources,
            self.skies[name],
            fitted,
            plane=self.plane,
            tolerance=matching["tolerance"],
            separation=matching["separation"],
            epoch=self.epochs.get(name),
        )
        added = len(self.sources) - before
        log.info("%s: adds %d to the now %d reference sources", name, added, len(self.sources))
        if added:
            self._cover(self.hulls[name], self._within_reach_of.get(name, ()))

    def explain(self, name: str) -> None:
        """Look for parameters that would align an image which is not aligned in the end."""
        explained = self._align(name, is_reference=False, look_further=True)
        if explained.fitted.record["status"] != "aligned":
            self.images[name] = explained

    def _align(self, name: str, *, is_reference: bool, look_further: bool) -> AlignedImage:
        """Match and fit an image."""
        given = self.parameters[name]
        matches = make_match_table(
            self.skies[name],
            at_epoch(self.sources, self.epochs.get(name)),
            plane=self.plane,
            image=name,
            is_reference=is_reference,
            matching=given.matching,
            max_false_alarm=given.max_false_alarm,
            look_further=look_further,
        )
        fitted = fit_image(matches, plane=self.plane, fitting=given.fitting, gates=given.gates)
        return AlignedImage(matches, fitted)

    def _cover(self, hull: SkyHull, seen_by: Iterable[str]) -> None:
        """Note that the list now covers a field, which some images see."""
        for name in seen_by:
            if name in self.waiting:
                self._untold[name].append(hull)
                if name not in self.images or not self._is_hopeless(name):
                    self._worth_trying.add(name)

    def _is_hopeless(self, name: str) -> bool:
        """Return whether an image was tried and fails whatever the list holds."""
        return self.images[name].matches.meta["reason"] in _BY_ITSELF

    def _refresh(self) -> None:
        """Bring the overlaps of the waiting images, and their queue, up to date."""
        for name, hulls in self._untold.items():
            if name in self.waiting:
                for hull in hulls:
                    self._coverage[name].add(hull)
                entry = -self._coverage[name].area, self.waiting[name], name
                heapq.heappush(self._queue, entry)
        self._untold = defaultdict(list)


def _who_sees_whom(
    skies: Mapping[str, ColumnTable],
    plane: WCS,
    parameters: Mapping[str, AlignmentParameters],
) -> Mapping[str, list[str]]:
    """Return, for each image, which others its sources could help to align.

    An offset is looked for within the search radius, triangles within twice the radius of the field
    (`tweakreg_steps.matching.large_errors.TRIANGLE_REACH`).
    """
    from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale

    scale = plane_pixel_scale(plane)
    circles = {name: SkyCircle.around(sky["ra"], sky["dec"]) for name, sky in skies.items()}
    present = {name: circle for name, circle in circles.items() if circle is not None}
    reach = []
    for name, circle in present.items():
        matching = parameters[name].matching
        unit = 1.0 if matching["searchunits"] == "arcseconds" else scale
        searched = np.radians(matching["searchrad"] * unit / 3600.0)
        reach.append(TRIANGLE_REACH * circle.radius + np.sqrt(2.0) * searched)
    seen_by: dict[str, list[str]] = defaultdict(list)
    names = list(present)
    for i, j in neighbours(list(present.values()), reach):
        seen_by[names[j]].append(names[i])
    return seen_by
