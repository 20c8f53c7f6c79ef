"""A cure: what to change in a recipe for one image, in words and as values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

Changes = Mapping[str, Mapping[str, object]]
"""New values by section and name, as they stand below an image's name in ``images``."""

Present = Mapping[str, Mapping[str, Any]]
"""The sections of the recipe as they hold for the image, as far as they are known."""

_DIGITS = 2
"""Significant digits of a number that is proposed."""


class CureRecord(TypedDict):
    """A cure as the record of a fit holds it; see `Cure`."""

    cure: str
    changes: dict[str, dict[str, object]]


@dataclass(frozen=True)
class Cure:
    """What to do about an image that is not aligned.

    Attributes
    ----------
    text
        It in words: ``set object_matching.searchrad: 4.5 (now 1): ...``.
    changes
        What to change in the recipe for this image; empty where nothing in it would help.
    """

    text: str
    changes: Changes

    def as_record(self) -> CureRecord:
        """Return it as the record of a fit holds it."""
        return {
            "cure": self.text,
            "changes": {name: dict(own) for name, own in self.changes.items()},
        }


def settings(changes: Changes, present: Present) -> str:
    """Return changes in words, each beside the value that is set now.

    Parameters
    ----------
    changes
        The new values.
    present
        The sections of the recipe as they hold for the image, as far as they are known.
    """
    return "set " + " and ".join(_settings(changes, present))


def _settings(changes: Changes, present: Present) -> Iterator[str]:
    """Yield each new value."""
    for section, own in changes.items():
        known = present.get(section, {})
        for name, value in own.items():
            now = f" (now {as_yaml(known[name])})" if name in known else ""
            yield f"{section}.{name}: {as_yaml(value)}{now}"


def as_yaml(value: object) -> str:
    """Write a plain value as a recipe would: numbers short, words without quotes."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def round_up(value: float) -> float:
    """Round a positive number up to few digits, so that it can be read and is still enough."""
    step = 10.0 ** (math.floor(math.log10(value)) - _DIGITS + 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.{_DIGITS}g}")


def round_down(value: float) -> float:
    """Round a positive number down to few digits."""
    step = 10.0 ** (math.floor(math.log10(value)) - _DIGITS + 1)
    return float(f"{math.floor(value / step + 1e-9) * step:.{_DIGITS}g}")


def images_block(changes: Mapping[str, Changes]) -> str:
    """Return the lines of a recipe that change values for some images.

    Parameters
    ----------
    changes
        The new values by the images' names; images without any are left out.
    """
    lines = ["images:"]
    for image, sections in changes.items():
        if not sections:
            continue
        lines.append(f"  {_key(image)}:")
        for section, own in sections.items():
            lines.append(f"    {section}:")
            lines += [f"      {name}: {as_yaml(value)}" for name, value in own.items()]
    return "\n".join(lines) + "\n" if len(lines) > 1 else ""


def _key(image: str) -> str:
    """Write the name of an image as a key of YAML."""
    is_plain = image.replace("_", "").replace("-", "").isalnum() and not image[0].isdigit()
    is_word = image.lower() in {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
    plain = is_plain and not is_word and image.isascii() and image[0] != "-"
    return image if plain else json.dumps(image, ensure_ascii=False)
