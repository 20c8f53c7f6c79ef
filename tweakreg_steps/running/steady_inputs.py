"""A step reads the files of its record, and no others that took their names meanwhile.

Between the look at the inputs and the end of the job that reads one, a file may be replaced, edited
or removed. What a step makes is recorded under the digests of its record, so these must be true of
its files when it begins, and the files must be the same when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import ChipRecord, FileStatus, LearntExposure
from tweakreg_steps.records.outdir_files import digests_of
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import Step
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.findings import select_parts
from tweakreg_steps.surveying.inspection import recall_noted, stat_key

Call = StepCall[Mapping[str, Any], Mapping[str, Any]]


@contextmanager
def steady_inputs(step: Step, call: Call) -> Iterator[None]:
    """Hold a step to the files of its record, from its beginning to its end.

    Raises
    ------
    InputError
        Naming the files that are gone, or are not those of the record.
    """
    images = {} if _writes_input(step, call) else call.originals
    before = {path: _status(path) for path in images.values()}
    found = {name: _look(path, name) for name, path in images.items()}
    changed = [images[name] for name in _unlike(step, call, found)]
    files = _files(call)
    before |= {path: _status(path) for path in files}
    changed += [path for path, known in files.items() if file_digest(path) != known]
    _refuse(changed)
    yield
    _refuse([path for path, status in before.items() if _status(path) != status])


def _writes_input(step: Step, call: Call) -> bool:
    """Tell whether a step writes into the input itself, and makes sure of it before."""
    sections = call.parameters.values()
    return step.writes_input and any(section.get("in_place", False) for section in sections)


def _refuse(changed: list[Path]) -> None:
    """Raise an error if there are files that changed."""
    if changed:
        raise InputError(
            "\n".join(
                f"{path}: changed while the run was under way, and nothing is kept of what was "
                "made of it; run again"
                for path in changed
            )
        )


def _status(path: Path) -> FileStatus:
    """Return what changes when a file does."""
    try:
        return stat_key(path)
    except InputError as error:
        raise InputError(
            f"{path}: vanished while the run was under way; bring it back and run again"
        ) from error


def _look(path: Path, name: str) -> LearntExposure:
    """Return what an image holds: as it is noted if the note is about this file, or read anew."""
    noted = recall_noted(Path(digests_of(name)))
    if noted and noted["identity"].items() >= _status(path).items():
        return noted
    from tweakreg_steps.fits_files.digests import digest_exposure

    return digest_exposure(path, noted["identity"]["selection"] if noted else None)


def _unlike(step: Step, call: Call, found: Mapping[str, LearntExposure]) -> list[str]:
    """Return the names of the images that are not those of the record."""
    if step.combine is None:
        of_images = call.inputs.get("exposures", {})
        return [
            name
            for name, content in found.items()
            if not _is_recorded(call, content, of_images.get(name) or call.inputs["chips"])
        ]
    if not found:
        return []
    now = step.combine([content["chips"] for content in found.values()], call.inputs)
    return list(found) if now != call.inputs["wcs"] else []


def _is_recorded(call: Call, content: LearntExposure, recorded: Sequence[ChipRecord]) -> bool:
    """Tell whether what a record says of the chips of an image is true."""
    chips = select_parts(content["chips"], *recorded[0])
    is_whole = call.inputs.get("file", content["file"]) == content["file"]
    return bool(is_whole and chips == recorded)


def _files(call: Call) -> dict[Path, str]:
    """Return the other files of the user's that a step reads, with the digests of the record."""
    found = {}
    for key, path in call.files.items():
        group, _, part = key.partition(".")
        known = call.inputs.get(group)
        if part:
            known = known.get(part) if isinstance(known, Mapping) else None
        if isinstance(known, str) and key not in ("file", "image"):
            found[path] = known
    return found
