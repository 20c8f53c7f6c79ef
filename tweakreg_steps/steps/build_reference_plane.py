"""The undistorted WCS in whose pixels matching and fitting are done."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.planning.manifest import read_manifest, read_refimage
from tweakreg_steps.planning.plane_order import in_plane_order
from tweakreg_steps.provenance.statement import history_lines
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record


def run(call: StepCall) -> list[Path]:
    """Write ``reference/wcs.fits``."""
    from tweakreg_steps.astrometry.reference_plane import (
        build_reference_plane,
        plane_of_image,
        write_reference_plane,
    )

    refimage = read_refimage(call.file("manifest"))
    if refimage:
        plane = plane_of_image(refimage.wcs_path, chip_from_record(refimage.chips[0]))
    else:
        images = read_manifest(call.file("manifest"))
        sources = [
            (image.wcs_path, [chip_from_record(chip) for chip in image.chips])
            for image in in_plane_order(images, name=lambda image: image.name)
        ]
        plane = build_reference_plane(sources)
    write_reference_plane(plane, call.file("plane"), history=history_lines(call.statement))
    return [call.file("plane")]
