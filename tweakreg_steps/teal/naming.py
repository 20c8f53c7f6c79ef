"""Where TweakReg's names and headings belong in a recipe: read off the schema."""

from __future__ import annotations

import difflib
from functools import cache

from tweakreg_steps.recipes.schema import Parameter, load_schema, parameters

FINDING = "imagefindpars"
REFERENCE_FINDING = "refimagefindpars"
FINDING_SECTIONS = (FINDING, REFERENCE_FINDING)
"""The sections that TweakReg keeps in .cfg files of their own; the task has the section's name."""

_OURS = "none"

_MERGED_HEADINGS = {
    "_SOURCE FINDING PARS_": FINDING,
    "_REF IMAGE SOURCE FINDING PARS_": REFERENCE_FINDING,
}
"""Headings of the finding sections in an object into which TweakReg has merged them."""


@cache
def flat_names() -> dict[str, Parameter]:
    """Return the parameter that each bare name stands for.

    The finding parameters of both kinds of image have the same names: a bare one is that of the
    input images, which the schema has first.
    """
    return {parameter.path[-1]: parameter for parameter in reversed(parameters())}


@cache
def names_of(section: str) -> dict[str, Parameter]:
    """Return the parameters of one section by name."""
    return {p.path[-1]: p for p in parameters() if p.path[:-1] == (section,)}


def section_of(heading: str) -> str | None:
    """Return the section of a recipe that TweakReg's heading, or our own name, stands for."""
    return _sections().get(_plain(heading))


@cache
def _sections() -> dict[str, str]:
    """Return the section of a recipe by every heading that it may have."""
    sections = {p.path[0]: p for p in parameters() if len(p.path) > 1 and p.tweakreg != _OURS}
    headings = {p.tweakreg: name for name, p in sections.items()}
    known = {**_MERGED_HEADINGS, **headings, **{name: name for name in sections}}
    return {_plain(heading): name for heading, name in known.items()}


def _plain(heading: str) -> str:
    """Return a heading without its case and outer blanks."""
    return heading.strip().casefold()


def nearest_name(name: str, section: str | None = None) -> str:
    """Say which known name is nearest to an unknown one, among those of a section if one is given.

    Returns
    -------
    str
        The end of a sentence, such as ``; the nearest is threshold``.
    """
    known = [*(names_of(section) if section else flat_names()), *load_schema()["properties"]]
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; the nearest is {nearest[0]}" if nearest else "; `tweakreg params` lists them all"
