"""The list of all images that the run leaves for the steps which speak of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.json_file import read_json


@dataclass(frozen=True)
class ManifestImage:
    """One image of the run.

    Attributes
    ----------
    name
        What it is called.
    path
        Its file.
    label
        The file's name with the selected extension behind it, as a list would name it.
    chips
        The records of its chips.
    """

    name: str
    path: Path
    label: str
    chips: tuple[dict[str, Any], ...]


def read_manifest(path: Path) -> list[ManifestImage]:
    """Return the images of the run, in the recipe's order."""
    content = read_json(path)
    return [
        ManifestImage(entry["name"], Path(entry["path"]), entry["label"], tuple(entry["chips"]))
        for entry in content["images"]
    ]
