"""The jobs of a plan, each with a record of everything its products depend on.

A job's record holds the parameters its rule consumes, digests of the inputs it reads, a digest of
the code of its step, and the stamps of the jobs whose products it takes, with their names and the
digests of all parameters that they depend on. The record, as canonical JSON,
is the one ``params`` of the Snakemake rule and the step's only source of parameters; its digest is
the job's stamp. So a job is stale exactly when its record differs from the one its products were
made with, whatever the times of the files say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tweakreg_steps.planning.canonical import canonical_json, digest
from tweakreg_steps.planning.library_versions import VERSIONS
from tweakreg_steps.planning.rule_parameters import own_parameters_of, parameters_of
from tweakreg_steps.provenance.statement import recipe_digest
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS, IMAGES, Tree

JobKey = tuple[str, str]
ALL = "all"
"""The name of a job that works on all images."""


@dataclass(frozen=True)
class Job:
    """One job of the plan.

    Attributes
    ----------
    rule
        Name of the rule, and of the step's module.
    name
        What it works on: an image, ``<image>.<chip>``, or ``all``.
    outputs
        Its products, relative to the output folder.
    record
        Everything that its products depend on.
    upstream
        The jobs whose products it takes.
    files
        Files of the user's that it reads, by what its step calls them; the record has their
        digests, so that a file may move.
    versions
        Versions of the libraries that it has to be done with; empty where they do not matter.
        They are no part of the stamp: each job is judged by those that its own products were
        made with.
    """

    rule: str
    name: str
    outputs: tuple[str, ...]
    record: Tree
    upstream: tuple[JobKey, ...]
    files: Mapping[str, Path] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> JobKey:
        """Rule and name: what identifies the job."""
        return self.rule, self.name

    @property
    def image(self) -> str:
        """The image it works on, without its chip, or ``all``."""
        return image_of_job(self.record)

    @property
    def text(self) -> str:
        """The record as canonical JSON, with the versions where they matter."""
        record = {**self.record, VERSIONS: self.versions} if self.versions else self.record
        return canonical_json(record)

    @property
    def stamp(self) -> str:
        """The digest of the record."""
        return digest(self.record)


@dataclass
class WorkPlan:
    """The jobs, in an order in which they can run.

    Attributes
    ----------
    code
        A digest of the code of each rule's step.
    jobs
        The jobs by rule and name.
    stamps
        Their stamps.
    clean
        Whether intermediate products are removed once nothing needs them any more.
    versions
        Versions of the libraries; empty where they do not matter.
    user_files
        The user's files by image, ``all`` for those of no image, and by what records call them:
        for messages.
    """

    code: Mapping[str, str]
    jobs: dict[JobKey, Job] = field(default_factory=dict)
    stamps: dict[JobKey, str] = field(default_factory=dict)
    clean: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    user_files: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)

    def add(
        self,
        rule: str,
        name: str,
        outputs: Sequence[str],
        *,
        values: Tree,
        inputs: Mapping[str, Any],
        upstream: Iterable[JobKey],
        findpars: str = IMAGE_FINDPARS,
        files: Mapping[str, Path] | None = None,
        names: Iterable[str] = (),
    ) -> None:
        """Add a job; its upstream jobs must be there already.

        `values` is the recipe as it holds for the job's image. `findpars` is the section that
        says how the image's sources are found; `files` are those of the user's that are not the
        image itself; `names` are the images whose own parameters a job of all images consumes.
        """
        needs = tuple(upstream)
        parameters = parameters_of(rule, values, findpars=findpars)
        own = own_parameters_of(rule, values, names)
        record: Tree = {
            "rule": rule,
            "name": name,
            "parameters": {**parameters, IMAGES: own} if own else parameters,
            "inputs": dict(inputs),
            "code": self.code[rule],
            "upstream": self._upstream_stamps(needs),
            "upstream_jobs": _names_by_rule(needs),
            "upstream_recipes": self._upstream_recipes(needs),
        }
        job = Job(rule, name, tuple(outputs), record, needs, files or {}, self.versions)
        self.jobs[job.key] = job
        self.stamps[job.key] = job.stamp

    def files_of(self, name: str) -> Iterable[tuple[str, Path]]:
        """Return the user's files of an image, or of ``all``, with what records call them."""
        return self.user_files.get(name, {}).items()

    def wcs_update(self, name: str) -> list[JobKey]:
        """Return the job that makes an image's WCS anew, if there is one.

        It is upstream of every job that reads the image's WCS.
        """
        key = ("update_wcs", name)
        return [key] if key in self.jobs else []

    def _upstream_stamps(self, needs: tuple[JobKey, ...]) -> dict[str, str]:
        """Return one stamp for each upstream rule; many jobs of one rule share a common digest."""
        rules = dict.fromkeys(rule for rule, _ in needs)
        stamps = {rule: [self.stamps[key] for key in needs if key[0] == rule] for rule in rules}
        return {rule: common_stamp(found) for rule, found in stamps.items()}

    def _upstream_recipes(self, needs: tuple[JobKey, ...]) -> dict[str, list[str]]:
        """Return the recipe digests of upstream jobs by their rules; where all are one, only it."""
        recipes: dict[str, list[str]] = {}
        for rule, names in _names_by_rule(needs).items():
            found = [recipe_digest(self.jobs[rule, name].record) for name in names]
            recipes[rule] = found[:1] if len(set(found)) == 1 else found
        return recipes

    @property
    def outputs(self) -> list[str]:
        """The products of all jobs."""
        return [output for job in self.jobs.values() for output in job.outputs]

    def only(self, keys: Iterable[JobKey]) -> WorkPlan:
        """Return the plan of some of the jobs, each with its record as it is here."""
        jobs = {key: self.jobs[key] for key in keys}
        return replace(self, jobs=jobs, stamps={key: self.stamps[key] for key in jobs})


def common_stamp(stamps: Sequence[str]) -> str:
    """Return one stamp for the jobs of one upstream rule."""
    return stamps[0] if len(stamps) == 1 else digest(stamps)


def image_of_job(record: Mapping[str, Any]) -> str:
    """Return the image that a job works on, without its chip, or ``all``."""
    name: str = record["name"]
    chip = record["inputs"].get("chip")
    return name if chip is None else name.removesuffix(f".{chip}")


def _names_by_rule(keys: Iterable[JobKey]) -> dict[str, list[str]]:
    """Return the names of jobs by their rules, in order."""
    names: dict[str, list[str]] = {}
    for rule, name in keys:
        names.setdefault(rule, []).append(name)
    return names
