"""The list of all images that the run leaves for the steps which speak of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure_record import ChipRecord
from tweakreg_steps.json_file import read_json
from tweakreg_steps.sections import OneGeometry


class InMosaic(TypedDict):
    """How an image belongs to the others, where all are solved together.

    Its ``group``, what the correction of that may do (``geometry``), its ``camera`` and, where
    stars of the catalog move, its ``epoch``.
    """

    group: str
    geometry: OneGeometry
    camera: str
    epoch: NotRequired[float | None]


class ManifestEntry(TypedDict):
    """What the list says of one image; ``files`` is not there in those of former versions."""

    name: str
    path: str
    wcs_path: str
    label: str
    chips: list[ChipRecord]
    files: NotRequired[dict[str, str]]
    mosaic: NotRequired[InMosaic]


class Manifest(TypedDict):
    """The list: its images, the reference image, and files of the user's that belong to neither."""

    images: list[ManifestEntry]
    refimage: ManifestEntry | None
    files: NotRequired[dict[str, str]]


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
        The user's files that belong to it; see `tweakreg_steps.workflow.planning.user_files_of`.
    mosaic
        How it belongs to the others; None where each image is aligned by itself.
    """

    name: str
    path: Path
    wcs_path: Path
    label: str
    chips: tuple[ChipRecord, ...]
    files: Mapping[str, Path]
    mosaic: InMosaic | None


def read_manifest(path: Path) -> list[ManifestImage]:
    """Return the images of the run, in the recipe's order."""
    return [_image(entry) for entry in _read(path)["images"]]


def read_refimage(path: Path) -> ManifestImage | None:
    """Return the reference image of the run, or None where the recipe names none."""
    entry = _read(path)["refimage"]
    return _image(entry) if entry else None


def read_files(path: Path) -> dict[str, Path]:
    """Return the user's files that belong to no image."""
    return _paths(_read(path).get("files", {}))


def _read(path: Path) -> Manifest:
    """Return the content of a manifest.

    Raises
    ------
    InputError
        It is none.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not _is_manifest(content):
        raise InputError(f"{path}: is no list of a run's images; remove it and run again")
    return cast("Manifest", content)


def _is_manifest(content: Mapping[str, object]) -> bool:
    """Tell whether a mapping is of the form that a run writes."""
    images, refimage = content.get("images"), content.get("refimage", 0)
    is_list = isinstance(images, list) and all(map(_is_image, images))
    return is_list and (refimage is None or _is_image(refimage)) and _are_files(content)


def _is_image(entry: object) -> bool:
    """Tell whether an entry describes an image."""
    if not isinstance(entry, dict) or not isinstance(entry.get("chips"), list):
        return False
    texts = [entry.get(key) for key in ("name", "path", "wcs_path", "label")]
    texts += [entry.get("mosaic", {}).get(key, "") for key in ("group", "geometry", "camera")]
    return all(isinstance(text, str) for text in texts) and _are_files(entry)


def _are_files(entry: Mapping[str, object]) -> bool:
    """Tell whether the files that an entry names, if it names any, are paths."""
    files = entry.get("files", {})
    return isinstance(files, dict) and all(isinstance(file, str) for file in files.values())


def _paths(files: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of an entry."""
    return {key: Path(file) for key, file in files.items()}


def _image(entry: ManifestEntry) -> ManifestImage:
    """Return what an entry describes."""
    return ManifestImage(
        entry["name"],
        Path(entry["path"]),
        Path(entry["wcs_path"]),
        entry["label"],
        tuple(entry["chips"]),
        _paths(entry.get("files", {})),
        entry.get("mosaic"),
    )
