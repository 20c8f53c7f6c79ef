"""One run of a step: its work, the check of what it reads, and the entry in the ledger."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from tweakreg_steps.atomic import explain_failure, is_of_the_disk, of_the_system
from tweakreg_steps.errors import JobFailedError, RecipeError, TweakRegError
from tweakreg_steps.printable import printable
from tweakreg_steps.records.ledger import FitsProduct, Made, Product, is_as_made, write_note
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.outdir_files import APPLIED, CACHE_FOLDER, PLAN, note_of
from tweakreg_steps.records.plan_file import PlannedJob, read_job
from tweakreg_steps.records.product_cache import cache_named_in
from tweakreg_steps.records.upstream import with_upstream
from tweakreg_steps.running.steady_inputs import Call, steady_inputs
from tweakreg_steps.scratch import scratch_in
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Step

USAGE = "tweakreg-step OUTDIR RULE JOB TICKET"

_WORDS = 4

DONE = "done in "
"""How the last line of a job's log begins, that of a job which came to its end."""

log = logging.getLogger(__name__)


class _PrintableFormatter(logging.Formatter):
    """Writes out the control characters that a file's header or a program may bring into a log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one message."""
        return printable(super().format(record))


def run_step(arguments: Sequence[str]) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    began = time.monotonic()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.raiseExceptions = False  # no traceback for each line for which a full disk has no room
    try:
        if len(arguments) != _WORDS:
            raise RecipeError(f"{' '.join(arguments)!r} does not call a step; usage: {USAGE}")
        outdir, rule, name, ticket = arguments
        os.chdir(outdir)
        run_planned(read_job(Path(PLAN), rule, name, ticket))
    except TweakRegError as error:
        log.error("%s", error)  # noqa: TRY400  the message says it all; a traceback would hide it
        return error.exit_status
    except OSError as error:
        given = of_the_system(error)
        if not is_of_the_disk(given):
            raise
        log.error("%s", explain_failure(given, Path(given.filename or Path.cwd())))  # noqa: TRY400
        return JobFailedError.exit_status
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    log.info("%s%.2f s, at %s", DONE, time.monotonic() - began, now)
    return 0


def run_planned(planned: PlannedJob) -> None:
    """Run the step of a planned job in the output folder, and note what it made."""
    step = _step_of(planned.rule)
    call = call_of(planned)
    made = _take_or_make(step, call, planned)
    products = _with_declared(made, planned)
    contents = {}
    if step.content is not None:
        contents = {path: step.content(Path(path)) for path in planned.writes.values()}
    before = read_entry(Path(), *planned.key)
    write_note(
        Path(note_of(*planned.key)),
        call.record,
        products,
        ticket=planned.ticket,
        declared=list(planned.writes.values()),
        log=planned.log,
        contents=contents,
    )
    _remove_former(before.products if before else {}, products)


def call_of(planned: PlannedJob) -> Call:
    """Return what a step is given, with the stamps upstream as the ledger has them by now."""
    reads = {key: Path(path) for key, path in planned.reads.items()}
    record = with_upstream(planned.record, reads.values())
    files = {key: Path(path) for key, path in {**planned.files, **planned.writes}.items()}
    originals = {name: Path(path) for name, path in planned.originals.items()}
    return StepCall(
        planned.rule,
        planned.name,
        record["parameters"],
        record["inputs"],
        {**files, **reads},
        record,
        originals,
    )


def _take_or_make(step: Step, call: Call, planned: PlannedJob) -> Sequence[Product]:
    """Take the products of a step from the cache, or make them, and keep them there."""
    cache = cache_named_in(Path(CACHE_FOLDER)) if step.is_shared else None
    files = {key: Path(path) for key, path in planned.writes.items()}
    if cache and cache.take(call.record, files):
        log.info("taken from the cache %s", cache.folder)
        return ()
    with scratch_in(Path()), steady_inputs(step, call):
        products = _work(step, call)
    if cache:
        cache.put(call.record, files, list(files.values()))
    return products


def _work(step: Step, call: Call) -> Sequence[Product]:
    """Have the module of a step do its work; return what it says that it has made."""
    made: Sequence[Product] | None = import_module(step.module).run(call)
    return made or ()


def _with_declared(made: Sequence[Product], planned: PlannedJob) -> list[Product]:
    """Return what a step has made: what it says itself, and what the plan knew of."""
    said = {str(p.path if isinstance(p, FitsProduct) else p) for p in made}
    return [*made, *(Path(path) for path in planned.writes.values() if path not in said)]


def _remove_former(former: Mapping[str, Made], products: Sequence[Product]) -> None:
    """Remove what this job made before under other names, if nobody changed it."""
    names = {os.path.normpath(p.path if isinstance(p, FitsProduct) else p) for p in products}
    for name, made in former.items():
        path = Path(name)
        is_ours = name not in names and path.parts[0] != APPLIED
        if is_ours and path.is_file() and is_as_made(path, made):
            path.unlink()


def _step_of(rule: str) -> Step:
    """Import the module of a step and return its declaration."""
    name = f"tweakreg_steps.steps.{rule}"
    try:
        step: Step = import_module(name).STEP
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name != name:
            raise
        raise RecipeError(f"there is no step {rule!r}; usage: {USAGE}") from error
    return step
