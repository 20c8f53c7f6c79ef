"""What one parameter says about another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tweakreg_steps.recipes.differences import differences
from tweakreg_steps.recipes.schema import HEADER, Tree, load_schema, value_at
from tweakreg_steps.records.outdir_files import FILES, FOLDERS

Found = tuple[tuple[str, ...], str]

_GEOMETRIES = ("shift", "rshift", "rscale", "general")
_FINDER_NAMES = {"sextractor": "SExtractor", "segmentation": "segmentation"}
_TAKEN = frozenset(name.casefold() for name in (*FOLDERS, *FILES))

_HEADER_TEXTS = (
    (HEADER, "wcsname"),
    *(("headerlet_creation", name) for name in ("hdrname", "author", "descrip", "catalog")),
)


def cross_field_problems(values: Tree) -> Iterator[Found]:
    """Yield what is wrong between the fields of a recipe whose single values are right."""
    if not values["enforce_user_order"] and not values["expand_refcat"]:
        yield (
            ("enforce_user_order",),
            "false needs expand_refcat: true; the order is free only then",
        )
    for section in ("imagefindpars", "refimagefindpars"):
        yield from _find_problems(section, values[section])
    yield from _catalog_problems("reference_catalog", values["reference_catalog"], "r", "ref")
    yield from _catalog_problems("coordinate_file", values["coordinate_file"], "", "")
    yield from _header_text_problems(values)
    header = values[HEADER]
    if header["in_place"] and not header["updatehdr"]:
        yield (
            (HEADER, "in_place"),
            "true needs updatehdr: true; or run, look, and write with tweakreg apply",
        )
    yield from _solution_problems(values)
    yield from _name_problems(values)


def _solution_problems(values: Tree) -> Iterator[Found]:
    """Yield what is wrong with how all images are to be solved together."""
    solution, section = values["solution"], "solution"
    groups, geometry = solution["groups"], solution["fitgeometry"]
    if isinstance(groups, str) and groups not in ("exposure", "visit"):
        yield (
            (section, "groups"),
            (
                f"{groups!r} is none of exposure and visit; or name groups, each with its files: "
                "{east: ['a_flc.fits', 'b*_flc.fits']}"
            ),
        )
    if isinstance(geometry, str) and geometry not in _GEOMETRIES:
        yield (section, "fitgeometry"), f"{geometry!r} is none of {', '.join(_GEOMETRIES)}"
    if solution["method"] == "single":
        return
    if values["expand_refcat"]:
        yield (
            ("expand_refcat",),
            (
                f"true needs solution.method: single; {solution['method']} takes the stars that "
                "any two images share, and needs no reference that grows"
            ),
        )
    if values["catalog_fitting"]["fitgeometry"] == "auto":
        yield (
            ("catalog_fitting", "fitgeometry"),
            f"auto needs solution.method: single; choose {', '.join(_GEOMETRIES)}",
        )


def _name_problems(values: Tree) -> Iterator[Found]:
    """Yield what is wrong with the names of products that a recipe can choose.

    Letters count as one in either case: some disks do not tell them apart.
    """
    shifts = values["shiftfile_output"]
    chosen = {
        ("shiftfile_output", "outshifts"): shifts["outshifts"],
        ("shiftfile_output", "outwcs"): shifts["outwcs"],
        ("runfile",): values["runfile"],
    }
    names = list(chosen.values())
    if len({name.casefold() for name in names}) < len(names):
        yield (
            ("shiftfile_output",),
            f"outshifts, outwcs and runfile must be three files, got {', '.join(names)}",
        )
    for path, name in chosen.items():
        if name.casefold() in _TAKEN:
            yield path, f"{name!r} is the name of another product or folder; choose another"


def _find_problems(section: str, find: Tree) -> Iterator[Found]:
    """Yield what is wrong between the source-finding parameters."""
    from tweakreg_steps.masking.dq_mask import dqbits_problem

    for low, high in (
        ("peakmin", "peakmax"),
        ("fluxmin", "fluxmax"),
        ("sharplo", "sharphi"),
        ("roundlo", "roundhi"),
    ):
        if find[low] is not None and find[high] is not None and find[low] >= find[high]:
            yield (
                (section, low),
                f"{find[low]} leaves no source; it must be below {high} ({find[high]})",
            )
    if not find["computesig"] and find["skysigma"] == 0:
        yield (
            (section, "skysigma"),
            "0 with computesig: false sets no threshold; give the sky noise",
        )
    yield from _finder_problems(section, find)
    if find["centroid"] == "psf" and find["psf"] is None:
        yield (
            (section, "psf"),
            "is missing, which centroid: psf needs; name a file, or build to have it made",
        )
    if find["dqbits"] is not None:
        problem = dqbits_problem(find["dqbits"])
        if problem:
            yield (section, "dqbits"), problem


def _header_text_problems(values: Tree) -> Iterator[Found]:
    """Yield the texts that cannot stand in a FITS header, which holds printable ASCII only."""
    for path in _HEADER_TEXTS:
        text = value_at(values, path)
        strange = [character for character in text if not " " <= character <= "~"]
        if strange:
            yield (
                path,
                f"{strange[0]!r} cannot stand in a FITS header; write it in ASCII",
            )


def _finder_problems(section: str, find: Tree) -> Iterator[Found]:
    """Yield what does not go with the finder."""
    from tweakreg_steps.finding.sextractor_options import option_problems

    finder, options = find["finder"], find["sextractor"]
    if options and finder != "sextractor":
        yield (section, "sextractor"), "needs finder: sextractor; leave one of both out"
    if find["use_sharp_round"] and finder in ("sextractor", "segmentation"):
        text = f"{_FINDER_NAMES[finder]} measures neither sharpness nor roundness"
        yield (section, "use_sharp_round"), f"true needs finder: daofind or iraf; {text}"
    if find["background"] != "local" and finder == "sextractor":
        yield (
            (section, "background"),
            "map needs another finder; SExtractor makes its own map (sextractor: {BACK_SIZE: 64})",
        )
    if find["backfiltersize"] % 2 == 0:
        yield (section, "backfiltersize"), f"{find['backfiltersize']} is even; give an odd number"
    if find["ratio"] != 1 and finder == "iraf":
        yield (section, "ratio"), "needs another finder; the kernel of iraf is round"
    if finder == "sextractor":
        for name, text in option_problems(options).items():
            yield (section, "sextractor", name), text


def _catalog_problems(section: str, catalog: Tree, flux: str, position: str) -> Iterator[Found]:
    """Yield what is wrong between the parameters of catalogs.

    `flux` and `position` are what the names of the section's parameters begin with.
    """
    bright, faint = catalog[f"{flux}maxflux"], catalog[f"{flux}minflux"]
    if section == "reference_catalog" and catalog["refcat"] is None:
        return
    names = (f"{flux}maxflux", f"{flux}minflux", f"{position}nbright")
    if catalog[f"{flux}fluxcol"] is None:
        for name in names:
            if catalog[name] is not None:
                yield (section, name), f"needs {flux}fluxcol, the column of the flux or magnitude"
    if bright is None or faint is None:
        return
    is_mag = catalog[f"{flux}fluxunits"] == "mag"
    if is_mag and bright > faint:
        yield (
            (section, f"{flux}maxflux"),
            f"{bright} is the bright limit and must not exceed {flux}minflux ({faint}) in mag",
        )
    if not is_mag and bright < faint:
        yield (
            (section, f"{flux}maxflux"),
            f"{bright} is the bright limit and must not be below {flux}minflux ({faint})",
        )


def cross_field_warnings(values: Tree, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is allowed but invites trouble.

    The warning about confusion is for those who chose a tolerance or a separation: `given` is the
    recipe as it was written.
    """
    matching = values["object_matching"]
    tolerance, separation = matching["tolerance"], matching["separation"]
    chosen = {"tolerance", "separation"} & _chosen(given, "object_matching")
    if chosen and separation <= math.sqrt(2) * tolerance:
        yield (
            f"object_matching.separation ({separation}) is not above sqrt(2) times "
            f"object_matching.tolerance ({tolerance}): one source may match two; "
            f"raise separation above {math.sqrt(2) * tolerance:.2f} or lower tolerance"
        )
    triangles = "triangles" in (matching["method"], matching["fallback"])
    if matching["mirrored"] and not triangles:
        yield (
            "object_matching.mirrored has no effect without triangles as object_matching.method"
            " or object_matching.fallback"
        )
    if triangles and values["catalog_fitting"]["fitgeometry"] == "shift":
        yield (
            "object_matching may find a rotation by triangles, but catalog_fitting.fitgeometry is"
            " shift: choose rscale or general to have it corrected"
        )
    if not matching["use2dhist"] and matching["xoffset"] is None and matching["yoffset"] is None:
        yield "object_matching.use2dhist is false and no offset is given: 0, 0 is taken"
    yield from _solution_warnings(values, given)
    for section in ("imagefindpars", "refimagefindpars"):
        if values[section]["psf"] is not None and values[section]["centroid"] != "psf":
            yield f"{section}.psf has no effect without {section}.centroid: psf"
    headerlet = values["headerlet_creation"]
    named = _chosen(given, "headerlet_creation") - {"headerlet"}
    if named and not headerlet["headerlet"]:
        yield (
            f"headerlet_creation: {', '.join(sorted(named))} have no effect while "
            "headerlet_creation.headerlet is false"
        )


def _solution_warnings(values: Tree, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has no effect on how the images are put together."""
    method = values["solution"]["method"]
    own = _chosen(given, "solution") - {"method"}
    if method == "single":
        if own:
            yield (
                f"solution: {', '.join(sorted(own))} have no effect while solution.method is single"
            )
        return
    fitting = {"weights", "robust_start", "nclip", "sigma"} & _chosen(given, "catalog_fitting")
    if fitting:
        yield (
            f"catalog_fitting: {', '.join(sorted(fitting))} have no effect with solution.method: "
            f"{method}; see solution.weights, solution.nclip and solution.sigma"
        )


def _chosen(given: Mapping[str, Any], section: str) -> set[str]:
    """Return what was chosen in a section of a recipe as it was written.

    One that is written out whole, as in ``recipe.resolved.yaml``, chooses what is no default.
    """
    said: Mapping[str, Any] = given.get(section) or {}
    known = load_schema()["properties"][section]["properties"]
    if known.keys() - said.keys():
        return set(said)
    return {one.name.split(".")[1] for one in differences({section: said})}
