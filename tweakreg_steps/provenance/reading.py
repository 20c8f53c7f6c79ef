"""Reading back what a file says of its making, whatever its name and format."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from tweakreg_steps.errors import InputError
from tweakreg_steps.records.statement import KEY, PNG_KEY, Said, parse_lines

_LONGEST_START = 16


def read_statements(path: Path) -> list[Said]:
    """Return what a file says of its making: the last statement is of its own.

    Those before are of the files that it is a copy of. Files of other programs say nothing.

    Raises
    ------
    InputError
        The file cannot be read, or what it says is damaged.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(_LONGEST_START)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); correct the name") from error
    read = next((reader for sign, reader in _READERS if start.startswith(sign)), _read_text)
    try:
        return read(path)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{path}: what it says of its making is damaged ({error}); make it again"
        ) from error


def _read_fits(path: Path) -> list[Said]:
    """Read the HISTORY of the primary header, the keywords of an aligned file, or a table.

    The keywords say version, stamp and digest of the recipe; the whole statement is in the record
    that stands beside the file, in ``headers/``.
    """
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus
    from tweakreg_steps.fits_files.header_cards import iter_cards, keyword
    from tweakreg_steps.headers.signature import read_signature
    from tweakreg_steps.tables.table_file import TABLE_HDUS, read_meta

    hdus = scan_hdus(path)
    primary = hdus[0]
    if [hdu.values.get("EXTNAME") for hdu in hdus] == [None, *TABLE_HDUS]:
        return _if_there(read_meta(path).get(KEY))
    cards = iter_cards(primary.header)
    texts = [card[8:].decode("ascii", "replace") for card in cards if keyword(card) == "HISTORY"]
    signature = read_signature(primary.values)
    signed = (
        []
        if signature is None
        else [
            {
                "version": signature.version,
                "stamp": signature.stamp,
                "recipe_digest": signature.recipe,
            }
        ]
    )
    return [*parse_lines(texts), *signed]


def _read_gzip(path: Path) -> list[Said]:
    """Read a gzipped file, which may be FITS."""
    with gzip.open(path) as stream:
        is_fits = stream.read(len(b"SIMPLE")) == b"SIMPLE"
    return _read_fits(path) if is_fits else []


def _read_png(path: Path) -> list[Said]:
    """Read the texts of a picture."""
    import json

    from PIL import Image

    with Image.open(path) as picture:
        said = picture.info.get(PNG_KEY)
    return [json.loads(said)] if said else []


def _read_table(path: Path) -> list[Said]:
    """Read the metadata of a table."""
    from tweakreg_steps.tables.ecsv import read_table

    return _if_there(read_table(path).meta.get(KEY))


def _read_json(path: Path) -> list[Said]:
    """Read the key of a JSON file."""
    from tweakreg_steps.json_file import recall_json

    content = recall_json(path)
    return _if_there(content.get(KEY)) if content else []


def _read_text(path: Path) -> list[Said]:
    """Read the comment lines of a text."""
    return list(parse_lines(_comments(path.read_bytes())))


def _comments(content: bytes) -> Iterable[str]:
    """Return the lines of a text, what begins a comment taken away."""
    lines = content.decode("utf-8", "replace").splitlines()
    return (line.removeprefix("#").removeprefix(" ") for line in lines)


def _if_there(said: object) -> list[Said]:
    """Return a statement as a list, empty where there is none."""
    return [said] if isinstance(said, dict) and said else []


_READERS: tuple[tuple[bytes, Callable[[Path], list[Said]]], ...] = (
    (b"SIMPLE", _read_fits),
    (b"\x1f\x8b", _read_gzip),
    (b"\x89PNG", _read_png),
    (b"# %ECSV", _read_table),
    (b"{", _read_json),
)
"""How a file is read, by its first bytes."""
