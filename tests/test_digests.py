"""A digest changes with what it stands for and with nothing else."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from astropy.io import fits
from wcs_files import UVIS_HEADERS, write_compressed, write_image

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure_record import LearntExposure
from tweakreg_steps.surveying.inspection import stat_key

Edit = Callable[[fits.HDUList], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digests") / "a_flc.fits"
    path.write_bytes(gzip.decompress(UVIS_HEADERS.read_bytes()))
    return path


def changed_parts(before: LearntExposure, after: LearntExposure) -> set[str]:
    """Name what differs: file, or part and chip."""
    compared: tuple[Literal["pixels", "dq", "wcs"], ...] = ("pixels", "dq", "wcs")
    parts = {
        f"{part} {one['number']}"
        for one, other in zip(before["chips"], after["chips"], strict=True)
        for part in compared
        if one[part] != other[part]
    }
    return parts | ({"file"} if before["file"] != after["file"] else set())


def set_card(name: str, version: int, key: str, value: Any) -> Edit:  # noqa: ANN401
    def edit(hdus: fits.HDUList) -> None:
        hdus[name, version].header[key] = value

    return edit


def set_pixel(name: str, version: int) -> Edit:
    def edit(hdus: fits.HDUList) -> None:
        hdus[name, version].data[3, 4] += 1

    return edit


def set_primary(key: str, value: Any) -> Edit:  # noqa: ANN401
    def edit(hdus: fits.HDUList) -> None:
        hdus[0].header[key] = value

    return edit


def set_comment(hdus: fits.HDUList) -> None:
    hdus["SCI", 1].header.comments["CRVAL1"] = "another comment"


@pytest.mark.parametrize(
    ("edit", "parts"),
    [
        (set_card("SCI", 1, "MDRIZSKY", 3.0), {"file"}),
        (set_card("SCI", 1, "CRVAL1A", 3.0), {"file"}),
        (set_card("SCI", 1, "TARGNAME", "M31"), {"file"}),
        (set_comment, {"file"}),
        (set_primary("FILTER", "F606W"), {"file"}),
        (set_card("SCI", 1, "CRVAL1", 3.0), {"file", "wcs 1"}),
        (set_card("SCI", 2, "A_0_2", 1e-8), {"file", "wcs 2"}),
        (set_card("SCI", 2, "IDCSCALE", 0.04), {"file", "wcs 2"}),
        (set_primary("PA_V3", 12.0), {"file", "wcs 1", "wcs 2"}),
        (set_pixel("SCI", 2), {"file", "pixels 2"}),
        (set_pixel("ERR", 2), {"file"}),
        (set_pixel("DQ", 1), {"file", "dq 1"}),
        (set_pixel("WCSDVARR", 2), {"file", "wcs 1"}),
        (set_pixel("D2IMARR", 3), {"file", "wcs 2"}),
    ],
)
def test_a_change_shows_where_it_matters(
    original: Path, tmp_path: Path, edit: Edit, parts: set[str]
) -> None:
    path = tmp_path / "a_flc.fits"
    shutil.copyfile(original, path)
    with fits.open(path, mode="update") as hdus:
        edit(hdus)
    found = changed_parts(digest_exposure(original, None), digest_exposure(path, None))
    assert found == parts


def test_a_copy_has_the_same_digests_and_they_survive_json(original: Path, tmp_path: Path) -> None:
    path = tmp_path / "other_name.fits"
    shutil.copyfile(original, path)
    digests = digest_exposure(original, None)
    assert digest_exposure(path, None) == digests == json.loads(json.dumps(digests))
    assert digest_exposure(UVIS_HEADERS, None) == digests  # gzipped


def test_a_chip_is_described_with_the_names_of_its_wcss(original: Path) -> None:
    first, second = digest_exposure(original, None)["chips"]
    assert (first["number"], first["extension"], first["label"]) == (1, 1, "SCI,1")
    assert second["shape"] == [10, 10]
    assert first["wcsnames"][:2] == ["IDC_2731450pi-FIT_SVM_GAIAeDR3", "IDC_2731450pi"]
    assert "OPUS" in first["wcsnames"]


def test_a_selection_describes_one_chip(original: Path) -> None:
    (chip,) = digest_exposure(original, "sci,2")["chips"]
    assert chip["number"] == 2


@pytest.mark.parametrize("change", ["pixels", "wcs"])
def test_a_compressed_image_shows_its_changes(tmp_path: Path, change: str) -> None:
    data = np.random.default_rng(3).integers(0, 1000, (64, 64)).astype(np.int16)
    one = write_compressed(tmp_path / "a.fits.fz", data)
    data[5, 5] += change == "pixels"
    other = write_compressed(tmp_path / "b.fits.fz", data, CRVAL1=10.0 + (change == "wcs"))
    found = changed_parts(digest_exposure(one, None), digest_exposure(other, None))
    assert found == {"file", f"{change} 1"}


def test_what_the_bytes_mean_counts_as_pixels(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.fits", np.ones((4, 4), np.int16))
    before = digest_exposure(path, None)
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header["BZERO"] = 5.0
    assert changed_parts(before, digest_exposure(path, None)) == {"file", "pixels 1"}


def test_the_stat_key_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    key = stat_key(path)
    assert key == json.loads(json.dumps(stat_key(path)))
    path.write_text("three")
    assert stat_key(path) != key
    with pytest.raises(InputError, match="cannot be read"):
        stat_key(tmp_path / "missing")
