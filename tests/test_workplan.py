"""The plan of work: which job's record holds what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from learnt_chips import learnt_chip
from other_values import another_value

from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.schema import Parameter, parameters
from tweakreg_steps.records.review_file import Decision, Review
from tweakreg_steps.steps import all_steps
from tweakreg_steps.surveying.findings import Findings, UserFile
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.reference_files import ReferenceFile
from tweakreg_steps.workflow.consumption import consumers
from tweakreg_steps.workflow.jobs import Job, JobKey, WorkPlan
from tweakreg_steps.workflow.planning import build_plan

CATALOGS = {chip: UserFile(Path(f"/data/b{chip}.coo"), f"digest {chip}") for chip in "12"}
EVERYTHING: dict[str, Any] = {
    "input": "*.fits",
    "update_header": {"updatehdr": True},
    "shiftfile_output": {"shiftfile": True},
}


def image(name: str, **digests: str) -> Inspected:
    """Return an image of two chips, with some digests set."""
    chips = tuple(learnt_chip(number, name, **digests) for number in (1, 2))
    path = Path("/data") / f"{name}.fits"
    return Inspected(InputImage(name, path, None), chips, digests.get("file", f"{name} file"), ())


def plan(
    inputs: list[Inspected] | None = None,
    refcat: str | None = None,
    refimage: Inspected | None = None,
    exclusions: dict[str, dict[str, UserFile]] | None = None,
    reference_files: dict[str, dict[str, ReferenceFile]] | None = None,
    reviews: dict[str, Review] | None = None,
    catalogs: dict[str, dict[str, UserFile]] | None = None,
    content: str | None = None,
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
            images=tuple(inputs or [image("a"), image("b")]),
            exclusions=exclusions or {},
            catalogs=catalogs or {},
            refcat=refcat,
            refimage=refimage,
            reference_is_chosen=not (refcat or refimage) and recipe.values["expand_refcat"],
            reference_files=reference_files or {},
            reviews=reviews or {},
        ),
        code=dict.fromkeys(all_steps(), "code"),
        run_files={},
        contents=lambda job, _subject: content or job.stamp,
    )


def changed(one: WorkPlan, other: WorkPlan) -> set[JobKey]:
    """Return the jobs that differ by themselves, not through their upstream."""
    return {
        key
        for key in one.jobs.keys() | other.jobs.keys()
        if key not in one.jobs
        or key not in other.jobs
        or own_part(one.jobs[key]) != own_part(other.jobs[key])
    }


def own_part(job: Job) -> dict[str, Any]:
    """Return what a job's record says of the job itself."""
    followed = {"upstream", "upstream_jobs", "upstream_recipes"}
    return {key: value for key, value in job.record.items() if key not in followed}


VALUED = [p for p in parameters() if not (p.switch or p.file or p.of_run)]


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
    brings = set()
    if parameter.path[-1] == "centroid":
        beside, brings = {"psf": "star.fits"}, {"measure_positions"}
        brings |= {"plot_psf"} if section == "imagefindpars" else set()
    found: dict[str, Any] = {
        "refcat": "x" if section == "reference_catalog" else None,
        "refimage": image("r_refimage") if section == "refimagefindpars" else None,
        "catalogs": {"b": CATALOGS} if section == "coordinate_file" else None,
        "expand_refcat": parameter.path == ("enforce_user_order",),
    }
    one: dict[str, Any] = {section: beside} if beside else {}
    other: dict[str, Any] = {section: {**beside, **value} if beside else value}
    before, after = plan(**found, **one), plan(**found, **other)
    rules = {rule for rule, name in changed(before, after) if (rule, name) in after.jobs}
    section = "imagefindpars" if section == "refimagefindpars" else section
    expected = consumers().get((section, *parameter.path[1:]), frozenset())
    assert rules == brings | expected & {rule for rule, _ in before.jobs}


