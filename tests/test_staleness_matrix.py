"""For every parameter: its change makes its rule stale, what depends on that, and nothing else.

The rows come from the schema, what depends on a rule from the graph that Snakemake draws of the
rules' files; neither knows of the records by which staleness is judged. In each context there is
a finished run; a parameter without a rule of its own needs a row of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from other_values import another_value
from raw_exposures import provide_reference_files
from rule_graph import Edges, rule_graph, with_dependents
from skies import Scene
from staleness_contexts import context_of, make_context, write_stars

from tweakreg_steps.cli import main
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.recipe import load_recipe
from tweakreg_steps.recipes.schema import Parameter, parameters
from tweakreg_steps.records.ledger_file import forget_entry, open_ledger, read_entry
from tweakreg_steps.workflow.consumption import consumers
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.project import Project, open_project
from tweakreg_steps.workflow.staleness import stale_jobs

Runs = Callable[[str], Path]
Graphs = Callable[[Path], Edges]

EVERYTHING = frozenset({"everything"})
ONE = "paint02q_flc"


@dataclass(frozen=True)
class Row:
    """What happens when a parameter changes.

    Attributes
    ----------
    parameter
        Its name.
    context
        The run in which it changes.
    changes
        What is laid over the recipe.
    rules
        The rules that consume it.
    image
        The only image that it concerns, or None.
    """

    parameter: str
    context: str
    changes: dict[str, Any]
    rules: frozenset[str]
    image: str | None = None


def nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return a recipe with a value at a path."""
    for key in reversed(path):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def row(name: str, rules: set[str], changes: dict[str, Any], image: str | None = None) -> Row:
    """Return a row for a parameter that needs one of its own."""
    return Row(name, context_of(name), changes, frozenset(rules), image)


OWN_ROWS = [
    row("input", set(), {"input": [f"paint0{i}q_flc.fits" for i in (1, 2, 3)]}),
    row("extends", set(), {"extends": "base.yaml"}),
    row("images", {"find_sources"}, {"images": {ONE: {"imagefindpars": {"threshold": 90}}}}, ONE),
    row("outdir", set(EVERYTHING), {"outdir": "elsewhere"}),
    row("clean", set(), {"clean": True}),
    row("cache", set(), {"cache": "shared"}),
    row("shared_cache", set(), {"cache": "shared", "shared_cache": True}),
    row("strict_versions", set(), {"strict_versions": True}),
    row("verbose", set(), {"verbose": True}),
    row("runfile", set(), {"runfile": "other.log"}),
    row("updatewcs", {"update_wcs"}, {"updatewcs": True}),
    row("expand_refcat", {"align"}, {"expand_refcat": True}),
    row("interactive", {"update_header"}, {"interactive": True}),
    row("exclusions", {"make_masks"}, {"exclusions": "exclusions.txt"}, ONE),
    row(
        "refimage",
        {"find_sources", "undistort_sources", "build_reference_plane"},
        {"refimage": "another/first_flc.fits"},
        "first_flc_refimage",
    ),
    row(
        "reference_catalog.refcat",
        {"build_reference"},
        {"reference_catalog": {"refcat": "another/stars.cat"}},
    ),
    row(
        "imagefindpars.centroid",
        {"measure_positions", "undistort_sources", "write_chip_catalog", "plot_psf"},
        {"imagefindpars": {"centroid": "psf", "psf": "star.fits"}},
    ),
    row(
        "imagefindpars.psf",
        {"measure_positions", "plot_psf"},
        {"imagefindpars": {"psf": "other.fits"}},
    ),
    row(
        "refimagefindpars.centroid",
        {"measure_positions", "undistort_sources", "write_chip_catalog"},
        {"refimagefindpars": {"centroid": "psf", "psf": "star.fits"}},
        "first_flc_refimage",
    ),
    row(
        "refimagefindpars.psf",
        {"measure_positions"},
        {"refimagefindpars": {"psf": "other.fits"}},
        "first_flc_refimage",
    ),
    row("update_header.also", set(), {"update_header": {"also": []}}),
    row(
        "headerlet_creation.history",
        {"write_headerlet"},
        {"headerlet_creation": {"history": "history.txt"}},
    ),
]
"""Where the schema alone does not say what happens: files, and what concerns all rules or none."""

