"""Damaged, hostile and huge tables: read, or refused by name; no traceback, no flood of memory."""

from __future__ import annotations

import gzip
import io
import os
import random
import resource
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from test_reference_catalog import read, stars, text
from test_user_tables import CDS, QUOTED, VIZIER, binary, sky_table, written

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.catfile import read_catfile
from tweakreg_steps.tables import binary_tables, decompression
from tweakreg_steps.tables.cell_values import parse_number, parse_sexagesimal
from tweakreg_steps.tables.ecsv import read_table

N_DAMAGED = int(os.environ.get("TWEAKREG_FUZZ", "60"))
"""Damaged files of each kind."""

SEED = 20261129
LONG = 100_000  # characters of a line that no parser may take quadratic time for
SECONDS = 2.0


def as_bytes(form: str) -> bytes:
    stream = io.BytesIO()
    stars().write(stream, format=form)
    return stream.getvalue()


def two_tables() -> bytes:
    stream = io.BytesIO()
    tables = [fits.table_to_hdu(stars()), fits.table_to_hdu(stars())]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(stream)
    return stream.getvalue()


SOUND: dict[str, Callable[[], bytes]] = {
    "csv": QUOTED.encode,
    "vizier": VIZIER.encode,
    "cds": CDS.encode,
    "ecsv": lambda: written(stars(), "ascii.ecsv").encode(),
    "mixins": lambda: written(sky_table(), "ascii.ecsv").encode(),
    "ipac": lambda: written(stars(), "ascii.ipac").encode(),
    "latex": lambda: written(stars(), "ascii.latex").encode(),
    "rst": lambda: written(stars(), "ascii.rst").encode(),
    "rdb": lambda: written(stars(), "ascii.rdb").encode(),
    "sextractor": lambda: b"# 1 RA a [deg]\n# 2 DEC b [deg]\n# 3 mag c\n1 2 3 4\n1 3 3 4\n",
    "fits": lambda: as_bytes("fits"),
    "two tables": two_tables,
    "votable": lambda: as_bytes("votable"),
    "gzip": lambda: gzip.compress(as_bytes("votable")),
}
"""A sound file of each format."""

SNIPPETS = (
    *(b"\0", b"\xff\xfe", b"\n", b"\t", b'"', b"#", b",", b";", b"|", b"<", b"--", b"nan", b"{"),
    *(b"9" * 400, b"# %ECSV 1.0\n", b"SIMPLE  =", b"<VOTABLE>", b"1e999", b"&a;", b"*a", b"!!x"),
    *(b"-1", b"9" * 20, b"P(2147483647)", b"\x1b[2J", b"-0:0:0", "é°".encode()),
)

COLUMNS: tuple[dict[str, object], ...] = (
    {},
    {"rfluxcol": "mag"},
    {"rfluxcol": 3},
    {"refxcol": "1-3", "refycol": 2},
)


