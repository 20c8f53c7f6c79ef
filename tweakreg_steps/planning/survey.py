"""A look at the files that a recipe names: what can be wrong with them, and digests of them."""

from __future__ import annotations

from dataclasses import replace

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.wcsname import effective_wcsname, is_taken
from tweakreg_steps.planning import layout
from tweakreg_steps.planning.catalog_survey import survey_catalogs
from tweakreg_steps.planning.file_digest import file_digest
from tweakreg_steps.planning.findings import Findings
from tweakreg_steps.planning.inspection import inspect_inputs
from tweakreg_steps.planning.sextractor_survey import survey_sextractor
from tweakreg_steps.recipes.inputs import InputImage, expand_inputs, image_name
from tweakreg_steps.recipes.recipe import Recipe


def survey(recipe: Recipe) -> Findings:
    """Look at the files of a recipe.

    Raises
    ------
    InputError
        Listing everything that stands in the way of a run and can be known before it.
    """
    images = expand_inputs(recipe.values["input"], base=recipe.base)
    reference = _reference_image(recipe)
    looked_at = [*images, *([reference] if reference else [])]
    inspected = tuple(inspect_inputs(looked_at, recipe.outdir))
    findings = Findings(
        images=inspected[: len(images)], refimage=inspected[-1] if reference else None
    )
    problems = [*_output_problems(recipe, findings), *_wcsname_problems(recipe, findings)]
    if problems:
        raise InputError("\n".join(problems))
    findings = replace(
        findings,
        exclusions=_exclusion_digests(recipe, findings),
        refcat=_refcat_digest(recipe),
        catalogs=survey_catalogs(recipe, findings),
    )
    return replace(findings, **survey_sextractor(recipe, findings))


def _reference_image(recipe: Recipe) -> InputImage | None:
    """Return the reference image under a name of its own, or None."""
    if recipe.values["refimage"] is None:
        return None
    found = expand_inputs(recipe.values["refimage"], base=recipe.base)
    if len(found) != 1:
        raise InputError(f"refimage: {recipe.values['refimage']}: is not one image; name one file")
    return replace(found[0], name=layout.reference_image_name(found[0].name))


def _output_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each input, and each aligned copy, that the run would overwrite."""
    aligned = recipe.outdir / layout.ALIGNED
    paths = [image.image.path for image in findings.images]
    problems = [
        f"input: {path}: lies in the folder of aligned copies; choose another outdir"
        for path in paths
        if path.resolve().parent == aligned
    ]
    if recipe.values["update_header"]["updatehdr"]:
        problems += [
            f"input: {path}: two of its extensions cannot go into one aligned copy; "
            "name the file once, without a selection, or set update_header.updatehdr: false"
            for path in dict.fromkeys(paths)
            if paths.count(path) > 1
        ]
    return problems


def _wcsname_problems(recipe: Recipe, findings: Findings) -> list[str]:
    """Return a message for each image that already has a WCS of the recipe's name."""
    header = recipe.values["update_header"]
    if not header["updatehdr"] or header["reusename"]:
        return []
    wanted = effective_wcsname(header["wcsname"])
    return [
        f"update_header.wcsname: {image.image.path} has a WCS named {wanted} already "
        f"({chip['label']}); choose another name or set update_header.reusename: true"
        for image in findings.images
        for chip in image.chips
        if is_taken(wanted, chip["wcsnames"])
    ]


def _exclusion_digests(recipe: Recipe, findings: Findings) -> dict[str, dict[str, str]]:
    """Return for each excluded image the digest of each chip's region file or mask."""
    path = recipe.file("exclusions")
    if path is None:
        return {}
    from tweakreg_steps.masking.exclusions import read_exclusions
    from tweakreg_steps.masking.region_masks import check_exclusion_file

    chips = {
        image_name(image.image.path): len(image.chips)
        for image in findings.all_images
        if image.image.selection is None
    }
    found = read_exclusions(path, n_chips=chips)
    used: dict[str, dict[str, str]] = {}
    for image in findings.all_images:
        files = dict(enumerate(found.get(image_name(image.image.path), ()), start=1))
        for chip in image.chips:
            file = files.get(chip["number"])
            if file is not None:
                check_exclusion_file(file, tuple(chip["shape"]))
                used.setdefault(image.image.name, {})[str(chip["number"])] = file_digest(file)
    return used


def _refcat_digest(recipe: Recipe) -> str | None:
    """Return the digest of the reference catalog, having read it once to be sure that it can be."""
    path = recipe.file("reference_catalog", "refcat")
    if path is None:
        return None
    from tweakreg_steps.tables.reference_catalog import read_reference_catalog

    section = recipe.values["reference_catalog"]
    read_reference_catalog(
        path, **{key: value for key, value in section.items() if key != "refcat"}
    )
    return file_digest(path)
