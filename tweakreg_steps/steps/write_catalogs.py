"""TweakReg's text products of an image, but for the catalogs of its chips."""

from __future__ import annotations

from tweakreg_steps.fit_file import accepted_numbers, read_fit
from tweakreg_steps.records.plan_file import read_chip_labels
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import NoFacts, Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import PLANE_MODULES
from tweakreg_steps.steps.products import (
    FIT,
    FIT_MATCH,
    PAIRS,
    PLANE,
    REFXY_CATALOG,
    SKY,
    SKY_CATALOG,
    XY_MATCH,
)
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job where text catalogs are wanted."""
    return {} if subject.recipe["writecat"] and subject.is_input else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    reads={"sky": SKY, "plane": PLANE, "pairs": PAIRS, "fit": FIT},
    writes={
        "sky_text": SKY_CATALOG,
        "refxy_text": REFXY_CATALOG,
        "match_text": XY_MATCH,
        "fit_text": FIT_MATCH,
    },
    imports=("tweakreg_steps.reporting.text_products", *PLANE_MODULES),
)


def run(call: StepCall[NoParameters, NoFacts]) -> None:
    """Write the sky and reference-plane catalogs, the match file and the fit file."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.astrometry.undistortion import sky_to_plane
    from tweakreg_steps.reporting.text_products import (
        fit_match_text,
        refxy_catalog_text,
        sky_catalog_text,
        source_origins,
        xy_match_text,
    )

    sky, pairs, fit = call.read_table("sky"), call.read_table("pairs"), read_fit(call.file("fit"))
    plane = read_reference_plane(call.file("plane"))
    x, y = sky_to_plane(plane, sky["ra"], sky["dec"], where=call.name)
    call.write_text("sky_text", sky_catalog_text(sky, image=call.name))
    call.write_text("refxy_text", refxy_catalog_text(x, y, image=call.name))
    labels = read_chip_labels(call.file("plan"), set(pairs["origin"].tolist()))
    named = {
        **pairs.columns,
        "origin": source_origins(pairs["origin"], pairs["ref_chip"], labels),
    }
    match_text = xy_match_text(named, image=call.name, reference=fit["reference"])
    call.write_text("match_text", match_text)
    numbers = accepted_numbers(fit) if fit["status"] == "aligned" else None
    call.write_text("fit_text", fit_match_text(named, numbers, image=call.name))
