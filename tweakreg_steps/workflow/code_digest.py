"""A digest of the code that a step runs: its module and all of this package that it imports.

Snakemake sees a change of a rule, not of a module that the rule's program imports. Comments,
docstrings and formatting do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.atomic import remove_leftovers
from tweakreg_steps.errors import JobFailedError
from tweakreg_steps.json_file import memorize_json, recall_json

_PACKAGE = Path(__file__).resolve().parents[1]
_NAME = "tweakreg_steps"
_LENGTH = 16
_WAY = b"2\n"
"""Another number with each change of what `_read_syntax` gives: caches outlive versions."""
_DECLARING = frozenset(
    f"{_NAME}.{name}"
    for name in (
        "sections",
        "steps.choices",
        "steps.declaration",
        "steps.parameters",
        "steps.preloads",
        "steps.products",
        "steps.subject",
    )
)
"""Modules that say what a step is, and not how it works."""

_IMPORTING = frozenset({ast.Import, ast.ImportFrom})

Syntax = tuple[str, list[str]]
"""Digest of a module's syntax, and the modules of this package that it may import."""


def code_digests(steps: Iterable[str], *, cache: Path) -> dict[str, str]:
    """Return for each step a digest of the code it runs.

    Parameters
    ----------
    steps
        Names of modules of ``tweakreg_steps.steps``.
    cache
        A file of the user's own that keeps what was learnt of each module, by the digest of its
        text and the way it was read: reading the syntax takes longer than all the rest of planning.
    """
    known = _read_cache(cache)
    package = _Package(known)
    digests = {step: _digest_step(step, package) for step in steps}
    if package.used.keys() - known.keys():
        _remember(cache, package.used)
    return digests


class _Package:
    """The modules of this package, each read once.

    Attributes
    ----------
    used
        What was learnt of them, by the digest of their text.
    """

    def __init__(self, known: Mapping[str, Syntax]) -> None:
        self._known = known
        self._modules: dict[str, Syntax | None] = {}
        self.used: dict[str, Syntax] = {}

    def syntax(self, module: str) -> Syntax | None:
        """Return what is known of a module; None for a name inside one."""
        if module not in self._modules:
            self._modules[module] = self._read(module)
        return self._modules[module]

    def _read(self, module: str) -> Syntax | None:
        """Read a module."""
        path = _path_of(module)
        if path is None:
            return None
        text = path.read_bytes()
        key = hashlib.sha256(_WAY + text).hexdigest()
        self.used[key] = self._known.get(key) or _read_syntax(text)
        return self.used[key]


def _read_cache(cache: Path) -> dict[str, Syntax]:
    """Return what is known already, or nothing where the file cannot be read."""
    content = recall_json(cache) or {}
    return {key: (syntax[0], syntax[1]) for key, syntax in content.items() if _is_syntax(syntax)}


def _remember(cache: Path, used: Mapping[str, Syntax]) -> None:
    """Keep what was learnt, where that is possible: it only saves time."""
    with suppress(JobFailedError):
        remove_leftovers(cache.parent)
        memorize_json(cache, used)


def _is_syntax(value: object) -> bool:
    """Tell whether a value is what is known of a module."""
    return (
        isinstance(value, list)
        and [type(item) for item in value] == [str, list]
        and all(isinstance(name, str) for name in value[1])
    )


def _digest_step(step: str, package: _Package) -> str:
    """Follow the imports from one step."""
    seen: dict[str, str] = {}
    pending = [f"{_NAME}.steps.{step}"]
    while pending:
        module = pending.pop()
        if module in seen or module in _DECLARING:
            continue
        syntax = package.syntax(module)
        if syntax is not None:
            seen[module], imported = syntax
            pending += imported
    text_of_all = "\n".join(f"{module} {seen[module]}" for module in sorted(seen))
    return hashlib.sha256(text_of_all.encode()).hexdigest()[:_LENGTH]


def _path_of(module: str) -> Path | None:
    """Return the source file of a module of this package, or None for a name inside one."""
    path = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return path if path.is_file() else None


def _read_syntax(text: bytes) -> Syntax:
    """Return the digest of a module's syntax, and the modules of this package that it imports."""
    words: list[str] = []
    imported: list[str] = []
    _describe(ast.parse(text), words, imported)
    return hashlib.sha256(" ".join(words).encode()).hexdigest(), imported


def _describe(node: ast.AST, words: list[str], imported: list[str]) -> None:
    """Add what a node and those in it say, and what they import of this package.

    As `ast.dump` without docstrings, in a third of the time.
    """
    if type(node) in _IMPORTING:
        imported += _imported_by(node)
    words.append(f"{type(node).__name__}(")
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "ctx":  # follows from where the node stands
            continue
        if isinstance(value, ast.AST):
            _describe(value, words, imported)
        elif isinstance(value, list):
            words.append("[")
            for item in value[_has_docstring(node) :] if name == "body" else value:
                if isinstance(item, ast.AST):
                    _describe(item, words, imported)
                else:
                    words.append(repr(item))
            words.append("]")
        else:
            words.append(repr(value))
    words.append(")")


def _imported_by(node: ast.AST) -> list[str]:
    """Return the modules of this package that a statement may import."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _NAME:
        return [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.split(".")[0] == _NAME]
    return []


def _has_docstring(node: ast.AST) -> bool:
    """Tell whether a module, class or function begins with a docstring."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
