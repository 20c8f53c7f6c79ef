"""Running a scene with drizzlepac's TweakReg, with the parameters of our recipe."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from types import TracebackType
from typing import Any, Self

from robustness.conditions import Conditions
from robustness.ours import MINOBJ
from robustness.painting import CATALOG
from robustness.truth import THRESHOLD
from robustness.verdicts import Outcome

SERVER = Path(__file__).with_name("drizzlepac_server.py")
WCS_NAME = "ROBUST"
SHIFTS = "shifts.txt"


class Drizzlepac:
    """A process with drizzlepac imported, which runs scene after scene."""

    def __init__(self, python: str) -> None:
        self._server = Popen(
            [python, str(SERVER)],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            text=True,
            env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": ""},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()

    def align(self, conditions: Conditions, folder: Path, exposure: Path) -> Outcome:
        """Run TweakReg on copies of a scene's files, in ``theirs`` of its folder.

        What counts as aligned is what a user sees as such: numbers in the shift file. Where it has
        nan TweakReg gives the header a new name all the same, but leaves its numbers.
        """
        copies = folder / "theirs"
        copies.mkdir()
        for path in folder.iterdir():
            if path.suffix == ".fits" or path.name == CATALOG:
                shutil.copy(path, copies)
        call = {"folder": str(copies), "arguments": _arguments(conditions)}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(call) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        aligned = copies / exposure.name
        success = _in_shifts(copies / SHIFTS, exposure.name)
        return Outcome(aligned if success else None, answer["said"], answer["seconds"])


def _arguments(conditions: Conditions) -> dict[str, Any]:
    """Return TweakReg's arguments: those of the recipe, or their defaults."""
    arguments: dict[str, Any] = {
        "imagefindcfg": {"threshold": THRESHOLD, "conv_width": 3.5},
        "minobj": MINOBJ,
        "searchrad": conditions.searchrad,
        "updatehdr": True,
        "wcsname": WCS_NAME,
        "reusename": True,
        "interactive": False,
        "see2dplot": False,
        "residplot": "No plot",
        "shiftfile": True,
        "outshifts": SHIFTS,
    }
    if conditions.wrong_entries is not None:
        arguments |= {"refcat": CATALOG, "refxcol": 1, "refycol": 2, "rfluxcol": 3}
    return arguments


def _in_shifts(path: Path, name: str) -> bool:
    """Return whether the shift file has a fit of an exposure."""
    if not path.exists():
        return False
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    rows = [line[1:] for line in lines if line and line[0] == name]
    return any(all(math.isfinite(float(number)) for number in row) for row in rows)
