"""The steps of the workflow, a module each: its declaration ``STEP`` and its function ``run``.

A step reads files, calls one pure function and writes files.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tweakreg_steps.steps.declaration import Product, Step


@cache
def all_steps() -> dict[str, Step]:
    """Return every step by its rule, in an order in which they can run."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    declared: list[Step] = [module.STEP for module in modules if hasattr(module, "STEP")]
    pending = {step.rule: step for step in declared}
    ordered: dict[str, Step] = {}
    while pending:
        wanted = _written(pending.values())
        ready = [step for step in pending.values() if not _taken(step) & wanted]
        assert ready, f"steps wait for each other: {', '.join(pending)}"  # noqa: S101  a bug
        for step in ready:
            ordered[step.rule] = pending.pop(step.rule)
    return ordered


def module_names() -> list[str]:
    """Return the names of the modules, all rules among them, without importing any."""
    return [found.name for found in iter_modules(__path__)]


def _written(steps: Iterable[Step]) -> set[Product]:
    """Return the products that steps write, whatever the recipe says."""
    return {
        product for step in steps if not callable(step.writes) for product in step.writes.values()
    }


def _taken(step: Step) -> set[Product]:
    """Return the products that a step may read, but for its own."""
    from tweakreg_steps.steps.declaration import Read
    from tweakreg_steps.steps.products import WORKING

    products = {read.product if isinstance(read, Read) else read for read in step.reads.values()}
    if step.parts:
        products.add(WORKING)
    return products - _written([step])
