"""How far a run is: on a terminal a bar with what is running, elsewhere a line a job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tweakreg_steps.running.snakemake_log import Listener

_BAR_WIDTH = 16


@contextmanager
def show_progress(
    *, total: int, details: Callable[[str], str], is_cluster: bool, quiet: bool
) -> Iterator[Listener]:
    """Show on stderr how many jobs are done; yield who listens to the run.

    Parameters
    ----------
    total
        The number of jobs.
    details
        What more to write about a job that is done, given its log: lines, or nothing.
    is_cluster
        Whether the jobs run on a cluster. If one of a group fails there, Snakemake says so of all,
        and may try them again: which failed in the end is told at the end.
    quiet
        Whether to show nothing.
    """
    if quiet:
        yield Listener()
    elif sys.stderr.isatty():
        with _bar(total, details, counts_failures=not is_cluster) as listener:
            yield listener
    else:
        yield _lines(total, details, names_failures=not is_cluster)


def _lines(total: int, details: Callable[[str], str], *, names_failures: bool) -> Listener:
    """Write one line for each job that is done."""
    done = 0

    def on_done(rule: str, image: str, log: str) -> None:
        nonlocal done
        done += 1
        line = f"[{done:{len(str(total))}d}/{total}] {rule} {image}".rstrip()
        sys.stderr.write(f"{line}\n{details(log)}")
        sys.stderr.flush()

    def on_failed(rule: str, image: str) -> None:
        sys.stderr.write(f"failed: {rule} {image}".rstrip() + "\n")
        sys.stderr.flush()

    return (
        Listener(on_done=on_done, on_failed=on_failed)
        if names_failures
        else Listener(on_done=on_done)
    )


@contextmanager
def _bar(total: int, details: Callable[[str], str], *, counts_failures: bool) -> Iterator[Listener]:
    """Draw a progress bar."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    running: dict[tuple[str, str], None] = {}
    failed = 0
    columns = (
        BarColumn(bar_width=_BAR_WIDTH),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as progress:
        task = progress.add_task("", total=total)

        def show(advance: int) -> None:
            names = ", ".join(f"{rule} {image}".rstrip() for rule, image in running)
            count = f"[{failed} failed] " if failed else ""
            progress.update(task, advance=advance, description=escape(count + names))

        def on_started(rule: str, image: str) -> None:
            running[rule, image] = None
            show(0)

        def on_failed(rule: str, image: str) -> None:
            nonlocal failed
            failed += counts_failures
            running.pop((rule, image), None)
            show(0)

        def on_done(rule: str, image: str, log: str) -> None:
            running.pop((rule, image), None)
            show(1)
            text = details(log)
            if text:
                progress.console.print(text, end="", markup=False, highlight=False)

        yield Listener(on_started=on_started, on_done=on_done, on_failed=on_failed)
