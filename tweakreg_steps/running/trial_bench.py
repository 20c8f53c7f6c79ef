"""One image of a finished run, aligned again in memory with other parameters.

Nothing in the output folder is changed: what is made anew stands in a temporary folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tweakreg_steps.errors import InputError, NotAlignedError
from tweakreg_steps.fit_file import FitRecord
from tweakreg_steps.json_file import json_text
from tweakreg_steps.quiet import quietly
from tweakreg_steps.recipes.overrides import image_values
from tweakreg_steps.recipes.schema import IMAGE_FINDPARS
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.products import (
    CATALOG,
    EXPANDED_SOURCES,
    FIT,
    PLANE,
    REFERENCE_SOURCES,
    SKY,
)
from tweakreg_steps.tables.ecsv import ColumnTable
from tweakreg_steps.tables.table_file import read_table
from tweakreg_steps.workflow.consumption import parameters_of
from tweakreg_steps.workflow.jobs import Job, JobKey
from tweakreg_steps.workflow.project import Project

if TYPE_CHECKING:
    from tweakreg_steps.matching.source_list import SourceList
    from tweakreg_steps.sections import AlignmentSections

Values = Mapping[str, Any]


@dataclass
class TrialBench:
    """An image and what it is to be aligned with.

    Attributes
    ----------
    project
        The project; the working directory is its output folder.
    image
        The image's name.
    folder
        A temporary folder.
    """

    project: Project
    image: str
    folder: Path
    _skies: dict[str, ColumnTable] = field(default_factory=dict)
    _sources: ColumnTable | None = None
    _made: dict[tuple[JobKey, str], dict[str, Path]] = field(default_factory=dict)

    @property
    def has_pixels(self) -> bool:
        """Tell whether the sources of the image are found in its pixels."""
        return self.image not in self.project.findings.catalogs

    @property
    def values(self) -> dict[str, Any]:
        """The complete recipe as it holds for the image."""
        return image_values(self.project.values, self.image)

    def reach(self) -> float:
        """Return the largest offset at which the lists overlap at all, in units of searchrad."""
        from tweakreg_steps.astrometry.reference_plane import plane_pixel_scale
        from tweakreg_steps.curing.match_trials import farthest_overlap

        try:
            lists = self.lists(self.values)
        except NotAlignedError:
            return 0.0
        is_arcsec = self.values["object_matching"]["searchunits"] == "arcseconds"
        return farthest_overlap(*lists) * (plane_pixel_scale(self.plane) if is_arcsec else 1.0)

    def lists(self, values: Values) -> tuple[SourceList, SourceList]:
        """Return the sources of image and reference on the reference plane."""
        from tweakreg_steps.alignment.lists_on_plane import source_lists

        return source_lists(self.sky(values), self.sources, plane=self.plane, image=self.image)

    def align(self, values: Values) -> FitRecord:
        """Return the record of the fit of the image with other parameters.

        Parameters
        ----------
        values
            The complete recipe, as it would hold for the image.
        """
        from tweakreg_steps.alignment.alignment_parameters import alignment_parameters
        from tweakreg_steps.alignment.fitted_image import fit_image
        from tweakreg_steps.alignment.match_table import make_match_table
        from tweakreg_steps.steps.align import STEP

        sections = parameters_of(STEP, dict(values), findpars=IMAGE_FINDPARS)
        given = alignment_parameters(cast("AlignmentSections", sections))
        with quietly():
            matches = make_match_table(
                self.sky(values),
                self.sources,
                plane=self.plane,
                image=self.image,
                is_reference=False,
                matching=given.matching,
                max_false_alarm=given.max_false_alarm,
                look_further=False,
            )
            return fit_image(
                matches, plane=self.plane, fitting=given.fitting, gates=given.gates
            ).record

    def sky(self, values: Values) -> ColumnTable:
        """Return the sources of the image on the sky, as other parameters find them."""
        product = SKY.path(image=self.image)
        step = self._job_of(CATALOG.path(image=self.image)).step
        key = json_text(parameters_of(step, dict(values), findpars=IMAGE_FINDPARS))
        if key not in self._skies:
            self._skies[key] = read_table(self._provide(product, values))
        return self._skies[key]

    @property
    def sources(self) -> ColumnTable:
        """The reference list, as it is in the end where it grows."""
        if self._sources is None:
            makers = self.project.plan.makers
            grown, first = EXPANDED_SOURCES.path(), REFERENCE_SOURCES.path()
            product = grown if grown in makers else first
            if not Path(product).is_file():
                raise InputError(f"suggest: {product} is not there; run the recipe first")
            self._sources = read_table(Path(product))
        return self._sources

    @property
    def plane(self) -> Any:  # noqa: ANN401  astropy's WCS, imported when it is needed
        """The reference plane."""
        from tweakreg_steps.astrometry.reference_plane import read_reference_plane

        return read_reference_plane(self._provide(PLANE.path(), None))

    def _job_of(self, product: str) -> Job:
        """Return the job that makes a product."""
        plan = self.project.plan
        return plan.jobs[plan.maker_of(product)]

    def _provide(self, product: str, values: Values | None) -> Path:
        """Return where a product stands: in the output folder, or made anew.

        Parameters
        ----------
        product
            The product, relative to the output folder.
        values
            The recipe with other parameters; None for those of the run.
        """
        job = self._job_of(product)
        parameters = job.record["parameters"]
        if values is not None and job.image == self.image:
            parameters = parameters_of(job.step, dict(values), findpars=IMAGE_FINDPARS)
        else:
            values = None
        reads = {key: self._provide(path, values) for key, path in job.reads.items()}
        as_it_was = parameters == job.record["parameters"]
        if as_it_was and Path(product).is_file() and not _any_below(reads.values(), self.folder):
            return Path(product)
        return self._make(job, parameters, reads)[product]

    def _make(
        self, job: Job, parameters: Mapping[str, Any], reads: Mapping[str, Path]
    ) -> dict[str, Path]:
        """Do a job with other parameters; return where its products stand."""
        key = (job.key, json_text([parameters, sorted(map(str, reads.values()))]))
        if key not in self._made:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            writes = {name: folder / Path(path).name for name, path in job.writes.items()}
            planned = self.project.planned(job)
            call: StepCall[Any, Any] = StepCall(
                job.rule,
                job.name,
                parameters,
                job.record["inputs"],
                {**{k: Path(v) for k, v in planned.files.items()}, **reads, **writes},
                job.record,
                {name: Path(path) for name, path in planned.originals.items()},
            )
            with quietly():
                import_module(job.step.module).run(call)
            self._made[key] = {job.writes[name]: path for name, path in writes.items()}
        return self._made[key]


def _any_below(paths: Iterable[Path], folder: Path) -> bool:
    """Tell whether any of some paths lies in a folder."""
    return any(path.is_relative_to(folder) for path in paths)


@contextmanager
def trial_bench(project: Project, image: str) -> Iterator[TrialBench]:
    """Give the bench of an image; within, the working directory is the output folder.

    Raises
    ------
    InputError
        The fit of the image is not up to date.
    """
    maker = project.plan.maker_of(FIT.path(image=image))
    stale = [job for job in project.stale if job.job.key == maker]
    if stale:
        raise InputError(f"suggest: the fit of {image} is not up to date; run the recipe first")
    with tempfile.TemporaryDirectory(prefix="tweakreg-suggest-") as folder, chdir(project.outdir):
        yield TrialBench(project, image, Path(folder))
