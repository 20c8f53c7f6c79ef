"""Braces and ``<name>`` in the paths of a recipe's files, which Snakemake takes for its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.findings import Findings

_PATH_VARIABLE = r"<[a-z][a-z0-9_]*>"
_PLACEHOLDER = re.compile(rf"\{{[^{{}}]*\}}|{_PATH_VARIABLE}")
_IN_NAME = re.compile(rf"[{{}}]|{_PATH_VARIABLE}")
_FILES = (
    ("exclusions",),
    ("reference_catalog", "refcat"),
    ("headerlet_creation", "history"),
)


def has_placeholder(path: str) -> bool:
    """Tell whether Snakemake takes something in a path for its own."""
    return _PLACEHOLDER.search(path) is not None


def brace_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each file whose path Snakemake would not take as it is.

    What counts is the path relative to the output folder, as the rules have it, and the name of an
    image, as its products have it.
    """
    problems = [
        f"{path}: Snakemake takes braces in a path for a placeholder, and a name in angle "
        "brackets as well; rename the file or its folder"
        for path in dict.fromkeys(_paths(recipe, findings))
        if has_placeholder(os.path.relpath(path, recipe.outdir))
    ]
    problems += [
        f"{image.image.path}: Snakemake takes braces in the name of an image for a placeholder, "
        "and a name in angle brackets as well; rename the file"
        for image in findings.all_images
        if _IN_NAME.search(image.image.name)
    ]
    return problems


def _paths(recipe: Recipe, findings: Findings) -> Iterator[Path]:
    """Yield the files that rules read."""
    for image in findings.all_images:
        yield image.image.path
    for keys in _FILES:
        path = recipe.file(*keys)
        if path:
            yield path
    for files in (*findings.catalogs.values(), *findings.weights.values()):
        yield from (file.path for file in files.values())
    for references in findings.reference_files.values():
        yield from (reference.path for reference in references.values())
