"""What differs between a job's record and that of its products, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tweakreg_steps.recipes.schema import Tree
from tweakreg_steps.records.job_record import JobRecord

_MISSING = object()

_PARTS = {
    "pixels": "pixels",
    "dq": "DQ flags",
    "err": "errors",
    "wcs": "WCS",
    "camera": "camera and filter",
    "noise": "gain and read noise",
}
"""What a chip has, in words."""

_OF_ALL = {"wcs": "the WCS of an image", "unread": "which inputs are whole files"}
"""What a job depends on that is about many images, in words."""

_IMAGE = "image"
"""What the files of an image call the image itself."""


def record_reasons(old: JobRecord, new: JobRecord, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield the differences between two records, but for the stamps of upstream jobs.

    Parameters
    ----------
    old, new
        The record of the products, and that of the job.
    files
        The user's files that the job may read, by what records call them (see
        `tweakreg_steps.workflow.planning.user_files_of`), to be named.
    """
    for path, before, after in _differences(old.get("parameters", {}), new["parameters"], ()):
        yield f"{'.'.join(path)} {_show(before)} → {_show(after)}"
    if old.get("inputs") != new["inputs"]:
        yield from _input_reasons(old.get("inputs", {}), new["inputs"], files)
    if old.get("code") != new["code"]:
        yield f"the code of {new['rule']} changed"


def version_reasons(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield the libraries whose versions matter and are others."""
    for name, version in new.items():
        if old.get(name) != version:
            yield f"{name} {old.get(name, '(unknown)')} → {version}"


def _input_reasons(
    old: Mapping[str, object], new: Mapping[str, object], files: Mapping[str, Path]
) -> Iterator[str]:
    """Yield which inputs changed, and what in them."""
    for path, before, after in _differences(_by_chip(old), _by_chip(new), ()):
        what = _describe(path, files)
        if before is _MISSING:
            yield f"{what}: new"
        elif after is _MISSING:
            yield f"{what}: gone"
        elif path == ("decision",):
            yield f"{what} {before} → {after}"
        else:
            yield f"{what} changed"


def _describe(path: tuple[str, ...], files: Mapping[str, Path]) -> str:
    """Name an input: the file and what of it."""
    image = f"{files[_IMAGE].name}: " if _IMAGE in files else ""
    match path:
        case ("chips", chip, part, *_):
            return f"{image}{_PARTS.get(part, part)} of {chip}"
        case ("exposures", other):
            return other
        case ("exposures", other, chip, part, *_):
            return f"{other}: {_PARTS.get(part, part)} of {chip}"
        case (part,) if part in _OF_ALL:
            return _OF_ALL[part]
        case ("file",) | ("data",):
            return f"{image}{path[0]}"
    file, what = files.get(".".join(path)), " ".join(path)
    return f"{what} {file.name}" if file else what


def _by_chip(inputs: Mapping[str, object]) -> Tree:
    """Key the chips by their number, so that a difference can name them."""

    def keyed(key: str, value: Any) -> Any:  # noqa: ANN401  any JSON value
        if key == "chips":
            return {f"chip {chip['number']}": chip for chip in value}
        if key == "exposures":
            return {name: keyed("chips", chips) for name, chips in value.items()}
        return value

    return {key: keyed(key, value) for key, value in inputs.items()}


def _differences(
    old: object, new: object, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield path, old and new value of everything that differs between two trees."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(set(old) | set(new)):
            yield from _differences(
                old.get(key, _MISSING), new.get(key, _MISSING), (*path, str(key))
            )
    elif old != new or type(old) is not type(new):
        yield path, old, new


def _show(value: object) -> str:
    """Show a parameter's value as YAML would write it."""
    return "(none)" if value is _MISSING else json.dumps(value, ensure_ascii=False)
