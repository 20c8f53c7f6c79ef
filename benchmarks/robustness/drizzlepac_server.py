"""Run TweakReg in one folder after another; for drizzlepac's own environment.

Reads a JSON object a line: ``folder`` and the arguments of TweakReg. Each is run in a process of
its own, forked once everything is imported. Writes a JSON object a line: ``said`` and ``seconds``.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from drizzlepac import tweakreg

TIME_LIMIT = 240
"""Seconds after which a run is ended."""


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if child == 0:
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            os._exit(run(call))
        _, status, usage = os.wait4(child, 0)
        said = "ended" if status == 0 else f"status {status}"
        if status and (error := Path(call["folder"]) / "error.txt").exists():
            said = error.read_text(encoding="utf-8")
        answer = {"said": said, "seconds": usage.ru_utime + usage.ru_stime}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def run(call: dict[str, Any]) -> int:
    """Run TweakReg; the exit status is 1 where it raises."""
    signal.alarm(TIME_LIMIT)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    os.chdir(call["folder"])
    try:
        tweakreg.TweakReg(sorted(str(p) for p in Path().glob("*.fits")), **call["arguments"])
    except BaseException as error:  # noqa: BLE001  whatever ends the run is its outcome
        Path("error.txt").write_text(f"{type(error).__name__}: {error}"[:200], encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    main()
