"""Reading exposures: chips, pixels, data quality, WCS."""

from __future__ import annotations

import gzip
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray
from wcs_files import MATRIX, TPV, UVIS_HEADERS, wcs_header, write_compressed, write_image

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure import (
    list_chips,
    make_wcs,
    read_dq,
    read_header,
    read_pixels,
    read_wcs,
)

PIXELS = np.arange(12.0, dtype=np.float32).reshape(3, 4)


def package_file(package: str, *parts: str) -> Path:
    """Find a file that a test dependency ships."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0], *parts)


def mef(path: Path, *hdus: tuple[str, int, Any], **cards: Any) -> Path:  # noqa: ANN401 - cards hold anything
    """Write an MEF of images (name, version, data) with a WCS each."""
    header = wcs_header(**(MATRIX | cards))
    images = [fits.ImageHDU(data, header, name=name, ver=ver) for name, ver, data in hdus]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    return path


def test_chips_come_in_the_order_of_their_versions(tmp_path: Path) -> None:
    path = mef(tmp_path / "a.fits", ("SCI", 2, PIXELS), ("ERR", 2, PIXELS), ("SCI", 1, PIXELS.T))
    first, second = list_chips(path, None)
    assert (first.number, first.extension, first.label, first.shape) == (1, 3, "SCI,1", (4, 3))
    assert (second.number, second.extension, second.label, second.shape) == (2, 1, "SCI,2", (3, 4))


def test_a_drizzled_file_has_one_chip(tmp_path: Path) -> None:
    path = mef(tmp_path / "a_drz.fits", ("SCI", 1, PIXELS), ("WHT", 1, PIXELS), ("CTX", 1, PIXELS))
    assert [chip.label for chip in list_chips(path, None)] == ["SCI,1"]


@pytest.mark.parametrize(
    ("selection", "label", "number"),
    [("sci,2", "SCI,2", 2), ("SCI", "SCI,1", 1), ("1", "SCI,1", 1), ("bkg,1", "BKG,1", 1)],
)
def test_a_selection_names_one_image(
    tmp_path: Path, selection: str, label: str, number: int
) -> None:
    path = mef(
        tmp_path / "a.fits", ("SCI", 1, PIXELS), ("SCI", 2, PIXELS + 1), ("BKG", 1, PIXELS + 2)
    )
    (chip,) = list_chips(path, selection)
    assert (chip.label, chip.number) == (label, number)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("sci,3", "no such extension.*1: SCI,1"),
        ("0", "not a two-dim"),
        ("a,b,c", "not a selection"),
    ],
)
def test_a_selection_that_names_nothing_is_refused(
    tmp_path: Path, selection: str, message: str
) -> None:
    path = mef(tmp_path / "a.fits", ("SCI", 1, PIXELS))
    with pytest.raises(InputError, match=message):
        list_chips(path, selection)


@pytest.mark.parametrize("kind", ["primary", "extension", "gzipped", "compressed"])
def test_all_kinds_of_files_give_the_same_pixels_and_wcs(tmp_path: Path, kind: str) -> None:
    data = np.random.default_rng(1).integers(0, 30000, (60, 70)).astype(np.int16)
    if kind == "compressed":
        path = write_compressed(tmp_path / "a.fits.fz", data)
    else:
        suffix = ".fits.gz" if kind == "gzipped" else ".fits"
        path = write_image(tmp_path / f"a{suffix}", data, primary=kind != "extension")
    (chip,) = list_chips(path, None)
    pixels = read_pixels(path, chip)
    assert chip.shape == pixels.shape == (60, 70)
    assert pixels.dtype == np.dtype("=f4")
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, data)
    wcs = read_wcs(path, chip)
    assert wcs.pixel_shape == (70, 60)
    assert np.allclose(wcs.all_pix2world(1000, 900, 1), (10, 20), rtol=0, atol=1e-12)


def test_pixels_are_scaled_and_blanks_are_nan(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.fits", np.array([[1, 2], [-99, 4]], dtype=np.int16))
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header.update(BSCALE=0.5, BZERO=10.0, BLANK=-99)
    pixels = read_pixels(path, list_chips(path, None)[0])
    assert np.array_equal(pixels, [[10.5, 11.0], [np.nan, 12.0]], equal_nan=True)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("u2", "f4"), ("u1", "f4"), ("i4", "f4"), ("f4", "f4"), ("f8", "f8")],
)
def test_pixels_of_every_type(tmp_path: Path, dtype: str, expected: str) -> None:
    data = np.array([[1, 2, 3], [4, 5, 200]], dtype=dtype)
    path = write_image(tmp_path / "a.fits", data)
    pixels = read_pixels(path, list_chips(path, None)[0])
    assert pixels.dtype == np.dtype(f"={expected}")
    assert np.array_equal(pixels, data)


def test_dq_is_that_of_the_same_version(tmp_path: Path) -> None:
    flags = np.arange(12, dtype=np.int16).reshape(3, 4)
    path = mef(tmp_path / "a.fits", ("SCI", 1, PIXELS), ("SCI", 2, PIXELS), ("DQ", 2, flags))
    first, second = list_chips(path, None)
    assert read_dq(path, first) is None
    found = read_dq(path, second)
    assert found is not None
    assert found.dtype == np.dtype("=i2")
    assert np.array_equal(found, flags)


@pytest.mark.parametrize("dtype", ["u2", "f4", "i4"])
def test_dq_of_every_type_becomes_whole_numbers(tmp_path: Path, dtype: str) -> None:
    flags = np.array([[0, 4], [16, 40000]], dtype=dtype)
    path = mef(tmp_path / "a.fits", ("SCI", 1, flags * 1.0), ("DQ", 1, flags))
    found = read_dq(path, list_chips(path, None)[0])
    assert found is not None
    assert found.dtype.kind in "iu"
    assert np.array_equal(found, flags)


def test_dq_of_a_header_alone_is_its_value_everywhere(tmp_path: Path) -> None:
    path = mef(tmp_path / "a.fits", ("SCI", 1, PIXELS), ("DQ", 1, None))
    with fits.open(path, mode="update") as hdus:
        hdus["DQ"].header.update(NPIX1=4, NPIX2=3, PIXVALUE=8)
    found = read_dq(path, list_chips(path, None)[0])
    assert np.array_equal(found, np.full((3, 4), 8))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flags", "message"), [(np.ones((2, 2), np.int16), "shape"), (PIXELS + 0.5, "no bit flags")]
)
def test_dq_that_cannot_be_used_is_refused(
    tmp_path: Path, flags: NDArray[Any], message: str
) -> None:
    path = mef(tmp_path / "a.fits", ("SCI", 1, PIXELS), ("DQ", 1, flags))
    with pytest.raises(InputError, match=message):
        read_dq(path, list_chips(path, None)[0])


def test_a_missing_file_and_one_that_is_no_fits_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.fits: no such file; correct the name"):
        list_chips(tmp_path / "a.fits", None)
    (tmp_path / "b.fits").write_text("hello")
    with pytest.raises(InputError, match=r"b\.fits: is not a FITS file"):
        list_chips(tmp_path / "b.fits", None)
    with pytest.raises(InputError, match="cannot be opened"):
        list_chips(tmp_path, None)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_refused_before_its_pixels_are_read(
    tmp_path: Path, suffix: str, kept: float
) -> None:
    data = np.random.default_rng(2).normal(size=(100, 100)).astype(np.float32)
    path = write_image(tmp_path / f"a{suffix}", data, primary=False, name="SCI")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=r"a\.fits.*(truncated|cannot be read to its end)"):
        list_chips(path, None)


def test_a_file_truncated_before_it_was_gzipped_is_refused(tmp_path: Path) -> None:
    whole = write_image(tmp_path / "a.fits", np.zeros((100, 100), np.float32)).read_bytes()
    path = tmp_path / "b.fits.gz"
    path.write_bytes(gzip.compress(whole[:20000]))
    with pytest.raises(InputError, match="the file ends at 20000"):
        list_chips(path, None)


def test_missing_padding_at_the_end_is_no_fault(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.fits", PIXELS)
    path.write_bytes(path.read_bytes()[: 2880 * 1 + PIXELS.nbytes])
    assert np.array_equal(read_pixels(path, list_chips(path, None)[0]), PIXELS)


def test_an_image_off_the_sky_is_refused_with_its_chip(tmp_path: Path) -> None:
    path = mef(tmp_path / "a.fits", ("SCI", 1, PIXELS), CTYPE1="WAVE")
    with pytest.raises(InputError, match=r"a\.fits: SCI,1 has no celestial WCS.*'WAVE'.*solve"):
        list_chips(path, None)


def test_several_images_none_called_sci_need_a_selection(tmp_path: Path) -> None:
    path = mef(tmp_path / "a.fits", ("CCD1", 1, PIXELS), ("CCD2", 1, PIXELS))
    with pytest.raises(InputError, match=r"CCD1,1, CCD2,1\); choose one, such as a\.fits\[1\]"):
        list_chips(path, None)
    assert list_chips(path, "ccd2")[0].label == "CCD2,1"


def test_a_file_without_image_is_refused(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="holds no two-dimensional image"):
        list_chips(tmp_path / "a.fits", None)


def test_a_waivered_wfpc2_file_is_refused_with_the_way_out() -> None:
    path = package_file("stsci.tools", "tests", "data", "u40x010hm_c0f.fits")
    with pytest.raises(InputError, match=r"cube of 3 axes.*convertwaiveredfits"):
        list_chips(path, None)


def test_a_lookup_table_that_is_not_there_is_named() -> None:
    path = package_file("stsci.tools", "tests", "data", "acs_test.fits")
    chip = list_chips(path, None)[0]
    assert (chip.label, chip.shape) == ("SCI,1", (2048, 4096))
    with pytest.raises(InputError, match=r"SCI,1: its WCS cannot be used.*D2IMARR.*updatewcs"):
        read_wcs(path, chip)


def test_the_old_kind_of_detector_correction_is_read_quietly() -> None:
    path = package_file("spherical_geometry", "tests", "data", "2chipA.fits.gz")
    chips = list_chips(path, None)
    assert [chip.label for chip in chips] == ["SCI,1", "SCI,2"]
    wcs = read_wcs(path, chips[1])
    assert wcs.sip is not None
    assert wcs.cpdis1 is not None


def test_a_wcs_has_all_the_distortion_astropy_finds() -> None:
    chip = list_chips(UVIS_HEADERS, None)[1]
    wcs = read_wcs(UVIS_HEADERS, chip)
    with warnings.catch_warnings(), fits.open(UVIS_HEADERS) as hdus:
        warnings.simplefilter("ignore")
        full = WCS(hdus["SCI", 2].header, hdus)
    x = np.linspace(1, 500, 20)
    assert wcs.det2im1 is not None
    assert np.array_equal(wcs.all_pix2world(x, x, 1), full.all_pix2world(x, x, 1))


def test_a_tpv_polynomial_means_the_same_with_cd_pc_and_crota() -> None:
    angle = np.radians(30.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    cd = {"CD1_1": -1e-5 * cosine, "CD1_2": -1e-5 * sine, "CD2_1": -1e-5 * sine}
    cd["CD2_2"] = 1e-5 * cosine
    turned: dict[str, Any] = {"CDELT1": -1e-5, "CDELT2": 1e-5}
    pc = turned | {"PC1_1": cosine, "PC1_2": sine, "PC2_1": -sine, "PC2_2": cosine}
    headers = [wcs_header(**(TPV | form)) for form in (cd, pc, turned | {"CROTA2": 30.0})]
    places = [make_wcs(h, None, where="a").all_pix2world([1, 2000], [1, 50], 1) for h in headers]
    assert np.allclose(places[1], places[0], rtol=0, atol=1e-12)
    assert np.allclose(places[2], places[0], rtol=0, atol=1e-12)


def test_a_tpv_coefficient_of_the_first_order_is_one_unless_given() -> None:
    given: dict[str, Any] = MATRIX | {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_7": 0.1}
    whole = given | {"PV1_1": 1.0, "PV2_1": 1.0}
    one, other = (make_wcs(wcs_header(**cards), None, where="a") for cards in (given, whole))
    assert np.array_equal(one.all_pix2world(1, 1, 1), other.all_pix2world(1, 1, 1))


def test_a_header_is_that_of_the_image_where_it_is_compressed(tmp_path: Path) -> None:
    path = write_compressed(tmp_path / "a.fits.fz", np.zeros((60, 70), np.int16))
    header = read_header(path, list_chips(path, None)[0])
    assert (header["NAXIS1"], header["CRVAL1"]) == (70, 10.0)


def test_a_singular_matrix_is_refused() -> None:
    header = wcs_header(CD1_1=1e-5, CD1_2=1e-5, CD2_1=1e-5, CD2_2=1e-5)
    with pytest.raises(InputError, match=r"chip a: its WCS cannot be used \(singular matrix"):
        make_wcs(header, None, where="chip a")
