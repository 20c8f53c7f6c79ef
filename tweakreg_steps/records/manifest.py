"""The list of all images that the run leaves for the steps which speak of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.json_file import read_json
from tweakreg_steps.records.outdir_files import plain_name


@dataclass(frozen=True)
class ManifestImage:
    """One image of the run.

    Attributes
    ----------
    name
        Its name.
    path
        Its file.
    wcs_path
        The file that holds its WCS: the same, or the working copy.
    label
        The file's name with the selected extension behind it, as a list would name it.
    chips
        The records of its chips.
    files
        The user's files that belong to it; see `tweakreg_steps.workflow.user_files`.
    """

    name: str
    path: Path
    wcs_path: Path
    label: str
    chips: tuple[dict[str, Any], ...]
    files: Mapping[str, Path]


def read_manifest(path: Path) -> list[ManifestImage]:
    """Return the images of the run, in the recipe's order."""
    return [_image(entry) for entry in read_json(path)["images"]]


def read_refimage(path: Path) -> ManifestImage | None:
    """Return the reference image of the run, or None where the recipe names none."""
    entry = read_json(path)["refimage"]
    return _image(entry) if entry else None


def chip_labels(path: Path) -> dict[tuple[str, int], str]:
    """Return file and extension, ``x_flc.fits[1]``, by image and number of the chip.

    A reference image has two names: its own, and the one that an input would have.
    """
    refimage = read_refimage(path)
    images = [*read_manifest(path), *([refimage] if refimage else [])]
    return {
        (name, chip["number"]): f"{image.path.name}[{chip['extension']}]"
        for image in reversed(images)
        for name in {image.name, plain_name(image.name)}
        for chip in image.chips
    }


def read_files(path: Path) -> dict[str, Path]:
    """Return the user's files that belong to no image."""
    return _paths(read_json(path))


def _paths(entry: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files of an entry, which those of former versions do not have."""
    files = entry.get("files", {})
    return {key: Path(file) for key, file in files.items()}


def _image(entry: dict[str, Any]) -> ManifestImage:
    """Return what an entry describes."""
    return ManifestImage(
        entry["name"],
        Path(entry["path"]),
        Path(entry["wcs_path"]),
        entry["label"],
        tuple(entry["chips"]),
        _paths(entry),
    )