TOGETHER = {"align", "match_pair", "solve_mosaic"}
"""Rules that are there where images are not aligned by themselves."""

COMPANIONS: dict[str, Any] = {
    "sextractor": {"finder": "sextractor"},
    "xyunits": {"xcol": 4, "ycol": 5},
    "ruwe_max": {"columns": {"ruwe": 3}},
    "pm_error_max": {"columns": {"pmra_error": 3}},
}
"""What has to change with a parameter; its rule is the same."""


def generated_rows() -> Iterator[Row]:
    """Yield a row for every parameter that has a value which one rule consumes."""
    for parameter in parameters():
        if not (parameter.switch or parameter.file or parameter.of_run):
            changes = nested(parameter.path, another_value(parameter))
            companions = COMPANIONS.get(parameter.path[-1], {})
            changes = merge(changes, {parameter.path[0]: companions}) if companions else changes
            section = "imagefindpars" if searched(parameter) else parameter.path[0]
            rules = set(consumers().get((section, *parameter.path[1:]), ()))
            here = rules - TOGETHER or rules
            yield row(parameter.name, here, changes, searched(parameter))


def searched(parameter: Parameter) -> str | None:
    """Return the one image that a parameter is about, if it is."""
    return "first_flc_refimage" if parameter.path[0] == "refimagefindpars" else None


OWN = {row.parameter for row in OWN_ROWS}
ROWS = [*OWN_ROWS, *(row for row in generated_rows() if row.parameter not in OWN)]
SWITCHES = {
    "report": {"write_image_report", "write_report"},
    "writecat": {"write_chip_catalog", "write_catalogs", "write_refcat", "write_catfile_list"},
    "object_matching.see2dplot": {"plot_offsets"},
    "update_header.updatehdr": {"update_header"},
    "shiftfile_output.shiftfile": {"write_shiftfile"},
    "headerlet_creation.headerlet": {"write_headerlet"},
    "headerlet_creation.clobber": set(),
    "coordinate_file.catfile": {"read_catalogs"},
}
"""What is off, or not there, in one recipe and on in another; and the rules that come with it."""


def test_every_parameter_has_its_row() -> None:
    rows = [row.parameter for row in ROWS]
    assert len(rows) == len(set(rows))
    assert {*rows, *SWITCHES} == {parameter.name for parameter in parameters()}
    assert not set(rows) & SWITCHES.keys()


