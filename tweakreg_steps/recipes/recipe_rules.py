"""What one parameter says about another, and what is refused because it is not built yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tweakreg_steps.recipes.schema import Tree, parameters, value_at

Found = tuple[tuple[str, ...], str]


def pending_problems(values: Tree) -> Iterator[Found]:
    """Yield each parameter whose rule is not built and whose value is not the default."""
    for parameter in parameters():
        value = value_at(values, parameter.path)
        if parameter.pending and value != parameter.default:
            yield (
                parameter.path,
                (
                    f"{value!r} asks for the rule {parameter.rule}, which is not built yet; "
                    f"the way out: {parameter.pending}"
                ),
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
    yield from _catalog_problems(values["reference_catalog"])
    shifts = values["shiftfile_output"]
    names = [shifts["outshifts"], shifts["outwcs"], values["runfile"]]
    if len(set(names)) < len(names):
        yield (
            ("shiftfile_output",),
            f"outshifts, outwcs and runfile must be three files, got {', '.join(names)}",
        )


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
    if find["dqbits"] is not None:
        problem = dqbits_problem(find["dqbits"])
        if problem:
            yield (section, "dqbits"), problem


def _catalog_problems(catalog: Tree) -> Iterator[Found]:
    """Yield what is wrong between the parameters of the reference catalog."""
    bright, faint = catalog["rmaxflux"], catalog["rminflux"]
    if catalog["refcat"] is None:
        return
    limits = [name for name in ("rmaxflux", "rminflux", "refnbright") if catalog[name] is not None]
    if limits and catalog["rfluxcol"] is None:
        for name in limits:
            yield ("reference_catalog", name), "needs rfluxcol, the column of the flux or magnitude"
    if bright is not None and faint is not None:
        if catalog["rfluxunits"] == "mag" and bright > faint:
            yield (
                ("reference_catalog", "rmaxflux"),
                f"{bright} is the bright limit and must not exceed rminflux ({faint}) in mag",
            )
        if catalog["rfluxunits"] != "mag" and bright < faint:
            yield (
                ("reference_catalog", "rmaxflux"),
                f"{bright} is the bright limit and must not be below rminflux ({faint})",
            )


def cross_field_warnings(values: Tree, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is allowed but invites trouble.

    The warning about confusion is for those who chose a tolerance or a separation: `given` is the
    recipe as it was written.
    """
    matching = values["object_matching"]
    tolerance, separation = matching["tolerance"], matching["separation"]
    chosen = {"tolerance", "separation"} & set(given.get("object_matching", ()))
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
    header = values["update_header"]
    if header["copy_not_aligned"] and not header["updatehdr"]:
        yield "update_header.copy_not_aligned has no effect while update_header.updatehdr is false"
