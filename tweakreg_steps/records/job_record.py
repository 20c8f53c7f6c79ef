"""The record of a job: everything that its products depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class JobRecord(TypedDict):
    """What a job is given and where that comes from, without a path, a time or a machine.

    ``parameters`` is the part of the complete recipe that its step consumes, ``inputs`` what else
    the plan knows of what the products depend on, digests of the user's files among it, and
    ``code`` the digest of the step's code. Of the jobs upstream, by their rules,
    ``upstream_jobs`` has the names, ``upstream`` the stamps (None while one is not known), and
    ``upstream_recipes`` the digests of the parts of the recipe that they depend on.
    """

    rule: str
    name: str
    code: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    upstream: Mapping[str, str | None]
    upstream_jobs: Mapping[str, Sequence[str]]
    upstream_recipes: Mapping[str, Sequence[str]]
