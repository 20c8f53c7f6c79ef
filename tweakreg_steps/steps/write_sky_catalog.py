"""TweakReg's text catalog of the reference image's sources on the sky."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.provenance.statement import sign_text
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``tweakreg/<image>_sky_catalog.coo``."""
    from tweakreg_steps.products.text_products import sky_catalog_text

    sky = read_table(call.file("sky"))
    text = sky_catalog_text(sky, image=call.name)
    write_text_atomically(call.file("sky_text"), sign_text(text, call.statement))
    return [call.file("sky_text")]
