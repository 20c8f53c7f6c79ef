"""The versions of Python and of the libraries that products are made with."""

from __future__ import annotations

import platform
import re
from functools import cache

VERSIONS = "versions"
"""What records and the ledger call them."""

PACKAGE = "tweakreg-steps"
_BESIDE = frozenset({"configobj", "jsonschema", "pyyaml", "rich", "snakemake"})
"""Dependencies that no step computes with."""


@cache
def library_versions() -> dict[str, str]:
    """Return the version of Python, and of each library that the steps compute with, by name."""
    # it takes longer than the rest of a plan's imports, and a plan seldom asks
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        requirements = requires(PACKAGE) or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        requirements = []
    needed = [text for text in requirements if "extra ==" not in text]
    names = [match.group() for text in needed if (match := re.match(r"[\w.-]+", text))]
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in sorted({*names} - _BESIDE)},
    }
