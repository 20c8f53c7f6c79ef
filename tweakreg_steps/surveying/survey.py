"""A look at the files that a recipe names: what can be wrong with them, and digests of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip, explain_gwcs
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.recipes.inputs import expand_refimage, images_of
from tweakreg_steps.recipes.overrides import override_problems
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.outdir_files import ALIGNED, REVIEW, reference_image_name
from tweakreg_steps.records.review_file import Review, read_reviews
from tweakreg_steps.surveying.catalog_survey import survey_catalogs
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import Findings, UserFile
from tweakreg_steps.surveying.headerlet_survey import headerlet_problems, history_digest
from tweakreg_steps.surveying.inspection import (
    Inspected,
    Unread,
    inspect_each,
    inspect_refimage,
)
from tweakreg_steps.surveying.mosaic_survey import survey_mosaic
from tweakreg_steps.surveying.other_files import survey_others
from tweakreg_steps.surveying.path_braces import brace_problems
from tweakreg_steps.surveying.psf_survey import psf_notes, survey_psfs
from tweakreg_steps.surveying.quality_survey import quality_problems
from tweakreg_steps.surveying.refcat_survey import survey_refcat
from tweakreg_steps.surveying.reference_files import find_reference_files
from tweakreg_steps.surveying.sextractor_survey import survey_sextractor
from tweakreg_steps.surveying.wcs_names import wcsname_problems

T = TypeVar("T")


def survey(recipe: Recipe) -> Findings:
    """Look at the files of a recipe.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    problems: list[str] = []
    refcat = _noting(problems, lambda: survey_refcat(recipe))
    history = _noting(problems, lambda: history_digest(recipe))
    reviews = _noting(problems, lambda: _reviews(recipe))
    findings = _noting(problems, lambda: _inspect_images(recipe))
    if findings is None:
        raise InputError("\n".join(problems))
    found = replace(
        findings,
        refcat=refcat.digest if refcat else None,
        refcat_moves=refcat is not None and refcat.moves,
        notes=(
            *(one.note for one in findings.unread),
            *(refcat.notes(findings.images) if refcat else ()),
        ),
        reference_is_chosen=recipe.values["expand_refcat"]
        and findings.refimage is None
        and recipe.file("reference_catalog", "refcat") is None,
        history=history,
        reviews=reviews or {},
    )
    _require_reference(recipe, found)
    found = _look_further(recipe, found, problems)
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    return found


def _look_further(recipe: Recipe, findings: Findings, problems: list[str]) -> Findings:
    """Look at what else belongs to the images, and note down what is wrong."""
    problems += [
        *override_problems(recipe.values, [image.name for image in findings.inputs]),
        *_output_problems(recipe, findings),
    ]
    if recipe.values["updatewcs"]:
        files, missing = find_reference_files(_updated_images(findings))
        findings = replace(findings, reference_files=files)
        problems += missing
    problems += [
        *_in_place_problems(recipe, findings),
        *wcsname_problems(recipe, findings),
        *headerlet_problems(recipe, findings),
    ]
    exclusions = _noting(problems, lambda: _exclusions(recipe, findings))
    catalogs = _noting(problems, lambda: survey_catalogs(recipe, findings))
    found = replace(findings, exclusions=exclusions or {}, catalogs=catalogs or {})
    options = _noting(problems, lambda: survey_sextractor(recipe, found))
    if options:
        found = replace(found, sextractor=options["sextractor"], weights=options["weights"])
    psfs = _noting(problems, lambda: survey_psfs(recipe, found))
    found = replace(found, psfs=psfs or {})
    found = replace(found, notes=(*found.notes, *psf_notes(recipe, found)))
    also = _noting(problems, lambda: survey_others(recipe, found.images, found.unread))
    others, notes = also or ((), ())
    found = replace(found, others=others, notes=(*found.notes, *notes))
    problems += wcsname_problems(recipe, replace(found, images=tuple(o.file for o in others)))
    found = replace(found, mosaic=_noting(problems, lambda: survey_mosaic(recipe, found)))
    problems += [*quality_problems(recipe, found), *brace_problems(recipe, found)]
    return found


def _noting(problems: list[str], look: Callable[[], T]) -> T | None:
    """Return what a look gives; where it fails, note down why and return None."""
    try:
        return look()
    except InputError as error:
        problems.append(str(error))
        return None


def _inspect_images(recipe: Recipe) -> Findings:
    """Look at the inputs and at the reference image, and name everything wrong with them."""
    problems: list[str] = []
    images: list[Inspected] = []
    unread: list[Unread] = []
    refimage: Inspected | None = None
    try:
        inputs = images_of(recipe)
        images, unread = inspect_each(inputs, recipe.outdir)
    except InputError as error:
        problems.append(str(error))
    try:
        refimage = _inspect_reference(recipe)
    except InputError as error:
        problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return Findings(images=tuple(images), unread=tuple(unread), refimage=refimage)


