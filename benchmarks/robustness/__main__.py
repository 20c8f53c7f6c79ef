"""Three hundred scenes, aligned here and with drizzlepac.

usage: python benchmarks/robustness --drizzlepac-python PYTHON

Results are kept, so that a run that was stopped goes on where it was, and ``--again`` runs only our
side. The script itself needs this project's test environment.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from robustness import ours  # noqa: E402 - path set above
from robustness.conditions import SET_SIZE, draw_conditions  # noqa: E402 - path set above
from robustness.painting import paint  # noqa: E402 - path set above
from robustness.results import Result, add_results, read_results  # noqa: E402 - path set above
from robustness.table import print_table  # noqa: E402 - path set above
from robustness.theirs import Drizzlepac  # noqa: E402 - path set above
from robustness.verdicts import judge  # noqa: E402 - path set above


def main() -> None:
    """Run what has no result yet, and print the table."""
    arguments = _parser().parse_args()
    warnings.simplefilter("ignore")
    numbers = arguments.scenes or range(arguments.set * SET_SIZE, (arguments.set + 1) * SET_SIZE)
    known = read_results(arguments.results)
    wanted = ["ours"] + (["theirs"] if arguments.drizzlepac_python else [])
    with ExitStack() as stack:
        drizzlepac = None
        if arguments.drizzlepac_python:
            drizzlepac = stack.enter_context(Drizzlepac(arguments.drizzlepac_python))
        for number in numbers:
            programs = [
                program
                for program in wanted
                if (program, number) not in known or (program == "ours" and arguments.again)
            ]
            if programs:
                found = run_scene(number, programs, drizzlepac, with_psf=arguments.psf)
                add_results(arguments.results, found)
                _tell(found)
    results = read_results(arguments.results)
    print_table([result for result in results.values() if result.number in numbers])


def run_scene(
    number: int, programs: Iterable[str], drizzlepac: Drizzlepac | None, *, with_psf: bool
) -> list[Result]:
    """Paint a scene, align it with some programs, and judge what they wrote."""
    conditions = draw_conditions(number)
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        truth = paint(conditions, folder)
        for program in programs:
            align = ours.align_with_psf if with_psf else ours.align
            if drizzlepac and program == "theirs":
                align = drizzlepac.align
            outcome = align(conditions, folder, truth.path)
            verdict, rms = judge(outcome, truth)
            results.append(
                Result(
                    program=program,
                    number=number,
                    kinds=conditions.kinds,
                    n_common=truth.n_common,
                    verdict=verdict,
                    rms=rms,
                    said=outcome.said,
                    seconds=outcome.seconds,
                )
            )
    return results


def _tell(found: list[Result]) -> None:
    """Print how a scene went."""
    for result in found:
        rms = "" if result.rms is None else f"{result.rms:.3f} px"
        kinds = ", ".join(result.kinds)
        print(
            f"{result.number:4d} {result.program:6s} {result.verdict:8s} {rms:12s}"
            f" {result.n_common:4d} common  {result.seconds:5.1f} s  {kinds}: {result.said}",
            flush=True,
        )


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/robustness", description="Align three hundred difficult scenes."
    )
    parser.add_argument("--drizzlepac-python", help="interpreter with drizzlepac")
    parser.add_argument("--set", type=int, default=0, help="which three hundred (default: 0)")
    parser.add_argument("--scenes", type=int, nargs="+", help="only these scenes, by number")
    parser.add_argument("--again", action="store_true", help="run our side again where it was run")
    parser.add_argument(
        "--psf", action="store_true", help="measure with the PSF of the stars; name other results"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("robustness.jsonl"), help="file that keeps the results"
    )
    return parser


if __name__ == "__main__":
    main()
