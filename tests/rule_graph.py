"""Which rule takes whose products, as Snakemake sees it from the rules' files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tweakreg_steps.resources import workflow_folder

Edges = frozenset[tuple[str, str]]
"""Pairs of rules: the first makes what the second takes."""


def rule_graph(recipe: Path) -> Edges:
    """Have Snakemake draw the graph of a recipe's rules."""
    command = ["-m", "snakemake", "--snakefile", str(workflow_folder() / "Snakefile")]
    drawn = subprocess.run(
        [sys.executable, *command, "--configfile", str(recipe), "--rulegraph"],
        cwd=recipe.parent,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    labels = dict(re.findall(r"^\s*(\d+)\[label = \"(\w+)\"", drawn, re.MULTILINE))
    pairs = re.findall(r"^\s*(\d+) -> (\d+)", drawn, re.MULTILINE)
    edges = frozenset((labels[one], labels[other]) for one, other in pairs)
    assert edges
    return edges


def with_dependents(rules: Iterable[str], graph: Iterable[tuple[str, str]]) -> set[str]:
    """Return some rules and all that depend on them, but for the one that asks for everything."""
    found: set[str] = set()
    pending = list(rules)
    while pending:
        rule = pending.pop()
        if rule not in found:
            found.add(rule)
            pending += [after for before, after in graph if before == rule]
    return found - {"all"}
