"""Runs on a cluster: what is sent there, what is done there, and what is said of failures."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from skies import Scene
from snakemake import cli
from tiny import copy_tiny
from whole_runs import World

from tweakreg_steps.cli import main
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.records.outdir_files import PLAN
from tweakreg_steps.records.plan_file import PlannedJob, digest_of_plan, read_sent_jobs, write_plan
from tweakreg_steps.resources import workflow_folder
from tweakreg_steps.running import kubernetes_jobs
from tweakreg_steps.steps import all_steps
from tweakreg_steps.workflow.name_pattern import pattern_of_names
from tweakreg_steps.workflow.project import open_project
from tweakreg_steps.workflow.project_rules import rules_of

SUBMIT = """\
#!/bin/sh
# stands in for a cluster: a node sees neither the recipe nor the head's warm process
cd {folder}
mv recipe.yaml recipe.away
grep -o -- '--target-jobs .* --allowed-rules' "$1" >> sent.txt
{spoil}
bash "$1"
mv recipe.away recipe.yaml
"""


def profile(folder: Path, *, spoil: str = "", **changes: Any) -> Path:  # noqa: ANN401
    """Write a profile that sends jobs to a stand-in for a cluster; return its folder."""
    shipped = (workflow_folder() / "profiles" / "generic" / "config.yaml").read_text()
    submit = folder / "submit.sh"
    submit.write_text(SUBMIT.format(folder=folder, spoil=spoil))
    quick = {"retries": 0, "latency-wait": 5, "seconds-between-status-checks": 1}
    settings = yaml.safe_load(shipped) | quick | {"cluster-generic-submit-cmd": f"sh {submit}"}
    (folder / "profile").mkdir(exist_ok=True)
    (folder / "profile" / "config.yaml").write_text(yaml.safe_dump(settings | changes))
    return folder / "profile"


def sent_jobs(folder: Path) -> list[list[str]]:
    """Return the rules of each job that was sent, and start to count anew."""
    lines = (folder / "sent.txt").read_text().splitlines()
    (folder / "sent.txt").unlink()
    return [re.findall(r"(\w+):(?:image|file)=", line) for line in lines]


def test_a_cluster_makes_the_same_files_in_two_jobs(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path)
    # while the first job is under way, an exposure is not what it was
    write = "dd of=paint02q_flc.fits bs=1 seek=100000 conv=notrunc"
    spoilt = f"cp paint02q_flc.fits good; echo spoilt | {write}"
    failing = profile(tmp_path, spoil=spoilt)
    assert main(["run", str(recipe), "-j", "2", "--profile", str(failing)]) == 1
    said = capfd.readouterr().err
    failures = re.findall(r"paint02q_flc failed: .*\(log: .*", said)
    assert len(failures) == 1
    assert "changed while the run was under way" in failures[0]
    assert "3 more jobs of these were not done" in said
    (found,) = sent_jobs(tmp_path)
    # what the search for sources makes is one group: a group of the fit has none without a fit
    searches = ["find_sources", "make_masks", "undistort_sources"]
    assert sorted({*found}) == [*searches, "write_chip_catalog"]
    assert len(found) == 15
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "sky").iterdir()}
    assert sorted(kept) == ["paint01q_flc.fits", "paint03q_flc.fits"]

    shutil.move(tmp_path / "good", tmp_path / "paint02q_flc.fits")
    working = profile(tmp_path)
    assert main(["run", str(recipe), "-j", "2", "--profile", str(working)]) == 0
    find, fit = sent_jobs(tmp_path)
    assert sorted({*find}) == ["find_sources", "undistort_sources", "write_chip_catalog"]
    assert len(find) == 4  # of one exposure
    assert {"match_sources", "fit_alignment", "update_header", "write_catalogs"} <= {*fit}
    assert World(tmp_path).contents() == World(tiny_run).contents()


def planned(name: str, ticket: str) -> PlannedJob:
    """Return a job of a plan."""
    kinds: dict[str, Any] = {}
    record: Any = {}
    return PlannedJob("r", name, ticket, "l", record, {}, {}, {}, {}, {"image": name}, kinds, 1, 1)


def test_a_job_that_finds_another_plan_says_so(tmp_path: Path) -> None:
    plan = tmp_path / "plan.sqlite"
    write_plan(plan, [planned("a", "1"), planned("b", "2")], labels={})
    sent = digest_of_plan(plan)
    (job,) = read_sent_jobs(plan, sent, [("r", {"image": "b"}), ("r", {"image": "c"})])
    assert job == planned("b", "2")
    write_plan(plan, [planned("a", "1"), planned("b", "3")], labels={})
    with pytest.raises(RecipeError, match=f"sent for the plan {sent}.*run again"):
        read_sent_jobs(plan, sent, [("r", {"image": "a"})])


def test_a_node_without_its_plan_ends_with_a_message(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run / "out", tmp_path / "out")
    (tmp_path / "config.json").write_text("{}")
    words = ["--mode", "remote", "--target-jobs", "make_masks:image=paint01q_flc", "--cores", "1"]
    files = ["-s", str(workflow_folder() / "Snakefile"), "--configfile", "config.json", "--nolock"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *files, *words],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "this job was sent without its plan" in done.stdout + done.stderr
    assert (tmp_path / "out" / PLAN).is_file()


NAMES = st.lists(st.text("ab_.-]^\\|", max_size=6), min_size=1, max_size=12)


@given(NAMES, st.text("ab_.-]^\\|", max_size=6))
def test_the_pattern_of_names_matches_these_and_no_other(names: list[str], other: str) -> None:
    pattern = re.compile(pattern_of_names(names))
    assert all(pattern.fullmatch(name) for name in names)
    assert bool(pattern.fullmatch(other)) is (other in names)


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    assert main(["run", str(recipe), "--profile", "slurmy"]) == 2
    assert "generic, kubernetes, slurm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ("dry-run: true", 1, "18 of 18 jobs were not run"),
        ("omit-from: [summarize]", 1, "2 of 18 jobs were not run"),
        ("", 2, "appear to contain 'key: value' pairs"),
        ("retires: 2", 2, "unrecognized arguments: --retires=2"),
        ("group-components: [find=x]", 2, "Invalid group components definition"),
    ],
)
def test_a_profile_that_leaves_jobs_out_or_is_none_is_no_success(
    content: str,
    status: int,
    said: str,
    tiny_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "catalog_fitting: {nclip: 1}\n")
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile/config.yaml").write_text(content)
    capsys.readouterr()
    assert main(["run", str(recipe), "--profile", str(tmp_path / "profile")]) == status
    found = capsys.readouterr()
    assert said in found.err
    assert "usage:" not in found.err
    assert found.out == ""


KUBECTL = """\
#!{python}
# stands in for kubectl: a job is run at once, in this machine's shell
import json, subprocess, sys
if sys.argv[1] == "create":
    job = json.load(sys.stdin)
    open("job.json", "w").write(json.dumps(job))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    failed = subprocess.run(container["command"]).returncode
    open("state", "w").write("Failed" if failed else "Complete")
    print("tweakreg-abc", end="")
