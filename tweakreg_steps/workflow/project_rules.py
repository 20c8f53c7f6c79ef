"""The rules of a recipe's plan, for Snakemake to run all of it or some."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tweakreg_steps.recipes.composition import read_recipe_source
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.workflow.blocked_jobs import require_measurable
from tweakreg_steps.workflow.gathered_logs import gather_logs
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.ownership import require_products
from tweakreg_steps.workflow.project import Project, open_project
from tweakreg_steps.workflow.rules import RuleJob, Rules, Start


def rules_of(
    project: Project,
    jobs: Iterable[JobKey],
    *,
    folder: str,
    start: Start | None,
) -> Rules:
    """Return the rules of some jobs of a project.

    Parameters
    ----------
    project
        The project.
    jobs
        The jobs that Snakemake is shown.
    folder
        The output folder as Snakemake has it.
    start
        What is to be done when Snakemake asks for the first job; None where it runs all of them.
    """
    stale = frozenset(job.job.key for job in project.stale)
    plan = project.plan
    shown = [_rule_job(project, key, stale) for key in jobs]
    made = {path for job in shown for path in job.planned.writes.values()}
    return Rules(
        shown,
        outdir=project.outdir,
        folder=folder,
        targets=[path for path in plan.targets if path in made],
        clean=plan.clean,
        end=lambda: gather_logs(plan, project.outdir, project.tickets),
        start=start,
    )


def _rule_job(project: Project, key: JobKey, stale: frozenset[JobKey]) -> RuleJob:
    """Return a job as Snakemake sees it."""
    planned = project.planned(project.plan.jobs[key])
    products = list(planned.reads.values())
    if key in stale:
        return RuleJob(planned, products, (), is_stale=True)
    makers = project.plan.makers
    settled = [path for path in products if makers[path] not in stale]
    return RuleJob(planned, (), settled, is_stale=False)


def prepared_project(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration, and write what its steps need to know.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    project = _project_from_config(config, configfiles)
    prepare_outdir(project.outdir)
    say_notes(project)
    require_measurable(project.stale, project.findings, in_place=project.recipe.header["in_place"])
    require_products(project, [job.job for job in project.stale])
    project.write_state(list(project.plan.jobs.values()))
    return project


def _project_from_config(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration.

    The recipe file is read again, because Snakemake reads numbers as YAML 1.1 has them; what
    ``--config`` laid over it is laid over it here, too. A module may be given a section of the
    file, or what it likes, as its recipe. Without a file, paths are relative to the working
    directory.
    """
    if len(configfiles) != 1:
        return open_project(complete(config, source=None, file=Path.cwd() / "recipe.yaml"))
    import yaml

    path = Path(configfiles[0])
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    section = next((key for key, value in plain.items() if value == config), None)
    if section is not None:
        source = read_recipe_source(path, section)
        return open_project(complete(source.value, source=source, file=path))
    if not plain.keys() <= config.keys():
        return open_project(complete(config, source=None, file=path))
    source = read_recipe_source(path)
    overrides = {k: v for k, v in config.items() if k not in plain or plain[k] != v}
    return open_project(complete(merge(source.value, overrides), source=source, file=path))
