"""A real SLURM on this machine: jobs that are killed, cancelled, or want too much memory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from astropy.table import Table
from skies import Scene
from slurm_cluster import ASKING, Cluster, is_installed, slurm_cluster
from tiny import copy_tiny
from whole_runs import World

from tweakreg_steps.resources import workflow_folder

pytestmark = pytest.mark.skipif(not is_installed(), reason="SLURM and munge are not installed")

PATIENCE = 600.0
FINDING = ("make_masks", "find_sources", "undistort_sources", "write_chip_catalog")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster of one node; it ends with the tests."""
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def profile(
    folder: Path,
    *,
    memory: str | int = 0,
    groups: Sequence[str] = (),
    **changes: Any,  # noqa: ANN401
) -> str:
    """Write the shipped profile as this site needs it, and what finding sources asks for."""
    shipped = (workflow_folder() / "profiles" / "slurm" / "config.yaml").read_text()
    site: dict[str, Any] = {
        "slurm-no-account": True,
        "slurm-status-command": "squeue",
        "slurm-init-seconds-before-status-checks": 1,
        "seconds-between-status-checks": 1,
        "latency-wait": 5,
    }
    if memory:
        site["set-resources"] = {rule: {"mem_mb": memory} for rule in FINDING}
    if groups:
        site["group-components"] = [*groups]
    (folder / "profile").mkdir(exist_ok=True)
    text = yaml.safe_dump(yaml.safe_load(shipped) | site | changes)
    (folder / "profile" / "config.yaml").write_text(text)
    return "profile"


def running_job(cluster: Cluster, run: subprocess.Popen[str]) -> str:
    """Wait until a job of the run is running on the node, and return its number."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and run.poll() is None:
        numbers = cluster.ask("squeue", "--noheader", "--states=R", "--format=%i").split()
        if numbers:
            return numbers[0]
        time.sleep(0.1)
    raise AssertionError(run.stderr.read() if run.stderr else "")


def other_job(cluster: Cluster, run: subprocess.Popen[str], *, than: str) -> str:
    """Wait until another job of the run is running."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        number = running_job(cluster, run)
        if number != than:
            return number
        time.sleep(0.1)
    raise AssertionError(cluster.said())


def await_empty_queue(cluster: Cluster) -> None:
    """Wait until the cluster has ended the jobs that it was told to cancel."""
    end = time.monotonic() + PATIENCE
    while jobs := cluster.ask("squeue", "--noheader", "--states=R,PD").split():
        assert time.monotonic() < end, jobs
        time.sleep(0.1)


def test_whatever_happens_on_a_cluster_nothing_is_lost(
    cluster: Cluster, tiny_exposures: Scene, tiny_run: Path, tmp_path: Path
) -> None:
    copy_tiny(tiny_exposures, tmp_path)
    world = World(tmp_path)

    # the head is asked to end, or interrupted: its jobs end, too
    for number in (signal.SIGTERM, signal.SIGINT):
        with world.start(
            "--profile", profile(tmp_path), flags=ASKING, environment=cluster.environment
        ) as run:
            running_job(cluster, run)
            os.kill(run.pid, number)
            run.communicate(timeout=PATIENCE)
        assert run.returncode == 128 + number
        await_empty_queue(cluster)
        shutil.rmtree(world.out)  # a job may have done its work before it was ended

    # a job wants more memory than it has asked for: a line that says so
    words = ("--profile", profile(tmp_path, memory=30, retries=0))
    status, said = world.finish(*words, flags=ASKING, environment=cluster.environment)
    assert status == 1
    lines = [line for line in said.splitlines() if "the cluster ended a job" in line]
    assert len(lines) == 1, said
    assert "slurmstepd" in lines[0]
    assert "logs/slurm" in lines[0]
    assert len(said.splitlines()) < 12

    # with more at the second attempt it is done; the node's daemon dies, a job is cancelled
    words = ("--profile", profile(tmp_path, memory="30 if attempt == 1 else 2000"))
    with world.start(*words, flags=ASKING, environment=cluster.environment) as run:
        small = running_job(cluster, run)
        find = other_job(cluster, run, than=small)
        cluster.end("slurmd")
        cluster.start_node()
        fit = other_job(cluster, run, than=find)
        cluster.ask("scancel", fit)
        _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    assert world.contents() == World(tiny_run).contents()
    assert world.living() == []


def test_a_hundred_exposures_are_four_jobs(
    cluster: Cluster, tiny_exposures: Scene, tmp_path: Path
) -> None:
    # all in a fifth: exposures, and how many make a job; but names are so much longer that the
    # command lines of the jobs are as long
    shipped = (workflow_folder() / "profiles" / "slurm" / "config.yaml").read_text()
    groups = [words.split("=") for words in yaml.safe_load(shipped)["group-components"]]
    sizes = {name: int(size) for name, size in groups}
    assert (sizes["find"], sizes["fit"]) == (50, 50)
    fifths = [f"{name}={size // 5}" for name, size in sizes.items()]
    number, padding = 100 // 5, "x" * 4 * len("make_masks:image=copy000_flc")
    # links to three exposures, so that each has its like in every group
    kinds = len(tiny_exposures.paths)
    changes = {"report": False, "catalog_fitting": {"residplot": "No plot"}}
    copy_tiny(tiny_exposures, tmp_path, number=0, update_header={"updatehdr": False}, **changes)
    for i in range(number):
        os.link(tiny_exposures.paths[i % kinds], tmp_path / f"copy{i:03d}{padding}_flc.fits")
    before = set(cluster.jobs())
    world = World(tmp_path)
    words = ("--profile", profile(tmp_path, groups=fifths))
    status, said = world.finish(*words, flags=ASKING, environment=cluster.environment)
    assert status == 0, said
    assert len(set(cluster.jobs()) - before) == 4
    summary = Table.read(world.out / "summary.ecsv")
    assert list(summary["status"]) == ["reference", *["aligned"] * (number - 1)]
    for kind in range(kinds):
        like = summary[summary["status"] == "aligned"]
        own = [int(name[4:7]) % kinds == kind for name in like["image"]]
        for column in ("dx", "dy", "rotation", "n_fit"):
            assert len(set(like[own][column])) == 1
