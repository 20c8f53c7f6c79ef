"""Where each product stands below the output folder: the names that rules and steps share."""

from __future__ import annotations

MANIFEST = "manifest.json"
RESOLVED_RECIPE = "recipe.resolved.yaml"
INPUT_LIST = "inputs.list"
LOCK = ".tweakreg.lock"
LEDGER = ".tweakreg/ledger"
CODE_CACHE = ".tweakreg/code.json"
SCRATCH = ".tweakreg/scratch"
CACHE_FOLDER = ".tweakreg/cache.json"
"""Where the recipe's cache is, relative to the output folder."""
LOGS = "logs"
SUMMARY = "summary.ecsv"
REVIEW = "review.yaml"
REFERENCE_PLANE = "reference/wcs.fits"
REFERENCE_SOURCES = "reference/sources.ecsv"
EXPANDED_SOURCES = "reference/expanded_sources.ecsv"
CUMULATIVE_RECORD = "reference/cumulative_refcat.json"
"""Says which ``cumulative_sky_refcat_<base>.coo`` was written."""
ALIGNED = "aligned"
HEADERLETS = "headerlets"
APPLIED = "applied"
RESIDUAL_PLOTS = {
    "residuals": "plots/residuals_{image}.png",
    "vector": "plots/vector_{image}.png",
}
"""The plots of a fit's residuals, by what ``catalog_fitting.residplot`` calls them."""
FOLDERS = (
    "digests",
    LOGS,
    ".tweakreg",
    ".snakemake",
    "masks",
    "catalogs",
    "sky",
    "matches",
    "fits",
    "reference",
    "working",
    "headers",
    ALIGNED,
    HEADERLETS,
    APPLIED,
    "plots",
    "tweakreg",
)
"""The folders that runs make in an output folder."""
FILES = (MANIFEST, RESOLVED_RECIPE, INPUT_LIST, LOCK, SUMMARY, REVIEW, "report.html")
"""The files that runs make in it under names that no recipe can change."""
_REFERENCE_SUFFIX = "_refimage"


def digests_of(image: str) -> str:
    """Digests of an input image, and what else was learnt when it was looked at."""
    return f"digests/{image}.json"


def reference_image_name(image: str) -> str:
    """Name of the reference image, apart from an input that may be the same file."""
    return f"{image}{_REFERENCE_SUFFIX}"


def plain_name(reference_image: str) -> str:
    """Name of the reference image as an input would have it."""
    return reference_image.removesuffix(_REFERENCE_SUFFIX)


def working_copy_of(image: str) -> str:
    """Copy of an image in which stwcs.updatewcs has made the WCS anew."""
    return f"working/{image}.fits"


def mask_of(image: str) -> str:
    """Mask of an image: where its sources may be."""
    return f"masks/{image}.fits"


def sky_of(image: str) -> str:
    """Table of an image's sources on the sky, undistorted."""
    return f"sky/{image}.ecsv"


def matches_of(image: str) -> str:
    """Table of an image's sources that match the reference."""
    return f"matches/{image}.ecsv"


def fits_of(image: str) -> tuple[str, str]:
    """Record of the fit of an image, and its pairs with their residuals."""
    return fit_of(image), f"fits/{image}.ecsv"


def fit_of(image: str) -> str:
    """Record of the fit of an image."""
    return f"fits/{image}.json"


def catalog_of(image: str) -> str:
    """Catalog of an image's sources, in pixels."""
    return f"catalogs/{image}.ecsv"


def chip_catalog_of(image: str, chip: int) -> str:
    """TweakReg's text catalog of one chip."""
    return f"tweakreg/{image}_sci{chip}_xy_catalog.coo"


def sky_catalog_of(image: str) -> str:
    """TweakReg's text catalog of an image's sources on the sky."""
    return f"tweakreg/{image}_sky_catalog.coo"


def text_catalogs_of(image: str) -> tuple[str, ...]:
    """TweakReg's text products of an image, but for those of its chips."""
    return (
        sky_catalog_of(image),
        f"tweakreg/{image}_refxy_catalog.coo",
        f"tweakreg/{image}_xy_catalog.match",
        f"tweakreg/{image}_catalog_fit.match",
    )


def catfile_list_of(first_image: str) -> str:
    """TweakReg's list of all text catalogs."""
    return f"tweakreg/{first_image}_xy_catfile.list"


def cumulative_refcat_of(base: str) -> str:
    """TweakReg's catalog of the reference sources, named after the reference."""
    return f"tweakreg/cumulative_sky_refcat_{base}.coo"


def offsets_plot_of(image: str) -> str:
    """2-D histogram of an image."""
    return f"plots/hist2d_{image}.png"


def header_record_of(image: str) -> str:
    """Record of what was written into the header of an image's aligned copy."""
    return f"headers/{image}.json"


def headerlet_record_of(image: str) -> str:
    """Record of the headerlet that was made of an image."""
    return f"{HEADERLETS}/{image}.json"


def ledger_of(rule: str, name: str) -> str:
    """Record of the job that made an image's products of one rule."""
    return f"{LEDGER}/{rule}/{name}.json"
