"""The shift file that AstroDrizzle reads, and the reference WCS that belongs to it."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_bytes_atomically, write_text_atomically
from tweakreg_steps.json_file import read_json
from tweakreg_steps.layout import fit_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.reviewing.verdict import after_review
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write the shift file and ``reference/wcs.fits`` under the name it is given there."""
    from tweakreg_steps.products.shiftfile import shiftfile_text

    images = read_manifest(call.file("manifest"))
    fits = [read_json(Path(fit_of(image.name))) for image in images]
    rows = [
        (image.path.name, after_review(fit, rejected=image.name in call.inputs["rejected"]))
        for image, fit in zip(images, fits, strict=True)
    ]
    outwcs = call.file("outwcs")
    write_bytes_atomically(outwcs, call.file("plane").read_bytes())
    write_text_atomically(call.file("shifts"), shiftfile_text(rows, outwcs=outwcs.name))
    return [outwcs, call.file("shifts")]
