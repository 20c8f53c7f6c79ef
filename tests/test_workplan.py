"""The plan of work: which job's record holds what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tweakreg_steps.planning.findings import Findings, UserFile
from tweakreg_steps.planning.inspection import Inspected
from tweakreg_steps.planning.jobs import JobKey, WorkPlan
from tweakreg_steps.planning.workplan import RULES, build_plan
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import Parameter, parameters

CATALOGS = {chip: UserFile(Path(f"/data/b{chip}.coo"), f"digest {chip}") for chip in "12"}
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
            "err": f"{name} err {number}",
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
    catalogs: dict[str, dict[str, UserFile]] | None = None,
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
            catalogs=catalogs or {},
            refcat=refcat,
            refimage=refimage,
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
        "sextractor": {"BACK_SIZE": 32},
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
    section = parameter.path[0]
    beside: dict[str, Any] = {
        "reference_catalog": {"refcat": "a.cat", "rfluxcol": 3},
        "coordinate_file": {"catfile": "a.list", "fluxcol": 3},
    }.get(section, {})
    if parameter.path[-1] == "sextractor":
        beside = {"finder": "sextractor"}
    found: dict[str, Any] = {
        "refcat": "x" if section == "reference_catalog" else None,
        "refimage": image("r_refimage") if section == "refimagefindpars" else None,
        "catalogs": {"b": CATALOGS} if section == "coordinate_file" else None,
    }
    one: dict[str, Any] = {section: beside} if beside else {}
    other: dict[str, Any] = {section: {**beside, **value} if beside else value}
    before, after = plan(**found, **one), plan(**found, **other)
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


@pytest.mark.parametrize(
    ("digests", "section", "rules"),
    [
        ({"pixels": "new"}, {}, set()),
        ({"dq": "new"}, {}, set()),
        ({"wcs": "new"}, {}, {"undistort_sources", "build_reference_plane"}),
        (
            {"wcs": "new"},
            {"xyunits": "degrees"},
            {"read_catalogs", "undistort_sources", "build_reference_plane"},
        ),
    ],
)
def test_an_image_with_catalogs_does_not_depend_on_its_pixels(
    digests: dict[str, str], section: dict[str, Any], rules: set[str]
) -> None:
    options: dict[str, Any] = {"catalogs": {"b": CATALOGS}, "coordinate_file": section}
    one, other = plan(**options), plan([image("a"), image("b", **digests)], **options)
    assert {rule for rule, _ in changed(one, other)} == rules
    assert ("find_sources", "a") in one.jobs
    assert not {("find_sources", "b"), ("make_masks", "b")} & one.jobs.keys()


def test_the_content_of_a_catalog_counts_not_its_place() -> None:
    def with_catalog(path: str, digest: str) -> WorkPlan:
        return plan(catalogs={"b": {**CATALOGS, "2": UserFile(Path(path), digest)}})

    one = with_catalog("/data/b2.coo", "old")
    assert changed(one, with_catalog("/data/b2.coo", "new")) == {("read_catalogs", "b")}
    assert changed(one, with_catalog("/elsewhere/x.coo", "old")) == set()
    assert one.jobs["write_chip_catalog", "b.2"].upstream == (("read_catalogs", "b"),)


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
