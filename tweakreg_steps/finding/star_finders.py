"""photutils' star finders, imported for half of what that costs otherwise.

photutils 3.0 reads the lists of files of all installed distributions to learn its own name, and
imports the packages that its tables name the versions of when it makes the first table. On a
machine with 140 distributions the one takes 0.17 s of the 0.43 s that its import adds to a run; the
other 0.08 s, which each search would spend anew if the process that searches are forked from had
not imported them.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Iterator
from importlib import import_module

__all__ = ["DAOStarFinder", "IRAFStarFinder", "NoDetectionsWarning"]

_IN_TABLES = ("matplotlib", "skimage", "gwcs", "bottleneck")
"""Packages whose versions stand in photutils' tables, where they are installed."""


@contextlib.contextmanager
def _without_lists_of_files() -> Iterator[None]:
    """Have nobody read them: without them photutils takes the name that it is imported by."""
    read = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = dict
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = read


with _without_lists_of_files():
    from photutils.detection import DAOStarFinder, IRAFStarFinder
    from photutils.utils.exceptions import NoDetectionsWarning

for _name in _IN_TABLES:
    with contextlib.suppress(ImportError):
        import_module(_name)
