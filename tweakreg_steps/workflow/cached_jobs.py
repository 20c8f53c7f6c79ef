"""Which jobs need not be done, because another recipe has done them already."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tweakreg_steps.records.product_cache import ProductCache
from tweakreg_steps.workflow.jobs import JobKey
from tweakreg_steps.workflow.staleness import StaleJob


def cached_jobs(folder: Path | None, stale: Iterable[StaleJob]) -> frozenset[JobKey]:
    """Return which of the jobs that have to run will take their products from a folder."""
    if folder is None:
        return frozenset()
    cache = ProductCache(folder)
    jobs = (stale_job.job for stale_job in stale)
    return frozenset(
        job.key for job in jobs if job.step.is_shared and job.stamp and cache.holds(job.record)
    )
