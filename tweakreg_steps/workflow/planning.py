"""All jobs of a recipe, as they follow from the declarations of the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tweakreg_steps.recipes.schema import IMAGES, Tree
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.library_versions import library_versions
from tweakreg_steps.records.statement import recipe_digest
from tweakreg_steps.records.upstream import common_stamp
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.declaration import Facts, OfImages, Per, Product, Step, Writes
from tweakreg_steps.steps.products import WORKING
from tweakreg_steps.steps.subject import ALL, Subject
from tweakreg_steps.surveying.findings import Findings, chip_records
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.workflow.consumption import own_parameters_of, parameters_of
from tweakreg_steps.workflow.decisions import decision_of
from tweakreg_steps.workflow.jobs import Job, JobKey, WorkPlan

T = TypeVar("T")

Contents = Callable[[Job, Subject], str | None]
"""Gives the digest of what a job's product holds that counts by its content, if it is known."""

_FEW = 8
"""Products of a job up to which its own texts are looked for among them."""
_WHOLE = ("file", "data")
"""What of an image counts as a whole, and not chip by chip."""


def build_plan(
    values: Tree,
    findings: Findings,
    *,
    code: Mapping[str, str],
    run_files: Mapping[str, Path],
    contents: Contents,
) -> WorkPlan:
    """Return all jobs of a recipe, in an order in which they can run.

    Parameters
    ----------
    values
        The complete recipe.
    findings
        What a look at its files has found.
    code
        A digest of the code of each step, by its rule.
    run_files
        The user's files that belong to no image, by what the records call their digests.
    contents
        Gives the digest of what a product holds that counts by its content.
    """
    builder = _Builder(values, findings, code, run_files, contents)
    for step in all_steps().values():
        for subject in builder.subjects(step.per):
            facts = step.facts(subject)
            if facts is not None:
                builder.add(step, subject, facts)
    return builder.plan


