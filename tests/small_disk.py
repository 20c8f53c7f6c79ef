"""A disk that is soon full: a small file system in memory, or a limit to the size of files.

The limit stands in where nothing may be mounted. It stops a write as a full disk does, at a byte
of a file.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FILES = 6
"""Where it is not mounted, a file may be that much smaller than the disk."""

FULL = re.compile(r"cannot write \S+: (?:No space left on device|File too large); ")
"""What is said of a file that could not be written."""


@dataclass
class SmallDisk:
    """A folder that holds little.

    Attributes
    ----------
    folder
        Where it is.
    mounted
        Whether it is a file system of its own.
    size
        How many bytes fit in all; None for enough.
    """

    folder: Path
    mounted: bool
    size: int | None

    @property
    def size_limit(self) -> int | None:
        """The limit to a file with which a process finds the disk full, if that is what does it."""
        return None if self.mounted or self.size is None else self.size // _FILES

    def resize(self, size: int | None) -> None:
        """Make the disk larger or smaller."""
        self.size = size
        if self.mounted:
            _mount(self.folder, "remount", size)

    def fill(self, free: int) -> None:
        """Leave so many bytes free."""
        if self.mounted:
            used = subprocess.run(
                ["df", "--output=used", "-B1", self.folder], capture_output=True, check=True
            )
            self.resize(int(used.stdout.split()[1]) + free)
        else:
            self.resize(free)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Make a small disk, empty and of enough space at first."""
    folder.mkdir(parents=True)
    mounted = _mount(folder, "rw", None)
    try:
        yield SmallDisk(folder, mounted, None)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(folder: Path, option: str, size: int | None) -> bool:
    """Mount or remount the file system; tell whether that is allowed."""
    options = f"{option},size={1 << 26 if size is None else size}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    return done.returncode == 0
