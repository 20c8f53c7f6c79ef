"""What the process that plans sends with each job to another machine: where the plan is, and which.

It stands in an environment variable, which Snakemake hands on with every job. A Snakefile may have
this workflow as a module more than once, so that there may be several plans; each is known by the
configuration that it was made from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from tweakreg_steps.errors import RecipeError

VARIABLE = "TWEAKREG_PLANS"
_DIGEST = 16


@dataclass(frozen=True)
class SentPlan:
    """A plan that jobs were sent for.

    Attributes
    ----------
    outdir
        Its output folder, absolute.
    digest
        The digest of the plan.
    folder
        The output folder as Snakemake has it.
    """

    outdir: Path
    digest: str
    folder: str


def send_plan(config: Mapping[str, object], plan: SentPlan) -> None:
    """Have the jobs that are sent from now on know a plan."""
    paths = ":".join(map(quote, (os.fspath(plan.outdir), plan.folder)))
    plans = {**_plans(), _key(config): f"{plan.digest}:{paths}"}
    os.environ[VARIABLE] = " ".join(f"{key}:{value}" for key, value in plans.items())


def sent_plan(config: Mapping[str, object]) -> SentPlan:
    """Return the plan that this job was sent for.

    Raises
    ------
    RecipeError
        It was sent without one.
    """
    found = _plans().get(_key(config))
    if found is None:
        raise RecipeError(
            f"this job was sent without its plan: {VARIABLE} is not what the run has set; have the "
            "cluster hand on the environment variables of a job"
        )
    digest, outdir, folder = found.split(":")
    return SentPlan(Path(unquote(outdir)), digest, unquote(folder))


def _plans() -> dict[str, str]:
    """Return what the environment says of plans, by the configurations."""
    return dict(word.partition(":")[::2] for word in os.environ.get(VARIABLE, "").split())


def _key(config: Mapping[str, object]) -> str:
    """Return what tells one configuration from another."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
