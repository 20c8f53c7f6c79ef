"""The intermediate products: nothing but other jobs reads them, and ``clean`` removes them.

A job whose intermediate products are gone is as good as before; they are made again, and by
nothing but the same parameters and inputs, when a job that reads them has to run.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from tweakreg_steps.planning.jobs import ALL, Job

READERS: dict[str, frozenset[str]] = {
    "working": frozenset(
        {
            "make_masks",
            "read_catalogs",
            "undistort_sources",
            "build_reference_plane",
            "update_header",
            "write_headerlet",
        }
    ),
    "masks": frozenset({"find_sources"}),
    "catalogs": frozenset({"undistort_sources", "write_chip_catalog"}),
    "sky": frozenset(
        {
            "build_reference",
            "match_sources",
            "align",
            "write_catalogs",
            "write_sky_catalog",
            "plot_offsets",
        }
    ),
    "matches": frozenset({"fit_alignment", "plot_offsets"}),
}
"""The folders of intermediate products, and the rules that read them."""


def is_intermediate(product: str) -> bool:
    """Tell whether a product, relative to the output folder, is an intermediate one."""
    return PurePosixPath(product).parts[0] in READERS


def intermediates_read(job: Job, producer: Job) -> list[str]:
    """Return the intermediate products of an upstream job that a job reads."""
    found = []
    for product in filter(is_intermediate, producer.outputs):
        path = PurePosixPath(product)
        is_its_own = job.image in (ALL, path.stem)
        if is_its_own and job.rule in READERS[path.parts[0]]:
            found.append(product)
    return found
