"""What a scene is like: drawn from its number, one function a kind.

A scene is a reference (an exposure, or a catalog) and an exposure whose header is in error. An
ordinary one has some hundred stars, small errors and few cosmic rays; each kind changes some of
that, and a mixed scene is of several kinds at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

CameraName = Literal["UVIS", "HRC"]
Change = Callable[[np.random.Generator, "Conditions"], dict[str, Any]]

SEARCH_RADII = (1.0, 3.0, 15.0)
"""Search radii in arcseconds: the default, and what a user takes who knows of larger errors."""

OWN_SCENES = 18
"""Scenes of each kind in a set; the others of the 300 are mixed."""

SET_SIZE = 300
MIXED = "mixed"


@dataclass(frozen=True)
class Conditions:
    """All that is known of a scene before it is painted.

    Attributes
    ----------
    number : int
        Number of the scene, the seed of everything random in it.
    kinds : tuple of str
        What it is an example of.
    camera : {"UVIS", "HRC"}
        Corners of two chips with full distortion (1024x512 px, 0.04 arcsec each), or one chip
        (1024x1024 px, 0.027 arcsec).
    stars : float
        Stars that fall on an exposure, on average.
    slope : float
        The number brighter than f falls as ``f**-slope``.
    faintest : float
        Counts of the faintest in an exposure of unit time.
    times : (float, float)
        Exposure times of reference and exposure; the sky's light follows them, too.
    colour_scatter : float
        Standard deviation of the natural logarithm of the stars' flux ratios.
    cosmic_rays, hot_pixels, galaxies : int
        Their numbers on each exposure; hot pixels and galaxies are the same on both.
    dither : (float, float)
        True step between the exposures, in pixels.
    orientation : float
        True roll between them, in degrees.
    offset, direction : float
        Error of the header: its size in arcseconds, and where to, in degrees.
    roll : float
        Error of the header's roll, in degrees.
    same_sky : bool
        Whether the exposure shows any of the sky of the reference.
    half_chip : bool
        Whether all sources are on one half of the first chip.
    spacing : float or None
        Distance in pixels of stars on a grid; None: they are anywhere.
    jitter : float
        Standard deviation of their distance from the grid, in pixels an axis.
    wrong_entries : float or None
        Part of the reference catalog that is wrong; None: the reference is an exposure.
    """

    number: int
    kinds: tuple[str, ...]
    camera: CameraName
    stars: float
    slope: float
    faintest: float
    times: tuple[float, float]
    colour_scatter: float
    cosmic_rays: int
    hot_pixels: int
    galaxies: int
    dither: tuple[float, float]
    orientation: float
    offset: float
    direction: float
    roll: float
    same_sky: bool
    half_chip: bool
    spacing: float | None
    jitter: float
    wrong_entries: float | None

    @property
    def kind(self) -> str:
        """Return the row of the table that it belongs to."""
        return self.kinds[0] if len(self.kinds) == 1 else MIXED

    @property
    def searchrad(self) -> float:
        """Return the search radius in arcseconds that a user would take."""
        return next(radius for radius in SEARCH_RADII if radius > 1.2 * self.offset)


def draw_conditions(number: int) -> Conditions:
    """Draw what a scene is like.

    Parameters
    ----------
    number
        Number of the scene. Each `SET_SIZE` numbers that follow a multiple of it are a set with
        the same kinds.
    """
    rng = np.random.default_rng([number, 0])
    place = number % SET_SIZE
    names = list(KINDS)
    if place < OWN_SCENES * len(names):
        kinds = (names[place % len(names)],)
    else:
        several = rng.choice(len(names), size=int(rng.integers(2, 5)), replace=False)
        kinds = tuple(names[i] for i in sorted(several))
    conditions = _ordinary(number, kinds, rng)
    for kind in kinds:
        conditions = replace(conditions, **KINDS[kind](rng, conditions))
    return conditions


def _ordinary(number: int, kinds: tuple[str, ...], rng: np.random.Generator) -> Conditions:
    """Draw a scene in which nothing is difficult."""
    return Conditions(
        number=number,
        kinds=kinds,
        camera="UVIS" if rng.random() < 0.5 else "HRC",
        stars=_between(rng, 60.0, 400.0),
        slope=float(rng.uniform(0.7, 1.5)),
        faintest=_between(rng, 300.0, 1500.0),
        times=(1.0, 1.0),
        colour_scatter=0.05,
        cosmic_rays=int(rng.integers(20, 150)),
        hot_pixels=0,
        galaxies=0,
        dither=_step(rng, 20.0, 120.0),
        orientation=0.0,
        offset=_between(rng, 0.05, 0.7),
        direction=float(rng.uniform(0.0, 360.0)),
        roll=float(rng.normal(0.0, 0.01)),
        same_sky=True,
        half_chip=False,
        spacing=None,
        jitter=0.0,
        wrong_entries=None,
    )


def _dense(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"stars": _between(rng, 800.0, 6000.0), "faintest": _between(rng, 150.0, 600.0)}


def _sparse(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"stars": _between(rng, 6.0, 40.0), "slope": float(rng.uniform(0.5, 1.0))}


def _depth(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    short, long = sorted((1.0, _between(rng, 10.0, 60.0)))
    times = (long, short) if rng.random() < 0.5 else (short, long)
    return {
        "times": times,
        "stars": _between(rng, 400.0, 3000.0),
        "faintest": _between(rng, 15.0, 60.0),
    }


def _cosmic_rays(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    number = int(_between(rng, 500.0, 4000.0))
    return {"cosmic_rays": number, "stars": _between(rng, 20.0, 100.0)}


def _hot_pixels(rng: np.random.Generator, conditions: Conditions) -> dict[str, Any]:
    return {
        "hot_pixels": int(_between(rng, 300.0, 2000.0)),
        "stars": _between(rng, 25.0, 120.0),
        # within the search radius of one arcsecond
        "dither": _step(rng, 5.0, 15.0) if conditions.same_sky else conditions.dither,
    }


def _large_offset(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"offset": float(rng.uniform(0.0, 10.0))}


def _large_roll(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    size = float(rng.uniform(0.0, 180.0)) if rng.random() < 0.6 else _between(rng, 0.03, 3.0)
    return {"roll": math.copysign(size, rng.uniform(-1.0, 1.0))}


def _partial_overlap(rng: np.random.Generator, conditions: Conditions) -> dict[str, Any]:
    """Shift along the rows; one chip alone may be rolled as well."""
    step = (1.0 - _between(rng, 0.05, 0.5)) * 1024.0
    turned = conditions.camera == "HRC" and rng.random() < 0.5
    return {
        "dither": (math.copysign(step, rng.uniform(-1.0, 1.0)), float(rng.uniform(-60.0, 60.0))),
        "orientation": float(rng.uniform(-180.0, 180.0)) if turned else 0.0,
        "stars": _between(rng, 100.0, 800.0),
    }


def _no_overlap(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    """Half of them by their headers, half by something that headers do not tell."""
    if rng.random() < 0.5:
        return {"same_sky": False}
    return {"same_sky": True, "dither": (float(rng.uniform(1100.0, 1600.0)), 0.0)}


def _filters(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {
        "colour_scatter": float(rng.uniform(0.5, 1.5)),
        "times": (1.0, _between(rng, 0.2, 5.0)),
        "faintest": _between(rng, 150.0, 600.0),
    }


def _wrong_catalog(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"wrong_entries": 0.3, "colour_scatter": float(rng.uniform(0.1, 0.8))}


def _half_chip(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"half_chip": True, "camera": "UVIS", "stars": _between(rng, 15.0, 200.0)}


def _galaxies(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    return {"galaxies": int(_between(rng, 50.0, 300.0)), "stars": _between(rng, 12.0, 60.0)}


def _grid(rng: np.random.Generator, _: Conditions) -> dict[str, Any]:
    spacing = float(rng.uniform(25.0, 80.0))
    return {
        "spacing": spacing,
        "jitter": spacing * float(rng.choice([0.0, 0.01, 0.05, 0.15])),
        "offset": _between(rng, 0.2, 2.4),
    }


KINDS: dict[str, Change] = {
    "dense": _dense,
    "sparse": _sparse,
    "shallow and deep": _depth,
    "cosmic rays": _cosmic_rays,
    "hot pixels": _hot_pixels,
    "offset": _large_offset,
    "roll": _large_roll,
    "partial overlap": _partial_overlap,
    "no overlap": _no_overlap,
    "filters": _filters,
    "wrong catalog": _wrong_catalog,
    "half chip": _half_chip,
    "galaxies": _galaxies,
    "grid": _grid,
}
"""What each kind changes of an ordinary scene."""


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number of which the logarithm is evenly spread."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _step(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    """Draw a step in pixels in any direction."""
    size, angle = rng.uniform(low, high), rng.uniform(0.0, 2.0 * math.pi)
    return float(size * math.cos(angle)), float(size * math.sin(angle))
