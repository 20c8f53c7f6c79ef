"""Small pictures of an image whose sources come from catalogs: its page shows what they lie on."""

from __future__ import annotations

from dataclasses import replace

from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_reported
from tweakreg_steps.steps.declaration import ChipsOfImage, NoFacts, Per, Step
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.preloads import PICTURE_MODULES
from tweakreg_steps.steps.products import CATALOG, QUICKLOOK
from tweakreg_steps.steps.subject import Subject


def _facts(subject: Subject) -> NoFacts | None:
    """Return that there is nothing more; there is a job where nobody else looks at the pixels."""
    return {} if is_reported(subject) and subject.has_catalogs else None


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("pixels",),
    reads={"catalog": CATALOG},
    writes={"quicklook": QUICKLOOK},
    imports=PICTURE_MODULES,
    mem_mb_per_mpixel=30,
)


def run(call: StepCall[NoParameters, ChipsOfImage]) -> None:
    """Write ``quicklooks/<image>.json``."""
    import numpy as np

    from tweakreg_steps.reporting.quicklook import make_quicklook

    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    given = call.read_table("catalog")  # nothing in it tells a star from a cosmic ray
    narrow = np.zeros(len(given), dtype=np.bool_)
    catalog = replace(given, columns={**given.columns, "narrow": narrow})
    look = make_quicklook(call.file("image"), chips, mask=None, catalog=catalog)
    call.write_record("quicklook", look)
