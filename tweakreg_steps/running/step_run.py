"""One run of a step: its work, the check of what it reads, and the entry in the ledger."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tweakreg_steps.atomic import explain_failure, is_of_the_disk
from tweakreg_steps.errors import JobFailedError, RecipeError, TweakRegError
from tweakreg_steps.layout import CACHE_FOLDER, ledger_of
from tweakreg_steps.planning.ledger import Product, write_entry
from tweakreg_steps.printable import printable
from tweakreg_steps.running.product_cache import cache_for
from tweakreg_steps.running.steady_inputs import steady_inputs
from tweakreg_steps.running.step import USAGE, StepCall, parse_call
from tweakreg_steps.scratch import scratch_in

log = logging.getLogger(__name__)


class _PrintableFormatter(logging.Formatter):
    """Writes out the control characters that a file's header or a program may bring into a log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one message."""
        return printable(super().format(record))


def run_step(arguments: Sequence[str]) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    try:
        call = parse_call(arguments)
        products = _take_or_make(call)
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


def _take_or_make(call: StepCall) -> Sequence[Product]:
    """Take the products of a step from the cache, or make them, and keep them there."""
    cache = cache_for(call.rule, Path(CACHE_FOLDER))
    taken = cache.take(call.record, call.files) if cache else []
    if cache and taken:
        log.info("taken from the cache %s", cache.folder)
        return taken
    with scratch_in(Path()), steady_inputs(call):
        products = _step_function(call.rule)(call)
    if cache:
        cache.put(call.record, call.files, products)
    return products


def _step_function(rule: str) -> Callable[[StepCall], list[Any]]:
    """Import the module of a step and return its function."""
    from importlib import import_module

    name = f"tweakreg_steps.steps.{rule}"
    try:
        step: Callable[[StepCall], list[Any]] = import_module(name).run
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise RecipeError(f"there is no step {rule!r}; usage: {USAGE}") from error
    return step
