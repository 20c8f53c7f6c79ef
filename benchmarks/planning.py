"""Time what a recipe of many exposures costs before any job runs, beside a bare Snakemake.

usage: python benchmarks/planning.py [--images N] [--run-images N] [--repetitions N] ...

Paints tiny WFC3/UVIS exposures (two chips each), aligns a hundred of them once, and then times
``tweakreg run`` with nothing to do.  For a thousand it times ``tweakreg plan`` in an empty output
folder, which reads all exposures; again, where they are known; and ``plan`` and ``run`` in a folder
where all is done, which is pretended: each product is a file of a few bytes, its entry in the
ledger such as a job leaves it.  Snakemake looks at the same recipes with ``snakemake -n`` in the
same run (``--no-snakemake`` leaves that out: it takes minutes): the ratios are to that.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from processes import Usage, adopt_orphans, measure

from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.ledger import write_note
from tweakreg_steps.records.ledger_file import gather_notes
from tweakreg_steps.records.outdir_files import STATE, SUMMARY, note_of
from tweakreg_steps.reporting.summary_file import Summary, read_summary, write_summary
from tweakreg_steps.workflow.jobs import Job
from tweakreg_steps.workflow.project import Project, open_project

ROOT = Path(__file__).resolve().parent.parent
RECIPE = """\
input: "*_flc.fits"
outdir: results
imagefindpars: {threshold: 100}
update_header: {updatehdr: true}
"""


def main() -> None:
    """Paint, run, time, print."""
    arguments = parse_arguments()
    if arguments.pretend:
        pretend(*arguments.pretend)
        return
    adopt_orphans()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="planning-") as name:
        folder = Path(name)
        say("painting the exposures")
        few, many = folder / "few", folder / "many"
        paint(few, arguments.run_images)
        multiply(few, many, arguments.images)
        say(f"aligning {arguments.run_images} images once")
        some, all_, times = arguments.run_images, arguments.images, arguments.repetitions
        rows = {
            f"run, {some} images": ours("run", few),
            f"nothing to do, {some} images": least(times, lambda: ours("run", few)),
            f"first plan, {all_} images": least(times, lambda: first_plan(many)),
        }
        (many / "results" / STATE).mkdir(parents=True)
        rows[f"plan, remembering, {all_} images"] = ours("plan", many)
        rows[f"plan again, {all_} images"] = least(times, lambda: ours("plan", many))
        say(f"pretending that {all_} images are aligned")
        subprocess.run([sys.executable, __file__, "--pretend", few, many], check=True)
        rows[f"plan, all done, {all_} images"] = least(times, lambda: ours("plan", many))
        rows[f"run, all done, {all_} images"] = least(times, lambda: ours("run", many))
        if arguments.snakemake:
            rows[f"snakemake -n, {some} images"] = theirs(few)
            rows[f"snakemake -n, {all_} images"] = theirs(many)
    print(report(rows))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Time planning beside a bare Snakemake.")
    parser.add_argument("--images", type=int, default=1000, help="to plan (default 1000)")
    parser.add_argument("--run-images", type=int, default=100, help="to align (default 100)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each timing (default 3)")
    parser.add_argument("--no-snakemake", dest="snakemake", action="store_false")
    parser.add_argument("--pretend", type=Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where to work (1 GB; default: TMPDIR)")
    return parser.parse_args()


def paint(folder: Path, number: int) -> None:
    """Paint exposures of 128x96 px a chip, all of one field, with a recipe for them."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from skies import uvis_scene

    folder.mkdir()
    uvis_scene(
        folder,
        number=number,
        shape=(96, 128),
        stars=2500,
        faintest=5000.0,
        cosmic_ray_number=2,
        hot_pixel_number=2,
        pointing_error=0.1,
        dither=0.02,
        full_error=False,
    )
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")


def multiply(source: Path, target: Path, number: int) -> None:
    """Copy the exposures of a folder, over and over, until there are `number`; and the recipe."""
    target.mkdir()
    paths = sorted(source.glob("*.fits"))
    for i in range(number):
        shutil.copyfile(paths[i % len(paths)], target / f"copy{i:05d}q_flc.fits")
    shutil.copyfile(source / "recipe.yaml", target / "recipe.yaml")


def pretend(few: Path, many: Path) -> None:
    """Leave the recipe of a folder as if all of its jobs had run, with the summary of another."""
    recipe = load_recipe(many / "recipe.yaml")
    # what the reference plane holds is known when its job is done, and with it what depends on it
    for is_first in (True, False):
        project = open_project(recipe)
        with contextlib.chdir(project.outdir):
            for job in project.plan.jobs.values():
                if is_first == bool(job.step.content):
                    pretend_to_do(project, job, few)
        gather_notes(project.outdir, {})


def pretend_to_do(project: Project, job: Job, few: Path) -> None:
    """Leave small products of a job, and its note."""
    for path in map(Path, job.outputs):
        path.parent.mkdir(exist_ok=True)
        if path.name == SUMMARY:
            write_summary(path, summary_of(project.names, few / "results" / SUMMARY))
        else:
            path.write_text(f"made by {job.rule}", encoding="utf-8")
    write_note(
        Path(note_of(*job.key)),
        job.record,
        [Path(path) for path in job.outputs],
        ticket=project.tickets[job.key],
        declared=job.outputs,
        log=job.log,
        contents=dict.fromkeys(job.outputs, "pretended") if job.step.content else {},
    )


def summary_of(names: list[str], path: Path) -> Summary:
    """Return the summary of a run with its rows over and over, for other images."""
    summary = read_summary(path)
    rows = zip(names, cycle(summary.rows[1:]), strict=False)
    return replace(summary, rows=[{**row, "image": name} for name, row in rows])


def least(repetitions: int, take: Callable[[], Usage]) -> Usage:
    """Return the least wall time, CPU time and memory of some runs."""
    runs = [take() for _ in range(repetitions)]
    return Usage(*(min(getattr(run, q) for run in runs) for q in ("wall", "cpu", "peak")))


def ours(command: str, folder: Path) -> Usage:
    """Have our program do something with the recipe of a folder."""
    call = [sys.executable, "-m", "tweakreg_steps", command, str(folder / "recipe.yaml")]
    return measure(call, folder=folder, log=folder / "log")


def first_plan(folder: Path) -> Usage:
    """Plan in an empty output folder: all exposures have to be read."""
    shutil.rmtree(folder / "results", ignore_errors=True)
    return ours("plan", folder)


def theirs(folder: Path) -> Usage:
    """Have Snakemake alone look at the recipe of a folder."""
    snakefile, recipe = str(ROOT / "Snakefile"), str(folder / "recipe.yaml")
    call = [sys.executable, "-m", "snakemake", "-n", "-c", "1", "-s", snakefile]
    return measure([*call, "--configfile", recipe, "--quiet"], folder=folder, log=folder / "log")


def report(rows: dict[str, Usage]) -> str:
    """Make the table, with the ratios to the line of Snakemake for as many images."""
    lines = [f"{'':34}{'wall [s]':>10}{'CPU [s]':>10}{'peak [MB]':>11}{'CPU : Snakemake':>17}"]
    for title, usage in rows.items():
        beside = rows.get(f"snakemake -n, {title.rpartition(', ')[2]}")
        ratio = f"{usage.cpu / beside.cpu:.3f}" if beside else ""
        cells = f"{usage.wall:10.2f}{usage.cpu:10.2f}{usage.peak:11.0f}{ratio:>17}"
        lines.append(f"{title:34}{cells}")
    return "\n".join(lines)


def say(text: str) -> None:
    """Tell the user what is going on."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
