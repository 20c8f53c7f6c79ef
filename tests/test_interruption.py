"""A run that is interrupted ends soon, says so, and goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import copy_scene
from skies import Scene
from tiny import LEAN, copy_tiny
from whole_runs import ForkedRun, World

from tweakreg_steps.atomic import find_leftovers
from tweakreg_steps.cli import main
from tweakreg_steps.finding.sextractor_program import find_program
from tweakreg_steps.records.outdir_files import PLAN
from tweakreg_steps.records.plan_file import PlannedJob, write_plan
from tweakreg_steps.workflow.outdir import prepare_outdir

COMMAND = [sys.executable, "-m", "tweakreg_steps", "run", "recipe.yaml", "-j", "2"]


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        COMMAND, cwd=folder, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def soon(began: float) -> float:
    """Return how long a run may take to end that began then: 5 s, or as long as its start took.

    On a busy machine both take longer than they would.
    """
    return max(5.0, time.monotonic() - began)


def test_an_interrupted_run_ends_soon_and_says_so(small_scene: Scene, tmp_path: Path) -> None:
    copy_scene(small_scene, tmp_path)
    began = time.monotonic()
    with start(tmp_path) as run:
        assert run.stderr
        assert run.stderr.readline().startswith("[ 1/")
        os.killpg(run.pid, signal.SIGINT)
        stopped, patience = time.monotonic(), soon(began)
        said = run.stderr.read()
    assert time.monotonic() - stopped < patience
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said


STARTED = "started"
"""A file that is there when a search for sources is under way."""
SLOW = """\
#!/bin/sh
case "$1" in --version|-dd) exec {program} "$@";; esac
test $(stat -c %s image.fits) -lt 100000 && exec {program} "$@"
touch {started}
exec sleep 100
"""
"""A SExtractor that takes long over anything but a trial."""


def slow_world(scene: Scene, folder: Path) -> tuple[World, dict[str, str]]:
    """Return a world in which finding sources takes long, and the environment for that."""
    world = World(folder)
    finding = {"finder": "sextractor", "threshold": 10}
    copy_tiny(scene, folder, number=2, imagefindpars=finding, **LEAN)
    program = folder / "bin" / "source-extractor"
    program.parent.mkdir()
    program.write_text(SLOW.format(program=find_program().path, started=folder / STARTED))
    program.chmod(0o755)
    find_program.cache_clear()  # a fork looks for it anew
    return world, {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def started(
    world: World, *words: str, environment: dict[str, str], forked: bool
) -> AbstractContextManager[subprocess.Popen[str] | ForkedRun]:
    """Start a run as a command, or as a fork, which differs in the start alone."""
    start = world.start_fork if forked else world.start
    return start(*words, environment=environment)


def wait_for_slow_step(world: World, run: subprocess.Popen[str] | ForkedRun) -> None:
    """Wait until a step is in the midst of its work."""
    while not (world.folder / STARTED).exists():
        assert run.poll() is None
        time.sleep(0.02)


@pytest.mark.sextractor
@pytest.mark.parametrize("whole_group", [True, False])
def test_interrupted_in_the_middle_of_a_long_step(
    tiny_exposures: Scene, tmp_path: Path, whole_group: bool
) -> None:
    world, environment = slow_world(tiny_exposures, tmp_path)
    began = time.monotonic()
    with started(world, environment=environment, forked=not whole_group) as run:
        wait_for_slow_step(world, run)
        (os.killpg if whole_group else os.kill)(run.pid, signal.SIGINT)
        stopped, patience = time.monotonic(), soon(began)
        assert run.stderr
        said = run.stderr.read()
    assert time.monotonic() - stopped < patience
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said
    assert world.living() == []
    assert find_leftovers(world.out) == ()
    assert list((world.out / ".tweakreg" / "scratch").glob("*")) == []
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0


@pytest.mark.sextractor
@pytest.mark.parametrize("with_profile", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_terminated_in_the_middle_of_a_long_step(
    tiny_exposures: Scene, tmp_path: Path, number: signal.Signals, with_profile: bool
) -> None:
    world, environment = slow_world(tiny_exposures, tmp_path)
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "config.yaml").write_text("executor: local\njobs: 2\n")
    words = ["--profile", "profile"] if with_profile else []
    forked = number == signal.SIGINT and not with_profile  # jobs of a profile are commands
    began = time.monotonic()
    with started(world, *words, environment=environment, forked=forked) as run:
        wait_for_slow_step(world, run)
        run.send_signal(number)
        stopped, patience = time.monotonic(), soon(began)
        assert run.stderr
        said = run.stderr.read()
    assert time.monotonic() - stopped < patience
    assert run.returncode == 128 + number
    word = "terminated" if number == signal.SIGTERM else "interrupted"
    assert f"{word}; run again to go on from here" in said
    assert "Traceback" not in said
    assert world.living() == []
    assert find_leftovers(world.out) == ()
    assert list((tmp_path / "tmp").glob("tweakreg-private-*")) == []


STUBBORN = """\
#!/bin/sh
case "$1" in --version|-dd) exec {program} "$@";; esac
test $(stat -c %s image.fits) -lt 100000 && exec {program} "$@"
trap '' TERM INT
touch {started}
sleep 100
"""
"""A SExtractor that does not end when it is asked to."""


@pytest.mark.sextractor
@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,) * 2])
def test_a_second_signal_ends_a_run_at_once(
    tiny_exposures: Scene,
    tmp_path: Path,
    numbers: tuple[signal.Signals, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "SLOW", STUBBORN)
    world, environment = slow_world(tiny_exposures, tmp_path)
    began = time.monotonic()
    first, second = numbers
    with started(world, environment=environment, forked=second == signal.SIGTERM) as run:
        wait_for_slow_step(world, run)
        run.send_signal(first)
        time.sleep(0.3)
        run.send_signal(second)
        stopped, patience = time.monotonic(), 0.4 * soon(began)
        assert run.stderr
        run.wait(100.0)
    assert time.monotonic() - stopped < patience
    assert run.returncode == 128 + second
    for process in world.living(1.0):
        assert "sleep 100" not in process
    assert world.finish_fork()[0] == 0


def test_terminated_before_any_job(tiny_exposures: Scene, tmp_path: Path) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path)
    (tmp_path / "wait").mkdir()
    (tmp_path / "wait" / "sitecustomize.py").write_text(WAIT)
    with world.start(environment={"PYTHONPATH": str(tmp_path / "wait")}) as run:
        assert run.stderr
        assert run.stderr.readline() == "waiting\n"
        run.send_signal(signal.SIGTERM)
        said = run.stderr.read()
    assert run.returncode == 143
    assert said == "tweakreg: terminated; run again to go on from here\n"
    assert world.living() == []


WAIT = """\
import sys
if sys.argv[0] == "-m" and "run" in sys.orig_argv:
    import time, tweakreg_steps.surveying.survey as survey
    def wait(recipe):
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(100)
    import tweakreg_steps.workflow.project as project
    project.survey = wait
