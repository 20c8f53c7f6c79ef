"""Where on each chip sources may be found, from exclusion regions, masks and DQ flags."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.chip_record import chip_from_record
from tweakreg_steps.mask_file import write_masks
from tweakreg_steps.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write ``masks/<image>.fits``."""
    from tweakreg_steps.exclusions import exclusions_of
    from tweakreg_steps.exposure import read_dq, read_wcs
    from tweakreg_steps.region_masks import chip_mask

    dqbits = call.parameters["imagefindpars"]["dqbits"]
    excluded = call.inputs["exclusions"]
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    catalog = call.optional_file("exclusions")
    files = exclusions_of(catalog, call.name, n_chips=len(chips)) if excluded and catalog else {}
    masks = []
    for chip in chips:
        region = files.get(chip.number)
        masks.append(
            chip_mask(
                chip.shape,
                read_wcs(call.file("image"), chip) if region else None,
                region,
                read_dq(call.file("image"), chip) if dqbits is not None else None,
                dqbits,
            )
        )
    write_masks(call.file("mask"), masks, call.name)
    return [call.file("mask")]
