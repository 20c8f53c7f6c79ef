"""Snakemake's own records of products, which only runs of plain Snakemake leave in a folder.

A run of this program keeps none: the ledger says more, in one file. What a former run of plain
Snakemake has noted of a product is removed before the product is made again, for it would be false.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tweakreg_steps.workflow.jobs import Job

_FOLDER = Path(".snakemake/metadata")
_NAME_MAX = 255
"""Bytes of a file's name, where the system does not tell."""


def forget_metadata(outdir: Path, jobs: Iterable[Job]) -> None:
    """Remove what Snakemake has noted of the products of some jobs."""
    folder = outdir / _FOLDER
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    longest = os.pathconf(folder, "PC_NAME_MAX") or _NAME_MAX
    for job in jobs:
        for product in job.outputs:
            with suppress(OSError):
                folder.joinpath(*_record_name(product, longest - 1)).unlink()


def _record_name(product: str, longest: int) -> list[str]:
    """Return the name of a record as Snakemake makes it up: a long one is cut into folders."""
    text = urlsafe_b64encode(product.encode()).decode()
    *folders, name = (text[i : i + longest] for i in range(0, len(text), longest))
    return [*(f"@{folder}" for folder in folders), name]
