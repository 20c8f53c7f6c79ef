"""The transformation between an image and the reference, from their matched sources."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.json_file import write_json
from tweakreg_steps.provenance.statement import sign_record, sign_table
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table, write_table


def run(call: StepCall) -> list[Path]:
    """Write ``fits/<image>.json``, the fit, and ``fits/<image>.ecsv``, its pairs with residuals."""
    from tweakreg_steps.alignment.fitted_image import fit_image
    from tweakreg_steps.astrometry.reference_plane import read_reference_plane

    fitted = fit_image(
        read_table(call.file("matches")),
        plane=read_reference_plane(call.file("plane")),
        fitting=call.parameters["catalog_fitting"],
        gates=call.parameters["acceptance"],
    )
    write_table(call.file("pairs"), sign_table(fitted.pairs, call.statement))
    write_json(call.file("fit"), sign_record(fitted.record, call.statement))
    return [call.file("fit"), call.file("pairs")]
