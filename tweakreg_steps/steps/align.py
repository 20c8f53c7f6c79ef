"""All images, one after the other, with a reference list that grows on the way."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.json_file import write_json
from tweakreg_steps.layout import fits_of, matches_of, sky_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.provenance.statement import sign_record, sign_table
from tweakreg_steps.recipes.merging import merge
from tweakreg_steps.recipes.schema import IMAGES
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write matches and fit of each image, and the reference list as it has grown."""
    from tweakreg_steps.alignment.alignment_parameters import alignment_parameters
    from tweakreg_steps.alignment.sequence import align_in_sequence
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    names = [image.name for image in read_manifest(call.file("manifest"))]
    start = call.optional_file("sources")
    own = call.parameters.get(IMAGES, {})
    sequence = align_in_sequence(
        {name: read_table(Path(sky_of(name))) for name in names},
        read_table(start) if start else None,
        plane=read_reference_plane(call.file("plane")),
        reference=call.inputs["reference"],
        enforce_user_order=call.parameters["enforce_user_order"],
        parameters={
            name: alignment_parameters(merge(call.parameters, own.get(name, {}))) for name in names
        },
    )
    products = [call.file("expanded")]
    statement = call.statement
    write_table(call.file("expanded"), sign_table(sequence.sources, statement))
    for name, image in sequence.images.items():
        matches, fit, pairs = map(Path, (matches_of(name), *fits_of(name)))
        write_table(matches, sign_table(image.matches, statement))
        write_json(fit, sign_record(image.fitted.record, statement))
        write_table(pairs, sign_table(image.fitted.pairs, statement))
        products += [matches, fit, pairs]
    return products
