"""The table that ends a run: one row an image."""

from __future__ import annotations

import sys
from pathlib import Path

from tweakreg_steps.printable import printable_line
from tweakreg_steps.records.outdir_files import SUMMARY

SOME_NOT_ALIGNED = 3
"""Exit status of a run after which some images are not aligned."""


def print_summary(outdir: Path) -> int:
    """Print the summary of a run on stdout, and return the exit status it stands for."""
    from tweakreg_steps.products.report_table import format_plain, format_terminal
    from tweakreg_steps.products.summary import (
        count_not_aligned,
        read_summary,
        solution_notes,
    )

    summary = read_summary(outdir / SUMMARY)
    if sys.stdout.isatty():
        from shutil import get_terminal_size

        sys.stdout.write(format_terminal(summary, width=get_terminal_size().columns))
    else:
        sys.stdout.write(format_plain(summary))
    sys.stdout.writelines(f"{printable_line(note)}\n" for note in solution_notes(summary))
    return SOME_NOT_ALIGNED if count_not_aligned(summary) else 0
