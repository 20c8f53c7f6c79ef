"""One run of a step: its work, the check of what it reads, and the entry in the ledger."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import explain_failure, is_of_the_disk
from tweakreg_steps.errors import JobFailedError, RecipeError, TweakRegError
from tweakreg_steps.layout import ledger_of
from tweakreg_steps.planning.ledger import write_entry
from tweakreg_steps.running.steady_inputs import steady_inputs
from tweakreg_steps.running.step import USAGE, parse_call
from tweakreg_steps.scratch import scratch_in

log = logging.getLogger(__name__)


def run_step(arguments: Sequence[str]) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s: %(message)s", force=True
    )
    try:
        call = parse_call(arguments)
        with scratch_in(Path()), steady_inputs(call):
            products = _step_function(call.rule)(call)
        write_entry(Path(ledger_of(call.rule, call.name)), call.record, products)
    except TweakRegError as error:
        log.error("%s", error)  # noqa: TRY400  the message says it all; a traceback would hide it
        return error.exit_status
    except OSError as error:
        if not is_of_the_disk(error):
            raise
        log.error("%s", explain_failure(error, Path(error.filename or Path.cwd())))  # noqa: TRY400
        return JobFailedError.exit_status
    return 0


def _step_function(rule: str) -> Any:  # noqa: ANN401  a function found by name
    """Import the module of a step and return its function."""
    from importlib import import_module

    name = f"tweakreg_steps.steps.{rule}"
    try:
        return import_module(name).run
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise RecipeError(f"there is no step {rule!r}; usage: {USAGE}") from error
