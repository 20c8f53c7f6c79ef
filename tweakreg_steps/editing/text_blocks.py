"""The lines of a YAML file that hold some of its top-level keys."""

from __future__ import annotations

from collections.abc import Collection

import yaml


def extract_blocks(text: str, keys: Collection[str]) -> str:
    """Return the lines of `keys`, in their order, with the comments inside them."""
    lines = text.splitlines(keepends=True)
    return "".join(line for start, end in _spans(text, keys) for line in _ended(lines[start:end]))


def replace_blocks(text: str, keys: Collection[str], block: str) -> str:
    """Return the text with `block` in place of the lines of `keys`, or at the end of all."""
    lines = _ended(text.splitlines(keepends=True))
    spans = _spans(text, keys)
    place = spans[0][0] if spans else len(lines)
    for start, end in reversed(spans):
        del lines[start:end]
    return "".join([*lines[:place], *_ended([block]), *lines[place:]])


def _spans(text: str, keys: Collection[str]) -> list[tuple[int, int]]:
    """Return the first line (from 0) of each of `keys` and the line after its last."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return []
    lines = text.splitlines()
    return [
        (key.start_mark.line, _end(lines, key.start_mark.line, value))
        for key, value in root.value
        if key.value in keys
    ]


def _end(lines: list[str], start: int, value: yaml.Node) -> int:
    """Return the line after the last one of a value.

    A block's mark stands where the next key begins: blank lines and comments that are not indented
    are not its own.
    """
    end = value.end_mark.line + (value.end_mark.column > 0)
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def _ended(lines: list[str]) -> list[str]:
    """Return lines of which the last one ends as a line does."""
    return [line if line.endswith("\n") else f"{line}\n" for line in lines if line]
