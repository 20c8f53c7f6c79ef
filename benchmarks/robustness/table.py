"""The table: how many scenes of each kind were aligned rightly, wrongly, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from robustness.conditions import KINDS, MIXED
from robustness.results import Result
from robustness.verdicts import Verdict

ENOUGH = 10
"""Common stars of which a scene must hold so many to count as one that can be aligned."""

PROGRAMS = ("ours", "theirs")


def print_table(results: Sequence[Result]) -> None:
    """Print the table in Markdown, and how the bars are met."""
    print(
        "\n| kind | scenes | hold ten common stars | here: right | wrong | refused"
        " | drizzlepac: right | wrong | refused |"
    )
    print("|---|" + "---:|" * 8)
    for kind in (*KINDS, MIXED):
        _print_row(kind, [result for result in results if _kind(result) == kind])
    _print_row("all", results)
    print(f"\naligned rightly here, of those with ten common stars: {_part_of_good(results)}")
    print(f"refused here, right with drizzlepac: {missed(results)}")


def missed(results: Sequence[Result]) -> list[int]:
    """List the scenes that drizzlepac aligned rightly and we did not."""
    right = {
        program: {
            result.number
            for result in results
            if result.program == program and result.verdict == Verdict.RIGHT
        }
        for program in PROGRAMS
    }
    ours = {result.number for result in results if result.program == "ours"}
    return sorted((right["theirs"] - right["ours"]) & ours)


def _kind(result: Result) -> str:
    """Return the row of a result."""
    return result.kinds[0] if len(result.kinds) == 1 else MIXED


def _print_row(kind: str, results: Sequence[Result]) -> None:
    """Print one row."""
    counts = [str(_count(results, program, verdict)) for program in PROGRAMS for verdict in Verdict]
    good = sum(r.program == "ours" and r.n_common >= ENOUGH for r in results)
    number = len({result.number for result in results})
    print(f"| {kind} | {number} | {good} | " + " | ".join(counts) + " |")


def _count(results: Sequence[Result], program: str, verdict: Verdict) -> int:
    """Count the verdicts on a program."""
    return sum(r.program == program and r.verdict == verdict for r in results)


def _part_of_good(results: Sequence[Result]) -> str:
    """Return how many of the scenes that can be aligned were."""
    good = [r for r in results if r.program == "ours" and r.n_common >= ENOUGH]
    right = sum(r.verdict == Verdict.RIGHT for r in good)
    return f"{right} of {len(good)} ({100.0 * right / max(1, len(good)):.1f} %)"
