"""A step reads the files of its record, and no others that took their names meanwhile.

Between the look at the inputs and the end of the job that reads one, a file may be replaced, edited
or removed. What a step makes is recorded under the digests of its record, so these must be true of
its files when it begins, and the files must be the same when it ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.layout import digests_of, working_copy_of
from tweakreg_steps.planning.manifest import ManifestImage, read_manifest, read_refimage
from tweakreg_steps.planning.plane_order import in_plane_order
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record
from tweakreg_steps.surveying.file_digest import file_digest
from tweakreg_steps.surveying.inspection import stat_key

_BY_CONTENT = re.compile(r"^(?:refcat|history|filter|weights\d+)$")
"""Files whose digests a record has under the names that the step has for them."""

Content = Mapping[str, Any]
"""What an image holds: as `tweakreg_steps.surveying.digests.digest_exposure` gives it."""


@contextmanager
def steady_inputs(call: StepCall) -> Iterator[None]:
    """Hold a step to the files of its record, from its beginning to its end.

    Raises
    ------
    InputError
        Naming the files that are gone, or are not those of the record.
    """
    images = _images(call)
    before = {path: _status(path) for path in images.values()}
    found = {name: _look(path, name) for name, path in images.items()}
    changed = [images[name] for name in _unlike(call, found)]
    files = _files(call, found)
    before |= {path: _status(path) for path in files}
    changed += [path for path, known in files.items() if file_digest(path) != known]
    _refuse(changed)
    yield
    _refuse([path for path, status in before.items() if _status(path) != status])


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


def _status(path: Path) -> dict[str, int]:
    """Return what changes when a file does."""
    try:
        return stat_key(path)
    except InputError as error:
        raise InputError(
            f"{path}: vanished while the run was under way; bring it back and run again"
        ) from error


def _images(call: StepCall) -> dict[str, Path]:
    """Return the images that a step reads and that are no products of the run, by name."""
    if call.rule == "build_reference_plane":
        refimage = read_refimage(call.file("manifest"))
        images = [refimage] if refimage else _in_order(read_manifest(call.file("manifest")))
        return {image.name: image.path for image in images if image.wcs_path == image.path}
    path = call.optional_file("image")
    in_place = call.rule == "update_header" and call.parameters["update_header"]["in_place"]
    # a file that is written in place changes, and the writer itself makes sure of it before
    if path is None or in_place or path == Path(working_copy_of(call.name)):
        return {}
    return {call.name: path}


def _in_order(images: list[ManifestImage]) -> list[ManifestImage]:
    """Return images as the reference plane is made of them."""
    return in_plane_order(images, name=lambda image: image.name)


def _look(path: Path, name: str) -> Content:
    """Return what an image holds: as it is noted if the note is about this file, or read anew."""
    noted = recall_json(Path(digests_of(name))) or {"identity": {"selection": None}}
    if noted["identity"].items() >= _status(path).items():
        return noted
    from tweakreg_steps.surveying.digests import digest_exposure

    return digest_exposure(path, noted["identity"]["selection"])


def _unlike(call: StepCall, found: Mapping[str, Content]) -> list[str]:
    """Return the names of the images that are not those of the record."""
    if call.rule == "build_reference_plane":
        return list(found) if found and not _is_plane(call, found) else []
    return [name for name, content in found.items() if not _is_recorded(call, content)]


def _is_recorded(call: StepCall, content: Content) -> bool:
    """Tell whether what a record says of its image is true."""
    recorded = call.inputs["chips"]
    chips = [{key: chip[key] for key in recorded[0]} for chip in content["chips"]]
    is_whole = call.inputs.get("file", content["file"]) == content["file"]
    return bool(is_whole and chips == recorded)


def _is_plane(call: StepCall, found: Mapping[str, Content]) -> bool:
    """Tell whether the WCSs are those of the record, which has one digest of them all."""
    from tweakreg_steps.planning.reference_jobs import plane_digest_of_chips

    chips = [content["chips"] for content in found.values()]
    known = plane_digest_of_chips(chips, is_refimage=call.inputs["refimage"])
    return bool(known == call.inputs["wcs"])


def _files(call: StepCall, found: Mapping[str, Content]) -> dict[Path, str]:
    """Return the other files of the user's that a step reads, with the digests of the record."""
    files = {
        path: str(call.inputs[key])
        for key, path in call.files.items()
        if path is not None and _BY_CONTENT.match(key) and call.inputs[key] is not None
    }
    for chip, known in call.inputs.get("catalogs", {}).items():
        files[call.file(f"catalog{chip}")] = known
    return files | _exclusions(call) | _reference_files(call, found)


def _exclusions(call: StepCall) -> dict[Path, str]:
    """Return the region files and masks of an image with their digests."""
    from tweakreg_steps.masking.exclusions import read_exclusions

    wanted = call.inputs.get("exclusions")
    if not wanted:
        return {}
    chips = [chip_from_record(record) for record in call.inputs["chips"]]
    catalog = read_exclusions(call.file("exclusions"), chips={})
    files = catalog.files_of(call.inputs["excluded_as"], chips)
    if {str(number) for number in files} != set(wanted):
        _refuse([call.file("exclusions")])
    return {files[int(number)]: known for number, known in wanted.items()}


def _reference_files(call: StepCall, found: Mapping[str, Content]) -> dict[Path, str]:
    """Return the reference files that an image's header names, with their digests."""
    wanted = call.inputs.get("reference_files")
    if not wanted:
        return {}
    from tweakreg_steps.surveying.reference_files import named_paths

    paths = named_paths(found[call.name]["primary"], call.file("image").parent)
    return {path: wanted[keyword] for keyword, path in paths.items()}
