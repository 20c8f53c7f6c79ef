"""The warm process knows what steps import."""

from __future__ import annotations

from importlib import import_module

from tweakreg_steps.running.step_server import _FIRST, _modules_for
from tweakreg_steps.steps import all_steps


def test_what_the_warm_process_imports_is_there() -> None:
    for module in (*_FIRST, *_modules_for(all_steps())):
        assert import_module(module)
