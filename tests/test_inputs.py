"""The forms that ``input`` may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from associations import write_association
from astropy.io import fits

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.recipes.inputs import expand_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with some empty files."""
    for name in ("b_flc.fits", "a_flc.fits", "c_flt.fits.fz", "sub/d_flc.fits", "sub/a_flc.fits"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        ("b_flc.fits", ["b_flc"]),
        ("*_flc.fits", ["a_flc", "b_flc"]),
        ("?_fl?.fits*", ["a_flc", "b_flc", "c_flt"]),
        ("b_flc.fits, a_flc.fits", ["b_flc", "a_flc"]),
        (["c_flt.fits.fz", "*_flc.fits"], ["c_flt", "a_flc", "b_flc"]),
        ("b_flc.fits[sci,1],a_flc.fits[2]", ["b_flc_sci1", "a_flc_2"]),
    ],
)
def test_every_form_names_its_images_in_order(
    folder: Path, entries: str | list[str], names: list[str]
) -> None:
    assert [image.name for image in expand_inputs(entries, base=folder)] == names


def test_a_list_file_is_relative_to_itself(folder: Path) -> None:
    (folder / "sub" / "list.txt").write_text("d_flc.fits  # first\n\n../b_flc.fits\n")
    images = expand_inputs("@sub/list.txt", base=folder)
    assert [image.name for image in images] == ["d_flc", "b_flc"]
    assert images[1].path.resolve() == folder / "b_flc.fits"


def test_every_missing_file_is_named_at_once(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        expand_inputs(["x.fits", "b_flc.fits", "*_raw.fits", "@none.txt"], base=folder)
    assert "x.fits: there is no such file" in str(caught.value)
    assert "*_raw.fits: no file matches" in str(caught.value)
    assert "none.txt: the list cannot be read" in str(caught.value)


def test_two_inputs_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"has the name of .*a_flc\.fits; every image needs"):
        expand_inputs(["a_flc.fits", "sub/a_flc.fits"], base=folder)
    with pytest.raises(InputError, match="is given twice"):
        expand_inputs(["a_flc.fits", "*_flc.fits"], base=folder)


def test_a_list_may_name_catalogs_behind_an_image(folder: Path) -> None:
    (folder / "one.coo").touch()
    (folder / "list.txt").write_text("b_flc.fits one.coo None # x\na_flc.fits[sci,1] INDEF\nc_*\n")
    first, second, third = expand_inputs("@list.txt", base=folder)
    assert first.catalogs == (folder / "one.coo", None)
    assert (second.name, second.catalogs) == ("a_flc_sci1", (None,))
    assert third.catalogs is None


def test_every_wrong_line_of_a_list_is_named(folder: Path) -> None:
    (folder / "one.coo").touch()
    (folder / "list.txt").write_text("a_flc.fits gone.coo\n*_flc.fits one.coo\nx.fits\n")
    with pytest.raises(InputError) as caught:
        expand_inputs("@list.txt", base=folder)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "list.txt, line 1: there is no file" in lines[0]
    assert "list.txt, line 2: *_flc.fits stands for 2 images, but catalogs follow it" in lines[1]
    assert "list.txt, line 3: input: x.fits: there is no such file" in lines[2]


def test_an_association_stands_for_its_exposures_in_order(folder: Path) -> None:
    for name in ("j8bt06obq_flc", "j8bt06nyq_flt", "j8bt06nyq_flc", "u4ocq_c0m"):
        (folder / f"{name}.fits").touch()
    rows = [
        ("J8BT06OBQ", "EXP-DTH", True),
        ("J8BT06NYQ", "EXP-DTH", True),
        ("J8BT06ZZQ", "EXP-DTH", False),
        ("U4OCQ", "EXP-CRJ", True),
        ("J8BT06011", "PROD-DTH", True),
    ]
    table = write_association(folder, rows)
    images = expand_inputs(["b_flc.fits", table], base=folder)
    # TweakReg's own choice is flt where both are there
    names = ["b_flc", "j8bt06obq_flc", "j8bt06nyq_flt", "u4ocq_c0m"]
    assert [image.name for image in images] == names
    assert [image.name for image in expand_inputs("j8bt*_asn.fits", base=folder)] == names[1:]


def test_an_association_without_its_exposures_is_refused(folder: Path) -> None:
    rows = [("AAA", "EXP-DTH", True), ("BBB", "EXP-DTH", True), ("CCC", "PROD-DTH", True)]
    with pytest.raises(InputError) as caught:
        expand_inputs(write_association(folder, rows), base=folder)
    said = str(caught.value)
    assert "no exposure of the member AAA beside the association (tried aaa_crj.fits" in said
    assert "member BBB" in said
    assert "CCC" not in said
    with pytest.raises(InputError, match="names no exposure that is present"):
        expand_inputs(write_association(folder, rows[2:], "none"), base=folder)
    with pytest.raises(InputError, match="has no extension to pick"):
        expand_inputs("none_asn.fits[1]", base=folder)
    fits.PrimaryHDU().writeto(folder / "empty_asn.fits")
    with pytest.raises(InputError, match="is no association table: it has no column MEMNAME"):
        expand_inputs("empty_asn.fits", base=folder)


@pytest.mark.parametrize("suffix", [".fits", ".fits.fz", ".fits.gz", ".fit", ".FITS"])
def test_a_name_loses_its_fits_suffix(suffix: str) -> None:
    assert image_name(Path(f"dir/j8bt06nyq_flt{suffix}")) == "j8bt06nyq_flt"
