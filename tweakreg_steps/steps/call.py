"""What a step is given: the record of its job, and the files it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.json_file import write_json
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.statement import (
    Statement,
    sign_head,
    sign_record,
    sign_table,
    sign_text,
    statement_of,
)

if TYPE_CHECKING:
    from tweakreg_steps.sections import Finding, Flags
    from tweakreg_steps.steps.parameters import FindSources, MakeMasks
    from tweakreg_steps.tables.ecsv import ColumnTable

Parameters = TypeVar("Parameters", bound=Mapping[str, object])
Inputs = TypeVar("Inputs", bound=Mapping[str, object])


@dataclass(frozen=True)
class StepCall(Generic[Parameters, Inputs]):
    """One call of a step.

    Attributes
    ----------
    rule, name
        The rule, and what its job works on: an image, ``<image>.<chip>``, or ``all``.
    parameters
        The part of the complete recipe that the step consumes.
    inputs
        What else the plan knows of what it depends on.
    files
        What it reads and writes, and the user's files, by what the step calls them, relative to
        the output folder.
    record
        The whole record: everything that the products depend on.
    originals
        The user's exposures that it reads, by the images' names.
    """

    rule: str
    name: str
    parameters: Parameters
    inputs: Inputs
    files: Mapping[str, Path]
    record: JobRecord
    originals: Mapping[str, Path]

    @property
    def statement(self) -> Statement:
        """What the products say of their making."""
        return statement_of(self.record)

    def parameters_of(self, image: str) -> Parameters:
        """Return the parameters as they hold for one image of a job about several."""
        from tweakreg_steps.recipes.merging import merge
        from tweakreg_steps.recipes.schema import IMAGES

        own = self.record["parameters"].get(IMAGES, {})
        return cast("Parameters", merge(self.parameters, own.get(image, {})))

    def file(self, key: str) -> Path:
        """Return the file called `key`."""
        path = self.files.get(key)
        if path is None:
            raise RecipeError(f"{self.rule}: the file {key!r} is missing from the plan; run again")
        return path

    def optional_file(self, key: str) -> Path | None:
        """Return the file called `key`, or None where the job has none."""
        return self.files.get(key)

    def files_of(self, group: str) -> dict[str, Path]:
        """Return the user's files of a group, by their parts: ``exclusions.1`` as ``1``."""
        begin = f"{group}."
        found = self.files.items()
        return {key.removeprefix(begin): path for key, path in found if key.startswith(begin)}

    def read_table(self, key: str) -> ColumnTable:
        """Read the table called `key`."""
        from tweakreg_steps.tables.table_file import read_table

        return read_table(self.file(key))

    def read_meta(self, key: str) -> dict[str, Any]:
        """Read the metadata of the table called `key`."""
        from tweakreg_steps.tables.table_file import read_meta

        return read_meta(self.file(key))

    def write_table(self, key: str, table: ColumnTable) -> None:
        """Write the table called `key`, with what it says of its making."""
        from tweakreg_steps.tables.table_file import write_table

        write_table(self.file(key), sign_table(table, self.statement))

    def write_record(self, key: str, record: Mapping[str, object]) -> None:
        """Write the JSON file called `key`, with what it says of its making."""
        write_json(self.file(key), sign_record(record, self.statement))

    def write_text(self, key: str, text: str) -> None:
        """Write the text called `key`, with what it says of its making."""
        write_text_atomically(self.file(key), sign_text(text, self.statement))

    def write_rows(self, key: str, text: str) -> None:
        """Write the text called `key`, of which comments and then rows are expected.

        What it says of its making stands in comments before the rows.
        """
        write_text_atomically(self.file(key), sign_head(text, self.statement))


@overload
def section_of(parameters: FindSources) -> Finding: ...


@overload
def section_of(parameters: MakeMasks) -> Flags: ...


def section_of(parameters: FindSources | MakeMasks) -> Finding | Flags:
    """Return the one section of a step's parameters, whichever of two says it.

    How sources are found is said by ``imagefindpars``, for the reference image by
    ``refimagefindpars``.
    """
    (section,) = parameters.values()
    return cast("Finding | Flags", section)
