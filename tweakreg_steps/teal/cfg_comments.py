"""The comments of .cfg files: beside which parameter they stand, and in a recipe again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tweakreg_steps.printable import printable_line
from tweakreg_steps.teal.naming import FINDING_SECTIONS, flat_names, names_of, section_of
from tweakreg_steps.teal.settings import Keys

if TYPE_CHECKING:
    from configobj import ConfigObj, Section


@dataclass(frozen=True)
class Comment:
    """A comment of a .cfg file.

    Attributes
    ----------
    about
        The keys in a recipe of the parameter beside or below which it stands; None where it
        stands by itself, or beside what is no parameter.
    text
        It, without the signs that make it one; several lines are one.
    """

    about: Keys | None
    text: str


def comments_of(cfg: ConfigObj, task: str) -> tuple[Comment, ...]:
    """Return the comments of a .cfg file in their order.

    Parameters
    ----------
    cfg
        The file, as ConfigObj has read it.
    task
        Whose settings it holds.
    """
    section = task if task in FINDING_SECTIONS else None
    found = [Comment(None, text) for line in cfg.initial_comment if (text := _plain(line))]
    found += _beside(cfg, section)
    found += [Comment(None, text) for line in cfg.final_comment if (text := _plain(line))]
    return tuple(found)


def _beside(section: Section, name: str | None) -> Iterator[Comment]:
    """Yield the comments of a section, of which a recipe has another name, or of the top level."""
    known = names_of(name) if name else flat_names()
    for key in section:
        lines = [*section.comments[key], section.inline_comments[key] or ""]
        text = " ".join(filter(None, map(_plain, lines)))
        if text:
            yield Comment(known[key].path if key in known else None, text)
        if key in section.sections:
            yield from _beside(section[key], section_of(key))


def _plain(line: str) -> str:
    """Return what a comment says, in characters that a recipe may hold."""
    return printable_line(line.strip().lstrip("#").strip())


def with_comments(text: str, comments: Mapping[Keys, str]) -> tuple[str, set[Keys]]:
    """Write comments behind the lines of a recipe; return it, and whose have found their place.

    Parameters
    ----------
    text
        A recipe as `tweakreg_steps.yaml_source.write_yaml` writes it.
    comments
        What to write behind each value, by the keys that lead to it.
    """
    lines: list[str] = []
    placed: set[Keys] = set()
    above: list[str] = []
    for line in text.splitlines():
        bare = line.lstrip(" ")
        key, colon, value = bare.partition(":")
        if colon and not bare.startswith(("#", "-", "'", '"')):
            above = [*above[: (len(line) - len(bare)) // 2], key]
            path = tuple(above)
            if path in comments and value.strip():
                placed.add(path)
                lines.append(f"{line}  # {comments[path]}")
                continue
        lines.append(line)
    return "".join(f"{line}\n" for line in lines), placed


def by_parameter(comments: Sequence[Comment]) -> dict[Keys, str]:
    """Return what stands beside each parameter, in one line."""
    found: dict[Keys, str] = {}
    for comment in comments:
        if comment.about is not None:
            before = found.get(comment.about)
            found[comment.about] = f"{before}; {comment.text}" if before else comment.text
    return found
