"""How the images of a recipe lie to each other: which overlap, and which belong together.

What a header says of its image is read once and kept, as are the pairs: a plan of images that have
not changed imports neither astropy nor shapely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.json_file import memorize_json, recall_json
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.recipe import Recipe
from tweakreg_steps.records.canonical import digest
from tweakreg_steps.records.outdir_files import OVERLAP_CACHE, is_prepared
from tweakreg_steps.surveying.findings import Findings, MosaicFindings
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.mosaic_groups import find_groups, geometries_of

_FORMAT = 1
_MOST_PAIRS = 10
"""Overlaps of an exposure that it asks to be matched: of a field seen a hundred times the others
tell no more."""

_VISIT = 6
"""Characters of an HST root name that are the same for a visit: ``ipppss``."""
_ROOT = 9


class Seen(TypedDict):
    """What the headers of an image say.

    ``ra`` and ``dec`` (deg) of its chips' corners, ``scale``, the size of its pixels (arcsec),
    ``camera`` and ``visit``.
    """

    ra: list[float]
    dec: list[float]
    scale: float
    camera: str
    visit: str


def survey_mosaic(recipe: Recipe, findings: Findings) -> MosaicFindings | None:
    """Look at how the images of a recipe lie to each other; None where each is aligned by itself.

    Raises
    ------
    InputError
        Listing the images whose WCS cannot be read, and what is wrong with the groups.
    """
    if recipe.values["solution"]["method"] == "single":
        return None
    cache = recipe.outdir / OVERLAP_CACHE
    known = recall_json(cache) or {}
    known = known if known.get("format") == _FORMAT else {}
    seen = _look(findings.images, known.get("images", {}))
    keys = {image.image.name: _key(image) for image in findings.images}
    margins = [_margin(recipe, name, seen[key]) for name, key in keys.items()]
    asked = digest([list(keys.values()), margins, _MOST_PAIRS])
    pairs: list[list[int]] = known["pairs"] if known.get("asked") == asked else []
    if known.get("asked") != asked:
        pairs = _overlapping([seen[key] for key in keys.values()], max(margins, default=0.0))
        if is_prepared(recipe.outdir):
            now = {"format": _FORMAT, "images": seen, "asked": asked, "pairs": pairs}
            memorize_json(cache, now)
    visits = {name: seen[key]["visit"] for name, key in keys.items()}
    groups = find_groups(recipe.values["solution"]["groups"], findings.inputs, visits)
    return MosaicFindings(
        pairs=_named(findings.names, pairs),
        groups={name: groups[name] for name in findings.names},
        geometries=geometries_of(recipe.values, groups),
        cameras={name: seen[key]["camera"] for name, key in keys.items()},
        epochs={image.image.name: image.epoch for image in findings.images}
        if findings.refcat_moves
        else {},
        floats=recipe.values["solution"]["gauge"] == "mean"
        and findings.refcat is None
        and findings.refimage is None,
    )


def _key(image: Inspected) -> str:
    """Return what changes when a header does, or the chips that are used."""
    return digest([image.file, [chip["extension"] for chip in image.chips]])


def _look(images: Sequence[Inspected], known: Mapping[str, Seen]) -> dict[str, Seen]:
    """Return what the headers of images say, by their keys."""
    found: dict[str, Seen] = {}
    problems: list[str] = []
    for image in images:
        key = _key(image)
        try:
            found[key] = known[key] if key in known else _see(image)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return found


def _see(image: Inspected) -> Seen:
    """Read what the headers of an image say."""
    from tweakreg_steps.astrometry.undistortion import pixel_scale, pixels_to_sky
    from tweakreg_steps.fits_files.exposure import read_wcs
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus

    path = image.image.path
    ra: list[float] = []
    dec: list[float] = []
    scale = 0.0
    for record in image.chips:
        chip = chip_from_record(record)
        wcs = read_wcs(path, chip)
        ny, nx = chip.shape
        corners = pixels_to_sky(
            wcs, [1.0, nx, nx, 1.0], [1.0, 1.0, ny, ny], where=f"{path}: {chip.label}"
        )
        ra += corners[0].tolist()
        dec += corners[1].tolist()
        scale = max(scale, float(pixel_scale(wcs)))
    hdus = scan_hdus(path)
    first = image.chips[0]["extension"]
    header = {**hdus[0].values, **hdus[first].values}
    return {
        "ra": ra,
        "dec": dec,
        "scale": scale,
        "camera": _camera(header),
        "visit": _visit(header, path),
    }


def _camera(header: Cards) -> str:
    """Return camera and filter as one text; empty where the header names none."""
    from tweakreg_steps.psf.psf_camera import camera_and_filter

    return " ".join(filter(None, camera_and_filter(header)))


def _visit(header: Cards, path: Path) -> str:
    """Return what the exposures of a visit have in common: the visit, and its guide star.

    Empty where the header says nothing of a visit.
    """
    texts = {key: str(header.get(key, "")).strip() for key in _VISIT_KEYS}
    visit = texts["VISIT_ID"]
    if not visit and texts["PROPOSID"] and texts["LINENUM"]:
        visit = f"{texts['PROPOSID']}.{texts['LINENUM'].partition('.')[0]}"
    root = texts["ROOTNAME"] or path.name.partition("_")[0]
    if not visit and len(root) == _ROOT and root.isalnum():
        visit = root[:_VISIT].lower()
    guides = "+".join(filter(None, (texts["DGESTAR"], texts["SGESTAR"], texts["GDSTARID"])))
    return f"{visit} {guides}".strip() if visit else ""


_VISIT_KEYS = ("VISIT_ID", "PROPOSID", "LINENUM", "ROOTNAME", "DGESTAR", "SGESTAR", "GDSTARID")


def _margin(recipe: Recipe, name: str, seen: Seen) -> float:
    """Return by how many arcseconds the header of an image may be wrong."""
    matching = image_values(recipe.values, name)["object_matching"]
    is_angle = matching["searchunits"] == "arcseconds"
    radius: float = matching["searchrad"]
    return radius if is_angle else radius * float(seen["scale"])


def _overlapping(seen: Sequence[Seen], margin: float) -> list[list[int]]:
    """Return the pairs that are to be matched, by their places in the list."""
    from tweakreg_steps.alignment.overlap import hull_of
    from tweakreg_steps.solving.overlaps import choose_pairs, find_overlaps

    hulls = [hull_of(one["ra"], one["dec"]) for one in seen]
    overlaps = find_overlaps(hulls, margin=margin)
    chosen = choose_pairs(overlaps, len(hulls), most=_MOST_PAIRS)
    return [[pair.one, pair.other] for pair in chosen]


def _named(names: Sequence[str], pairs: Sequence[Sequence[int]]) -> dict[str, tuple[str, str]]:
    """Return the images of pairs by what each is called: ``<one>-<other>``, and never two alike."""
    found: dict[str, tuple[str, str]] = {}
    for one, other in pairs:
        name = f"{names[one]}-{names[other]}"
        while name in found:
            name += "-"
        found[name] = names[one], names[other]
    return found
