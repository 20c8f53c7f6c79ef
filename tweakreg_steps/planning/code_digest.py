"""A digest of the code that a step runs: its module and all of this package that it imports.

Snakemake sees a change of a rule, not of a module that the rule's program imports.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_NAME = "tweakreg_steps"
_LENGTH = 16


@cache
def code_digest(step: str) -> str:
    """Digest the syntax of ``steps/<step>.py`` and of what it imports from this package.

    Comments, docstrings and formatting do not count.
    """
    seen: dict[str, str] = {}
    pending = [f"{_NAME}.steps.{step}"]
    while pending:
        module = pending.pop()
        path = _path_of(module)
        if path is None or module in seen:
            continue
        seen[module], imported = _read_module(path)
        pending += imported
    text = "\n".join(f"{module} {seen[module]}" for module in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def _path_of(module: str) -> Path | None:
    """Return the source file of a module of this package, or None for a name inside one."""
    path = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return path if path.is_file() else None


@cache
def _read_module(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a module's syntax, and the modules of this package that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _NAME:
            imported += [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
        elif isinstance(node, ast.Import):
            imported += [a.name for a in node.names if a.name.split(".")[0] == _NAME]
        _drop_docstring(node)
    dump = ast.dump(tree)
    return hashlib.sha256(dump.encode()).hexdigest(), tuple(imported)


def _drop_docstring(node: ast.AST) -> None:
    """Take the docstring out of a module, class or function."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        node.body = node.body[1:]
