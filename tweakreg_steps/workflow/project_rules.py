"""The rules of a recipe's plan, for Snakemake to run all of it or some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.composition import read_recipe_source
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import Recipe, complete
from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.workflow.blocked_jobs import require_measurable
from tweakreg_steps.workflow.folder_lock import lock_outdir
from tweakreg_steps.workflow.gathered_logs import gather_logs
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.notes import say_notes
from tweakreg_steps.workflow.outdir import prepare_outdir
from tweakreg_steps.workflow.ownership import require_products
from tweakreg_steps.workflow.project import Project, open_project
from tweakreg_steps.workflow.rules import RuleJob, Rules, Start
from tweakreg_steps.yaml_source import parse_yaml


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

    The plan of a run that is under way is left alone: its jobs would not find theirs any more.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    LockedError
        Another run holds the output folder.
    """
    project = _project_from_config(config, configfiles)
    prepare_outdir(project.outdir)
    say_notes(project)
    in_place = project.recipe.header["in_place"]
    require_measurable(project.stale, project.findings, in_place=in_place)
    with lock_outdir(project.outdir):
        require_products(project, [job.job for job in project.stale])
        project.write_state(list(project.plan.jobs.values()))
    return project


def _project_from_config(config: dict[str, Any], configfiles: list[Path]) -> Project:
    """Open the project of a Snakemake configuration.

    The recipe file is read again, because Snakemake reads numbers as YAML 1.1 has them; what
    ``--config`` or further files laid over it is laid over it here, too. A module may be given a
    section of a file, or what it likes, as its recipe. Paths are relative to the first of the
    files, of a module to the one that has its input; without one, to the working directory.
    """
    import yaml

    if not configfiles:
        return open_project(_completed(config, Path.cwd() / "recipe.yaml"))
    files = {Path(f): yaml.safe_load(Path(f).read_text(encoding="utf-8")) for f in configfiles}
    for path, plain in files.items():
        section = next((key for key, value in plain.items() if value == config), None)
        if section is not None:
            source = read_recipe_source(path, section)
            return open_project(complete(source.value, source=source, file=path))
    path, plain = next(iter(files.items()))
    if not plain.keys() <= config.keys():
        return open_project(_completed(config, _file_of(config, files)))
    source = read_recipe_source(path)
    values = merge(source.value, _laid_over(plain, config))
    return open_project(complete(values, source=source, file=path))


def _file_of(config: Mapping[str, Any], files: Mapping[Path, Any]) -> Path:
    """Return the file of a recipe that is a section, or made of one: that says what its input is.

    Files of the command line come before that of the Snakefile, over which they are laid.
    """
    named = config.get("input")
    saying = (path for path, plain in files.items() if named in _inputs_in(plain))
    return next(saying, next(iter(files)))


def _inputs_in(value: object) -> Iterator[object]:
    """Yield every ``input`` of a mapping and of its sections."""
    if isinstance(value, Mapping):
        if "input" in value:
            yield value["input"]
        for inner in value.values():
            yield from _inputs_in(inner)


def _completed(config: Mapping[str, Any], file: Path) -> Recipe:
    """Complete a recipe that is in no file as it stands; numbers that came as texts are numbers.

    Raises
    ------
    RecipeError
        Listing every problem of it as it was given.
    """
    try:
        return complete(config, source=None, file=file)
    except RecipeError:
        with suppress(RecipeError):
            return complete(_read_again(config), source=None, file=file)
        raise


def _laid_over(plain: Mapping[str, Any], config: Mapping[str, Any]) -> Tree:
    """Return what a configuration has that the recipe file has not, or otherwise."""
    over: Tree = {}
    for key, value in config.items():
        before = plain.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            over[key] = _laid_over(before, value)
        elif key not in plain or value != before:
            over[key] = _read_again(value)
    return {key: value for key, value in over.items() if value != {} or key not in plain}


def _read_again(value: Any) -> Any:  # noqa: ANN401  any YAML value
    """Return a value with its numbers: 1e-3, and those in braces of ``--config``, came as texts."""
    if isinstance(value, Mapping):
        return {key: _read_again(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_read_again(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        found = parse_yaml(value, name="--config").value
    except RecipeError:
        return value
    return found if found is None or isinstance(found, int | float) else value
