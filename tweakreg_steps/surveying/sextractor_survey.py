"""A look at SExtractor and at what the recipe wants of it, before any job."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.recipes.schema import IMAGES, Tree
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import Findings, UserFile
from tweakreg_steps.surveying.inspection import Inspected

_TRIAL_SIZE = 64
"""Pixels; an image without stars on which the options are tried."""


@dataclass
class _Look:
    """What is found, and what is wrong with it."""

    version: str | None = None
    files: dict[str, dict[str, UserFile]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Search:
    """Images that are searched in the same way.

    Attributes
    ----------
    section
        The section that says how.
    where
        How messages call it.
    find
        What it says for these images.
    images
        The images.
    """

    section: str
    where: str
    find: Tree
    images: list[Inspected]

    def is_like(self, section: str, find: Tree) -> bool:
        """Tell whether another image is searched in this way, too."""
        return self.section == section and self.find == find


class SextractorFindings(TypedDict):
    """``sextractor`` and ``weights`` of `tweakreg_steps.surveying.findings.Findings`."""

    sextractor: str | None
    weights: Mapping[str, Mapping[str, UserFile]]


def survey_sextractor(recipe: Recipe, findings: Findings) -> SextractorFindings:
    """Find the program, try the options, and find the files that they name.

    Parameters
    ----------
    recipe
        The recipe.
    findings
        What is known of its images and catalogs.

    Returns
    -------
    SextractorFindings
        Empty where it is not used.

    Raises
    ------
    InputError
        The program is not installed, does not know an option or does not take its value, or a
        file is missing; all of them named.
    """
    look = _Look()
    for search in _searches(recipe, findings):
        if search.find["finder"] == "sextractor":
            _survey_search(recipe, search, look)
    if look.problems:
        raise InputError("\n".join(look.problems))
    return {"sextractor": look.version, "weights": look.files}


def _searches(recipe: Recipe, findings: Findings) -> list[_Search]:
    """Return how the images are searched whose pixels are searched."""
    searches: list[_Search] = []
    for image, section in findings.sought:
        name = image.image.name
        find = image_values(recipe.values, name)[section]
        own = find != recipe.values[section]
        alike = [search for search in searches if search.is_like(section, find)]
        if not alike:
            where = f"{IMAGES}: {name}: {section}" if own else section
            alike = [_Search(section, where, find, [])]
            searches += alike
        alike[0].images.append(image)
    return searches


def _survey_search(recipe: Recipe, search: _Search, look: _Look) -> None:
    """Look at what one search wants of the program."""
    from tweakreg_steps.finding.sextractor_program import find_program

    try:
        look.version = find_program().version
    except InputError as error:
        look.problems.append(f"{search.where}.{error}")
        return
    options = search.find["sextractor"]
    look.problems += [f"{search.where}.sextractor.{text}" for text in _unknown(options)]
    before = len(look.problems)
    for image in search.images:
        look.files[image.image.name] = dict(_files_of(recipe, search, image, look))
    if len(look.problems) == before:
        look.problems += [
            f"{search.where}.sextractor: {text}" for text in _failed_trial(recipe, search.find)
        ]


def _unknown(options: Mapping[str, object]) -> Iterator[str]:
    """Yield the options that the program does not know."""
    from tweakreg_steps.finding.sextractor_program import find_program, known_options

    program = find_program()
    known = known_options(program)
    for name in options:
        if name not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"the nearest is {nearest[0]}" if nearest else f"`{program.path} -dd` lists all"
            yield f"{name}: is no option of {program.path} {program.version}; {hint}"


def _files_of(
    recipe: Recipe, search: _Search, image: Inspected, look: _Look
) -> Iterator[tuple[str, UserFile]]:
    """Yield the files that the options name for one image, and note what is wrong with them."""
    from tweakreg_steps.finding.sextractor_options import needs_errors, weight_image
    from tweakreg_steps.fits_files.weight_map import find_errors, find_weights

    options = search.find["sextractor"]
    where = f"{search.where}.sextractor"
    if "FILTER_NAME" in options:
        path = recipe.base / str(options["FILTER_NAME"])
        yield from _file("filter", path, f"{where}.FILTER_NAME", look)
    for chip in map(chip_from_record, image.chips):
        try:
            if needs_errors(options):
                find_errors(image.image.path, chip)
            elif "WEIGHT_IMAGE" in options:
                name, selection = weight_image(options, image_name(image.image.path), chip.number)
                find_weights(recipe.base / name, selection, chip.shape)
                key = f"weights{chip.number}"
                yield from _file(key, recipe.base / name, f"{where}.WEIGHT_IMAGE", look)
        except InputError as error:
            look.problems.append(f"{where}.WEIGHT_IMAGE: {error}")


def _file(key: str, path: Path, where: str, look: _Look) -> Iterator[tuple[str, UserFile]]:
    """Yield one file with its digest."""
    try:
        yield key, UserFile(path.resolve(), file_digest(path))
    except InputError as error:
        look.problems.append(f"{where}: {error}")


def _failed_trial(recipe: Recipe, find: Tree) -> Iterator[str]:
    """Try the options on an image without stars, and yield what the program has against them."""
    import numpy as np

    from tweakreg_steps.finding.sextractor_filter import filter_text
    from tweakreg_steps.finding.sextractor_options import configuration
    from tweakreg_steps.finding.sextractor_program import find_program, run_program

    kernel = {key: find[key] for key in ("conv_width", "nsigma", "ratio", "theta")}
    own = find["sextractor"].get("FILTER_NAME")
    text = (recipe.base / str(own)).read_text("utf-8") if own else filter_text(**kernel)
    options = configuration(find["sextractor"], threshold=10.0, level=None, has_weights=True)
    pixels = np.random.default_rng(1).normal(0.0, 1.0, (_TRIAL_SIZE, _TRIAL_SIZE))
    with TemporaryDirectory(prefix="tweakreg-") as folder:
        try:
            run_program(
                find_program(),
                Path(folder),
                pixels=pixels.astype(np.float32),
                weights=np.ones_like(pixels, dtype=np.float32),
                filter_text=text,
                options=options,
            )
        except JobFailedError as error:
            yield str(error)
