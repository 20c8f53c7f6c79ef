"""No region file and no exclusions catalog ends in anything but a mask or a message."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from test_region_masks import plain_wcs

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.ds9_regions import parse_regions, read_region_file
from tweakreg_steps.masking.exclusions import read_exclusions, unused_lines
from tweakreg_steps.masking.region_masks import mask_of_regions, physical_system
from tweakreg_steps.masking.region_text import image_regions_text

FOLDER = Path(__file__).parent / "data" / "ds9"
SHAPE = (40, 50)
SECONDS = 3.0  # of CPU for a line of 100 kB; a quadratic reader takes minutes
LENGTH = 100_000

SAMPLES: list[str] = [
    *(path.read_text() for path in sorted(FOLDER.glob("*.reg"))),
    *(case["text"] for case in json.loads((FOLDER / "answers.json").read_text())["cases"][:90]),
    'icrs\n-circle(150,30,3")\nimage;box(20,20,10,10,30)\nfk5;polygon(149.9999,30,150,30,150,30.001)',
]
PIECES = [
    *"()[]{}\"'#;,|&!+-=.:~\\\n\t\r\x00\x1b\u00b2\u0661é😀_",
    *(
        "1e400",
        "-1e-400",
        "nan",
        "inf",
        "99999999999999999999",
        "0x10",
        "1_0",
        "90",
        "-90",
        "89.999",
    ),
    *(
        "image",
        "fk5",
        "galactic",
        "wcs",
        "wcsa",
        "tile 3",
        "global include=0",
        "include=",
        "text={",
    ),
    *(
        "circle",
        "polygon",
        "panda",
        "annulus",
        "0",
        "0i",
        "1p",
        '2"',
        "3d",
        "4r",
        "12:60:60",
        "1h2m",
    ),
    *(
        "# vector(",
        "# composite(",
        "||",
        "\\n",
        "n=5",
        "&!",
        "10:00:00",
        "\ufeff",
        "\u22125",
        "\uff11",
    ),
]


def mutated(rng: np.random.Generator) -> str:
    """Cut, repeat, and fill a sample with pieces of others."""
    text = SAMPLES[rng.integers(len(SAMPLES))]
    for _ in range(rng.integers(1, 6)):
        start, end = sorted(rng.integers(0, len(text) + 1, 2))
        end = min(end, start + int(rng.integers(0, 12)))
        piece = PIECES[rng.integers(len(PIECES))] * int(rng.choice([0, 1, 1, 1, 2, 40]))
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_changed_region_file_is_a_mask_or_a_message(seed: int) -> None:
    rng, read, told = np.random.default_rng(seed), 0, []
    options = {"shape": SHAPE, "wcs": plain_wcs(), "physical": physical_system({}), "name": "a.reg"}
    for _ in range(100):
        text = mutated(rng)
        try:
            regions = parse_regions(text, name="a.reg")
            mask = mask_of_regions(regions, **options)
            written = image_regions_text(regions, chip="a", **options)
            parse_regions(written, name="b.reg")
        except InputError as error:
            told.append(str(error))
        else:
            assert mask.shape == SHAPE
            read += 1
    lines = [line for text in told for line in text.split("\n")]
    assert all(line.startswith("a.reg, line ") for line in lines)
    assert all(line.isprintable() and len(line) < 1000 for line in lines)
    assert 0 < read < 100


LINES = {
    "open braces": "{" * LENGTH,
    "shape and braces": "circle(1,2,3) # text=" + "{" * LENGTH,
    "quotes": "circle(1,2,3) # text=" + "{'" * (LENGTH // 2),
    "hashes": "circle(1,2,3)" + " #" * (LENGTH // 2),
    "semicolons": ";" * LENGTH,
    "systems": "fk5;" * (LENGTH // 4),
    "digits": "circle(" + "1" * LENGTH + ",2,3)",
    "dots": "circle(" + "1." * (LENGTH // 2) + ",2,3)",
    "colons": "fk5;circle(" + "1:" * (LENGTH // 2) + ",2,3)",
    "hours": "fk5;circle(" + "1h" * (LENGTH // 2) + ",2,3)",
    "sexagesimal digits": "fk5;circle(" + "1" * LENGTH + ":1:1x,2,3)",
    "blanks": "circle(1,2," + " " * LENGTH + "3)",
    "blanks behind a hash": "#" + " " * LENGTH + "x",
    "commas": "circle(" + "," * LENGTH + ")",
    "parentheses": "circle" + "(" * LENGTH,
    "bars": "circle(1,2,3) " + "|" * LENGTH,
    "properties": "circle(1,2,3) # " + "color=red " * (LENGTH // 10),
    "letters": "x" * LENGTH,
    "hidden shapes": "# text(" * (LENGTH // 7),
    "names": "select" * (LENGTH // 6),
    "line feeds": "\\n" * (LENGTH // 2),
    "vertices": "fk5;polygon(" + "10:00:00,2:00:00," * (LENGTH // 17) + ")",
    "regions": "image;" + "circle(1,2,3);" * (LENGTH // 14),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINES)
def test_a_line_of_100_kb_is_read_in_its_length(name: str) -> None:
    start = time.process_time()
    with contextlib.suppress(InputError):
        parse_regions("image\n" + LINES[name], name="a.reg")
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "word", ["[" * LENGTH, "a[" * (LENGTH // 2) + "]", "a#" * LENGTH, "a;" * 999]
)
def test_a_long_line_of_the_exclusions_is_read_in_its_length(tmp_path: Path, word: str) -> None:
    path = tmp_path / "exclusions.txt"
    path.write_text(f"{word} {'b' * LENGTH}\n")
    start = time.process_time()
    with pytest.raises(InputError, match=r"line 1: there is no file .*…; correct the name"):
        read_exclusions(path, chips={})
    assert len(" ".join(unused_lines(path, ["a", "b"]))) < 1000
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "content", [b"\x00" * 99, b"\xff\xfe\x00x", b"SIMPLE", b"", bytes(range(256))]
)
def test_what_is_no_text_is_a_message_or_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.reg"
    path.write_bytes(content)
    try:
        assert read_region_file(path) == ()
    except InputError as error:
        assert str(error).startswith(f"{path}, line 1: ")  # noqa: PT017  either is right


def test_a_folder_is_no_region_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_region_file(tmp_path)


def test_regions_on_a_chip_without_a_sky_are_a_message() -> None:
    header = fits.Header({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"})
    regions = parse_regions('fk5;circle(1,2,3")', name="a.reg")
    with pytest.raises(InputError, match=r"a\.reg, line 1: .*no sky"):
        mask_of_regions(
            regions, shape=SHAPE, wcs=WCS(header), physical=physical_system({}), name="a.reg"
        )
