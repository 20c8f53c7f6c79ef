"""What became of each image, one line an image."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tweakreg_steps.printable import printable_line
from tweakreg_steps.reporting.text_columns import column_lines


def print_outcomes(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of texts on stdout, the columns aligned."""
    sys.stdout.writelines(outcome_lines(rows))


def outcome_lines(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows of texts as lines, the columns aligned."""
    yield from column_lines([tuple(map(printable_line, row)) for row in rows])
