"""The exclusions catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.exclusions import exclusion_files, exclusions_of, read_exclusions

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


def test_real_catalog() -> None:
    found = read_exclusions(
        DS9 / "exclusions.txt", n_chips={"jcdua3f4q_flc": 2, "jcdua3f8q_flc": 2}
    )
    region = DS9 / "jcdua3f4q_sci1_exclude.reg"
    assert found == {"jcdua3f4q_flc": (region, None), "jcdua3f8q_flc": (None, None)}
    assert exclusions_of(DS9 / "exclusions.txt", "jcdua3f4q_flc") == {1: region}


def test_placeholders_comments_and_short_lines(folder: Path) -> None:
    path = catalog(
        folder,
        "# images\n\na_flt.fits None one.reg\nb_flt.fits INDEF mask.fits # the mask\n"
        "c_flt.fits\nd_flt.fits one.reg none None\n",
    )
    chips = dict.fromkeys(("a_flt", "b_flt", "c_flt", "d_flt"), 2)
    found = read_exclusions(path, n_chips=chips)
    assert found["a_flt"] == (None, folder / "one.reg")
    assert found["b_flt"] == (None, folder / "mask.fits")
    assert found["c_flt"] == (None, None)
    assert found["d_flt"] == (folder / "one.reg", None)
    assert exclusions_of(path, "z_flt") == {}
    assert exclusion_files(path) == (folder / "one.reg", folder / "mask.fits")


@pytest.mark.parametrize(
    "name", ["a_flc.fits", "raw/a_flc.fits", "/data/a_flc.fits.fz", "a_flc", "a_flc.fits[sci,1]"]
)
def test_images_match_by_base_name(folder: Path, name: str) -> None:
    path = catalog(folder, f"{name} one.reg")
    assert exclusions_of(path, "a_flc") == {1: folder / "one.reg"}


def test_every_wrong_line_is_named(folder: Path) -> None:
    path = catalog(folder, "a one.reg\n# b\nb gone.reg\na two.reg\nc one.reg None two.reg\n")
    with pytest.raises(InputError) as caught:
        read_exclusions(path, n_chips={"c": 2})
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{path}, line 3: there is no file {folder / 'gone.reg'}")
    assert lines[1].startswith(f"{path}, line 4: a is in line 1 already")
    assert lines[2].startswith(f"{path}, line 5: c has 2 chip(s), but 3 columns")


def test_missing_catalog(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.txt: the exclusions catalog cannot be read"):
        read_exclusions(tmp_path / "gone.txt", n_chips={})
