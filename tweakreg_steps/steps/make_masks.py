"""Where on each chip sources may be found, from exclusion regions, masks and DQ flags."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.fits_files.mask_file import write_masks
from tweakreg_steps.provenance.statement import history_lines
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record


def run(call: StepCall) -> list[Path]:
    """Write ``masks/<image>.fits``."""
    from tweakreg_steps.masking.exclusions import read_exclusions
    from tweakreg_steps.masking.image_masks import image_masks

    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    catalog = call.optional_file("exclusions")
    files: dict[int, Path] = {}
    if call.inputs["exclusions"] and catalog:
        name = call.inputs["excluded_as"]
        files = read_exclusions(catalog, chips={}).files_of(name, chips)
    masks = image_masks(call.file("image"), chips, exclusions=files, dqbits=call.findpars["dqbits"])
    write_masks(call.file("mask"), masks, call.name, history=history_lines(call.statement))
    return [call.file("mask")]
