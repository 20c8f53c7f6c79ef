"""TweakReg's list of all text catalogs."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.layout import chip_catalog_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.provenance.statement import sign_text
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write ``tweakreg/<first image>_xy_catfile.list``."""
    from tweakreg_steps.products.text_products import catfile_list_text

    rows = [
        (
            image.label,
            [Path(chip_catalog_of(image.name, chip["number"])).name for chip in image.chips],
        )
        for image in read_manifest(call.file("manifest"))
    ]
    text = sign_text(catfile_list_text(rows), call.statement)
    write_text_atomically(call.file("catfile"), text)
    return [call.file("catfile")]
