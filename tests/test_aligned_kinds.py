"""Aligned copies of exposures and images of all kinds."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_copies import X, Y, align, hst_wcs, image_hdus
from astropy.io import fits
from astropy.wcs import WCS
from wcs_files import (
    MATRIX,
    TPV,
    write_compressed,
    write_image,
)

from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.fits_files.exposure import list_chips, read_header, read_pixels, read_wcs
from tweakreg_steps.fits_files.fits_blocks import scan_hdus


def test_an_exposure_straight_from_the_pipeline_keeps_its_opus_wcs(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("spherical_geometry")
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0], "tests", "data", "j8bt06nyq_flt.fits")
    written, moved = align(source, tmp_path / "a.fits")
    header = fits.getheader(tmp_path / "a.fits", ("SCI", 1))
    assert written.archived is not None
    assert written.archived.name == header["WCSNAMEA"] == "PRE-TWEAKREG"
    assert header["WCSNAMEO"] == "OPUS"
    assert header["CRVAL1O"] == header["CRVAL1A"] == fits.getval(source, "CRVAL1", 1)
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].header["NEXTEND"] == len(hdus) - 1 == 4
        assert list(hdus["WCSCORR"].data["WCS_ID"][:2]) == ["OPUS", "TWEAK"]
    sky = hst_wcs(tmp_path / "a.fits", 1).all_pix2world(X, Y, 1)
    assert moved is not None
    assert separation(*sky, *moved[0].wcs.all_pix2world(X, Y, 1)).max() < 1e-6


def test_wfpc2_with_four_chips(tmp_path: Path) -> None:
    convert = importlib.import_module("stsci.tools.convertwaiveredfits").convertwaiveredfits
    spec = importlib.util.find_spec("stsci.tools")
    assert spec is not None
    assert spec.submodule_search_locations
    waivered = Path(spec.submodule_search_locations[0], "tests", "data", "u40x010hm_c0f.fits")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert(str(waivered)).writeto(tmp_path / "u40x010hm_c0m.fits")
    _, moved = align(tmp_path / "u40x010hm_c0m.fits", tmp_path / "out.fits")
    assert moved is not None
    assert len(moved) == 4
    for chip in range(1, 5):
        sky = hst_wcs(tmp_path / "out.fits", chip).all_pix2world(X, Y, 1)
        assert separation(*sky, *moved[chip - 1].wcs.all_pix2world(X, Y, 1)).max() < 1e-6
    assert list(fits.getdata(tmp_path / "out.fits", "WCSCORR")["WCS_ID"]).count("TWEAK") == 4


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("primary", [True, False])
@pytest.mark.parametrize("cards", [{}, TPV])
def test_a_single_image_of_another_telescope(
    tmp_path: Path, suffix: str, primary: bool, cards: dict[str, Any]
) -> None:
    data = np.random.default_rng(7).normal(size=(600, 600)).astype(np.float32)
    source = write_image(tmp_path / f"a{suffix}", data, primary=primary, name="IM", **cards)
    destination = tmp_path / "out" / source.name
    _, moved = align(source, destination)
    assert image_hdus(destination) == image_hdus(source)
    assert (destination.read_bytes()[:2] == b"\x1f\x8b") == (suffix == ".fits.gz")
    chip = list_chips(destination, None)[0]
    assert np.array_equal(read_pixels(destination, chip), data)
    sky = read_wcs(destination, chip).all_pix2world(X, Y, 1)
    assert moved is not None
    assert separation(*sky, *moved[0].wcs.all_pix2world(X, Y, 1)).max() < 1e-6
    header = read_header(destination, chip)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = WCS(header, key="A").all_pix2world(X, Y, 1)
        before = WCS(read_header(source, chip)).all_pix2world(X, Y, 1)
    assert separation(*kept, *before).max() < 1e-6
    assert header["WCSNAMEA"] == "PRE-TWEAKREG"
    assert "WCSCORR" not in {hdu.name for hdu in scan_hdus(destination)}


def test_a_crota_header_is_kept_as_one_that_an_alternate_may_be(tmp_path: Path) -> None:
    turned = {"CDELT1": -1e-5, "CDELT2": 1.2e-5, "CROTA2": 30.0}
    source = write_image(tmp_path / "a.fits", np.zeros((600, 600), np.float32))
    with fits.open(source, mode="update") as hdus:
        for key in MATRIX:
            del hdus[0].header[key]
        hdus[0].header.update(turned)
    align(source, tmp_path / "b.fits")
    header = fits.getheader(tmp_path / "b.fits")
    kept = WCS(header, key="A").all_pix2world(X, Y, 1)
    assert separation(*kept, *WCS(fits.getheader(source)).all_pix2world(X, Y, 1)).max() < 1e-6
    assert "CROTA2" not in header
    assert "CROTA2A" not in header


def test_a_compressed_image_stays_compressed_and_its_checksum_holds(tmp_path: Path) -> None:
    data = np.random.default_rng(8).integers(0, 30000, (600, 600)).astype(np.int16)
    source = write_compressed(tmp_path / "a.fits.fz", data)
    destination = tmp_path / "out" / "a.fits.fz"
    _, moved = align(source, destination)
    assert image_hdus(destination) == image_hdus(source)
    # with warnings as errors a wrong checksum fails here
    with fits.open(destination, checksum=True, disable_image_compression=True) as hdus:
        assert "CHECKSUM" in hdus[1].header
        assert hdus[1].header["ZCMPTYPE"] == "RICE_1"
    chip = list_chips(destination, None)[0]
    sky = read_wcs(destination, chip).all_pix2world(X, Y, 1)
    assert moved is not None
    assert separation(*sky, *moved[0].wcs.all_pix2world(X, Y, 1)).max() < 1e-6


def test_a_header_with_cards_against_the_standard_keeps_them(tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.fits", np.zeros((600, 600), np.float32))
    odd = [b"GAIN    =                  nan".ljust(80), b"lower   = 1".ljust(80)]
    content = source.read_bytes()
    end = content.index(b"END".ljust(80))
    header = (content[:end] + b"".join(odd) + b"END".ljust(80)).ljust(2880)
    source.write_bytes(header + content[2880:])
    align(source, tmp_path / "b.fits")
    assert all(card in (tmp_path / "b.fits").read_bytes() for card in odd)
