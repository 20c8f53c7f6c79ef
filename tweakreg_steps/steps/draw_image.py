"""Small pictures of an image whose sources come from catalogs: its page shows what they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import is_reported
from tweakreg_steps.steps.declaration import Per, Step
from tweakreg_steps.steps.preloads import PICTURE_MODULES
from tweakreg_steps.steps.products import CATALOG, QUICKLOOK
from tweakreg_steps.steps.subject import Subject
from tweakreg_steps.surveying.chip_record import chip_from_record


class Facts(TypedDict):
    """Where the chips are."""

    chips: list[dict[str, Any]]


def _facts(subject: Subject) -> dict[str, Any] | None:
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


def run(call: StepCall[Mapping[str, Any], Facts]) -> None:
    """Write ``quicklooks/<image>.json``."""
    import numpy as np

    from tweakreg_steps.reporting.quicklook import make_quicklook

    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    given = call.read_table("catalog")  # nothing in it tells a star from a cosmic ray
    narrow = np.zeros(len(given), dtype=np.bool_)
    catalog = replace(given, columns={**given.columns, "narrow": narrow})
    look = make_quicklook(call.file("image"), chips, mask=None, catalog=catalog)
    call.write_record("quicklook", look)
