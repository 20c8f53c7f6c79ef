"""The plan of work: which job's record holds what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tweakreg_steps.planning.findings import Findings
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import JobKey, WorkPlan
from tweakreg_steps.planning.workplan import RULES, build_plan
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import Parameter, parameters

EVERYTHING: dict[str, Any] = {
    "input": "*.fits",
    "update_header": {"updatehdr": True},
    "shiftfile_output": {"shiftfile": True},
}


def image(name: str, **digests: str) -> Inspected:
    """Return an image of two chips, with some digests set."""
    chips = tuple(
        {
            "number": number,
            "extension": number,
            "label": f"SCI,{number}",
            "shape": [10, 20],
            "pixels": f"{name} pixels {number}",
            "dq": f"{name} dq {number}",
            "wcs": f"{name} wcs {number}",
            "wcsnames": [],
            **{key: value for key, value in digests.items() if key != "file"},
        }
        for number in (1, 2)
    )
    path = Path("/data") / f"{name}.fits"
    return Inspected(InputImage(name, path, None), chips, digests.get("file", f"{name} file"), ())


def plan(
    images: list[Inspected] | None = None,
    refcat: str | None = None,
    refimage: Inspected | None = None,
    exclusions: dict[str, dict[str, str]] | None = None,
    **given: Any,  # noqa: ANN401  any part of a recipe
) -> WorkPlan:
    """Return the plan of a recipe."""
    sections = {k: v for k, v in EVERYTHING.items() if isinstance(v, dict)}
    merged = {
        key: {**sections.get(key, {}), **value}
        for key, value in given.items()
        if isinstance(value, dict)
    }
    values = {**EVERYTHING, **given, **merged}
    recipe = complete(values, source=None, file=Path("/data/recipe.yaml"))
    return build_plan(
        recipe.values,
        Findings(
            images=tuple(images or [image("a"), image("b")]),
            exclusions=exclusions or {},
            refcat=refcat,
            refimage=refimage,
            reference_is_chosen=not (refcat or refimage) and recipe.values["expand_refcat"],
        ),
        code=dict.fromkeys(RULES, "code"),
    )


def changed(one: WorkPlan, other: WorkPlan) -> set[JobKey]:
    """Return the jobs that differ by themselves, not through their upstream."""
    return {
        key
        for key in one.jobs.keys() | other.jobs.keys()
        if key not in one.jobs
        or key not in other.jobs
        or {**one.jobs[key].record, "upstream": 0} != {**other.jobs[key].record, "upstream": 0}
    }


def another_value(parameter: Parameter) -> Any:  # noqa: ANN401  any value of a recipe
    """Return an allowed value that is not the default."""
    special = {
        "reference_catalog.refcat": "a.cat",
        "catalog_fitting.residplot": "vector",
        "dqbits": 4,
        "skysigma": 2.5,
        "sharplo": 0.5,
        "max_chance": 0.01,
    }
    for name in (parameter.name, parameter.path[-1]):
        if name in special:
            return special[name]
    if "enum" in parameter.schema:
        return next(v for v in parameter.schema["enum"] if v != parameter.default)
    if isinstance(parameter.default, bool):
        return not parameter.default
    kind = parameter.schema["type"]
    if isinstance(parameter.default, int | float):
        step = -0.125 if "maximum" in parameter.schema else 1
        return parameter.default + step
    return "other" if "string" in kind else 2 if "integer" in kind else 0.375


VALUED = [p for p in parameters() if not (p.pending or p.switch or p.file or p.rule == "all")]


@pytest.mark.parametrize("parameter", VALUED, ids=lambda p: p.name)
def test_a_parameter_changes_the_records_of_its_rules_alone(parameter: Parameter) -> None:
    value = another_value(parameter)
    for key in reversed(parameter.path[1:]):
        value = {key: value}
    if parameter.path[-1] == "computesig":
        value["skysigma"] = 1.0
    with_refcat: dict[str, Any] = {}
    if parameter.path[0] == "reference_catalog":
        with_refcat = {"refcat": "a.cat", "rfluxcol": 3}
        value = {**with_refcat, **value}
    refimage = image("r_refimage") if parameter.path[0] == "refimagefindpars" else None
    found: dict[str, Any] = {"refcat": "x" if with_refcat else None, "refimage": refimage}
    found["expand_refcat"] = parameter.rule == "align"
    before = plan(**found, reference_catalog=with_refcat)
    given = {"reference_catalog": with_refcat, parameter.path[0]: value}
    after = plan(**found, **given)
    rules = {rule for rule, name in changed(before, after) if (rule, name) in after.jobs}
    consumers = {parameter.rule} & {rule for rule, _ in before.jobs}
    assert rules - {"summarize"} == consumers - ({"log"} & {parameter.rule})


def test_a_stamp_follows_what_is_upstream() -> None:
    one, other = plan(), plan(catalog_fitting={"nclip": 5})
    differing = {key[0] for key in one.jobs if one.stamps[key] != other.stamps[key]}
    assert differing == {
        "fit_alignment",
        "update_header",
        "write_catalogs",
        "plot_residuals",
        "summarize",
        "write_shiftfile",
    }


@pytest.mark.parametrize(
    ("digests", "rules"),
    [
        ({"pixels": "new"}, {"find_sources"}),
        ({"wcs": "new"}, {"undistort_sources", "build_reference_plane"}),
        ({"dq": "new"}, set()),
        ({"file": "new"}, {"update_header"}),
    ],
)
def test_a_change_of_an_input_reaches_those_who_read_it(
    digests: dict[str, str], rules: set[str]
) -> None:
    found = changed(plan(), plan([image("a"), image("b", **digests)]))
    assert {rule for rule, _ in found} == rules
    assert {name for rule, name in found if rule != "build_reference_plane"} <= {"b"}


def test_flags_count_only_where_they_are_used() -> None:
    find = {"dqbits": 0}
    images = [image("a"), image("b", dq="new")]
    found = changed(plan(imagefindpars=find), plan(images, imagefindpars=find))
    assert found == {("make_masks", "b")}


def test_a_region_file_reaches_the_mask_of_its_image() -> None:
    one = plan(exclusions={"b": {"1": "old"}})
    other = plan(exclusions={"b": {"1": "new"}})
    assert changed(one, other) == {("make_masks", "b")}


def test_an_image_added_at_the_end_leaves_the_others_sources_alone() -> None:
    found = changed(plan(), plan([image("a"), image("b"), image("c")]))
    lists = {"build_reference_plane", "summarize", "write_shiftfile", "write_catfile_list"}
    assert {rule for rule, name in found if name != "c" and not name.startswith("c.")} == lists


def test_an_image_is_matched_against_a_catalog_when_there_is_one() -> None:
    assert plan().jobs["match_sources", "a"].record["inputs"] == {"is_reference": True}
    with_catalog = plan(refcat="x", reference_catalog={"refcat": "a.cat"})
    assert with_catalog.jobs["match_sources", "a"].record["inputs"] == {"is_reference": False}


def test_a_job_of_a_chip_knows_its_image() -> None:
    assert plan().jobs["write_chip_catalog", "b.2"].image == "b"
    assert plan().jobs["summarize", "all"].image == "all"


@pytest.mark.parametrize(
    "given",
    [{"object_matching": {"minobj": 5}}, {"catalog_fitting": {"nclip": 5}}],
    ids=["object_matching", "catalog_fitting"],
)
def test_a_sequence_consumes_what_matching_and_fitting_do(given: dict[str, Any]) -> None:
    before, after = plan(expand_refcat=True), plan(expand_refcat=True, **given)
    assert changed(before, after) == {("align", "all"), ("summarize", "all")}
    stale = {rule for rule, _ in after.jobs if after.stamps != before.stamps}
    assert {"align", "write_catalogs", "plot_offsets", "update_header"} <= stale


def test_a_sequence_stands_in_for_match_and_fit() -> None:
    alone, sequence = plan(), plan(expand_refcat=True)
    gone = {"match_sources", "fit_alignment", "build_reference"}
    assert {rule for rule, _ in alone.jobs} - {rule for rule, _ in sequence.jobs} == gone
    assert {"matches/a.ecsv", "fits/b.json"} <= set(sequence.jobs["align", "all"].outputs)
    with_refcat = plan(refcat="x", expand_refcat=True, reference_catalog={"refcat": "a.cat"})
    assert ("build_reference", "all") in with_refcat.jobs["align", "all"].upstream


@pytest.mark.parametrize("expand", [False, True])
def test_the_input_that_is_the_reference_image_is_not_aligned(expand: bool) -> None:
    refimage = image("a_refimage")
    refimage = replace(refimage, image=replace(refimage.image, path=Path("/data/a.fits")))
    work = plan(refimage=refimage, expand_refcat=expand)
    if expand:
        assert work.jobs["align", "all"].record["inputs"]["reference"] == "a"
    assert ("plot_residuals", "a") not in work.jobs
    assert ("plot_residuals", "b") in work.jobs


@pytest.mark.parametrize(
    ("refcat", "expand", "base"),
    [(None, False, None), (None, True, None), ("x", True, "gaia")],
)
def test_the_cumulative_catalog_is_named_after_the_reference(
    refcat: str | None, expand: bool, base: str | None
) -> None:
    catalog = {"refcat": "cats/gaia.cat" if refcat else None}
    work = plan(refcat=refcat, reference_catalog=catalog, expand_refcat=expand)
    job = work.jobs["write_refcat", "all"]
    assert job.record["inputs"] == {"base": base}
    alone = plan(refcat="x", reference_catalog={"refcat": "cats/gaia.cat"})
    assert ("write_refcat", "all") not in alone.jobs
    assert ("write_refcat", "all") not in plan(writecat=False).jobs
