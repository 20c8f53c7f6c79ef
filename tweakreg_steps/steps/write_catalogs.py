"""TweakReg's text products of an image, but for the catalogs of its chips."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.json_file import read_json
from tweakreg_steps.planning.manifest import chip_labels
from tweakreg_steps.provenance.statement import sign_text
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write the sky and reference-plane catalogs, the match file and the fit file."""
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane
    from tweakreg_steps.astrometry.undistortion import sky_to_plane
    from tweakreg_steps.products.text_products import (
        fit_match_text,
        refxy_catalog_text,
        sky_catalog_text,
        source_origins,
        xy_match_text,
    )

    sky = read_table(call.file("sky"))
    pairs = read_table(call.file("pairs"))
    labels = chip_labels(call.file("manifest"))
    origin = source_origins(pairs["origin"], pairs["ref_chip"], labels)
    named = {**pairs.columns, "origin": origin}
    fit = read_json(call.file("fit"))
    plane = read_reference_plane(call.file("plane"))
    x, y = sky_to_plane(plane, sky["ra"], sky["dec"], where=call.name)
    texts = {
        "sky_text": sky_catalog_text(sky, image=call.name),
        "refxy_text": refxy_catalog_text(x, y, image=call.name),
        "match_text": xy_match_text(named, image=call.name, reference=fit["reference"]),
        "fit_text": fit_match_text(named, fit, image=call.name),
    }
    for key, text in texts.items():
        write_text_atomically(call.file(key), sign_text(text, call.statement))
    return [call.file(key) for key in texts]