else:
    state = open("state").read()
    print(json.dumps({{"status": {{"conditions": [{{"type": state, "status": "True"}}]}}}}))
"""


@pytest.mark.parametrize(("ends_with", "state"), [(0, "success"), (1, "failed")])
def test_a_job_is_sent_to_kubernetes_and_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ends_with: int,
    state: str,
) -> None:
    (tmp_path / "kubectl").write_text(KUBECTL.format(python=sys.executable))
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "job.sh"
    script.write_text(f'#!/bin/sh\necho "it\'s $((1 + 1))" > said\nexit {ends_with}\n')
    text = (workflow_folder() / "profiles" / "kubernetes" / "config.yaml").read_text()
    settings = yaml.safe_load(text)
    command = settings["cluster-generic-submit-cmd"]
    asked = command.replace("{threads}", "1").replace("{resources.mem_mb}", "700")
    words = asked.replace("{resources.runtime}", "12").split()
    assert words[:3] == ["python3", "-m", "tweakreg_steps.running.kubernetes_jobs"]
    assert kubernetes_jobs.main([*words[3:], str(script)]) == 0
    assert capsys.readouterr().out == "tweakreg-abc\n"
    assert (tmp_path / "said").read_text() == "it's 2\n"
    spec = json.loads((tmp_path / "job.json").read_text())["spec"]
    assert spec["activeDeadlineSeconds"] == 720
    (container,) = spec["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "700M"}
    assert container["volumeMounts"] == [{"name": "shared", "mountPath": "/data"}]
    status = settings["cluster-generic-status-cmd"].split()
    assert kubernetes_jobs.main([*status[3:], "tweakreg-abc"]) == 0
    assert capsys.readouterr().out == f"{state}\n"


@pytest.mark.parametrize("name", ["slurm", "kubernetes", "generic"])
def test_snakemake_takes_the_shipped_profiles(name: str) -> None:
    folder = workflow_folder() / "profiles" / name
    _, parsed = cli.parse_args(["--profile", str(folder), "--workflow-profile", "none"])
    assert parsed.group_components["find"] == parsed.group_components["fit"] == 50
    assert parsed.executor == ("slurm" if name == "slurm" else "cluster-generic")
    assert parsed.retries > 0
    assert parsed.latency_wait > 0
    if name == "kubernetes":
        assert os.access(parsed.cluster_generic_cancel_cmd, os.X_OK)


def test_memory_follows_the_image_and_grows_with_each_attempt(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    project = open_project(load_recipe(copy_tiny(tiny_exposures, tmp_path, number=2)))
    rules = rules_of(project, project.plan.jobs, folder=".", start=None)
    image = {"image": project.names[0]}
    step = all_steps()["find_sources"]
    least = step.mem_mb + math.ceil(step.mem_mb_per_mpixel * 200 * 200 / 1e6)
    assert least > step.mem_mb
    assert [rules.resources("find_sources")["mem_mb"](image, n) for n in (1, 2)] == [
        least,
        2 * least,
    ]
    assert rules.resources("find_sources")["runtime"](image, 3) == 3 * step.runtime
