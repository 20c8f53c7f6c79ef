"""The plot of the 2-D histogram from which the offset was taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tweakreg_steps.step import StepCall
from tweakreg_steps.tables import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``plots/hist2d_<image>.png``."""
    from tweakreg_steps.offset import offset_histogram
    from tweakreg_steps.plots import plot_offsets, save_figure
    from tweakreg_steps.reference_plane import read_reference_plane
    from tweakreg_steps.undistortion import sky_to_plane

    sky, sources = read_table(call.file("sky")), read_table(call.file("sources"))
    meta = read_table(call.file("matches")).meta
    histogram = None
    if "search_radius" in meta:
        plane = read_reference_plane(call.file("plane"))
        histogram = offset_histogram(
            np.column_stack(sky_to_plane(plane, sky["ra"], sky["dec"])),
            np.column_stack(sky_to_plane(plane, sources["ra"], sources["dec"])),
            radius=meta["search_radius"],
        )
    save_figure(plot_offsets(histogram, meta, image=call.name), call.file("plot"))
    return [call.file("plot")]
