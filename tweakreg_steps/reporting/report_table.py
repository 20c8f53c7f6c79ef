"""The table that ends a run: one row an image, for a terminal or for a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tweakreg_steps.printable import printable_line
from tweakreg_steps.reporting.failures import explain_reason
from tweakreg_steps.reporting.summary_file import Status, Summary, SummaryRow
from tweakreg_steps.reporting.text_columns import column_lines

if TYPE_CHECKING:
    from rich.table import Table

_HEADINGS = (
    "image",
    "status",
    "pairs",
    "dx [px]",
    "dy [px]",
    "rot [deg]",
    "scale",
    "rms [mas]",
    "reference [mas]",
    "overlaps [mas]",
    "reason",
)
_RMS, _WEIGHTED_RMS = _HEADINGS.index("rms [mas]"), "weighted rms [mas]"
"""The column of the rms, and its name where pairs count differently in a fit."""

_IF_SOLVED, _IF_ANY = _HEADINGS.index("reference [mas]"), _HEADINGS.index("overlaps [mas]")
"""Columns that there are where all images were solved together, and where any overlap."""

_N_LEFT = 2
"""The first columns and the last hold texts, the others numbers."""

_COLOURS: dict[str, str] = {
    Status.REFERENCE: "cyan",
    Status.ALIGNED: "green",
    Status.NOT_ALIGNED: "bold red",
}
_NO_NUMBER = "-"
_REASON_WIDTH = 24


def format_plain(summary: Summary) -> str:
    """Give the table as aligned text without colour: for a file, a pipe or a log.

    Parameters
    ----------
    summary
        As `tweakreg_steps.reporting.summary_file.read_summary` gives it.

    Returns
    -------
    str
        A line of headings and one line an image, however wide: pairs kept by the fit of those
        matched, shifts in pixels of the reference plane, rotation in degrees, rms along right
        ascension and declination in mas, weighted as in the fit where its pairs do not count the
        same. Where images overlap, the rms along one axis from where
        the others put the same sources; where all were solved together, that from the stars of
        the reference as well.
    """
    headings, rows = _lay_out(summary)
    numbers = range(_N_LEFT, len(headings) - 1)
    return "".join(column_lines([headings, *rows], to_right=numbers))


def format_terminal(summary: Summary, *, width: int) -> str:
    """Give the table with colours for a terminal that is `width` characters wide.

    Names are never shortened. Where the reasons do not fit beside the numbers, they stand
    below the table. The environment variable NO_COLOR is respected.

    Returns
    -------
    str
        The same rows as `format_plain`.
    """
    from io import StringIO

    from rich.console import Console
    from rich.measure import Measurement

    headings, rows = _lay_out(summary)
    numbers = _draw(headings[:-1], [row[:-1] for row in rows])
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=width, highlight=False)
    needed = Measurement.get(console, console.options.update(max_width=10**6), numbers).maximum
    has_reasons = any(row[-1] for row in rows)
    if has_reasons and needed + _REASON_WIDTH <= width:
        console.print(_draw(headings, rows))
        return screen.getvalue()
    console.width = max(width, needed)
    console.print(numbers)
    for row in rows:
        if row[-1]:
            console.print(f"{row[0]}: {row[-1]}", markup=False, soft_wrap=True)
    return screen.getvalue()


def _lay_out(summary: Summary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headings and the cells of each image, without columns that say nothing here."""
    rows = [_format_row(row) for row in summary.rows]
    unused = set() if "solution" in summary.meta else {_IF_SOLVED}
    unused |= set() if any(row[_IF_ANY] != _NO_NUMBER for row in rows) else {_IF_ANY}

    def of(cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cell for place, cell in enumerate(cells) if place not in unused)

    headings = [*_HEADINGS]
    if any(map(_is_weighted, summary.rows)):
        headings[_RMS] = _WEIGHTED_RMS
    return of(tuple(headings)), [of(row) for row in rows]


def _is_weighted(row: SummaryRow) -> bool:
    """Tell whether the pairs of an image do not count the same in its fit."""
    pairs = ((row["wrms_ra"], row["rms_ra"]), (row["wrms_dec"], row["rms_dec"]))
    return any(abs(weighted - plain) > 0.0 for weighted, plain in pairs)  # no fit has nan


def _draw(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """Lay rows out as a rich table; the status carries the colour."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for i, heading in enumerate(headings):
        is_reason = heading == _HEADINGS[-1]
        justify: Any = "left" if i < _N_LEFT or is_reason else "right"
        table.add_column(Text(heading), justify=justify, no_wrap=not is_reason)
    for name, status, *others in rows:
        colour = _COLOURS.get(status.replace(" ", "_"), "")
        table.add_row(Text(name), Text(status, style=colour), *map(Text, others))
    return table


def _format_row(row: SummaryRow) -> tuple[str, ...]:
    """Give the cells of one image."""
    was_not_matched = row["status"] == Status.REFERENCE and row["n_matched"] == 0
    plain, weighted = (row["rms_ra"], row["rms_dec"]), (row["wrms_ra"], row["wrms_dec"])
    rms = [_number(value, ".2f") for value in (weighted if _is_weighted(row) else plain)]
    return (
        printable_line(row["image"]),
        printable_line(row["status"]).replace("_", " "),
        _NO_NUMBER if was_not_matched else f"{row['n_fit']}/{row['n_matched']}",
        _number(row["dx"], ".3f"),
        _number(row["dy"], ".3f"),
        _number(row["rotation"], ".5f"),
        _number(row["scale"], ".6f"),
        _NO_NUMBER if _NO_NUMBER in rms else " ".join(rms),
        _number(row["rms_absolute"], ".2f"),
        _number(row["rms_relative"], ".2f"),
        explain_reason(row["reason"]),
    )


def _number(value: float, spec: str) -> str:
    """Format a number; nan is no number, and nothing is minus zero."""
    if value != value:  # noqa: PLR0124 - nan
        return _NO_NUMBER
    text = format(value, spec)
    return text.lstrip("-") if not text.strip("-0.") else text
