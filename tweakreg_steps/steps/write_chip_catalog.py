"""TweakReg's text catalog of one chip."""

from __future__ import annotations

from typing import TypedDict

from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import BEST_POSITIONS
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import CHIP_CATALOG
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """The number of the chip."""

    chip: int


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where text catalogs are wanted."""
    if subject.chip is None or not (subject.recipe["writecat"] and subject.is_sought):
        return None
    return {"chip": subject.chip}


STEP = Step(
    __name__,
    per=Per.CHIP,
    facts=_facts,
    reads=BEST_POSITIONS,
    writes={"xy": CHIP_CATALOG},
    imports=("tweakreg_steps.reporting.text_products",),
)


def run(call: StepCall[NoParameters, Facts]) -> None:
    """Write ``tweakreg/<image>_sci<chip>_xy_catalog.coo``."""
    from tweakreg_steps.reporting.text_products import xy_catalog_text
    from tweakreg_steps.tables.ecsv import ColumnTable

    catalog = call.read_table("positions" if call.optional_file("positions") else "catalog")
    on_chip = catalog["chip"] == call.inputs["chip"]
    rows = ColumnTable({name: column[on_chip] for name, column in catalog.columns.items()})
    call.write_text("xy", xy_catalog_text(rows, image=catalog.meta["image"]))
