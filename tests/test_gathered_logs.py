"""What the jobs of a run had to say is gathered, one file for each image."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from ledgers import forget

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.workflow.gathered_logs import gather_logs
from tweakreg_steps.workflow.outdir import foreign_files
from tweakreg_steps.workflow.project import Project, open_project

IMAGE = "paint02q_flc"


@pytest.fixture
def project(tiny_run: Path, tmp_path: Path) -> Project:
    """Return the project of a copy of a finished run."""
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    return open_project(load_recipe(recipe))


def log_of(project: Project, rule: str, text: str) -> Path:
    """Have a job write its own log again, and return that."""
    path = project.outdir / project.plan.jobs[rule, IMAGE].log
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def sections(project: Project) -> dict[str, str]:
    """Return what the jobs on the image had to say, by their rules."""
    text = (project.outdir / "logs" / "images" / f"{IMAGE}.log").read_text()
    said = [part.partition("\n") for part in text.split("tweakreg-steps: ")[1:]]
    return {title.removesuffix(f" {IMAGE}"): text for title, _, text in said}


def test_a_run_leaves_at_most_ten_files_an_exposure_of_its_own(tiny_run: Path) -> None:
    out = tiny_run / "out"
    asked = {"aligned", "headerlets", "plots", "tweakreg", "report", "quicklooks", "footprints"}
    files = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    own = [path for path in files if path.parts[0] not in asked]
    of_images = Counter(path.name.partition("_flc")[0] for path in own)
    found = [of_images[f"paint0{i}q"] for i in (1, 2, 3)]
    assert all(5 < number <= 10 for number in found)
    assert len(own) - sum(found) < 40


def test_a_job_that_runs_again_says_it_anew_and_the_others_stay(project: Project) -> None:
    before = sections(project)
    assert list(before)[:2] == ["make_masks", "find_sources"]
    assert all(before.values())
    log = log_of(project, "match_sources", "INFO: said anew\n")
    gather_logs(project.plan, project.outdir, project.tickets)
    assert sections(project) == before | {"match_sources": "INFO: said anew\n"}
    assert not log.parent.exists()


def test_the_log_of_a_job_that_is_not_done_stays_where_it_is(project: Project) -> None:
    before = sections(project)
    log = log_of(project, "match_sources", "ERROR: no\n")
    tickets = {**project.tickets, ("match_sources", IMAGE): "another"}
    gather_logs(project.plan, project.outdir, tickets)
    assert (log.read_text(), sections(project)) == ("ERROR: no\n", before)


def test_what_no_job_says_any_more_goes(project: Project) -> None:
    path = project.outdir / "logs" / "images" / f"{IMAGE}.log"
    path.write_text(f"tweakreg-steps: former_rule {IMAGE}\nINFO: once\n{path.read_text()}")
    log_of(project, "match_sources", "")
    gather_logs(project.plan, project.outdir, project.tickets)
    assert "once" not in path.read_text()
    assert "match_sources" not in sections(project)


def test_a_gathered_log_is_a_runs_own_and_a_users_file_is_not(project: Project) -> None:
    name = f"logs/images/{IMAGE}.log"
    assert foreign_files(project.outdir, [name]) == []
    (project.outdir / name).write_text("my notes\n")
    assert foreign_files(project.outdir, [name]) == [name]


def test_what_a_killed_run_left_is_gathered_by_the_next(tiny_run: Path, tmp_path: Path) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    project = open_project(load_recipe(recipe))
    log = log_of(project, "find_sources", "INFO: done, and then it was killed\n")
    forget(project.outdir, "summarize", "all")
    assert main(["run", str(recipe), "-q"]) == 0
    assert not log.exists()
    assert sections(project)["find_sources"] == "INFO: done, and then it was killed\n"


def test_what_a_killed_run_left_is_gathered_also_where_nothing_is_to_do(
    tiny_run: Path, tmp_path: Path
) -> None:
    recipe = shutil.copytree(tiny_run, tmp_path / "run") / "recipe.yaml"
    project = open_project(load_recipe(recipe))
    log = log_of(project, "find_sources", "INFO: done, and then it was killed\n")
    emptied = project.outdir / "logs" / "make_masks"
    emptied.mkdir()
    assert main(["run", str(recipe), "-q"]) == 0
    assert not log.parent.exists()
    assert not emptied.exists()
    assert sections(project)["find_sources"] == "INFO: done, and then it was killed\n"
