"""One tree of a recipe laid over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tweakreg_steps.recipes.schema import Tree


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> Tree:
    """Lay one tree over another: mappings key by key, anything else as a whole."""
    merged = dict(base)
    for key, value in own.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(before, value) if both else value  # type: ignore[arg-type]
    return merged
