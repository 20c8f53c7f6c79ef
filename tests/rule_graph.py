"""Which rule takes whose products, as Snakemake sees it from the rules' files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from forked_run import execute, snakemake

from tweakreg_steps.resources import workflow_folder

Edges = frozenset[tuple[str, str]]
"""Pairs of rules: the first makes what the second takes."""


def rule_graph(recipe: Path) -> Edges:
    """Have Snakemake draw the graph of a recipe's rules."""
    snakefile = str(workflow_folder() / "Snakefile")
    words = ["--snakefile", snakefile, "--configfile", str(recipe), "--rulegraph"]
    done = execute(words, recipe.parent, os.environ, program=snakemake)
    done.check_returncode()
    drawn = done.stdout
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
