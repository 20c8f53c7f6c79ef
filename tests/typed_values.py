"""Whether a value is what a type says, key by key: what mypy cannot see of files and plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)


def misfits(value: object, kind: Any, where: str, *, closed: bool) -> list[str]:  # noqa: ANN401
    """Return what in a value is not as its type says; keys beside its own, too, if `closed`."""
    return list(_Comparison(closed).of(value, kind, where))


class _Comparison:
    """Compares a value with a type, part by part."""

    def __init__(self, closed: bool) -> None:
        self._closed = closed

    def of(self, value: object, kind: Any, where: str) -> Iterator[str]:  # noqa: ANN401  any type
        origin, of = get_origin(kind), get_args(kind)
        if is_typeddict(kind):
            yield from self._keys(value, kind, where)
        elif origin in (Union, UnionType):
            found = [[*self.of(value, one, where)] for one in of]
            yield from min(found, key=len)
        elif origin is Literal:
            yield from () if value in of else [f"{where}: {value!r} is none of {of}"]
        elif origin in (dict, Mapping, list, Sequence):
            yield from self._parts(value, origin, of[-1], where)
        elif not (kind is Any or kind is object or _is_a(value, kind)):
            yield f"{where}: {type(value).__name__} in place of {kind}"

    def _parts(self, value: object, origin: Any, kind: Any, where: str) -> Iterator[str]:  # noqa: ANN401
        """Compare each value of a mapping, or each entry of a list."""
        if origin in (dict, Mapping) and isinstance(value, Mapping):
            for key, one in value.items():
                yield from self.of(one, kind, f"{where}.{key}")
        elif origin in (list, Sequence) and isinstance(value, list | tuple):
            for place, one in enumerate(value):
                yield from self.of(one, kind, f"{where}[{place}]")
        else:
            yield f"{where}: {type(value).__name__} in place of a {origin.__name__}"

    def _keys(self, value: object, kind: Any, where: str) -> Iterator[str]:  # noqa: ANN401
        """Compare the values of a typed dictionary."""
        if not isinstance(value, Mapping):
            yield f"{where}: {type(value).__name__} in place of {kind.__name__}"
            return
        hints = get_type_hints(kind, include_extras=True)
        if self._closed:
            yield from (f"{where}.{key}: not in {kind.__name__}" for key in {*value} - {*hints})
        for key, hint in hints.items():
            is_optional = get_origin(hint) is NotRequired
            if key in value:
                own = get_args(hint)[0] if is_optional else hint
                yield from self.of(value[key], own, f"{where}.{key}")
            elif not is_optional and key not in kind.__optional_keys__:
                yield f"{where}.{key}: is missing"


def _is_a(value: object, kind: Any) -> bool:  # noqa: ANN401  any plain type
    """Tell whether a plain value is of a plain type; an int may stand for a float."""
    if kind in (None, NoneType):
        return value is None
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