"""


DEATHS = {
    9: "the step was killed (SIGKILL); it had held 0.",
    11: "the step crashed (SIGSEGV), most likely in a library",
    15: "the step was ended from outside (SIGTERM)",
}
"""What is said of a step that a signal ended, by the number of the signal."""
EACH = """\
import json, subprocess, sys
from pathlib import Path
from tweakreg_steps.running.step_server import warm_steps
ends = []
with {server} as prepare:
    prepare(["make_masks"])
    for number in {numbers}:
        Path("number").write_text(str(number))
        words = [sys.executable, "-c", {code!r}, *sys.argv[1:]]
        end = subprocess.run(words, stderr=subprocess.PIPE, text=True)
        ends.append([number, end.returncode, end.stderr])
print(json.dumps(ends))
"""
"""A program that has a step ended by each signal, one after the other."""


@pytest.mark.parametrize("warm", [True, False])
def test_a_killed_step_says_the_signal_and_the_memory(tmp_path: Path, warm: bool) -> None:
    record: Any = {
        "rule": "dying",
        "name": "all",
        "parameters": {},
        "inputs": {},
        "upstream_jobs": {},
    }
    job = PlannedJob("dying", "all", "ticket", "dying.log", record, {}, {}, {}, {}, {}, {}, 1, 1)
    prepare_outdir(tmp_path)
    write_plan(tmp_path / PLAN, [job], labels={})
    (tmp_path / "sitecustomize.py").write_text(DYING)
    code = "import sys; from tweakreg_steps.running.step_client import main; sys.exit(main())"
    server = "warm_steps()" if warm else "__import__('contextlib').nullcontext(print)"
    each = EACH.format(server=server, numbers=[*DEATHS], code=code)
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", each, ".", "dying", "all", "ticket"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    ends = json.loads(done.stdout.splitlines()[-1])
    assert [number for number, _, _ in ends] == [*DEATHS]
    for number, status, said in ends:
        assert DEATHS[number] in said
        assert "GB of memory of the machine's" in said
        assert said.startswith("the tail of its log\n")
        assert status != 0


DYING = """\
import sys, types
step = types.ModuleType("tweakreg_steps.steps.dying")
def run(call):
    import os
    sys.stderr.write("the tail of its log\\n")
    sys.stderr.flush()
    with open("number") as stream:
        number = int(stream.read())
    os.kill(os.getpid(), number)
