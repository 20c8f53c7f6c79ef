"""What the work of several steps imports, for the warm process to import before it is asked."""

from __future__ import annotations

PLANE_MODULES = ("tweakreg_steps.astrometry.reference_plane", "shapely")
HEADER_MODULES = (
    "tweakreg_steps.fits_files.digests",
    "tweakreg_steps.fits_files.exposure_epoch",
    "tweakreg_steps.headers.header_update",
    *PLANE_MODULES,
)
MATCHING_MODULES = (
    "tweakreg_steps.alignment.match_table",
    "tweakreg_steps.matching.matching",
    "scipy.special",
    *PLANE_MODULES,
)
FITTING_MODULES = (
    "tweakreg_steps.alignment.fitted_image",
    "tweakreg_steps.matching.fitting",
    "tweakreg_steps.matching.acceptance",
    "tweakreg_steps.matching.geometry_choice",
    "scipy.special",
    *PLANE_MODULES,
)
ENCODER_MODULES = tuple(f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Ppm", "Png"))
PICTURE_MODULES = (
    "tweakreg_steps.reporting.quicklook",
    "astropy.visualization.interval",
    *ENCODER_MODULES,
)
DRAWING_MODULES = (
    "tweakreg_steps.reporting.plots",
    "tweakreg_steps.reporting.plot_canvas",
    "tweakreg_steps.reporting.png_file",
    "tweakreg_steps.reporting.plot_ticks",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.style",
    "PIL._imagingft",
)
