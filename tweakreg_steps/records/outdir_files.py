"""The files and folders of an output folder that are no step's products."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

MANIFEST = "manifest.json"
"""What the steps that speak of all images need to know of each."""
RESOLVED_RECIPE = "recipe.resolved.yaml"
INPUT_LIST = "inputs.list"
LOCK = ".tweakreg.lock"
STATE = ".tweakreg"
LOCK_OF_JOBS = f"{STATE}/jobs.lock"
LEDGER = f"{STATE}/ledger.sqlite"
"""What is known of the jobs that ran."""
NOTES = f"{STATE}/ledger"
"""What the last of them have noted, and the ledger has not taken in yet."""
PLAN = f"{STATE}/plan.sqlite"
"""The record and the files of each job, which a job looks up."""
RUN_CONFIG = f"{STATE}/run.json"
"""What Snakemake is given for a configuration, in place of a recipe that it would read again."""
RECIPE_NAME = f"{STATE}/recipe.json"
"""The name of the recipe that ran last."""
STORY = f"{STATE}/story.js"
"""What the last run did, and what it changed; the page of the run shows it."""
PLANE_CACHE = f"{STATE}/plane.json"
OVERLAP_CACHE = f"{STATE}/overlaps.json"
TRANSFERRED = f"{STATE}/transferred.json"
"""Files that ``tweakreg transfer`` gave a correction, relative to the output folder, and whose."""
SCRATCH = f"{STATE}/scratch"
CACHE_FOLDER = f"{STATE}/cache.json"
"""Where the recipe's cache is, relative to the output folder."""
LOGS = "logs"
DIGESTS = "digests"
REVIEW = "review.yaml"
SUMMARY = "summary.ecsv"
SOLUTION_FILE = "solution.json"
OVERLAPS_TABLE = "overlaps.ecsv"
REPORT = "report.html"
REPORT_FOLDER = "report"
MULTIQC_TABLE = "tweakreg_mqc.json"
ALIGNED = "aligned"
HEADERLETS = "headerlets"
APPLIED = "applied"
FOLDERS = (
    DIGESTS,
    LOGS,
    STATE,
    ".snakemake",
    "masks",
    "catalogs",
    "positions",
    "psf",
    "sky",
    "matches",
    "pairs",
    "fits",
    "reference",
    "working",
    "headers",
    ALIGNED,
    HEADERLETS,
    APPLIED,
    "plots",
    "quicklooks",
    "footprints",
    REPORT_FOLDER,
    "tweakreg",
)
"""The folders that runs make in an output folder."""
FILES = (
    MANIFEST,
    RESOLVED_RECIPE,
    INPUT_LIST,
    LOCK,
    SUMMARY,
    SOLUTION_FILE,
    OVERLAPS_TABLE,
    REVIEW,
    REPORT,
    MULTIQC_TABLE,
)
"""The files that runs make in it under names that no recipe can change."""
LOG_HEAD = "tweakreg-steps: "
"""How the line begins that stands before what a job had to say, where logs are gathered."""
RUN_LOG_HEAD = "tweakreg-steps "
"""How the processing log begins."""
_REFERENCE_SUFFIX = "_refimage"


def digests_of(image: str) -> str:
    """Digests of an input image, and what else was learnt when it was looked at."""
    return f"{DIGESTS}/{image}.json"


def note_of(rule: str, name: str) -> str:
    """Note of a job about itself, by its rule and name."""
    return f"{NOTES}/{rule}/{name}.json"


def reference_image_name(image: str) -> str:
    """Name of the reference image, apart from an input that may be the same file."""
    return f"{image}{_REFERENCE_SUFFIX}"


def plain_name(reference_image: str) -> str:
    """Name of the reference image as an input would have it."""
    return reference_image.removesuffix(_REFERENCE_SUFFIX)


def log_of(rule: str, wildcards: Iterable[str]) -> str:
    """Log of a job, by its rule and the wildcards of its products."""
    name = ".".join(wildcards)
    return f"{LOGS}/{rule}/{name}.log" if name else f"{LOGS}/{rule}.log"


def log_of_image(image: str) -> str:
    """Log of all jobs on an image, when they are done."""
    return f"{LOGS}/images/{image}.log"


def is_prepared(outdir: Path) -> bool:
    """Tell whether a run has prepared an output folder; into a fresh one nothing is written."""
    return (outdir / STATE).is_dir()
