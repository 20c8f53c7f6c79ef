"""A run in a process of its own, for callers that have a life besides it.

Snakemake wants the main thread, the working directory, the signals and no event loop but its own; a
notebook or a program has other plans for all four. What the run says goes to the caller's
``sys.stderr`` line by line, and how far it is in a notebook to a line there that changes; how it
ended comes back as the exception that it ended with.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen

from tweakreg_steps import errors
from tweakreg_steps.errors import JobFailedError, TweakRegError

_INTERRUPTED = "interrupted"


def run_in_own_process(recipe_file: Path, *, cores: int) -> None:
    """Run a recipe as ``tweakreg run`` does.

    Works from any thread, inside a running event loop too, and changes nothing in this process. An
    interrupt here interrupts the run; if this process is killed, the run ends, too.

    Parameters
    ----------
    recipe_file
        The recipe.
    cores
        How many jobs may run at once.

    Raises
    ------
    TweakRegError
        What the run raised.
    KeyboardInterrupt
        If the run was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="tweakreg_run_") as folder:
        outcome = Path(folder) / "outcome.json"
        # -P: modules of the working directory are none of the run's
        command = [sys.executable, "-P", "-m", __name__, str(recipe_file), str(cores), str(outcome)]
        with (
            Popen(
                command,
                stdin=PIPE,
                stderr=PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as run,
            _screen() as write,
        ):
            try:
                _relay(run, write)
            except KeyboardInterrupt:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGINT)
                _relay(run, write)
                raise
        raise_outcome(outcome, run.returncode)


@contextlib.contextmanager
def _screen() -> Iterator[Callable[[str], None]]:
    """Yield what shows one line of what a run says."""
    from tweakreg_steps.running.notebook_progress import is_notebook, notebook_progress

    if not is_notebook():
        yield _to_stderr
        return
    progress = notebook_progress()
    try:
        yield progress.write
    finally:
        progress.close()


def _to_stderr(line: str) -> None:
    """Show one line at once."""
    sys.stderr.write(line)
    sys.stderr.flush()


def _relay(run: Popen[str], write: Callable[[str], None]) -> None:
    """Pass on what the run says until it has ended."""
    assert run.stderr  # noqa: S101  it is a pipe
    for line in run.stderr:
        write(line)
    run.wait()


def raise_outcome(path: Path, status: int) -> None:
    """Raise what a run raised, if it did.

    Parameters
    ----------
    path
        Where the run wrote down how it ended.
    status
        The exit status of its process.

    Raises
    ------
    TweakRegError
        What the run raised, or that it ended without a word.
    KeyboardInterrupt
        If the run was interrupted.
    """
    try:
        kind, message = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobFailedError(
            f"the run ended with status {status} before it was done; call again to go on from there"
        ) from error
    if kind == _INTERRUPTED:
        raise KeyboardInterrupt
    if kind:
        error_class: type[TweakRegError] = getattr(errors, kind)
        raise error_class(message)


def main() -> None:
    """Run the recipe that the command line names, and write down how that ended."""
    recipe_file, cores, outcome = sys.argv[1:]
    threading.Thread(target=_end_with_caller, daemon=True).start()
    # the caller's standard output is not the run's to write to
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    ended = _run(Path(recipe_file), int(cores))
    Path(outcome).write_text(json.dumps(ended), encoding="utf-8")
    sys.stderr.flush()
    os._exit(0)


def _run(recipe_file: Path, cores: int) -> tuple[str, str]:
    """Run a recipe; return the name and the text of the error it ended with, or blanks."""
    from tweakreg_steps.recipes.recipe import load_recipe
    from tweakreg_steps.running.interrupting import Terminated, heed_termination
    from tweakreg_steps.running.recipe_run import run_recipe
    from tweakreg_steps.running.step_server import warm_steps

    try:
        with heed_termination(), warm_steps() as prepare:
            recipe = load_recipe(recipe_file)
            run_recipe(
                recipe,
                recipe_file,
                cores=cores,
                profile=None,
                prepare=prepare,
                quiet=False,
                as_json=False,
            )
    except TweakRegError as error:
        return type(error).__name__, str(error)
    except Terminated:
        return JobFailedError.__name__, "the run was terminated; call again to go on from there"
    except KeyboardInterrupt:
        return _INTERRUPTED, ""
    return "", ""


def _end_with_caller() -> None:
    """Interrupt the run when the caller is gone: it holds the other end of the standard input."""
    sys.stdin.buffer.read()
    os.killpg(os.getpgid(0), signal.SIGINT)


if __name__ == "__main__":
    main()
