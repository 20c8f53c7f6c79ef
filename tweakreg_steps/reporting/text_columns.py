"""Rows of texts as lines whose columns are aligned."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence


def column_lines(rows: Sequence[Sequence[str]], *, to_right: Collection[int] = ()) -> Iterator[str]:
    """Yield a line for each row.

    Parameters
    ----------
    rows
        The cells of each, as many in all of them.
    to_right
        The columns, from 0, whose cells end below each other; those of the others begin so.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if place in to_right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip() + "\n"
