"""All images, one after the other, with a reference list that grows on the way."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.json_file import write_json
from tweakreg_steps.layout import fits_of, matches_of, sky_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write matches and fit of each image, and the reference list as it has grown."""
    from tweakreg_steps.alignment.sequence import align_in_sequence
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    names = [image.name for image in read_manifest(call.file("manifest"))]
    start = call.optional_file("sources")
    acceptance = call.parameters["acceptance"]
    sequence = align_in_sequence(
        {name: read_table(Path(sky_of(name))) for name in names},
        read_table(start) if start else None,
        plane=read_reference_plane(call.file("plane")),
        reference=call.inputs["reference"],
        enforce_user_order=call.parameters["enforce_user_order"],
        matching=call.parameters["object_matching"],
        max_chance=acceptance["max_chance"],
        fitting=call.parameters["catalog_fitting"],
        gates={name: value for name, value in acceptance.items() if name != "max_chance"},
    )
    products = [call.file("expanded")]
    write_table(call.file("expanded"), sequence.sources)
    for name, image in sequence.images.items():
        matches, fit, pairs = map(Path, (matches_of(name), *fits_of(name)))
        write_table(matches, image.matches)
        write_json(fit, image.fitted.record)
        write_table(pairs, image.fitted.pairs)
        products += [matches, fit, pairs]
    return products
