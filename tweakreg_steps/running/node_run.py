"""The jobs that were sent to a node of a cluster, run there by one warm process.

For a job on a node, Snakemake reads the Snakefile again. Left to itself it would start another
Snakemake for each rule of a group. Here the jobs of the frozen plan run at once, in the order in
which they need each other, and Snakemake's part on the node ends with them: the process that sent
them sees to the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, BinaryIO

from tweakreg_steps.printable import printable_line
from tweakreg_steps.records.plan_file import PlannedJob
from tweakreg_steps.running.job_state import is_done
from tweakreg_steps.running.step_client import SOCKET_VARIABLE, ask_server
from tweakreg_steps.running.step_server import warm_steps
from tweakreg_steps.workflow.rules import Rules
from tweakreg_steps.workflow.snakefile import target_jobs

_PROCESSORS = "SLURM_CPUS_PER_TASK"
_PATIENCE = 60.0
"""Seconds that a file made on another node may take to be seen on this one."""
_PAUSE = 0.5


def run_on_node(rules: Rules, workflow: Any) -> None:  # noqa: ANN401  Snakemake's
    """Run the jobs that Snakemake was sent to this node for, and end this process.

    Nothing is done where there is none, or where Snakemake has to do more than to call a step:
    software to deploy, files to fetch, rules that are not of this workflow.

    Parameters
    ----------
    rules
        The rules of the jobs that were sent.
    workflow
        Snakemake's ``workflow``.

    Raises
    ------
    SystemExit
        With the exit status: all is done.
    """
    if workflow.remote_exec and _are_all(rules) and _is_plain(workflow):
        os.chdir(rules.outdir)
        sys.exit(run_jobs(rules.planned, processes=_processors(workflow)))


def _are_all(rules: Rules) -> bool:
    """Tell whether the jobs of this workflow are all that Snakemake was sent for."""
    return 0 < len(rules.planned) == len(target_jobs())


def _is_plain(workflow: Any) -> bool:  # noqa: ANN401
    """Tell whether a job needs nothing but its step: neither other software nor fetched files."""
    usage = {item.name for item in workflow.storage_settings.shared_fs_usage}
    return not workflow.deployment_settings.deployment_method and "INPUT_OUTPUT" in usage


def _processors(workflow: Any) -> int:  # noqa: ANN401
    """Return how many steps may run at once: as many as the cluster gives processors."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    given = [here or 1, workflow.resource_settings.cores or 1]
    given += [int(word) for word in (os.environ.get(_PROCESSORS, ""),) if word.isdecimal()]
    return max(1, min(given))


def run_jobs(jobs: Sequence[PlannedJob], *, processes: int) -> int:
    """Run jobs of a plan in the output folder, which is the working directory.

    One that is done already, by an attempt before this one, is not run again; those that need what
    another has failed to make are left out.

    Returns
    -------
    int
        Exit status: 0 if all are done.
    """
    makers = {path: job.key for job in jobs for path in job.writes.values()}
    waiting = {job.key: job for job in jobs if not is_done(job)}
    needs = {
        key: {makers[path] for path in job.reads.values() if makers.get(path) in waiting}
        for key, job in waiting.items()
    }
    os.environ.pop(SOCKET_VARIABLE, None)  # of another machine, if it is there
    _await(path for job in waiting.values() for path in job.reads.values() if path not in makers)
    with warm_steps(wanted=len(waiting) > 1) as prepare:
        prepare(dict.fromkeys(job.rule for job in waiting.values()))
        done = _run_in_order(waiting, TopologicalSorter(needs), processes)
    for key in waiting.keys() - done.keys():
        sys.stderr.write(f"{' '.join(key)}: not run, for what it needs was not made\n")
    return int(len(done) < len(waiting) or any(done.values()))


def _run_in_order(
    jobs: dict[tuple[str, str], PlannedJob],
    order: TopologicalSorter[tuple[str, str]],
    processes: int,
) -> dict[tuple[str, str], int]:
    """Run jobs as soon as those before them are done; return the exit status of each that ran."""
    ended: dict[tuple[str, str], int] = {}
    order.prepare()
    with ThreadPoolExecutor(processes) as pool:
        running: dict[Future[int], tuple[str, str]] = {}
        while True:
            running |= {pool.submit(_run, jobs[key]): key for key in order.get_ready()}
            if not running:
                return ended
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                ended[key] = future.result()
                if ended[key] == 0:
                    order.done(key)


def _run(job: PlannedJob) -> int:
    """Run the step of a job as its rule does, and say it in one line if it failed."""
    words = [".", *job.key, job.ticket]
    log = Path(job.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    for path in job.writes.values():
        Path(path).unlink(missing_ok=True)
    with log.open("wb") as stream:
        status = _call(words, stream)
    if status:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        sys.stderr.write(printable_line(f"{' '.join(job.key)} failed: {last}") + "\n")
    return status


def _call(words: list[str], stream: BinaryIO) -> int:
    """Call the step: the warm process, where there is one."""
    address = os.environ.get(SOCKET_VARIABLE)
    if address:
        answer = ask_server(address, os.fspath(Path.cwd()), words, streams=(1, stream.fileno()))
        if answer is not None:
            status, told = answer
            stream.write(told.encode())
            return status
    command = [sys.executable, "-P", "-m", "tweakreg_steps.running.step_client", *words]
    return subprocess.run(command, stderr=stream, check=False).returncode


def _await(paths: Iterable[str]) -> None:
    """Wait until files that were made on other machines are seen on this one."""
    missing = set(paths)
    end = time.monotonic() + _PATIENCE
    while missing := {path for path in missing if not Path(path).exists()}:
        if time.monotonic() > end:
            return  # the steps that need them say so
        time.sleep(_PAUSE)
