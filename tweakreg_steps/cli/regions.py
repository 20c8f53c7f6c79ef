"""``tweakreg regions``: what is masked on each chip, for a look at it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from tweakreg_steps.cli.recipe_file import add_recipe, read_recipe
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, REFERENCE_FINDPARS
from tweakreg_steps.records.outdir_files import plain_name
from tweakreg_steps.records.statement import history_lines, statement_of
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.workflow.project import Project, open_project


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_recipe(parser)
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="images of the recipe (default: all of them)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="where to write (default: the folder regions of outdir)",
    )


def run(arguments: Namespace) -> int:
    """Write masks and regions of each chip, and print the paths."""
    project = open_project(read_recipe(arguments.recipe))
    folder: Path = arguments.output or project.outdir / "regions"
    for image in _select(project, arguments.images):
        for path in _write(project, image, folder):
            sys.stdout.write(f"{path}\n")
    return 0


def _select(project: Project, wanted: Sequence[str]) -> list[Inspected]:
    """Return the images asked for, by their names or those of their files."""
    masked = {name for rule, name in project.plan.jobs if rule == "make_masks"}
    known = [image for image in project.findings.all_images if image.image.name in masked]
    names = [{*_names(image)} for image in known]
    unknown = [name for name in wanted if not any(image_name(Path(name)) in n for n in names)]
    if unknown:
        raise RecipeError(
            f"regions: in no image called {', '.join(unknown)} are sources looked for; there are "
            f"{', '.join(image.image.name for image in known)}"
        )
    chosen = {image_name(Path(name)) for name in wanted}
    return [image for image, own in zip(known, names, strict=True) if not wanted or chosen & own]


def _names(image: Inspected) -> Iterator[str]:
    """Yield the names by which an image can be asked for."""
    yield image.image.name
    yield plain_name(image.image.name)
    yield image_name(image.image.path)


def _file_with_wcs(project: Project, image: Inspected) -> Path:
    """Return the file whose WCS the masks are made with: the input or its working copy."""
    path = Path(os.path.normpath(project.outdir / project.wcs_path(image)))
    if not path.is_file():
        raise RecipeError(
            f"regions: {image.image.name}: its WCS is updated in a working copy, {path}, which is "
            "not there; run the recipe first, without clean"
        )
    return path


def _write(project: Project, image: Inspected, folder: Path) -> Iterator[Path]:
    """Write the mask of each chip, and its regions where it has a region file."""
    import numpy as np

    from tweakreg_steps.fits_files.mask_file import write_masks
    from tweakreg_steps.masking.exclusions import read_exclusions
    from tweakreg_steps.masking.image_masks import image_masks
    from tweakreg_steps.masking.image_regions import write_image_regions
    from tweakreg_steps.masking.region_masks import is_fits_mask

    path, name = _file_with_wcs(project, image), image.image.name
    section = REFERENCE_FINDPARS if image is project.findings.refimage else IMAGE_FINDPARS
    chips = [chip_from_record(record) for record in image.chips]
    catalog = project.recipe.file("exclusions")
    listed = read_exclusions(catalog, chips={}) if catalog else None
    files = listed.files_of(image_name(image.image.path), chips) if listed else {}
    dqbits = image_values(project.values, name)[section]["dqbits"]
    masks = image_masks(path, chips, exclusions=files, dqbits=dqbits)
    job = project.plan.jobs["make_masks", name]
    history = history_lines(statement_of(job.record))
    for chip in chips:
        mask, stem = masks[chip.number], folder / f"{name}_sci{chip.number}"
        whole = np.ones(chip.shape, dtype=bool) if mask is None else mask
        write_masks(
            stem.with_name(f"{stem.name}_mask.fits"), {chip.number: whole}, name, history=history
        )
        yield stem.with_name(f"{stem.name}_mask.fits")
        region_file = files.get(chip.number)
        if region_file and not is_fits_mask(region_file):
            write_image_regions(stem.with_name(f"{stem.name}.reg"), path, chip, region_file)
            yield stem.with_name(f"{stem.name}.reg")