@pytest.fixture(scope="module")
def runs(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Return the function that gives the recipe of a context whose run is finished."""
    jref = provide_reference_files(tmp_path_factory.mktemp("references") / "jref")

    @cache
    def finished(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        recipe = make_context(name, tiny_exposures, folder)
        (folder / "base.yaml").write_text("verbose: true\n")
        (folder / "exclusions.txt").write_text(f"{ONE}.fits one.reg\n")
        write_stars(folder)
        (folder / "one.reg").write_text("image\ncircle(100, 100, 20)\n")
        assert main(["run", str(recipe), "-j", "2"]) == 0
        return recipe

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("jref", f"{jref}/")
        yield finished


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    """Return the function that gives the graph of a recipe, drawn once for each."""
    return cache(rule_graph)


def with_changes(recipe: Path, changes: dict[str, Any], name: str) -> Path:
    """Write a recipe with changes beside another one."""
    values = yaml.safe_load(recipe.read_text())
    path = recipe.with_name(f"{name}.yaml")
    path.write_text(yaml.safe_dump(merge(values, changes)))
    return path


def stale_keys(recipe: Path) -> tuple[Project, set[JobKey]]:
    """Return a recipe's project, and its jobs that would run."""
    project = open_project(load_recipe(recipe))
    return project, {stale.job.key for stale in stale_jobs(project.plan, project.outdir)}


def expected_keys(project: Project, row: Row, graph: Edges) -> set[JobKey]:
    """Return the jobs that have to run: those of the rules, and of all that depend on them."""
    if row.rules == EVERYTHING:
        return set(project.plan.jobs)
    is_reference = row.image is None or row.image.endswith("_refimage")
    edges = graph if is_reference else {edge for edge in graph if edge[1] != "build_reference"}
    rules = with_dependents(row.rules, edges)
    of_all_images = with_dependents({"build_reference"}, graph) if is_reference else set()
    return {
        key
        for key, job in project.plan.jobs.items()
        if job.rule in rules
        if row.image is None or job.rule in of_all_images or job.image in (row.image, "all")
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.parameter)
def test_a_change_makes_stale_what_consumes_it_and_what_depends_on_that(
    row: Row, runs: Runs, graphs: Graphs
) -> None:
    recipe = with_changes(runs(row.context), row.changes, "changed")
    project, stale = stale_keys(recipe)
    brings_rules = row.parameter in ("updatewcs", "expand_refcat")
    drawn = with_changes(recipe, {}, row.parameter) if brings_rules else runs(row.context)
    graph = graphs(drawn)
    assert stale == expected_keys(project, row, graph)


@pytest.mark.parametrize("name", [name for name, rules in SWITCHES.items() if rules])
def test_a_switch_brings_its_rules_and_nothing_else(
    name: str, runs: Runs, graphs: Graphs, tmp_path: Path
) -> None:
    recipe = shutil.copytree(runs(context_of(name)).parent, tmp_path / "copy") / "recipe.yaml"
    project, nothing = stale_keys(recipe)
    assert nothing == set()
    brought = {job.key: job for job in project.plan.jobs.values() if job.rule in SWITCHES[name]}
    assert {rule for rule, _ in brought} == SWITCHES[name]
    for key in brought:
        entry = read_entry(project.outdir, *key)
        assert entry
        for product in entry.products:
            (project.outdir / product).unlink()
        forget_entry(project.outdir, *key)
    rules = with_dependents(SWITCHES[name], graphs(runs(context_of(name))))
    assert {rule for rule, _ in stale_keys(recipe)[1]} == rules


@pytest.mark.parametrize(
    ("name", "off", "rules"),
    [
        ("writecat", False, set()),
        ("object_matching.see2dplot", False, set()),
        ("update_header.updatehdr", False, set()),
        ("shiftfile_output.shiftfile", False, set()),
        ("headerlet_creation.clobber", True, set()),
        ("headerlet_creation.headerlet", False, {"update_header"}),
    ],
)
def test_switched_off_and_on_again_nothing_is_made_again(
    name: str, off: object, rules: set[str], runs: Runs
) -> None:
    recipe = runs(context_of(name))
    changed = with_changes(recipe, nested(tuple(name.split(".")), off), "off")
    assert {rule for rule, _ in stale_keys(changed)[1]} == rules
    assert stale_keys(recipe)[1] == set()


def one_row_a_rule() -> list[Row]:
    """Return the first row of each rule that consumes a parameter."""
    first: dict[frozenset[str], Row] = {}
    for row in ROWS:
        if row.rules and row.rules != EVERYTHING:
            first.setdefault(row.rules, row)
    return list(first.values())


@pytest.mark.parametrize("row", one_row_a_rule(), ids=lambda row: row.parameter)
def test_what_is_stale_is_what_runs(row: Row, runs: Runs, tmp_path: Path) -> None:
    folder = shutil.copytree(runs(row.context).parent, tmp_path / "copy")
    recipe = with_changes(folder / "recipe.yaml", row.changes, "changed")
    project, stale = stale_keys(recipe)
    before = made(project)
    assert main(["run", str(recipe), "-j", "2"]) in (0, 3)
    after = made(project)
    assert {key for key in after if after[key] != before[key]} == stale
    assert stale_keys(recipe)[1] == set()


def made(project: Project) -> dict[JobKey, str | None]:
    """Return what the last run of each job was called."""
    with open_ledger(project.outdir) as ledger:
        return {key: ledger.ticket(*key) for key in project.plan.jobs}
