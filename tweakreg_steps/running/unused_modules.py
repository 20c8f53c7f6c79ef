"""Modules that libraries import with all that numpy has, and that no step uses.

scipy takes all names of numpy when it is imported, and with them f2py and numpy's tests: a quarter
of what ``scipy.special`` costs. Once this has been imported, they are read when somebody asks for
something in them.
"""

from __future__ import annotations

import importlib.util
import sys

import numpy as np

_UNUSED = ("f2py", "testing")


def _read_later(part: str) -> None:
    """Put a module of numpy where it belongs, to be read at its first use."""
    name = f"numpy.{part}"
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    setattr(np, part, module)


for _part in _UNUSED:
    _read_later(_part)
