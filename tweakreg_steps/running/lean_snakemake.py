"""Snakemake without what a run on this machine never uses, which is most of what it imports.

A database in which it could keep its records (SQLAlchemy, SQLModel), solvers of linear programmes,
sources behind addresses, and the plugins that happen to be installed (that for SLURM imports
pandas): together more CPU time than all else that Snakemake does in a short run. What it can
itself go without is hidden while it is imported; of the database it needs but the names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Self

_HIDDEN = (
    "pulp",
    "tornado",
    "wcwidth",
    *(f"smart_open.{way}" for way in ("azure", "ftp", "gcs", "hdfs", "http", "s3", "ssh")),
    "smart_open.webhdfs",
)
"""Modules that Snakemake, and what it opens its sources and prints tables with, look for and do
without."""

_DATABASE = "snakemake.persistence.db"


@contextmanager
def lean_snakemake() -> Iterator[None]:
    """Import Snakemake's API without what is not used here, and know none but its own plugins.

    A version of Snakemake that cannot be imported so is imported whole.
    """
    with _own_plugins_only():
        if "snakemake.workflow" not in sys.modules:
            _import_api()
        yield


def _import_api() -> None:
    """Import the API, without what is not used if possible."""
    before = set(sys.modules)
    try:
        with _stand_ins({**dict.fromkeys(_HIDDEN), **_database_modules()}):
            for module in ("smart_open", "tabulate", "snakemake.api"):
                import_module(module)
    except Exception:  # noqa: BLE001  another version may stumble over anything
        for name in set(sys.modules) - before:
            del sys.modules[name]
        import_module("snakemake.api")


@contextmanager
def _stand_ins(modules: dict[str, ModuleType | None]) -> Iterator[None]:
    """Put modules in the place of others that are not imported yet; None hides one."""
    chosen = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(chosen)  # type: ignore[arg-type]  # None is how Python hides a module
    try:
        yield
    finally:
        for name, module in chosen.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _database_modules() -> dict[str, ModuleType | None]:
    """Make what stands for the database while the records are declared that would go into it."""

    def column(_type: object) -> None:
        return None

    return {
        "sqlmodel": _module("sqlmodel", SQLModel=_Record, Field=_Field),
        "sqlalchemy": _module("sqlalchemy", Column=column, JSON=None),
        _DATABASE: _module(_DATABASE, DbPersistence=None),
    }


class _Field:
    """The default value of a field of a record; what is said of its column is not used."""

    def __init__(
        self,
        *,
        default: object = None,
        default_factory: Callable[[], object] | None = None,
        sa_column: None,  # noqa: ARG002
    ) -> None:
        self.make: Callable[[], object] = default_factory or (lambda: default)


class _Record:
    """A record of Snakemake, as far as it keeps it in a file: a field for each annotation."""

    def __init__(self, **values: object) -> None:
        for name in type(self).__annotations__:
            default = getattr(type(self), name)
            is_field = isinstance(default, _Field)
            setattr(self, name, values.get(name, default.make() if is_field else default))

    @classmethod
    def model_validate(cls, values: Mapping[str, object]) -> Self:
        """Make a record of what the file holds."""
        return cls(**values)

    def model_dump(self) -> dict[str, object]:
        """Return all fields."""
        return {name: getattr(self, name) for name in type(self).__annotations__}


def _module(name: str, **content: object) -> ModuleType:
    """Make a module."""
    module = ModuleType(name)
    vars(module).update(content)
    return module


@contextmanager
def _own_plugins_only() -> Iterator[None]:
    """Have Snakemake look for no plugins; it looks again when it is asked afterwards."""
    from snakemake_interface_common.plugin_registry import PluginRegistryBase

    base: Any = PluginRegistryBase
    looked = base.collect_plugins
    known = {kind: vars(kind).get("_instance") for kind in base.__subclasses__()}

    def collect_none(registry: Any) -> None:  # noqa: ANN401  Snakemake has no types
        registry.plugins = {}

    base.collect_plugins = collect_none
    try:
        yield
    finally:
        base.collect_plugins = looked
        for kind in base.__subclasses__():
            registry = vars(kind).get("_instance")
            if registry is not None and known.get(kind) is None:
                vars(registry).pop("plugins", None)
