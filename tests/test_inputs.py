"""The forms that ``input`` may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.inputs import expand_inputs, image_name


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
    assert "none.txt: cannot be read" in str(caught.value)


def test_two_inputs_of_one_name_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"has the name of .*a_flc\.fits; every image needs"):
        expand_inputs(["a_flc.fits", "sub/a_flc.fits"], base=folder)
    with pytest.raises(InputError, match="is given twice"):
        expand_inputs(["a_flc.fits", "*_flc.fits"], base=folder)


def test_what_is_not_read_yet_is_refused(folder: Path) -> None:
    (folder / "list.txt").write_text("a_flc.fits a.coo\n")
    with pytest.raises(InputError, match="catalogs in a list are not read yet"):
        expand_inputs("@list.txt", base=folder)
    with pytest.raises(InputError, match="association tables are not read yet"):
        expand_inputs("j8bt06010_asn.fits", base=folder)


@pytest.mark.parametrize("suffix", [".fits", ".fits.fz", ".fits.gz", ".fit", ".FITS"])
def test_a_name_loses_its_fits_suffix(suffix: str) -> None:
    assert image_name(Path(f"dir/j8bt06nyq_flt{suffix}")) == "j8bt06nyq_flt"