def refusal(read_file: Callable[[], object]) -> str | None:
    """Return the message with which a file is refused, None where it is read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            read_file()
    except InputError as error:
        return str(error)
    return None


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Return a file with a few bytes changed, cut, doubled or put in."""
    spoilt = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(spoilt) + 1)
        span = dice.randint(1, 40)
        kind = dice.randrange(5)
        if kind == 0:
            spoilt[place : place + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            del spoilt[place : place + span]
        elif kind == 2:
            spoilt[place:place] = spoilt[place : place + span]
        elif kind == 3:
            spoilt[place : place + dice.choice((0, 1, span))] = dice.choice(SNIPPETS)
        elif len(spoilt) > 100 and dice.random() < 0.3:
            del spoilt[place:]
    return bytes(spoilt)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_damaged_catalogs_are_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    dice = random.Random(f"{SEED} {name}")  # noqa: S311  a seeded one
    content = SOUND[name]()
    refused = 0
    for number in range(N_DAMAGED):
        path = binary(tmp_path, damaged(content, dice), f"damaged{number}.cat")
        began = time.process_time()
        message = refusal(partial(read, path, **dice.choice(COLUMNS)))
        assert time.process_time() - began < 10 * SECONDS, path
        if message is not None:
            refused += 1
            assert path.name in message, path
            assert len(message) < 2000
            assert message.isprintable(), path
    assert refused


@pytest.mark.parametrize("name", ["product", "list"])
def test_damaged_products_and_lists_are_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    dice = random.Random(f"{SEED} {name}")  # noqa: S311  a seeded one
    content = SOUND["ecsv"]() if name == "product" else b"a.fits one.coo None\nb.fits\n"
    read_file: Callable[[Path], object] = read_table if name == "product" else read_catfile
    for number in range(5 * N_DAMAGED):
        path = binary(tmp_path, damaged(content, dice), f"damaged{number}.txt")
        message = refusal(partial(read_file, path))
        assert message is None or path.name in message


WORDS = (
    *(
        "1",
        "1 ",
        "1:",
        "1:1",
        " ",
        '"',
        "#",
        " #",
        "-",
        "a",
        "=",
        "1,",
        '",',
        "|",
        "+-",
        "[",
        "(a)",
    ),
    *("# 1 a", "\\aaaaaaaaa\n", "1 a [", "<STREAM", "<VOTABLE", "'"),
)
LINES = (
    *(word * (LONG // len(word)) for word in WORDS),
    *("1:" + "1" * LONG + "x", "1" + " " * LONG + "x", "1:1." + "1" * LONG + "x"),
)


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES, ids=lambda line: ascii(line[:6]))
def test_no_line_takes_long(tmp_path: Path, line: str) -> None:
    began = time.process_time()
    assert parse_number(line) is None or not line.strip("- ")
    assert parse_sexagesimal(line, hours=True) is None
    for content in (line, f"ra dec\n{line}\n", f"# {line}\n1 2\n", f"ra,dec\n1,2\n{line}"):
        message = refusal(partial(read, text(tmp_path, content)))
        assert message is None or len(message) < 2000
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("content", [b"\0" * 2_000_000, b"1 2\n" * 500_000, b"1" * 2_000_000])
def test_what_unpacks_beyond_the_limit_is_refused_while_reading(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decompression, "LARGEST_FILE", 1 << 20)
    path = binary(tmp_path, gzip.compress(content))
    with pytest.raises(InputError, match=r"ref\.cat: the catalog holds more than 1 MiB; write"):
        read(path)


@pytest.mark.slow
def test_a_bomb_takes_no_more_memory_than_the_limit(tmp_path: Path) -> None:
    """6 GB in 6 MB: as many members of gzip as are needed."""
    member = gzip.compress(bytes(100 << 20))
    path = binary(tmp_path, member * 60)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="holds more than 512 MiB"):
        read(path)
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert taken < 1.2 * (decompression.LARGEST_FILE >> 20)


def test_more_lines_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tweakreg_steps.tables.text_tables.MOST_ROWS", 1000)
    with pytest.raises(InputError, match=r"ref\.cat: holds more than 1000 lines; write"):
        read(text(tmp_path, "1 2\n" * 1002))


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("NAXIS2", 10**15, "NAXIS2 says 1000000000000000 rows; at most"),
        ("NAXIS2", 4_000_000, "promise more than the"),
        ("NAXIS1", 2**62, "ref"),
        ("PCOUNT", 2**62, "ref"),
        ("PCOUNT", 2**40, "promise more than the"),
        ("NAXIS2", -5, "ref"),
        ("TFIELDS", 10**9, "TFIELDS is 1000000000"),
        ("TFIELDS", 0, "TFIELDS is 0"),
        ("NAXIS", 999_999_999, "ref"),
        ("BITPIX", 64, "ref"),
        ("GCOUNT", 10**12, "ref"),
    ],
)
def test_absurd_headers_of_tables(tmp_path: Path, keyword: str, value: int, message: str) -> None:
    content = bytearray(as_bytes("fits"))
    place = content.index(b"XTENSION")
    place = content.index(f"{keyword:8}=".encode(), place)
    content[place : place + 80] = f"{keyword:8}= {value:20}".ljust(80).encode()
    path = binary(tmp_path, bytes(content))
    began = time.process_time()
    said = refusal(partial(read, path))
    if said is None:
        assert keyword in {"BITPIX", "GCOUNT"}
        assert len(read(path)) == 3
    else:
        assert path.name in said
        assert message in said
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE v [<!ENTITY a 'x'>]><VOTABLE>&a;</VOTABLE>",
        "<VOTABLE><STREAM encoding='base64' href='file:///etc/passwd'/></VOTABLE>",
    ],
)
def test_a_votable_has_nothing_else_read(tmp_path: Path, head: str) -> None:
    with pytest.raises(InputError, match=r"ref\.cat: (its data lie in|declares entities)"):
        read(text(tmp_path, head))


def test_pipes_folders_and_names_with_nul(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "a\0b"):
        with pytest.raises(InputError, match="the catalog cannot be read: "):
            read(path)
        with pytest.raises(InputError, match="cannot be read"):
            read_catfile(path)


def test_the_largest_text_is_read_in_bounded_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(SEED)
    rows = np.column_stack([rng.uniform(0, 360, 60_000), rng.uniform(-90, 90, 60_000)])
    np.savetxt(tmp_path / "ref.cat", rows)
    began = time.process_time()
    assert len(read(tmp_path / "ref.cat")) == 60_000
    assert time.process_time() - began < SECONDS
    assert binary_tables.MOST_ROWS >= 1_000_000