def _require_reference(recipe: Recipe, findings: Findings) -> None:
    """Refuse to go on without an image that is whole, or with another reference than is asked for.

    Raises
    ------
    InputError
        No input is whole, or the first is not, which all others are to be aligned with.
    """
    damaged = [f"input: {one.image.path}: {one.detail}" for one in findings.unread]
    if not findings.images:
        ways_out = [one.way_out for one in findings.unread]
        raise InputError("\n".join(map("; ".join, zip(damaged, ways_out, strict=True))))
    solution = recipe.values["solution"]
    floats = solution["method"] != "single" and solution["gauge"] == "mean"
    is_first = not (findings.reference_is_chosen or findings.refimage or findings.refcat or floats)
    if is_first and findings.unread and findings.unread[0].place == 0:
        raise InputError(
            f"{damaged[0]}; as the first input it is the reference of all others: "
            f"{findings.unread[0].way_out}, or take it out of input, and {findings.names[0]} is "
            "the reference"
        )


def _inspect_reference(recipe: Recipe) -> Inspected | None:
    """Look at the reference image, which gets a name of its own; None where there is none."""
    if recipe.values["refimage"] is None:
        return None
    found = expand_refimage(recipe.values["refimage"], base=recipe.base)
    named = replace(found, name=reference_image_name(found.name))
    return inspect_refimage(named, recipe.outdir)


def _output_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each input, and each aligned copy, that the run would overwrite."""
    aligned = recipe.outdir / ALIGNED
    paths = [image.image.path for image in findings.images]
    problems = [
        f"input: {path}: lies in the folder of aligned copies; choose another outdir"
        for path in _files_in(aligned, paths)
    ]
    problems += _refimage_problems(findings, aligned)
    if recipe.header["updatehdr"]:
        problems += [
            f"input: {explain_gwcs(image.image.path)}" for image in findings.images if image.gwcs
        ]
        problems += [
            f"input: {path}: two of its extensions cannot go into one aligned copy; "
            "name the file once, without a selection, or set update_header.updatehdr: false"
            for path, times in Counter(paths).items()
            if times > 1
        ]
    return problems


def _files_in(folder: Path, paths: Sequence[Path]) -> Iterator[Path]:
    """Yield those of some files that lie in a folder; thousands of them may lie in the same."""
    lies_there = {parent: parent.resolve() == folder for parent in {path.parent for path in paths}}
    for path in paths:
        if path.resolve().parent == folder if path.is_symlink() else lies_there[path.parent]:
            yield path


def _refimage_problems(findings: Findings, aligned: Path) -> Iterator[str]:
    """Yield what forbids the reference image beside these inputs and this output folder."""
    if findings.refimage is None:
        return
    path, name = findings.refimage.image.path, findings.refimage.image.name
    if path.resolve().parent == aligned:
        yield f"refimage: {path}: lies in the folder of aligned copies; choose another outdir"
    if name in findings.names:
        yield f"refimage: {path}: its products would have the name of the input {name}; rename one"


def _updated_images(findings: Findings) -> list[Inspected]:
    """Return the images whose WCS is updated: the inputs, the reference image if it is one."""
    inputs = {image.image.path for image in findings.images}
    return [image for image in findings.all_images if image.image.path in inputs]


def _in_place_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each input that may not be written, where it is to be."""
    if not recipe.header["in_place"]:
        return []
    from tweakreg_steps.fits_files.replaceable import replacement_problems

    paths = [image.image.path for image in findings.images]
    return [f"update_header.in_place: {text}" for text in replacement_problems(paths)]


def _reviews(recipe: Recipe) -> dict[str, Review]:
    """Return what was decided about the images, if that is asked for."""
    if not recipe.values["interactive"]:
        return {}
    return read_reviews(recipe.outdir / REVIEW)


def _exclusions(recipe: Recipe, findings: Findings) -> dict[str, dict[str, UserFile]]:
    """Return for each image in the exclusions catalog each chip's region file or mask."""
    path = recipe.file("exclusions")
    if path is None:
        return {}
    from tweakreg_steps.masking.exclusions import read_exclusions
    from tweakreg_steps.masking.region_masks import check_exclusion_file

    exclusions = read_exclusions(path, chips=_chips_of_whole_files(findings))
    used: dict[str, dict[str, UserFile]] = {}
    problems: dict[str, None] = {}
    for image in findings.all_images:
        chips = {chip["number"]: chip_from_record(chip) for chip in image.chips}
        files = exclusions.files_of(image_name(image.image.path), list(chips.values()))
        for number, file in files.items():
            try:
                check_exclusion_file(file, chips[number].shape)
                found = UserFile(file, file_digest(file))
                used.setdefault(image.image.name, {})[str(number)] = found
            except InputError as error:
                problems[str(error)] = None
    if problems:
        raise InputError("\n".join(problems))
    return used


def _chips_of_whole_files(findings: Findings) -> dict[str, list[Chip]]:
    """Return all chips of each file that is not used by a selection of them, by its base name."""
    return {
        image_name(image.image.path): [chip_from_record(chip) for chip in image.chips]
        for image in sorted(findings.all_images, key=lambda image: len(image.chips))
        if image.image.selection is None
    }
