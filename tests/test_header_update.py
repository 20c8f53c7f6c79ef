"""Aligned copies: the new WCS in, the old one kept, everything else untouched."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_copies import FIT, X, Y, align, hst_wcs, image_hdus, plane_near
from astropy.io import fits
from stwcs.wcsutil import altwcs
from wcs_files import (
    UVIS_HEADERS,
    Motion,
)

from tweakreg_steps.astrometry.apply_fit import MovedWcs
from tweakreg_steps.astrometry.reference_plane import write_reference_plane
from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.errors import InputError, NotAlignedError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure import list_chips
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.wcsname import describe_wcsname, is_taken
from tweakreg_steps.headers.header_update import write_aligned_copy, write_copy
from tweakreg_steps.headers.solution import FitQuality, Solution

OLD_NAME = "IDC_2731450pi-FIT_SVM_GAIAeDR3"


@pytest.fixture(scope="module")
def uvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "a_flc.fits"
    path.write_bytes(gzip.decompress(UVIS_HEADERS.read_bytes()))
    return path


@pytest.fixture(scope="module")
def aligned(uvis: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    path = tmp_path_factory.mktemp("aligned") / "a_flc.fits"
    return path, *align(uvis, path)


def test_the_source_is_not_touched_and_two_copies_are_the_same(uvis: Path, tmp_path: Path) -> None:
    before = uvis.read_bytes()
    align(uvis, tmp_path / "one.fits")
    align(uvis, tmp_path / "two.fits")
    assert uvis.read_bytes() == before
    assert (tmp_path / "one.fits").read_bytes() == (tmp_path / "two.fits").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.fits", "two.fits"]


def test_the_data_of_all_hdus_are_those_of_the_source(
    uvis: Path, aligned: tuple[Path, Any, Any]
) -> None:
    assert image_hdus(aligned[0]) == image_hdus(uvis)
    with fits.open(aligned[0]) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["NEXTEND"] == fits.getheader(uvis)["NEXTEND"]


@pytest.mark.parametrize("chip", [1, 2])
def test_stwcs_reads_the_moved_positions(aligned: tuple[Path, Any, Any], chip: int) -> None:
    path, _, moved = aligned
    sky = hst_wcs(path, chip).all_pix2world(X, Y, 1)
    assert separation(*sky, *moved[chip - 1].wcs.all_pix2world(X, Y, 1)).max() < 1e-6


@pytest.mark.parametrize("chip", [1, 2])
def test_only_the_cards_of_the_solution_change(
    uvis: Path, aligned: tuple[Path, Any, Any], chip: int
) -> None:
    one, other = (
        {card[:8].strip(): card for card in CardList(hdu.header)._cards}
        for path in (uvis, aligned[0])
        for hdu in scan_hdus(path)
        if (hdu.name, hdu.version) == ("SCI", chip)
    )
    assert {key.decode() for key in one if one[key] != other.get(key)} == {
        *("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "ORIENTAT"),
        *("WCSNAME", "WCSTYPE", "RMS_RA", "RMS_DEC", "CRDER1", "CRDER2", "HDRNAME"),
        *("NMATCHES", "FITGEOM"),
    }
    assert {k.decode() for k in other if k not in one if not k.endswith(b"D")} == {
        "FITNAME",
        "NMATCH",
    }


def test_the_header_says_how_good_the_fit_is(aligned: tuple[Path, Any, Any]) -> None:
    header = fits.getheader(aligned[0], ("SCI", 1))
    assert (header["WCSNAME"], header["FITNAME"]) == ("TWEAK", "TWEAK")
    assert (header["RMS_RA"], header["RMS_DEC"], header["NMATCH"]) == (1e-6, 2e-6, 123)
    assert (header["CRDER1"], header["CRDER2"]) == (1e-6, 2e-6)
    assert header.comments["RMS_RA"].startswith("[deg]")
    wcs = hst_wcs(aligned[0], 1)
    assert header["ORIENTAT"] == pytest.approx(wcs.orientat, abs=1e-9)
    history = "".join(fits.getheader(aligned[0])["HISTORY"][-2:])
    assert "tweakreg-steps" in history
    assert f"{OLD_NAME} kept as D" in history


def test_the_former_solution_can_be_restored_by_stwcs(
    uvis: Path, aligned: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    path = tmp_path / "restored.fits"
    path.write_bytes(aligned[0].read_bytes())
    assert aligned[1].archived.key == "D"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        altwcs.restoreWCS(str(path), [("SCI", 1), ("SCI", 2)], wcskey="D")
    for chip in (1, 2):
        restored, original = hst_wcs(path, chip), hst_wcs(uvis, chip)
        places = restored.all_pix2world(X, Y, 1), original.all_pix2world(X, Y, 1)
        assert np.abs(np.subtract(*places)).max() < 1e-9
        assert restored.wcs.name == OLD_NAME
    assert "FIT_SVM" in fits.getheader(path, ("SCI", 1))["HDRNAME"]


def test_the_archive_is_the_one_that_stwcs_would_make(
    uvis: Path, aligned: tuple[Path, Any, Any]
) -> None:
    with warnings.catch_warnings(), fits.open(uvis) as hdus:
        warnings.simplefilter("ignore")
        copy = fits.HDUList([hdu.copy() for hdu in hdus])
        key, name = altwcs.archive_wcs(copy, [1], mode=altwcs.ArchiveMode.AUTO_RENAME)
        expected = copy[1].header[f"*{key}"]
    header = fits.getheader(aligned[0], 1)
    assert (aligned[1].archived.key, aligned[1].archived.name) == (key, name)
    for keyword, value in expected.items():
        approximately = isinstance(value, float)
        assert header[keyword] == (pytest.approx(value, rel=1e-12) if approximately else value)


def test_wcscorr_records_the_new_solution_once(
    uvis: Path, aligned: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    old = fits.getdata(uvis, "WCSCORR")
    new = fits.getdata(aligned[0], "WCSCORR")
    added = new["WCS_ID"] == "TWEAK"
    assert list(new["EXTVER"][added]) == [1, 2]
    assert new["CRVAL1"][added][0] == pytest.approx(fits.getval(aligned[0], "CRVAL1", 1), abs=1e-11)
    assert list(new["NMatch"][added]) == [123, 123]
    assert [r for r in old["WCS_ID"] if r] == [r for r in new["WCS_ID"] if r and r != "TWEAK"]
    again = tmp_path / "again.fits"
    align(aligned[0], again, wcsname="TWEAK", reusename=True)
    rows = fits.getdata(again, "WCSCORR")
    assert list(rows["WCS_ID"]).count("TWEAK") == 2
    assert rows["CRVAL1"][rows["WCS_ID"] == "TWEAK"][0] != new["CRVAL1"][added][0]


def test_the_reference_keeps_its_wcs_and_gets_the_name(uvis: Path, tmp_path: Path) -> None:
    written, _ = align(uvis, tmp_path / "a.fits", fit=None)
    one, other = fits.getheader(uvis, 1), fits.getheader(tmp_path / "a.fits", 1)
    assert other["WCSNAME"] == "TWEAK"
    assert other["WCSTYPE"] == "not aligned: reference"
    assert other["WCSNAMED"] == OLD_NAME
    of_a_fit = {"RMS_RA", "RMS_DEC", "NMATCHES", "FITGEOM", "HDRNAME"}
    named = {"WCSNAME", "WCSTYPE"}
    assert all(one[key] == other[key] for key in one if key not in named | of_a_fit | {""})
    assert set(written.cards["SCI,1"]) == named | of_a_fit
    assert not of_a_fit & set(other)
    assert other["RMS_RAD"] == one["RMS_RA"]


@pytest.mark.parametrize("geometry", ["general", None])
def test_what_tells_of_the_former_fit_goes_with_it(
    uvis: Path, tmp_path: Path, geometry: str | None
) -> None:
    former = {"RELGEOM": "rscale", "RELMATCH": 12, "CATALOG": "GAIAeDR3", "ASTRRMS1": 1e-7}
    with fits.open(uvis) as hdus:
        hdus[0].header.update(RMS_RA=6.2, NMATCH=494, FITGEOM="rscale")
        hdus["SCI", 1].header.update(former)
        hdus.writeto(tmp_path / "in_flc.fits")
    chips = list_chips(tmp_path / "in_flc.fits", None)
    moved = [MovedWcs({"CRVAL1": 10.0}, plane_near(uvis), 0.0)] * 2
    solution = Solution("NEW", moved, FitQuality(1e-6, 2e-6, 123, geometry))
    write_copy(
        tmp_path / "in_flc.fits",
        tmp_path / "out.fits",
        chips=chips,
        solution=solution,
        reusename=False,
        headerlet=None,
        same_data=False,
        history=(),
    )
    header = fits.getheader(tmp_path / "out.fits", ("SCI", 1))
    assert (header["NMATCHES"], header["NMATCH"], header.get("FITGEOM")) == (123, 123, geometry)
    assert (header["FITGEOMD"], header["CATALOGD"]) == ("rscale", "GAIAeDR3")
    assert header["RMS_RA"] == header["CRDER1"] == 1e-6
    assert not set(former) & set(header)
    primary = fits.getheader(tmp_path / "out.fits", 0)
    assert not {"RMS_RA", "NMATCH", "FITGEOM"} & set(primary)


def conflicts(path: Path, selection: str | None, wcsname: str) -> tuple[str, ...]:
    """Return the chips that have a WCS of this name."""
    chips = digest_exposure(path, selection)["chips"]
    return tuple(chip["label"] for chip in chips if is_taken(wcsname, chip["wcsnames"]))


def test_a_name_in_use_is_a_conflict(uvis: Path, tmp_path: Path) -> None:
    assert conflicts(uvis, None, " ") == ()
    assert conflicts(uvis, None, OLD_NAME.lower()) == ("SCI,1", "SCI,2")
    assert conflicts(uvis, "sci,2", "IDC_2731450pi") == ("SCI,2",)
    with pytest.raises(InputError, match=r"SCI,1 has a WCS named IDC_2731450pi already.*reusename"):
        align(uvis, tmp_path / "a.fits", wcsname="IDC_2731450pi")
    assert not (tmp_path / "a.fits").exists()


def test_a_reused_name_overwrites_the_primary_or_the_alternate(uvis: Path, tmp_path: Path) -> None:
    written, _ = align(uvis, tmp_path / "a.fits", wcsname=OLD_NAME, reusename=True)
    assert written.archived is None
    assert "WCSNAMED" not in fits.getheader(tmp_path / "a.fits", 1)
    align(uvis, tmp_path / "b.fits", wcsname="IDC_2731450pi", reusename=True)
    names = altwcs.wcsnames(fits.getheader(tmp_path / "b.fits", 1))
    assert names[" "] == "IDC_2731450pi"
    assert names["A"] == OLD_NAME
    assert sorted(names.values()) == sorted(set(names.values()))


def test_a_second_alignment_keeps_the_first(aligned: tuple[Path, Any, Any], tmp_path: Path) -> None:
    written, _ = align(aligned[0], tmp_path / "b.fits", wcsname="TWEAK_2")
    assert written.archived is not None
    assert (written.archived.key, written.archived.name) == ("E", "TWEAK")
    header = fits.getheader(tmp_path / "b.fits", 1)
    assert (header["NMATCHE"], header["FITNAMEE"]) == (123, "TWEAK")


def test_a_file_without_a_free_key_is_refused(uvis: Path, tmp_path: Path) -> None:
    source = tmp_path / "full.fits"
    source.write_bytes(uvis.read_bytes())
    with fits.open(source, mode="update") as hdus:
        for key in "DEFGHIJKLMNPQRSTUVWXYZ":
            hdus["SCI", 2].header[f"WCSNAME{key}"] = f"name {key}"
    with pytest.raises(InputError, match=r"full\.fits: all 26 alternate WCS keys are in use"):
        align(source, tmp_path / "b.fits")


def test_the_copy_from_records_of_the_workflow(uvis: Path, tmp_path: Path) -> None:
    plane = plane_near(uvis)
    write_reference_plane(plane, tmp_path / "wcs.fits", history=())
    (dx, dy), matrix = FIT.shift.tolist(), FIT.matrix.tolist()
    record: Any = {"status": "aligned", "matrix": matrix, "dx": dx, "dy": dy, "center": [1e3, 1e3]}
    record |= {"rms_ra": 3.6, "rms_dec": 7.2, "n_fit": 123}
    options: dict[str, Any] = {"wcsname": "", "reusename": False, "same_data": False}
    options |= {"headerlet": None, "history": ()}
    options |= {"plane_path": tmp_path / "wcs.fits", "chips": list_chips(uvis, None)}
    report = write_aligned_copy(uvis, tmp_path / "a.fits", fit=record, **options)
    align(uvis, tmp_path / "b.fits")
    assert report["wcsname"] == "TWEAK"
    assert report["archived"] == {"key": "D", "name": OLD_NAME}
    assert 0 < report["deviation"] < 0.01
    assert fits.getval(tmp_path / "a.fits", "RMS_DEC", 1) == pytest.approx(2e-6)
    one, other = (hst_wcs(tmp_path / name, 2).wcs.crval for name in ("a.fits", "b.fits"))
    assert np.allclose(one, other, rtol=0, atol=1e-11)
    record = {"status": "reference"}
    reference = write_aligned_copy(uvis, tmp_path / "c.fits", fit=record, **options)
    assert reference["deviation"] == 0.0


def test_a_fit_that_cannot_be_written_leaves_no_file(uvis: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAlignedError):
        align(uvis, tmp_path / "a.fits", fit=Motion(np.zeros((2, 2)), np.zeros(2), np.zeros(2)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TWEAK", "user-defined"),
        ("IDC_abc", "undistorted not aligned"),
        ("OPUS", "pipeline default not aligned"),
        ("IDC_abc-GSC240", "undistorted a priori solution based on GSC240"),
        (
            "IDC_abc-FIT_IMG_GAIAeDR3",
            "undistorted a posteriori solution aligned image-by-image to GAIAEDR3",
        ),
        ("IDC_abc-FIT_ODD", "user-defined"),
    ],
)
def test_the_type_of_a_solution_follows_its_name(name: str, kind: str) -> None:
    assert describe_wcsname(name) == kind
