"""The command ``tweakreg``: messages go to stderr, results to stdout.

Exit status: 0 every image is aligned (or is the reference); 1 a job failed; 2 the recipe or the
command line is wrong and nothing was run; 3 the run finished but some images were not aligned, or
wait for a decision (``interactive``); 4 another run holds the folder; 130 interrupted; 143
terminated.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from tweakreg_steps import __version__
from tweakreg_steps.atomic import explain_failure, is_of_the_disk
from tweakreg_steps.errors import JobFailedError, RecipeError, TweakRegError
from tweakreg_steps.printable import printable_message
from tweakreg_steps.recipes.nearest import nearest_hint
from tweakreg_steps.running.interrupting import Terminated, heed_termination
from tweakreg_steps.running.standard_streams import flush_results, open_closed_streams
from tweakreg_steps.running.step_client import INTERRUPTED

TERMINATED = 128 + signal.SIGTERM
_RARELY = 100_000
"""New objects between two collections."""

_COMMANDS = {
    "new": "write a recipe for some files",
    "import": "turn the .cfg files of TweakReg into a recipe",
    "edit": "edit a recipe, which is kept only if it is valid",
    "validate": "check a recipe and list every problem",
    "plan": "list the jobs that would run, and why",
    "run": "run what is not up to date",
    "show": "show how each image went",
    "why": "tell how an image went, and what a file was made from",
    "suggest": "measure what would align the images that are not aligned",
    "report": "write the page that shows a run",
    "regions": "write what is masked, as region files in image pixels and as masks",
    "refcat": "fetch a reference catalog for the field of a recipe, and pin it in a file",
    "review": "look at each fit and accept or reject it",
    "gui": "edit, run and judge a recipe in the browser",
    "apply": "write the accepted solutions into the original files",
    "transfer": "give the corrections of a run to other files of the same exposures",
    "restore": "put the original files back as they were",
    "params": "explain the parameters, and the reasons of the summary",
    "schema": "print the JSON Schema of a recipe",
    "completion": "print what completes commands and options in a shell",
    "demo": "make a small set of exposures with known errors and align it",
}
"""Each command, a module of this package, with one line about it."""


def command() -> NoReturn:
    """Run the command line as a program of its own.

    Start and end are what a rerun waits for: the collector would look through all of Snakemake's
    modules while they are imported, and the interpreter would take them down one by one.
    """
    gc.set_threshold(_RARELY)
    open_closed_streams()
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        _require_command(words)
        with heed_termination():
            parsed = build_parser(words).parse_args(words)
            status: int = _module(parsed.command).run(parsed)
            flush_results()
    except TweakRegError as error:
        sys.stderr.write(f"tweakreg: {printable_message(str(error))}\n")
        return error.exit_status
    except Terminated:
        sys.stderr.write("tweakreg: terminated; run again to go on from here\n")
        return TERMINATED
    except KeyboardInterrupt:
        sys.stderr.write("tweakreg: interrupted; run again to go on from here\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        if not is_of_the_disk(error):
            raise
        sys.stderr.write(
            f"tweakreg: {explain_failure(error, Path(error.filename or Path.cwd()))}\n"
        )
        return JobFailedError.exit_status
    return status


def command_names() -> tuple[str, ...]:
    """Return the names of all commands."""
    return tuple(_COMMANDS)


def _require_command(words: Sequence[str]) -> None:
    """Refuse a command that there is not, and name the one that may be meant."""
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in _COMMANDS:
        hint = nearest_hint(command, _COMMANDS)
        raise RecipeError(
            f"there is no command {command!r}{hint or '; `tweakreg --help` lists them all'}"
        )


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line; of the commands, only one in `words` is imported."""
    parser = argparse.ArgumentParser(
        prog="tweakreg",
        description="Align astronomical exposures as a recipe says.",
        epilog="Exit status: 0 all aligned, 1 a job failed, 2 wrong recipe or command line, "
        "3 some images not aligned or waiting for a review, 4 another run holds the folder, "
        "130 interrupted, 143 terminated.",
    )
    parser.add_argument("--version", action="version", version=f"tweakreg-steps {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in words:
            _module(name).add_arguments(command)
    return parser


def _module(command: str) -> ModuleType:
    """Return the module of a command; one is called as no module can be."""
    name = "import_cfg" if command == "import" else command
    return import_module(f"tweakreg_steps.cli.{name}")
