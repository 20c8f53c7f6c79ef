"""Every kind of file that steps write, and where it stands below the output folder."""

from __future__ import annotations

from tweakreg_steps.records.outdir_files import (
    ALIGNED,
    HEADERLETS,
    MULTIQC_TABLE,
    OVERLAPS_TABLE,
    REPORT,
    REPORT_FOLDER,
    SOLUTION_FILE,
    SUMMARY,
)
from tweakreg_steps.steps.declaration import Product

WORKING = Product("working/{image}.fits", is_intermediate=True)
"""Copy of an image in which stwcs.updatewcs has made the WCS anew."""
MASK = Product("masks/{image}.fits", is_intermediate=True)
"""Where on each chip sources may be."""
CATALOG = Product("catalogs/{image}.fits", is_intermediate=True)
"""The sources of an image, in pixels."""
POSITIONS = Product("positions/{image}.fits", is_intermediate=True)
"""The same, where the PSF puts them."""
PSF = Product("psf/{psf}.fits")
"""The PSF of a camera and filter, built from the exposures."""
SKY = Product("sky/{image}.fits", is_intermediate=True)
"""The sources of an image on the sky, undistorted."""
PLANE = Product("reference/wcs.fits", counts_by_content=True)
"""The undistorted WCS in whose pixels matching and fitting are done."""
REFERENCE_SOURCES = Product("reference/sources.fits")
"""The reference list as it is before any image is aligned."""
EXPANDED_SOURCES = Product("reference/expanded_sources.fits")
"""The reference list with the sources that aligned images have added at its end."""
MATCHES = Product("matches/{image}.ecsv", is_intermediate=True)
"""Which source of an image is which of the reference."""
PAIR_MATCH = Product("pairs/{pair}.ecsv", is_intermediate=True)
"""Which source of an image is which of another that overlaps it."""
SOLUTION = Product(SOLUTION_FILE)
"""What the solution of all images at once says of them together."""
FIT = Product("fits/{image}.json")
"""The fit of an image."""
PAIRS = Product("fits/{image}.ecsv")
"""The pairs of a fit with their residuals."""
ALIGNED_COPY = Product(f"{ALIGNED}/{{file}}")
"""Copy of an image with the new WCS, under its own file name."""
HEADER_RECORD = Product("headers/{file}.json")
"""What was written into the header of an image."""
HEADERLET = Product(f"{HEADERLETS}/{{headerlet}}.fits")
"""The new WCS of an image as a headerlet."""
HEADERLET_RECORD = Product(f"{HEADERLETS}/{{headerlet}}.json")
"""How a headerlet was made."""
CHIP_CATALOG = Product("tweakreg/{image}_sci{chip}_xy_catalog.coo")
"""TweakReg's text catalog of one chip."""
SKY_CATALOG = Product("tweakreg/{image}_sky_catalog.coo")
"""TweakReg's text catalog of an image's sources on the sky."""
REFXY_CATALOG = Product("tweakreg/{image}_refxy_catalog.coo")
"""The same in pixels of the reference plane."""
XY_MATCH = Product("tweakreg/{image}_xy_catalog.match")
"""TweakReg's list of matched sources."""
FIT_MATCH = Product("tweakreg/{image}_catalog_fit.match")
"""TweakReg's list of fitted pairs."""
CUMULATIVE_RECORD = Product("reference/cumulative_refcat.json")
"""Says which ``tweakreg/cumulative_sky_refcat_<base>.coo`` was written."""
SUMMARY_TABLE = Product(SUMMARY, category="Summary")
"""One row an image: how it went."""
OVERLAPS = Product(OVERLAPS_TABLE, category="Summary")
"""How well images that overlap agree with each other, one row a pair."""
COMPARISON = Product("reference/comparison.ecsv")
"""The same, as the images were fitted, whatever a review says of them."""
QUICKLOOK = Product("quicklooks/{image}.json", is_intermediate=True)
"""Small pictures of an image, for its page."""
FOOTPRINT = Product("footprints/{image}.json", is_intermediate=True)
"""Where the chips of an image are on the sky, for its page."""
IMAGE_PAGE = Product(f"{REPORT_FOLDER}/{{image}}.html")
"""The page of one image."""
IMAGE_REPORT = Product(f"{REPORT_FOLDER}/{{image}}.json")
"""What the page of the run says of one image."""
RUN_PAGE = Product(REPORT, category="Report")
"""The page of the run."""
PAGE_SCRIPT = Product(f"{REPORT_FOLDER}/bokeh.js")
"""The library that the pages of images draw with."""
PAGE_OVERLAPS = Product(f"{REPORT_FOLDER}/overlaps.js")
"""How well each image agrees with those that overlap it, for the pages of images."""
MULTIQC = Product(MULTIQC_TABLE)
"""The table of the run for MultiQC, as custom content."""
OFFSETS_PLOT = Product("plots/hist2d_{image}.png", category="Offsets")
"""2-D histogram of the offsets of an image."""
RESIDUALS_PLOT = Product("plots/residuals_{image}.png", category="Residuals")
"""Residuals against x and y."""
PHASES_PLOT = Product("plots/phases_{image}.png", category="Residuals")
"""Residuals against the place of the source in its pixel."""
PSF_PLOT = Product("plots/psf_{psf}.png", category="PSF")
"""The PSF of a camera and filter, or the mean of the stars where none is used."""
VECTORS_PLOT = Product("plots/vector_{image}.png", category="Residuals")
"""Residuals as vectors over the field."""

REPORT_PRODUCTS = (IMAGE_PAGE, IMAGE_REPORT, RUN_PAGE, PAGE_SCRIPT, PAGE_OVERLAPS, MULTIQC)
"""What `tweakreg report` makes."""


def cumulative_catalog(base: str) -> Product:
    """Return TweakReg's catalog of the reference sources, named after the reference."""
    return Product(f"tweakreg/cumulative_sky_refcat_{base}.coo")


def catfile_list(first_image: str) -> Product:
    """Return TweakReg's list of all text catalogs, named after the first image."""
    return Product(f"tweakreg/{first_image}_xy_catfile.list")
