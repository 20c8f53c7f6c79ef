"""How far a run is: a bar on a terminal, a line a job elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tweakreg_steps.running.snakemake_log import Listener


@contextmanager
def show_progress(*, total: int, details: Callable[[str], str], quiet: bool) -> Iterator[Listener]:
    """Show on stderr how many jobs are done; yield who listens to the run.

    Parameters
    ----------
    total
        The number of jobs.
    details
        What more to write about a job that is done, given its log: lines, or nothing.
    quiet
        Whether to show nothing.
    """
    if quiet:
        yield Listener()
    elif sys.stderr.isatty():
        with _bar(total, details) as listener:
            yield listener
    else:
        yield _lines(total, details)


def _lines(total: int, details: Callable[[str], str]) -> Listener:
    """Write one line for each job that is done."""
    done = 0

    def on_done(rule: str, image: str, log: str) -> None:
        nonlocal done
        done += 1
        line = f"[{done:{len(str(total))}d}/{total}] {rule} {image}".rstrip()
        sys.stderr.write(f"{line}\n{details(log)}")
        sys.stderr.flush()

    return Listener(on_done=on_done)


@contextmanager
def _bar(total: int, details: Callable[[str], str]) -> Iterator[Listener]:
    """Draw a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)

        def on_done(rule: str, image: str, log: str) -> None:
            progress.update(task, advance=1, description=f"{rule} {image}")
            text = details(log)
            if text:
                progress.console.print(text, end="", markup=False, highlight=False)

        yield Listener(on_done=on_done)
