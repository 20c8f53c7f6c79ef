"""The picture of a run's PSF: that of a file, the one that was built, or the mean of its stars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tweakreg_steps.psf.exposed_pixels import ExposureFiles
from tweakreg_steps.psf.psf_file import describe_psf_file, read_psf
from tweakreg_steps.psf.psf_grid import PsfGrid
from tweakreg_steps.psf.star_image import LEAST_STARS, average_stars
from tweakreg_steps.reporting.plot_psf import draw_psf
from tweakreg_steps.reporting.plot_style import draw_message
from tweakreg_steps.tables.ecsv import ColumnTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_known_psf(
    name: str, path: Path, exposure: ExposureFiles, *, is_built: bool, labelsize: int
) -> Figure:
    """Draw the PSF of a file for the detectors of an exposure.

    Parameters
    ----------
    name
        Camera and filter.
    path
        The file.
    exposure
        An image that is measured with it.
    is_built
        It was built from the exposures.
    labelsize
        Size of the letters in points.
    """
    file = describe_psf_file(path)
    setups = [chip.setup for chip in exposure.chips]
    psfs = {setup.detector: read_psf(file, setup) for setup in setups}
    note = "built from the exposures" if is_built else f"from {path.name}"
    same = "the same all over the detector"
    return draw_psf(name=name, psfs=psfs, note=note, if_single=same, labelsize=labelsize)


def draw_stars(
    name: str, exposure: ExposureFiles, catalog: ColumnTable, *, labelsize: int
) -> Figure:
    """Draw the mean of an exposure's stars, where the finder puts them; see `draw_known_psf`."""
    psfs: dict[int, PsfGrid] = {}
    counts: Mapping[int, int] = {}
    for chip in exposure.chips:
        found = average_stars(chip, catalog)
        if found is not None:
            psfs[chip.chip.number] = found[0]
            counts = {**counts, chip.chip.number: found[1]}
    if not psfs:
        text = f"fewer than {LEAST_STARS} stars stand alone: there is no picture of the PSF"
        return draw_message(title=f"{name}: mean of the stars", message=text)
    number = sum(counts.values())
    note = f"{number} stars of {exposure.name} as the finder centres them; no PSF used"
    mean = "one mean of all stars:\nhow it changes over the detector\nis not measured without a PSF"
    return draw_psf(name=name, psfs=psfs, note=note, if_single=mean, labelsize=labelsize)
