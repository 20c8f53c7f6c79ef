"""Where on each chip sources may be found, from exclusion regions, masks and DQ flags."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.fits_files.mask_file import write_masks
from tweakreg_steps.planning.chip_record import chip_from_record
from tweakreg_steps.recipes.inputs import image_name
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write ``masks/<image>.fits``."""
    from tweakreg_steps.fits_files.exposure import read_dq, read_header, read_wcs
    from tweakreg_steps.masking.exclusions import exclusions_of
    from tweakreg_steps.masking.region_masks import chip_mask, physical_system

    dqbits = call.findpars["dqbits"]
    excluded = call.inputs["exclusions"]
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    catalog = call.optional_file("exclusions")
    image = call.file("image")
    files: dict[int, Path] = {}
    if excluded and catalog:
        files = exclusions_of(catalog, image_name(image))
    masks = {
        chip.number: chip_mask(
            shape=chip.shape,
            wcs=read_wcs(image, chip),
            physical=physical_system(read_header(image, chip)),
            exclusion=files.get(chip.number),
            dq=read_dq(image, chip) if dqbits is not None else None,
            dqbits=dqbits,
        )
        if chip.number in files or dqbits is not None
        else None
        for chip in chips
    }
    write_masks(call.file("mask"), masks, call.name)
    return [call.file("mask")]
