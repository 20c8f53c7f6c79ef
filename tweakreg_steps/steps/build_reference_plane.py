"""The undistorted WCS in whose pixels matching and fitting are done."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.planning.chip_record import chip_from_record
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write ``reference/wcs.fits``."""
    from tweakreg_steps.astrometry.reference_plane import (
        build_reference_plane,
        write_reference_plane,
    )

    sources = [
        (image.wcs_path, [chip_from_record(chip) for chip in image.chips])
        for image in read_manifest(call.file("manifest"))
    ]
    write_reference_plane(build_reference_plane(sources), call.file("plane"))
    return [call.file("plane")]
