"""The images that are not aligned: what was found, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

from tweakreg_steps.curing.cure import Changes, images_block
from tweakreg_steps.errors import REASON_TEXTS, Reason
from tweakreg_steps.printable import printable_line
from tweakreg_steps.reporting.summary_file import Status, Summary

_LEAST_WIDTH = 60
_LABELS = {"detail": "found", "cure": "cure"}


def format_failures(summary: Summary, *, width: int | None) -> str:
    """Return some lines about each image that is not aligned; nothing where all are.

    Parameters
    ----------
    summary
        As `tweakreg_steps.reporting.summary_file.read_summary` gives it.
    width : int or None
        Characters of a line; None breaks no line.
    """
    failed = [row for row in summary.rows if row["status"] == Status.NOT_ALIGNED]
    return "".join(f"\n{format_verdict(row, width=width)}" for row in failed)


def format_verdict(row: Mapping[str, object], *, width: int | None) -> str:
    """Return the verdict about an image: status, reason, what was found, and the cure.

    Parameters
    ----------
    row : mapping
        Its row of the summary, or the record of its fit.
    width : int or None
        Characters of a line; None breaks no line.
    """
    status = str(row["status"]).replace("_", " ")
    code = str(row["reason"])
    reason = f" ({code}): {explain_reason(code)}" if code else ""
    lines = [f"{row['image']}: {status}{reason}"]
    for key, label in _LABELS.items():
        if row.get(key):
            lines += _broken(f"  {label + ':':<7}{row[key]}", width)
    return "".join(f"{printable_line(line)}\n" for line in lines)


def explain_reason(reason: str) -> str:
    """Say a reason in words; one that this version does not know as it is."""
    try:
        return REASON_TEXTS[Reason(reason)] if reason else ""
    except ValueError:
        return printable_line(reason)


def format_block(changes: Mapping[str, Changes]) -> str:
    """Return the lines that can be pasted into the recipe, after a line that says so.

    Parameters
    ----------
    changes
        What to change for each image that is not aligned, by its name.
    """
    block = images_block(changes)
    return f"\nfor the recipe, as far as it can cure them:\n{block}" if block else ""


def _broken(text: str, width: int | None) -> list[str]:
    """Break a text into lines, those after the first indented."""
    if width is None:
        return [text]
    return wrap(
        text,
        max(width, _LEAST_WIDTH),
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    )
