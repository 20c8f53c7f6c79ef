"""What a step is given: the record of its job and the files it reads and writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.planning.library_versions import VERSIONS
from tweakreg_steps.provenance.statement import Statement, statement_of

USAGE = "tweakreg-step RECORD key=path ..."


@dataclass(frozen=True)
class StepCall:
    """One call of a step.

    Attributes
    ----------
    rule, name
        The rule, and what its job works on: an image, ``<image>.<chip>``, or ``all``.
    parameters
        The part of the complete recipe that the rule consumes.
    inputs
        What the plan knows about the inputs.
    files
        The files of the rule, by the name the rule gives them.
    record
        The whole record: everything that the products depend on.
    """

    rule: str
    name: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    files: Mapping[str, Path | None]
    record: Mapping[str, Any]

    @property
    def findpars(self) -> Mapping[str, Any]:
        """How the sources of the job's image are found, whichever section says it."""
        (found,) = self.parameters.values()
        return cast("Mapping[str, Any]", found)

    @property
    def statement(self) -> Statement:
        """What the products say of their making."""
        return statement_of(self.record)

    def file(self, key: str) -> Path:
        """Return the file called `key`."""
        path = self.files.get(key)
        if path is None:
            raise RecipeError(f"{self.rule}: the file {key!r} is missing; usage: {USAGE}")
        return path

    def optional_file(self, key: str) -> Path | None:
        """Return the file called `key`, or None where the job has none."""
        return self.files.get(key)


def parse_call(arguments: Sequence[str]) -> StepCall:
    """Read the command line of a step: the record, then ``key=path`` for each file.

    Raises
    ------
    RecipeError
        If the command line is not of that form.
    """
    if not arguments:
        raise RecipeError(f"the record is missing; usage: {USAGE}")
    try:
        record = json.loads(arguments[0])
        record.pop(VERSIONS, None)  # they make the job stale; the step has no use for them
        rule, name = record["rule"], record["name"]
        parameters, inputs = record["parameters"], record["inputs"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(f"{arguments[0][:60]!r} is not a job's record; usage: {USAGE}") from error
    files: dict[str, Path | None] = {}
    for argument in arguments[1:]:
        key, separator, path = argument.partition("=")
        if not separator:
            raise RecipeError(f"{argument!r} is not of the form key=path; usage: {USAGE}")
        files[key] = Path(path) if path else None
    return StepCall(rule, name, parameters, inputs, files, record)