def user_files_of(findings: Findings, run_files: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Return all files of the user's by image, with the image itself; of no image under ``all``."""
    files = {
        image.image.name: {"image": image.image.path, **findings.files_of(image.image.name)}
        for image in (*findings.all_images, *(other.file for other in findings.others))
    }
    return {**files, ALL: dict(run_files)}


@dataclass
class _Builder:
    """Adds job after job to a plan."""

    values: Tree
    findings: Findings
    code: Mapping[str, str]
    run_files: Mapping[str, Path]
    contents: Contents
    plan: WorkPlan = field(default_factory=WorkPlan)

    def __post_init__(self) -> None:
        self.plan.clean = self.values["clean"]
        self._recipe_digests: dict[tuple[int, int], str] = {}
        self._mappings: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._own_files: dict[str, Mapping[str, Path]] = {}
        self._lists: dict[tuple[str, ...], list[str]] = {}
        self._shared_parameters: dict[tuple[str, str], Tree] = {}
        self._versions = library_versions() if self.values["strict_versions"] else {}
        images = self.findings.all_images
        self._images = {image.image.name: self._subject(image, None) for image in images}
        self._pairs = {name: self._together("pair", name, of) for name, of in self._members()}
        self._all = self._subject(None, None)
        self._groups = [*self._grouped()]

    def subjects(self, per: Per) -> Iterable[Subject]:
        """Return what the jobs of a step may be about."""
        match per:
            case Per.IMAGE:
                return self._images.values()
            case Per.CHIP:
                return [
                    self._subject(image, chip["number"])
                    for image in self.findings.all_images
                    for chip in image.chips
                ]
            case Per.PAIR:
                return self._pairs.values()
            case Per.GROUP:
                return self._groups
            case Per.OTHER:
                return [
                    replace(self._subject(other.file, None), other=other)
                    for other in self.findings.others
                ]
        return (self._all,)

    def _members(self) -> Iterator[tuple[str, tuple[Inspected, ...]]]:
        """Yield each pair of images that is to be matched."""
        mosaic = self.findings.mosaic
        by_name = {image.image.name: image for image in self.findings.images}
        for name, members in mosaic.pairs.items() if mosaic else ():
            yield name, tuple(by_name[member] for member in members)

    def _grouped(self) -> Iterator[Subject]:
        """Yield the images of each camera and filter as what one job is about."""
        groups: dict[str, list[Inspected]] = {}
        for image in self.findings.all_images:
            groups.setdefault(image.psf_name, []).append(image)
        for name, members in groups.items():
            yield self._together("psf", name, tuple(members))

    def _together(self, wildcard: str, name: str, members: tuple[Inspected, ...]) -> Subject:
        """Return several images as what a job is about."""
        return replace(self._subject(None, None), name=name, wildcard=wildcard, members=members)

    def _subject(self, image: Inspected | None, chip: int | None) -> Subject:
        """Return what a job is about."""
        name = ALL if image is None else image.image.name
        return Subject(
            name if chip is None else f"{name}.{chip}",
            self.values,
            self.findings,
            image,
            chip,
            is_input=id(image) in self.findings.input_ids,
            decide=lambda other: decision_of(self.plan, self.values, self.findings, other),
        )

    def add(self, step: Step, subject: Subject, facts: Facts) -> None:
        """Add a job; those whose products it takes are there already."""
        images = step.images_of(subject)
        reads = {key: self._as_made(path) for key, path in self._reads(step, subject)}
        reads |= self._working(step, subject, images)
        needs = tuple(dict.fromkeys(self.plan.makers[path] for path in reads.values()))
        inputs = {**self._of_images(step, subject, images, facts, needs), **facts}
        upstream = {rule: self._shared_list(names) for rule, names in _names_by_rule(needs).items()}
        record: JobRecord = {
            "rule": step.rule,
            "name": subject.name,
            "parameters": self._parameters_of(step, subject),
            "inputs": inputs,
            "code": self.code[step.rule],
            "upstream": self._stamps(upstream),
            "upstream_jobs": upstream,
            "upstream_recipes": self._recipes(upstream),
        }
        products = step.products_of(subject)
        used = "".join(product.pattern for product in products.values())
        job = Job(
            step=step,
            key=(step.rule, subject.name),
            record=record,
            reads=reads,
            writes=dict(self._writes(step, subject, products)),
            products=products,
            upstream=needs,
            files=self._shared(
                (key, path) for key, path in self._files(subject).items() if _has(inputs, key)
            ),
            originals=self._shared(self._originals(step, subject, images, reads).items()),
            wildcards=self._shared(
                (key, value) for key, value in subject.wildcards.items() if f"{{{key}}}" in used
            ),
            versions=self._versions,
        )
        self.plan.jobs[job.key] = job
        self.plan.stamps[job.key] = self.contents(job, subject) if step.content else job.stamp
        for path in job.writes.values():
            self.plan.makers[path] = job.key

    def _as_made(self, path: str) -> str:
        """Return a path as its maker has it: one text for all jobs that read it."""
        writes = self.plan.jobs[self.plan.makers[path]].writes
        few = writes.values() if len(writes) <= _FEW else ()
        return next((made for made in few if made == path), path)

    def _reads(self, step: Step, subject: Subject) -> Iterator[tuple[str, str]]:
        """Yield the products that a job takes, by what the step calls them."""
        for key, read in step.reads.items():
            product = read if isinstance(read, Product) else read.product
            owners = {} if subject.image else self._owners(product)
            if isinstance(read, Product):
                names: Iterable[str] = _names_of(subject.members) if owners else (subject.name,)
            else:
                names = read.of(subject)
            for name in names:
                if name in owners:
                    yield f"{key}.{name}", product.path(**owners[name].wildcards)
                else:
                    yield key, product.path(**subject.wildcards)

    def _owners(self, product: Product) -> Mapping[str, Subject]:
        """Return the images, or the pairs of images, that each have a product of a kind."""
        if "{pair}" in product.pattern:
            return self._pairs
        return self._images if "{" in product.pattern else {}

    def _working(self, step: Step, subject: Subject, images: Sequence[Inspected]) -> dict[str, str]:
        """Return the working copies that a job reads in the place of images."""
        if not self.findings.reference_files or WORKING in _static(step):
            return {}
        if not {"wcs", "file"} & {*step.parts_of(subject)}:
            return {}
        names = _names_of(images)
        paths = {name: WORKING.path(image=name) for name in names}
        made = {name: path for name, path in paths.items() if path in self.plan.makers}
        return {"image" if name == subject.name else f"image.{name}": p for name, p in made.items()}

    def _writes(self, step: Step, subject: Subject, products: Writes) -> Iterator[tuple[str, str]]:
        """Yield the products that a job makes, by what the step calls them."""
        for key, product in products.items():
            if step.per is Per.ALL and "{image}" in product.pattern:
                for name in self.findings.names:
                    yield f"{key}.{name}", product.path(**self._images[name].wildcards)
            else:
                yield key, product.path(**subject.wildcards)

    def _of_images(
        self,
        step: Step,
        subject: Subject,
        images: Sequence[Inspected],
        facts: Facts,
        needs: tuple[JobKey, ...],
    ) -> OfImages:
        """Return what of its images a job depends on."""
        parts = step.parts_of(subject)
        if step.combine is not None:
            return {"wcs": step.combine([image.chips for image in images], facts)}
        if not (parts or step.parts):
            return {}
        if subject.image is None:
            return {"exposures": {i.image.name: chip_records(i, *parts) for i in images}}
        found: OfImages = {"chips": subject.chips(*(p for p in parts if p not in _WHOLE))}
        if "file" in parts:
            found["file"] = subject.image.file
        if "data" in parts:
            is_copy = any(self.plan.jobs[key].step.writes == {"working": WORKING} for key in needs)
            found["data"] = [] if is_copy else list(subject.image.data)
        return found

    def _originals(
        self,
        step: Step,
        subject: Subject,
        images: Sequence[Inspected],
        reads: Mapping[str, str],
    ) -> dict[str, Path]:
        """Return the exposures that a job reads itself, and not in a working copy."""
        if not images and step.parts and subject.image:
            images = (subject.image,)
        copies = {path for key, path in reads.items() if key.partition(".")[0] == "image"}
        return {
            image.image.name: image.image.path
            for image in images
            if step.writes_input or WORKING.path(image=image.image.name) not in copies
        }

    def _files(self, subject: Subject) -> dict[str, Path]:
        """Return the user's files that a job may read."""
        if subject.image:
            return {**self.run_files, **self._files_of(subject.image_name)}
        own = {
            f"{key}.{name}": path
            for name in _names_of(subject.members)
            for key, path in self._files_of(name).items()
        }
        return {**self.run_files, **own}

    def _files_of(self, name: str) -> Mapping[str, Path]:
        """Return the user's files of an image."""
        if name not in self._own_files:
            self._own_files[name] = self._shared(self.findings.files_of(name).items())
        return self._own_files[name]

    def _stamps(self, upstream: Mapping[str, list[str]]) -> dict[str, str | None]:
        """Return one stamp for each upstream rule; many jobs of one rule share a common digest."""
        return {
            rule: common_stamp([self.plan.stamps[rule, name] for name in names])
            for rule, names in upstream.items()
        }

    def _recipes(self, upstream: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
        """Return the recipe digests of upstream jobs by their rules; where all are one, only it."""
        recipes: list[tuple[str, tuple[str, ...]]] = []
        for rule, names in upstream.items():
            found = tuple(self._recipe_digest((rule, name)) for name in names)
            recipes.append((rule, found[:1] if len(set(found)) == 1 else found))
        key = tuple(recipes)
        known: Mapping[str, list[str]] | None = self._mappings.get(key)
        if known is None:
            known = self._mappings[key] = {rule: [*found] for rule, found in recipes}
        return known

    def _shared_list(self, texts: list[str]) -> list[str]:
        """Return a list of names: one for all jobs that have the same."""
        return self._lists.setdefault(tuple(texts), texts)

    def _shared(self, items: Iterable[tuple[str, T]]) -> Mapping[str, T]:
        """Return a mapping of some items: one for all jobs whose mapping would be the same."""
        key = tuple(items)
        found: Mapping[str, T] = self._mappings.setdefault(key, dict(key))
        return found

    def _parameters_of(self, step: Step, subject: Subject) -> Tree:
        """Return what a job consumes of the recipe: one tree for all images that share it."""
        names = self.findings.names if step.per is Per.ALL else _names_of(subject.members)
        own = own_parameters_of(step, self.values, names) if self.values[IMAGES] else {}
        if own:
            parameters = parameters_of(step, subject.values, findpars=subject.findpars)
            return {**parameters, IMAGES: own}
        if subject.values is not self.values:
            return parameters_of(step, subject.values, findpars=subject.findpars)
        key = (step.rule, subject.findpars)
        if key not in self._shared_parameters:
            self._shared_parameters[key] = parameters_of(
                step, self.values, findpars=subject.findpars
            )
        return self._shared_parameters[key]

    def _recipe_digest(self, key: JobKey) -> str:
        """Return the recipe digest of a job: one for all that share parameters and upstream."""
        record = self.plan.jobs[key].record
        shared = (id(record["parameters"]), id(record["upstream_recipes"]))
        if shared not in self._recipe_digests:
            self._recipe_digests[shared] = recipe_digest(record)
        return self._recipe_digests[shared]


def _names_of(images: Iterable[Inspected]) -> list[str]:
    """Return the names of images."""
    return [image.image.name for image in images]


def _static(step: Step) -> tuple[Product, ...]:
    """Return the products that a step writes whatever the recipe says."""
    return () if callable(step.writes) else tuple(step.writes.values())


def _names_by_rule(keys: Iterable[JobKey]) -> dict[str, list[str]]:
    """Return the names of jobs by their rules, in order."""
    names: dict[str, list[str]] = {}
    for rule, name in keys:
        names.setdefault(rule, []).append(name)
    return names


def _has(inputs: Facts, key: str) -> bool:
    """Tell whether the digest of a file is among the inputs of a job."""
    group, _, part = key.partition(".")
    found = inputs.get(group)
    return part in found if part and isinstance(found, Mapping) else not part and found is not None
