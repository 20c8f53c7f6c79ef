"""The shift file that AstroDrizzle reads, and the reference WCS that belongs to it."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.json_file import read_json
from tweakreg_steps.layout import fit_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.provenance.statement import history_lines, sign_text
from tweakreg_steps.reviewing.verdict import after_review
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write the shift file and ``reference/wcs.fits`` under the name it is given there."""
    from tweakreg_steps.fits_files.copying import write_with_history
    from tweakreg_steps.products.shiftfile import shiftfile_text

    images = read_manifest(call.file("manifest"))
    fits = [read_json(Path(fit_of(image.name))) for image in images]
    rows = [
        (image.path.name, after_review(fit, rejected=image.name in call.inputs["rejected"]))
        for image, fit in zip(images, fits, strict=True)
    ]
    outwcs = call.file("outwcs")
    statement = call.statement
    write_with_history(call.file("plane"), outwcs, history_lines(statement))
    text = shiftfile_text(rows, outwcs=outwcs.name)
    write_text_atomically(call.file("shifts"), sign_text(text, statement))
    return [outwcs, call.file("shifts")]
