"""Libraries without what no step uses, which is a fifth of what importing them costs.

A translator of Fortran, the client of a database behind an address and axes in three dimensions are
imported when somebody asks for anything in them; docstrings are left without the lists that
matplotlib and scipy put into them while they are imported.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Postponed(ModuleType):
    """Stands for a module until anything in it is asked for."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the module holds
        """Import the module, and return what it holds under a name."""
        if name.startswith("__"):  # who only looks what modules there are wants none of it
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


_ALONE = ("numpy.f2py", "stwcs.updatewcs.astrometry_utils")
"""Modules that others import, and of which they use nothing."""


class _NoDoc(dict[str, list[str]]):
    """Stands for scipy's reading of a docstring, to which it adds notes."""

    def __init__(self, _function: object) -> None:
        super().__init__(Notes=[])

    def __str__(self) -> str:
        """Return a signature and no text."""
        return "\n"


def _no_properties(_artist: object) -> str:
    """Stand for matplotlib's list of what can be set of an artist."""
    return ""


_CHANGED: Mapping[str, Mapping[str, object]] = {
    "numpy": {"f2py": _Postponed("numpy.f2py")},
    "matplotlib.artist": {"kwdoc": _no_properties},
    "scipy._lib._array_api": {"FunctionDoc": _NoDoc},
}
"""By the names of modules what is put into them once they are imported."""


class _Changing:
    """Finds the modules that are changed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module is imported that is to be changed; None for all others."""
        change = _CHANGED.get(name)
        spec = PathFinder.find_spec(name, path) if change else None
        loader: Any = spec.loader if spec else None
        if change and hasattr(loader, "exec_module"):
            execute = loader.exec_module

            def execute_and_change(module: ModuleType) -> None:
                execute(module)
                vars(module).update(change)

            loader.exec_module = execute_and_change
        return spec


def import_lean() -> None:
    """Have what this process imports from here on be without what no step uses."""
    sys.meta_path.insert(0, _Changing)
    axes = _Postponed("mpl_toolkits.mplot3d")
    vars(axes)["Axes3D"] = None  # so matplotlib goes without
    sys.modules |= {module.__name__: module for module in (axes, *map(_Postponed, _ALONE))}
