"""The working copy of an image: its file with WCS and distortion model made anew by stwcs."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.provenance.statement import history_lines
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record


def run(call: StepCall) -> list[Path]:
    """Write ``working/<image>.fits``."""
    from tweakreg_steps.headers.wcs_update import write_updated_copy

    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    history = history_lines(call.statement)
    write_updated_copy(call.file("image"), call.file("working"), chips=chips, history=history)
    return [call.file("working")]
