"""TweakReg's text catalog of one chip."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.provenance.statement import sign_text
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import ColumnTable, read_table


def run(call: StepCall) -> list[Path]:
    """Write ``tweakreg/<image>_sci<chip>_xy_catalog.coo``."""
    from tweakreg_steps.products.text_products import xy_catalog_text

    catalog = read_table(call.file("catalog"))
    on_chip = catalog["chip"] == call.inputs["chip"]
    rows = ColumnTable({name: column[on_chip] for name, column in catalog.columns.items()})
    text = xy_catalog_text(rows, image=catalog.meta["image"])
    write_text_atomically(call.file("xy"), sign_text(text, call.statement))
    return [call.file("xy")]
