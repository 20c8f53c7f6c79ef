"""The warm process knows what steps import."""

from __future__ import annotations

from importlib import import_module

from tweakreg_steps.planning.workplan import RULES
from tweakreg_steps.running.step_server import _FIRST, _NEEDED, _modules_for


def test_what_the_warm_process_imports_is_there() -> None:
    for module in (*_FIRST, *_modules_for(RULES)):
        assert import_module(module)


def test_it_knows_rules_that_are_there() -> None:
    assert set(_NEEDED) <= set(RULES)
