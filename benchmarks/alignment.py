"""Align the same four painted WFC3/UVIS exposures with drizzlepac and with this, and compare.

usage: python benchmarks/alignment.py [--drizzlepac-python PYTHON] [--repetitions N] ...

One command: it makes an environment for drizzlepac and one for this, unless given or at hand,
paints the exposures (two chips of 4096x2051 px each), and runs both programs alternately, each
time on fresh copies.  It prints wall time, CPU time (the whole process tree), peak memory (the
largest single process) and how far the aligned headers are from the truth: medians, then ratios
to drizzlepac's; also for reruns after ``catalog_fitting.nclip``, ``update_header.wcsname`` or the
threshold of one image has changed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from processes import Usage, adopt_orphans, measure

HERE = Path(__file__).resolve().parent
DRIZZLEPAC = "drizzlepac==3.11.*"
THEIRS, COLD = "drizzlepac", "tweakreg run"
CHANGES: dict[str, dict[str, object]] = {
    COLD: {"nclip": 3, "wcsname": "TWEAK", "threshold": 100},
    "rerun, nclip changed": {"nclip": 5},
    "rerun, wcsname changed": {"wcsname": "TWEAK_AGAIN"},
    "rerun, one threshold changed": {"threshold": 90},
}
"""Our runs in order, each with what it changes in the recipe of the one before."""
QUANTITIES = ("wall", "cpu", "peak")
RECIPE = """\
input: "*_flc.fits"
outdir: results
imagefindpars: {{threshold: 100, conv_width: 3.5}}
object_matching: {{searchrad: 1}}
catalog_fitting: {{nclip: {nclip}}}
update_header: {{updatehdr: true, wcsname: {wcsname}}}
shiftfile_output: {{shiftfile: true}}
images: {{paint03q_flc: {{imagefindpars: {{threshold: {threshold}}}}}}}
"""


@dataclass(frozen=True)
class Measured:
    """One run: what it used, and the worst exposure's rms to the truth in mas."""

    usage: Usage
    rms: float


@dataclass(frozen=True)
class Scene:
    """The painted exposures in a folder, handled by an interpreter that has this project."""

    folder: Path
    python: str

    def paint(self) -> None:
        """Make them."""
        self.folder.mkdir()
        self._call("paint")

    def copy_to(self, target: Path) -> Path:
        """Copy the exposures into an empty folder."""
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for path in sorted(self.folder.glob("*.fits")):
            shutil.copyfile(path, target / path.name)
        return target

    def worst_rms(self, folder: Path) -> float:
        """Measure the headers of the exposures in a folder against the truth, in mas."""
        files = [str(path) for path in sorted(folder.glob("*_flc.fits"))]
        return float(max(json.loads(self._call("rms", *files)).values()))

    def _call(self, command: str, *files: str) -> str:
        """Have ``scene.py`` do something."""
        script = str(HERE / "scene.py")
        call = [self.python, script, command, str(self.folder), *files]
        return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Paint, run alternately, print."""
    arguments = parse_arguments()
    adopt_orphans()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="alignment-") as name:
        folder = Path(name)
        drizzlepac = arguments.drizzlepac_python or make_environment(
            folder / "drizzlepac", DRIZZLEPAC
        )
        ours = arguments.python or make_environment(folder / "ours", f"{HERE.parent}[test]")
        compile_package(ours)
        say("painting the exposures")
        scene = Scene(folder / "scene", ours)
        scene.paint()
        turns = [
            take_turn(folder, scene, drizzlepac, arguments.jobs, f"run {number}")
            for number in range(1, arguments.repetitions + 1)
        ]
    print(report(turns))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare this with drizzlepac on the same exposures."
    )
    parser.add_argument(
        "--drizzlepac-python", help="interpreter with drizzlepac (without: one is made with pip)"
    )
    parser.add_argument(
        "--python",
        default=sys.executable if importlib.util.find_spec("tweakreg_steps") else None,
        help="interpreter with this project (default: the one running this, if it has it)",
    )
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="cores for us (default 2)")
    parser.add_argument("--folder", type=Path, help="where to work (4 GB; default: TMPDIR)")
    return parser.parse_args()


def make_environment(folder: Path, requirement: str) -> str:
    """Make a virtual environment that has a package, and return its interpreter."""
    say(f"installing {requirement} into an environment of its own")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)
    return python


def compile_package(python: str) -> None:
    """Compile our package, as installing it does: a checkout may be without bytecode."""
    code = "import compileall, tweakreg_steps as t; compileall.compile_dir(t.__path__[0], quiet=1)"
    subprocess.run([python, "-c", code], check=True)


def take_turn(
    folder: Path, scene: Scene, drizzlepac: str, jobs: int, title: str
) -> dict[str, Measured]:
    """Run drizzlepac, us, and us again after each change of the recipe, on fresh copies."""
    say(f"{title}: drizzlepac")
    work = scene.copy_to(folder / "drizzlepac_run")
    command = [drizzlepac, str(HERE / "drizzlepac_run.py"), ".", "100", "1"]
    usage = measure(command, folder=work, log=folder / "drizzlepac.log")
    turn = {THEIRS: Measured(usage, scene.worst_rms(work))}

    work = scene.copy_to(folder / "our_run")
    recipe = work / "recipe.yaml"
    command = [scene.python, "-m", "tweakreg_steps", "run", str(recipe), "-j", str(jobs)]
    values: dict[str, object] = {}
    for kind, change in CHANGES.items():
        say(f"{title}: {kind}")
        values |= change
        recipe.write_text(RECIPE.format(**values), encoding="utf-8")
        usage = measure(command, folder=work, log=folder / "ours.log")
        turn[kind] = Measured(usage, scene.worst_rms(work / "results" / "aligned"))
    return turn


def report(turns: list[dict[str, Measured]]) -> str:
    """Make the table: medians, then ratios to drizzlepac's with their range over the turns."""
    lines = [table_line("", ["wall [s]", "CPU [s]", "peak [MB]", "worst rms [mas]"])]
    for kind in (THEIRS, *CHANGES):
        cells = [f"{median(turns, kind, quantity):.2f}" for quantity in QUANTITIES]
        rms = statistics.median(turn[kind].rms for turn in turns)
        lines.append(table_line(kind, [*cells, f"{rms:.3f}"]))
    for kind in CHANGES:
        cells = [ratio(turns, kind, quantity) for quantity in QUANTITIES]
        lines.append(table_line(f"{kind} : {THEIRS}", cells))
    return "\n".join(lines)


def table_line(title: str, cells: list[str]) -> str:
    """Align one row of the table."""
    return f"{title:44}" + "".join(f"{cell:>20}" for cell in cells)


def median(turns: list[dict[str, Measured]], kind: str, quantity: str) -> float:
    """Median of one quantity over the turns."""
    return float(statistics.median(getattr(turn[kind].usage, quantity) for turn in turns))


def ratio(turns: list[dict[str, Measured]], kind: str, quantity: str) -> str:
    """Ratio of the medians, and the range of the ratios of each turn."""
    each = [
        getattr(turn[kind].usage, quantity) / getattr(turn[THEIRS].usage, quantity)
        for turn in turns
    ]
    whole = median(turns, kind, quantity) / median(turns, THEIRS, quantity)
    return f"{whole:.2f} ({min(each):.2f}-{max(each):.2f})"


def say(text: str) -> None:
    """Tell the user what is going on."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
