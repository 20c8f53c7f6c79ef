"""What became of each image, one line an image."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tweakreg_steps.printable import printable_line


def print_outcomes(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of texts on stdout, the columns aligned."""
    sys.stdout.writelines(outcome_lines(rows))


def outcome_lines(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows of texts as lines, the columns aligned."""
    rows = [tuple(map(printable_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip() + "\n"
