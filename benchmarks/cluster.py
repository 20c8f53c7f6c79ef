"""Measure what a job on a node of a cluster costs beside its work, against the number of exposures.

usage: python benchmarks/cluster.py [--images N [N …]] [--repetitions N] [--folder DIR]

Tiny exposures are painted and linked under as many names as are wanted. For each number the plan is
frozen, and one job is run as a cluster runs it: by the command that Snakemake sends, and, for the
work alone, by the step's own command. The ratios are to the least number.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planning import RECIPE, paint, say
from processes import Usage, adopt_orphans, measure

from tweakreg_steps.json_file import read_json
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.outdir_files import PLAN, RUN_CONFIG, note_of
from tweakreg_steps.records.plan_file import digest_of_plan
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.project import open_project
from tweakreg_steps.workflow.sent_plans import VARIABLE, SentPlan, send_plan

ROOT = Path(__file__).resolve().parent.parent
RULE = "make_masks"
"""The rule whose job is measured: it needs no other."""


@dataclass(frozen=True)
class Cost:
    """What one job costs: as a cluster runs it, and its work alone."""

    sent: Usage
    work: Usage

    @property
    def overhead(self) -> float:
        """CPU seconds above the work."""
        return self.sent.cpu - self.work.cpu


def main() -> None:
    """Paint, plan, time, print."""
    parser = argparse.ArgumentParser(description="What a cluster's job costs beside its work.")
    parser.add_argument("--images", type=int, nargs="+", default=[25, 300, 3000])
    parser.add_argument("--repetitions", type=int, default=5, help="of each timing (default 5)")
    parser.add_argument("--folder", type=Path, help="where to work (default: TMPDIR)")
    parser.add_argument("--freeze", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.freeze:
        print(json.dumps(freeze(arguments.freeze)))
        return
    adopt_orphans()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="cluster-") as name:
        few = Path(name) / "few"
        say("painting the exposures")
        paint(few, 5)
        costs = {}
        for number in arguments.images:
            say(f"planning {number} images")
            folder = Path(name) / str(number)
            link(few, folder, number)
            costs[number] = cost_of_job(folder, arguments.repetitions)
            shutil.rmtree(folder)
    print(report(costs))


def link(source: Path, target: Path, number: int) -> None:
    """Link the exposures of a folder, over and over, until there are `number`."""
    target.mkdir()
    paths = sorted(source.glob("*.fits"))
    for i in range(number):
        os.link(paths[i % len(paths)], target / f"copy{i:05d}q_flc.fits")
    (target / "recipe.yaml").write_text(RECIPE, encoding="utf-8")


def cost_of_job(folder: Path, repetitions: int) -> Cost:
    """Freeze the plan of the recipe in a folder, and measure one of its jobs."""
    outdir = folder / "results"
    # in a process of its own: the memory of this one would be counted with that of its children
    call = [sys.executable, __file__, "--freeze", str(folder / "recipe.yaml")]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE)
    wildcards, rule, name, ticket, os.environ[VARIABLE] = json.loads(done.stdout)
    sent = [measure_sent(rule, name, wildcards, outdir, folder / "log") for _ in range(repetitions)]
    step = [sys.executable, "-P", "-m", "tweakreg_steps.running.step_client"]
    call = [*step, str(outdir), rule, name, ticket]
    work = [measure(call, folder=folder, log=folder / "log") for _ in range(repetitions)]
    return Cost(least(sent), least(work))


def freeze(recipe_file: Path) -> list[Any]:
    """Freeze the plan of a recipe, as a run does before it sends jobs.

    Returns
    -------
    list
        Of one of its jobs the wildcards, rule, name and ticket, and what the environment is to say
        of the plan.
    """
    recipe = load_recipe(recipe_file)
    prepare_outdir(recipe.outdir)
    project = open_project(recipe)
    project.write_state([job.job for job in project.stale])
    config = read_json(recipe.outdir / RUN_CONFIG)
    send_plan(config, SentPlan(recipe.outdir, digest_of_plan(recipe.outdir / PLAN), "."))
    key = (RULE, project.names[len(project.names) // 2])
    job = project.planned(project.plan.jobs[key])
    return [dict(job.wildcards), *key, job.ticket, os.environ[VARIABLE]]


def measure_sent(rule: str, name: str, wildcards: dict[str, str], outdir: Path, log: Path) -> Usage:
    """Run a job by the command that Snakemake sends, on this machine."""
    (outdir / note_of(rule, name)).unlink(missing_ok=True)
    words = ",".join(f"{key}={value}" for key, value in wildcards.items())
    options: dict[str, list[object]] = {
        "--snakefile": [ROOT / "Snakefile"],
        "--target-jobs": [f"{rule}:{words}"],
        "--allowed-rules": [rule],
        "--cores": [1],
        "--attempt": [1],
        "--force-use-threads": [],
        "--force": [],
        "--target-files-omit-workdir-adjustment": [],
        "--max-inventory-time": [0],
        "--nolock": [],
        "--ignore-incomplete": [],
        "--scheduler": ["greedy"],
        "--directory": [outdir],
        "--configfiles": [outdir / RUN_CONFIG],
        "--mode": ["remote"],
    }
    call = [str(word) for option, values in options.items() for word in (option, *values)]
    used = measure([sys.executable, "-m", "snakemake", *call], folder=outdir, log=log)
    if not (outdir / note_of(rule, name)).is_file():
        raise RuntimeError(f"the job was not run; see {log}")
    return used


def least(runs: list[Usage]) -> Usage:
    """Return the least wall time, CPU time and memory of some runs."""
    return Usage(*(min(getattr(run, q) for run in runs) for q in ("wall", "cpu", "peak")))


def report(costs: dict[int, Cost]) -> str:
    """Make the table, with the ratios to the first line."""
    first = next(iter(costs.values()))
    head = ("images", "CPU [s]", "work [s]", "overhead [s]", "peak [MB]", "CPU ratio", "peak ratio")
    lines = ["".join(f"{title:>14}" for title in head)]
    for number, cost in costs.items():
        ratios = (cost.sent.cpu / first.sent.cpu, cost.sent.peak / first.sent.peak)
        numbers = (cost.sent.cpu, cost.work.cpu, cost.overhead, cost.sent.peak, *ratios)
        lines.append(f"{number:14d}" + "".join(f"{value:14.2f}" for value in numbers))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