step.run = run
from tweakreg_steps.steps.declaration import Per, Step
step.STEP = Step(step.__name__, per=Per.ALL, facts=dict, writes={})
sys.modules["tweakreg_steps.steps.dying"] = step
"""


def _is_warm(process: psutil.Process) -> bool:
    """Tell whether a process is the warm one or a worker of it; one that has just ended is none."""
    try:
        return any("step_server" in word for word in process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.sextractor
def test_a_killed_job_is_explained_by_the_run(tiny_exposures: Scene, tmp_path: Path) -> None:
    world, environment = slow_world(tiny_exposures, tmp_path)
    with world.start(environment=environment) as run:
        wait_for_slow_step(world, run)
        victims = [
            process
            for process in psutil.Process(run.pid).children(recursive=True)
            if _is_warm(process)
        ]
        (tmp_path / "bin" / "source-extractor").unlink()
        for process in victims[1:]:  # forks of the warm process, not itself
            process.kill()
        assert run.stderr
        said = run.stderr.read()
    assert run.returncode == 1
    assert "failed: " in said
    assert "the step was killed (SIGKILL); it had held" in said


def test_interrupted_while_the_inputs_are_looked_at(tiny_exposures: Scene, tmp_path: Path) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path, number=0)
    content = tiny_exposures.paths[0].read_bytes()
    for number in range(40):
        with (tmp_path / f"x{number:02d}_flc.fits").open("wb") as stream:
            # what follows the last header and data is read by nobody, a large image is
            stream.write(content + large_image_header(400_000_000))
            stream.truncate(stream.tell() + 400_000_320)
    began = time.monotonic()
    with world.start() as run:
        while not list((world.out / "digests").glob("*")):
            assert run.poll() is None
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        stopped, patience = time.monotonic(), soon(began)
        assert run.stderr
        said = run.stderr.read()
    assert time.monotonic() - stopped < patience
    assert run.returncode == 130
    assert "interrupted; run again to go on from here" in said
    assert len(list((world.out / "digests").glob("*"))) < 20


def large_image_header(size: int) -> bytes:
    """Return the header of an image of bytes."""
    cards = {"XTENSION": "'IMAGE   '", "BITPIX": 8, "NAXIS": 1, "NAXIS1": size}
    cards |= {"PCOUNT": 0, "GCOUNT": 1}
    text = "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items())
    return f"{text}END".ljust(2880).encode()
