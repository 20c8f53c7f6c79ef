"""Importing Snakemake without the database that it may keep its records in.

A run from here keeps them in files, which is Snakemake's default; yet Snakemake imports SQLModel
and SQLAlchemy in any case, and that is more than half of its start-up: of a rerun, a sixth. So what
it takes from them stands here in its simplest form while it is imported. Where that does not work,
it is imported as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_DATABASE = ("sqlmodel", "sqlalchemy")
_BACKEND = "snakemake.persistence.db"


def import_snakemake() -> ModuleType:
    """Import ``snakemake.api``, without the database where that is possible, and return it."""
    before = frozenset(sys.modules)
    if not before & {"snakemake.workflow", *_DATABASE}:
        try:
            with _stand_ins():
                return import_module("snakemake.api")
        except (ImportError, AttributeError, TypeError):
            for name in frozenset(sys.modules) - before:
                if name.partition(".")[0] == "snakemake":
                    del sys.modules[name]
    return import_module("snakemake.api")


class Default:
    """The default of a field."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(
    *,
    default: object = None,
    default_factory: Callable[[], Any] | None = None,
    **_column: object,
) -> Default:
    """Declare a field, as ``sqlmodel.Field`` does."""
    return Default(default_factory or (lambda: default))


class Record:
    """A record of fields with defaults, as ``sqlmodel.SQLModel`` without a table."""

    def __init__(self, **values: object) -> None:
        for name in type(self).__annotations__:
            default = getattr(type(self), name)
            made = default.make() if isinstance(default, Default) else default
            setattr(self, name, values.get(name, made))

    @classmethod
    def model_validate(cls, values: Mapping[str, Any]) -> Record:
        """Make a record of what was stored."""
        return cls(**values)

    def model_dump(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in type(self).__annotations__}


class NoDatabase:
    """In the place of the records in a database."""

    def __init__(self, **_settings: object) -> None:
        raise RuntimeError("a run without a profile keeps Snakemake's records in files")


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Let imports find what stands here in the place of the database's modules."""
    contents: dict[str, dict[str, object]] = {
        "sqlmodel": {"SQLModel": Record, "Field": field},
        "sqlalchemy": {"Column": lambda *_: None, "JSON": None},
        _BACKEND: {"DbPersistence": NoDatabase},
    }
    for name, content in contents.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in contents:
            sys.modules.pop(name, None)
