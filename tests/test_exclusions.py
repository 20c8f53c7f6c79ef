"""The exclusions catalog."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.chips import Chip
from tweakreg_steps.masking.exclusions import read_exclusions, unused_lines

DS9 = Path(__file__).parent / "data" / "ds9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one.reg", "two.reg", "mask.fits"):
        (tmp_path / name).touch()
    return tmp_path


def catalog(folder: Path, text: str) -> Path:
    path = folder / "exclusions.txt"
    path.write_text(text)
    return path


def chips(*numbers: int) -> list[Chip]:
    return [Chip(number, 3 * number - 2, f"SCI,{number}", (10, 20)) for number in numbers]


BOTH = chips(1, 2)


def test_real_catalog() -> None:
    images = ("jcdua3f4q_flc", "jcdua3f8q_flc")
    found = read_exclusions(DS9 / "exclusions.txt", chips=dict.fromkeys(images, BOTH))
    region = DS9 / "jcdua3f4q_sci1_exclude.reg"
    assert [found.files_of(image, BOTH) for image in images] == [{1: region}, {}]


def test_placeholders_comments_and_short_lines(folder: Path) -> None:
    path = catalog(
        folder,
        "# images\n\na_flt.fits None one.reg\nb_flt.fits INDEF mask.fits # the mask\n"
        "c_flt.fits\nd_flt.fits one.reg none None\n",
    )
    names = ("a_flt", "b_flt", "c_flt", "d_flt")
    found = read_exclusions(path, chips=dict.fromkeys(names, BOTH))
    assert [found.files_of(name, BOTH) for name in (*names, "z_flt")] == [
        {2: folder / "one.reg"},
        {2: folder / "mask.fits"},
        {},
        {1: folder / "one.reg"},
        {},
    ]


@pytest.mark.parametrize(
    "name", ["a_flc.fits", "raw/a_flc.fits", "/data/a_flc.fits.fz", "a_flc", "a_flc.fits[sci,1]"]
)
def test_images_match_by_base_name(folder: Path, name: str) -> None:
    found = read_exclusions(catalog(folder, f"{name} one.reg"), chips={"a_flc": BOTH})
    assert found.files_of("a_flc", BOTH) == {1: folder / "one.reg"}


def test_a_selected_chip_has_its_own_column(folder: Path) -> None:
    found = read_exclusions(catalog(folder, "a.fits one.reg two.reg"), chips={})
    assert found.files_of("a", chips(2)) == {2: folder / "two.reg"}


@pytest.mark.parametrize("selection", ["SCI,2", "sci, 2", "4"])
def test_a_line_may_select_a_chip(folder: Path, selection: str) -> None:
    text = f"a.fits one.reg None\na.fits[{selection.replace(' ', '')}] two.reg\n"
    found = read_exclusions(catalog(folder, text), chips={"a": BOTH})
    assert found.files_of("a", BOTH) == {1: folder / "one.reg", 2: folder / "two.reg"}


def test_every_wrong_line_is_named(folder: Path) -> None:
    path = catalog(
        folder,
        "a one.reg\n# b\nb gone.reg\na two.reg\nc one.reg None two.reg\nd[sci,3] one.reg\n"
        "e[sci,1] one.reg two.reg\n",
    )
    with pytest.raises(InputError) as caught:
        read_exclusions(path, chips={"c": BOTH, "d": BOTH})
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(f"{path}, line 3: there is no file {folder / 'gone.reg'}")
    assert lines[1].startswith(f"{path}, line 4: a is in line 1 already")
    assert lines[2].startswith(f"{path}, line 5: c has 2 chip(s), but 3 columns")
    assert lines[3].endswith("d[sci,3] is no chip of the image; its chips are SCI,1, SCI,2")
    assert lines[4].startswith(f"{path}, line 7: e[sci,1] has 1 chip(s), but 2 columns")


def test_missing_catalog(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.txt: the exclusions catalog cannot be read"):
        read_exclusions(tmp_path / "gone.txt", chips={})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("J8BT06NYQ_FLT.FITS one.reg", "nearest is j8bt06nyq_flt: capital and small letters count"),
        ("j8bt06ny1_flt.fits one.reg", "'j8bt06ny1_flt.fits' is no image .* j8bt06nyq_flt$"),
        ("j8bt06nyq one.reg", "the nearest is j8bt06nyq_flt"),
        ("j8bt06nyq_flt.fits;one.reg", "nearest is j8bt06nyq_flt; its columns .* by blanks"),
        ("J8BT06NYQ_flt.fits,one.reg two.reg", "nearest is j8bt06nyq_flt; its columns"),
    ],
)
def test_a_line_that_belongs_to_no_image_is_told_with_the_nearest(
    folder: Path, line: str, said: str
) -> None:
    path = catalog(folder, f"other_flt.fits one.reg\n{line}\n")
    (text,) = unused_lines(path, ["other_flt", "j8bt06nyq_flt"])
    assert text.startswith(f"{path}, line 2: ")
    assert re.search(said, text)


def test_of_many_lines_that_belong_to_no_image_the_first_are_told(folder: Path) -> None:
    path = catalog(folder, "".join(f"b{i}.fits one.reg\n" for i in range(50)))
    texts = unused_lines(path, ["a"])
    assert len(texts) == 21
    assert texts[-1] == f"{path}: 30 more lines belong to no image"


def test_what_a_shell_would_replace_is_told_where_a_file_is_missing(folder: Path) -> None:
    with pytest.raises(InputError, match=r"\$HOME/one.reg; .*; ~ and \$NAME are not replaced"):
        read_exclusions(catalog(folder, "a.fits $HOME/one.reg"), chips={})
