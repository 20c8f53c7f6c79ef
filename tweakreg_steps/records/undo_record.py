"""What it takes to bring an original back: ``applied/<file name>.json`` and ``.undo``.

The record is complete on the disk before the first byte of the original is replaced, and stays
until the original is back. It never says whether the original was replaced: the file itself does,
by its digest, so that a process killed at any moment leaves nothing contradictory.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tweakreg_steps.atomic import sync_folder
from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json, write_json
from tweakreg_steps.records.outdir_files import APPLIED

if TYPE_CHECKING:
    from tweakreg_steps.headers.header_update import WrittenHeader

_FORMAT = 1
_LARGEST = 2**63 - 1
_MEASURED = frozenset({"chips", "file", "data", "primary", "model", "headerlets"})
"""What is looked up of what was learnt of an original."""


@dataclass(frozen=True)
class Segment:
    """A run of bytes of the original: where it stands now.

    Attributes
    ----------
    kept : bool
        In the ``.undo`` file; otherwise in the file with the solution.
    offset, size : int
        Bytes.
    """

    kept: bool
    offset: int
    size: int


@dataclass(frozen=True)
class FileContent:
    """What tells a file's content from any other.

    Attributes
    ----------
    sha256 : str
        Of the bytes on the disk.
    size : int
        Their number.
    digest : str
        ``file`` of `tweakreg_steps.fits_files.digests.digest_exposure`.
    """

    sha256: str
    size: int
    digest: str


@dataclass(frozen=True)
class UndoRecord:
    """One original into which a solution was written, or was about to be.

    Attributes
    ----------
    path : str
        The original, relative to the output folder, so that both can move together.
    solution : str
        Stamp of what was written.
    original, applied : FileContent
        The file before and after.
    mtime_ns : int
        Time of the original.
    segments : tuple of Segment
        The original, in order.
    written : WrittenHeader
        What `tweakreg_steps.headers.header_update.write_aligned_copy` said.
    provenance : dict
        What the file with the solution says of its making (`tweakreg_steps.records.statement`);
        empty where a version wrote it that did not say.
    measured : tuple of dict
        ``digests/<image>.json`` of the original, under each name that it was inspected by.
    """

    path: str
    solution: str
    original: FileContent
    applied: FileContent
    mtime_ns: int
    segments: tuple[Segment, ...]
    written: WrittenHeader
    provenance: dict[str, Any]
    measured: tuple[dict[str, Any], ...]

    def original_path(self, outdir: Path) -> Path:
        """Return where the original stands, absolute; a link is followed."""
        return (outdir / self.path).resolve()


def record_path(outdir: Path, file_name: str) -> Path:
    """Return where the record about a file stands."""
    return outdir / APPLIED / f"{file_name}.json"


def undo_path(outdir: Path, file_name: str) -> Path:
    """Return where the bytes of the original stand that the file with the solution lacks."""
    return outdir / APPLIED / f"{file_name}.undo"


def read_record(outdir: Path, file_name: str) -> UndoRecord | None:
    """Return the record about a file, or None where there is none.

    Raises
    ------
    InputError
        There is one that cannot be read.
    """
    path = record_path(outdir, file_name)
    if not path.exists():
        return None
    content = recall_json(path)
    record = _parse(content) if content and content.get("format") == _FORMAT else None
    if record is None or not _names(record, file_name):
        raise InputError(
            f"{path}: cannot be read as an undo record; it was damaged or written by another "
            "version of tweakreg-steps: restore with that version, or put the original back and "
            "remove the record"
        )
    return record


def _parse(content: dict[str, Any]) -> UndoRecord | None:
    """Return the record that a JSON mapping is, or None where it is none."""
    try:
        record = UndoRecord(
            path=content["path"],
            solution=content["solution"],
            original=FileContent(**content["original"]),
            applied=FileContent(**content["applied"]),
            mtime_ns=content["mtime_ns"],
            segments=tuple(Segment(**segment) for segment in content["segments"]),
            written=content["written"],
            provenance=content.get("provenance", {}),
            measured=tuple(content["measured"]),
        )
    except (KeyError, TypeError):
        return None
    return record if _is_sound(record) else None


def _is_sound(record: UndoRecord) -> bool:
    """Tell whether everything in a record is of the kind that it has to be."""
    contents = (record.original, record.applied)
    texts = [record.path, record.solution]
    texts += [text for content in contents for text in (content.sha256, content.digest)]
    segments = record.segments
    numbers = [record.mtime_ns, *(content.size for content in contents)]
    numbers += [number for segment in segments for number in (segment.offset, segment.size)]
    return (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and all(type(number) is int and 0 <= number <= _LARGEST for number in numbers)
        and all(isinstance(segment.kept, bool) for segment in segments)
        and sum(segment.size for segment in segments) == record.original.size
        and isinstance(record.written, dict)
        and isinstance(record.provenance, dict)
        and all(_is_measured(entry) for entry in record.measured)
    )


def _is_measured(entry: object) -> bool:
    """Tell whether an entry of a record is what was learnt of an original."""
    if not isinstance(entry, dict) or not isinstance(entry.get("identity"), dict):
        return False
    return entry.keys() >= _MEASURED and entry["identity"].keys() >= {"selection", "format"}


def _names(record: UndoRecord, file_name: str) -> bool:
    """Tell whether a record speaks of a file of this name."""
    return Path(record.path).name == file_name


def read_records(outdir: Path) -> dict[str, UndoRecord]:
    """Return all records of an output folder by file name."""
    names = [path.name.removesuffix(".json") for path in sorted((outdir / APPLIED).glob("*.json"))]
    found = {name: read_record(outdir, name) for name in names}
    return {name: record for name, record in found.items() if record}


def changed_since(path: Path, outdir: Path) -> str:
    """Say that a file is neither the original nor as a solution was written into it."""
    return (
        f"{path}: was changed since a solution was written into it, so that the original cannot be "
        "made of it any more; if another recipe was applied since, restore that one first; to go "
        f"on with the file as it is now, remove {record_path(outdir, path.name)}"
    )


def write_record(outdir: Path, file_name: str, record: UndoRecord) -> None:
    """Write a record, and have it on the disk with all that it refers to before returning."""
    write_json(record_path(outdir, file_name), {"format": _FORMAT, **asdict(record)})
    sync_folder(outdir / APPLIED)
    sync_folder(outdir)


def remove_record(outdir: Path, file_name: str) -> None:
    """Remove a record whose original is back."""
    record_path(outdir, file_name).unlink(missing_ok=True)
    undo_path(outdir, file_name).unlink(missing_ok=True)
