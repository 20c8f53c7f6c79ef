"""Which source of an image is which source of the reference."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.provenance.statement import sign_table
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write ``matches/<image>.ecsv``."""
    from tweakreg_steps.alignment.match_table import make_match_table
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    matches = make_match_table(
        read_table(call.file("sky")),
        read_table(call.file("sources")),
        plane=read_reference_plane(call.file("plane")),
        image=call.name,
        is_reference=call.inputs["is_reference"],
        matching=call.parameters["object_matching"],
        max_false_alarm=call.parameters["acceptance"]["max_false_alarm"],
    )
    write_table(call.file("matches"), sign_table(matches, call.statement))
    return [call.file("matches")]
