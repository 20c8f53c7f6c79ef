"""What came out of each scene, kept as one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from robustness.verdicts import Verdict


@dataclass(frozen=True)
class Result:
    """What a program made of a scene.

    Attributes
    ----------
    program : {"ours", "theirs"}
        Which one.
    number : int
        The scene's number.
    kinds : tuple of str
        What it is an example of.
    n_common : int
        Stars that can be found in the exposure and in the reference.
    verdict : Verdict
        Whether it was aligned rightly.
    rms : float or None
        By how many pixels it is off; None where it was refused.
    said : str
        The reason that the program gave, or how it ended.
    seconds : float
        CPU seconds.
    """

    program: str
    number: int
    kinds: tuple[str, ...]
    n_common: int
    verdict: Verdict
    rms: float | None
    said: str
    seconds: float


def read_results(path: Path) -> dict[tuple[str, int], Result]:
    """Read results by program and scene; of several of the same, the last counts."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    results = [
        Result(**(row | {"kinds": tuple(row["kinds"]), "verdict": Verdict(row["verdict"])}))
        for row in rows
    ]
    return {(result.program, result.number): result for result in results}


def add_results(path: Path, results: Iterable[Result]) -> None:
    """Append results."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(result)) + "\n" for result in results)
