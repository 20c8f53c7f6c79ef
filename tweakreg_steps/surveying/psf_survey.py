"""A look at the PSFs that a recipe names, and at whether exposures can have one, before any job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import LearntChip
from tweakreg_steps.fits_files.noise_cards import NOISE_OF_HEADER
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import Findings, UserFile
from tweakreg_steps.surveying.inspection import Inspected

BUILD = "build"
"""What ``psf`` says where none is given."""

_CHIP = "\0"
"""Stands for the name of a chip in a text that is said once for all the chips that it holds for."""

LEAST_EXPOSURES = 2
"""Exposures without which the positions of stars cannot be averaged."""


def survey_psfs(recipe: Recipe, findings: Findings) -> dict[str, UserFile]:
    """Find the PSF that each image is measured with, where a file is named.

    Parameters
    ----------
    recipe
        The recipe.
    findings
        What is known of its images and catalogs.

    Returns
    -------
    dict
        By the images' names.

    Raises
    ------
    InputError
        A file is missing, is no PSF, or is the PSF of another camera, filter or detector; an
        exposure tells nothing of the noise of its pixels; there are too few exposures to build a
        PSF from. All of them named.
    """
    found: dict[str, UserFile] = {}
    built: dict[str, list[Inspected]] = {}
    problems: list[tuple[str, str]] = []
    for image, section in _measured(recipe, findings):
        name = image.image.name
        psf = image_values(recipe.values, name)[section]["psf"]
        problems += [(f"{section}.centroid: {text}", label) for text, label in _unfit(image)]
        if psf == BUILD:
            built.setdefault(image.psf_name, []).append(image)
            continue
        path = (recipe.base / psf).resolve()
        try:
            problems += [(f"{section}.psf: {text}", label) for text, label in _misfits(path, image)]
            found[name] = UserFile(path, file_digest(path))
        except InputError as error:
            problems.append((f"{section}.psf: {error}", ""))
    said = [*_each_once(problems), *_too_few(built)]
    if said:
        raise InputError("\n".join(said))
    return found


def _each_once(problems: Sequence[tuple[str, str]]) -> list[str]:
    """Say each problem once, with the first chip that has it and the number of the others."""
    chips: dict[str, list[str]] = {}
    for text, label in problems:
        chips.setdefault(text, []).append(label)
    said = []
    for text, labels in chips.items():
        others = len(labels) - 1
        more = f" (and {others} other chip{'s' * (others > 1)})" if others else ""
        said.append(text.replace(_CHIP, labels[0] + more))
    return said


def psf_notes(recipe: Recipe, findings: Findings) -> Iterator[str]:
    """Yield what is to be said of exposures that are to be measured with a PSF."""
    yield from _useless_psf_notes(recipe, findings)
    text = f"{_CHIP}: has no ERR image; {NOISE_OF_HEADER}"
    without = [
        (text, _label(image, chip))
        for image, _ in _measured(recipe, findings)
        for chip in image.chips
        if chip["err"] is None
    ]
    yield from _each_once(without)


def _useless_psf_notes(recipe: Recipe, findings: Findings) -> Iterator[str]:
    """Yield what is to be said where a PSF is asked for and no source is measured with it."""
    given = [
        image.image.name
        for image in findings.images
        if image.image.name in findings.catalogs
        and image_values(recipe.values, image.image.name)["imagefindpars"]["centroid"] == "psf"
    ]
    if not given:
        return
    some = f"{len(given)} images" if len(given) > 1 else given[0]
    yield (
        f"imagefindpars.centroid: psf has no effect on {some}, whose sources are those of your "
        "catalogs: their positions are taken as they are; leave the catalogs out to have the "
        "sources found and measured"
    )


def _measured(recipe: Recipe, findings: Findings) -> Iterator[tuple[Inspected, str]]:
    """Yield the images that are measured with a PSF, with the section that says so."""
    for image, section in findings.sought:
        if image_values(recipe.values, image.image.name)[section]["centroid"] == "psf":
            yield image, section


def _unfit(image: Inspected) -> Iterator[tuple[str, str]]:
    """Yield why no PSF can be fitted to an image, and the chip that it is said of."""
    from tweakreg_steps.psf.pixel_noise import noise_from_header
    from tweakreg_steps.psf.psf_camera import setup_of

    for chip in image.chips:
        try:
            setup_of(chip["camera"], _CHIP)
            if chip["err"] is None:
                noise_from_header(chip["noise"], sky=0.0, sky_sigma=0.0, label=_CHIP)
        except InputError as error:
            yield str(error), _label(image, chip)


def _misfits(path: Path, image: Inspected) -> Iterator[tuple[str, str]]:
    """Yield how a PSF does not fit an image, and the chip that it is said of."""
    from tweakreg_steps.psf.psf_camera import setup_of
    from tweakreg_steps.psf.psf_file import describe_psf_file, find_mismatches

    file = describe_psf_file(path)
    for chip in image.chips:
        label = _label(image, chip)
        ny, nx = chip["shape"]
        for text in find_mismatches(file, setup_of(chip["camera"], label), (ny, nx), _CHIP):
            yield text, label


def _too_few(built: Mapping[str, list[Inspected]]) -> Iterator[str]:
    """Yield the cameras and filters of which there are too few exposures."""
    for name, images in built.items():
        paths = {image.image.path.resolve() for image in images}
        if len(paths) < LEAST_EXPOSURES:
            yield (
                f"imagefindpars.psf: build needs {LEAST_EXPOSURES} dithered exposures or more of a "
                f"camera and filter, and of {name} there is {images[0].image.path.name} alone; "
                "give psf a file, or use centroid: daofind"
            )


def _label(image: Inspected, chip: LearntChip) -> str:
    """Name a chip."""
    return f"{image.image.path.name}, {chip['label']}"
