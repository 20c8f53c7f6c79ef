"""``review.yaml``: what was decided about each image, and about which fit of it.

A small file, one line an image, that can be kept under version control beside the recipe::

    paint02q_flc: {decision: accept, fit: "0f3a5e1c9b7d2468"}

The fit is named by the stamp of the job that made it, so a decision holds for that fit alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import InputError, RecipeError

_HEAD = """\
# Written by `tweakreg review`: what was decided about each image, and the stamp of the fit that
# was looked at. A decision holds for that fit alone; when the fit changes, the image waits again.
"""
_PLAIN = re.compile(r"^[A-Za-z_][\w.+-]*$")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


class Decision(StrEnum):
    """What was decided about a fit; the first two stand in the file."""

    ACCEPT = "accept"
    REJECT = "reject"
    WAITING = "waiting"
    """Nothing yet."""
    REFERENCE = "reference"
    """Nothing, but another image was accepted: if this one is the reference, it goes with it."""


@dataclass(frozen=True)
class Review:
    """A decision, and the stamp of the fit it was made of."""

    decision: Decision
    fit: str


def read_reviews(path: Path) -> dict[str, Review]:
    """Return what a review file says of each image; nothing where there is no file.

    Raises
    ------
    InputError
        Listing every entry that is not a decision.
    """
    from tweakreg_steps.yaml_source import read_yaml

    if not path.exists():
        return {}
    try:
        source = read_yaml(path)
    except RecipeError as error:
        raise InputError(str(error)) from error
    entries = {} if source.value is None else source.value
    if not isinstance(entries, Mapping):
        raise InputError(f"{path}: is not a list of decisions; remove it and review again")
    problems = [
        f"{path}:{line}: {'.'.join(map(str, key))} is given twice; keep one line"
        for key, line in source.duplicates
    ]
    reviews = {}
    for name, entry in entries.items():
        review = _review(entry)
        if review is None:
            problems.append(
                f"{path}:{source.lines[str(name),]}: {name}: is not of the form "
                '{decision: accept or reject, fit: "stamp"}; remove the line and review the image'
            )
        else:
            reviews[str(name)] = review
    if problems:
        raise InputError("\n".join(problems))
    return reviews


def write_reviews(path: Path, reviews: Mapping[str, Review]) -> None:
    """Write a review file; it is never seen half-written."""
    lines = [
        f'{_key(name)}: {{decision: {review.decision}, fit: "{review.fit}"}}\n'
        for name, review in reviews.items()
    ]
    write_text_atomically(path, _HEAD + "".join(lines))


def _review(entry: object) -> Review | None:
    """Read one entry, or return None where it is none."""
    if not isinstance(entry, Mapping) or set(entry) != {"decision", "fit"}:
        return None
    decision, fit = entry["decision"], entry["fit"]
    if decision not in (Decision.ACCEPT.value, Decision.REJECT.value) or not isinstance(fit, str):
        return None
    return Review(Decision(decision), fit)


def _key(name: str) -> str:
    """Write an image's name as a YAML key."""
    is_plain = _PLAIN.match(name) and name.lower() not in _WORDS
    return name if is_plain else json.dumps(name, ensure_ascii=False)