def test_a_stamp_follows_what_is_upstream() -> None:
    one, other = plan(), plan(catalog_fitting={"nclip": 5})
    differing = {key[0] for key in one.jobs if one.stamps[key] != other.stamps[key]}
    assert differing == {
        "fit_alignment",
        "update_header",
        "write_catalogs",
        "plot_residuals",
        "compare_images",
        "summarize",
        "write_shiftfile",
        "write_image_report",
        "write_report",
    }


@pytest.mark.parametrize(
    ("digests", "rules"),
    [
        ({"pixels": "new"}, {"find_sources"}),
        ({"unit": "new"}, {"find_sources"}),
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


def region(digest: str) -> UserFile:
    """Return a region file that holds something."""
    return UserFile(Path("/data/b.reg"), digest)


def test_a_region_file_reaches_the_mask_of_its_image() -> None:
    one = plan(exclusions={"b": {"1": region("old")}})
    other = plan(exclusions={"b": {"1": region("new")}})
    assert changed(one, other) == {("make_masks", "b")}


@pytest.mark.parametrize(
    ("digests", "section", "rules"),
    [
        ({"pixels": "new"}, {}, {"draw_image"}),
        ({"unit": "new"}, {}, set()),
        ({"dq": "new"}, {}, set()),
        ({"wcs": "new"}, {}, {"undistort_sources", "build_reference_plane"}),
        (
            {"wcs": "new"},
            {"xyunits": "degrees"},
            {"read_catalogs", "undistort_sources", "build_reference_plane"},
        ),
    ],
)
def test_of_an_image_with_catalogs_its_picture_alone_depends_on_its_pixels(
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
    lists |= {"compare_images", "write_report"}
    assert {rule for rule, name in found if name != "c" and not name.startswith("c.")} == lists


def test_an_image_is_matched_against_a_catalog_when_there_is_one() -> None:
    assert plan().jobs["match_sources", "a"].record["inputs"] == {"is_reference": True}
    with_catalog = plan(refcat="x", reference_catalog={"refcat": "a.cat"})
    assert with_catalog.jobs["match_sources", "a"].record["inputs"] == {"is_reference": False}


def test_a_reference_image_is_searched_unless_a_catalog_is_the_reference() -> None:
    refimage = image("r_refimage")
    searched = plan(refimage=refimage)
    assert searched.jobs["find_sources", "r_refimage"].record["parameters"].keys() == {
        "refimagefindpars"
    }
    assert searched.jobs["build_reference", "all"].record["inputs"]["image"] == "r"
    assert ("fit_alignment", "r_refimage") not in searched.jobs
    with_catalog = plan(refimage=refimage, refcat="x", reference_catalog={"refcat": "a.cat"})
    assert not [name for _, name in with_catalog.jobs if "refimage" in name]
    assert with_catalog.jobs["build_reference_plane", "all"].record["inputs"]["refimage"]


def test_the_plane_of_a_reference_image_depends_on_its_first_chip_alone() -> None:
    one, other = image("r_refimage"), image("r_refimage")
    other.chips[1]["wcs"] = "new"
    plane = ("build_reference_plane", "all")
    found = changed(plan(refimage=one), plan(refimage=other))
    assert found == {("undistort_sources", "r_refimage")}
    other.chips[0]["wcs"] = "new"
    assert plane in changed(plan(refimage=one), plan(refimage=other))
    # the same image is another plane as the first input
    assert plane in changed(plan([one]), plan([one], refimage=one))


def test_an_input_is_the_reference_where_its_chips_are() -> None:
    whole = image("a")
    chip = replace(whole, chips=whole.chips[1:])
    for inputs, refimage, expected in (
        ([whole], whole, True),
        ([chip], whole, True),
        ([whole], chip, False),
        ([image("b")], whole, False),
    ):
        work = plan(inputs, refimage=replace(refimage, image=reference_name(refimage)))
        job = work.jobs["match_sources", inputs[0].image.name]
        assert job.record["inputs"]["is_reference"] is expected


def reference_name(one: Inspected) -> InputImage:
    """Return an input under the name that it has as the reference image."""
    path = one.image.path.parent / "elsewhere" / ".." / one.image.path.name
    return replace(one.image, name=f"{one.image.name}_refimage", path=path)


def test_a_header_is_written_after_every_job_that_reads_the_file() -> None:
    jobs = plan(refimage=image("r_refimage"), update_header={"in_place": True}).jobs
    for name in ("a", "b"):
        before, pending = set(), [("update_header", name)]
        while pending:
            before.add(pending.pop())
            pending = [*{need for key in before for need in jobs[key].upstream} - before]
        readers = {key for key, job in jobs.items() if name in job.originals}
        assert len(readers) > 1
        assert readers <= before


def test_an_image_waits_until_its_present_fit_is_decided_on() -> None:
    stamp = plan(interactive=True).stamps["fit_alignment", "b"]
    assert stamp
    for review, expected in (
        (None, ["waiting", "waiting"]),
        (Review(Decision.ACCEPT, "of another fit"), ["waiting", "waiting"]),
        (Review(Decision.REJECT, stamp), ["waiting", "reject"]),
        (Review(Decision.ACCEPT, stamp), ["reference", "accept"]),
    ):
        jobs = plan(interactive=True, reviews={"b": review} if review else {}).jobs
        planned = [jobs.get(("update_header", name)) for name in "ab"]
        found = [job.record["inputs"]["decision"] if job else "waiting" for job in planned]
        assert found == expected
        rejected = ["b"] if expected[1] == "reject" else []
        for rule in ("summarize", "write_shiftfile"):
            assert jobs[rule, "all"].record["inputs"]["rejected"] == rejected


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
    assert changed(before, after) == {("align", "all")}
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


def updated(digest: str, **given: Any) -> WorkPlan:  # noqa: ANN401  any part of a recipe
    """Return the plan of a recipe in which the WCS of all images is made anew."""
    files = {"IDCTAB": ReferenceFile(Path("/ref/a_idc.fits"), digest)}
    return plan(updatewcs=True, reference_files={"a": files, "b": files}, **given)


def test_what_reads_the_wcs_waits_for_the_working_copy() -> None:
    jobs = updated("old", exclusions={"b": {"1": region("any")}}).jobs
    readers = {rule for (rule, _), job in jobs.items() if ("update_wcs", "b") in job.upstream}
    assert readers == {"make_masks", "undistort_sources", "build_reference_plane", "update_header"}
    assert ("update_wcs", "a") not in jobs["make_masks", "a"].upstream


def test_a_changed_reference_file_reaches_the_working_copies() -> None:
    assert changed(updated("old"), updated("new")) == {("update_wcs", "a"), ("update_wcs", "b")}


def test_a_headerlet_goes_into_the_copy_only_where_it_is_attached() -> None:
    headerlet = ("write_headerlet", "b")
    attached = plan(headerlet_creation={"headerlet": True})
    beside = plan(headerlet_creation={"headerlet": True, "attach": False})
    alone = plan(headerlet_creation={"headerlet": True}, update_header={"updatehdr": False})
    assert headerlet in attached.jobs["update_header", "b"].upstream
    assert headerlet not in beside.jobs["update_header", "b"].upstream
    assert headerlet in alone.jobs
    assert ("update_header", "b") not in alone.jobs
    assert changed(attached, beside) == {("update_header", "a"), ("update_header", "b")}


@pytest.mark.parametrize("name", ["hdrname", "author", "descrip", "catalog", "hdrfile"])
def test_what_a_headerlet_says_reaches_headerlets_alone(name: str) -> None:
    before = plan(headerlet_creation={"headerlet": True})
    after = plan(headerlet_creation={"headerlet": True, name: "other"})
    assert changed(before, after) == {("write_headerlet", "a"), ("write_headerlet", "b")}
