"""Aligned copies: the new WCS in, the old one kept, everything else untouched."""

from __future__ import annotations

import gzip
import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from stwcs.wcsutil import HSTWCS, altwcs
from wcs_files import (
    MATRIX,
    TPV,
    UVIS_HEADERS,
    Motion,
    make_plane,
    motion,
    write_compressed,
    write_image,
)

from tweakreg_steps.astrometry.apply_fit import MovedWcs, move_wcs
from tweakreg_steps.astrometry.reference_plane import write_reference_plane
from tweakreg_steps.astrometry.undistortion import pixels_to_sky, separation
from tweakreg_steps.errors import InputError, NotAlignedError
from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure import list_chips, read_header, read_pixels, read_wcs
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.wcsname import describe_wcsname, is_taken
from tweakreg_steps.headers.header_update import AlignedHeader, write_aligned_copy, write_copy
from tweakreg_steps.headers.solution import FitQuality, Solution

X, Y = np.random.default_rng(6).uniform(1, 600, (2, 40))
QUALITY = FitQuality(rms_ra=1e-6, rms_dec=2e-6, n_match=123)
FIT = motion((1e3, 1e3), rotation=0.02, scale=1.00001, shift=(3.3, -2.1))
OLD_NAME = "IDC_2731450pi-FIT_SVM_GAIAeDR3"


def align(
    source: Path,
    destination: Path,
    *,
    fit: Motion | None = FIT,
    wcsname: str = "TWEAK",
    reusename: bool = False,
) -> tuple[AlignedHeader, Sequence[MovedWcs] | None]:
    """Write a copy moved by a fit, or that of a reference."""
    chips = list_chips(source, None)
    moved = None
    if fit is not None:
        plane = plane_near(source)
        moved = [
            move_wcs(read_header(source, c), read_wcs(source, c), plane=plane, fit=fit, where="a")
            for c in chips
        ]
    written = write_copy(
        source,
        destination,
        chips=chips,
        solution=Solution(wcsname, moved, None if fit is None else QUALITY),
        reusename=reusename,
        headerlet=None,
        same_data=False,
        history=(),
    )
    return written, moved


def plane_near(path: Path) -> WCS:
    chip = list_chips(path, None)[0]
    (ra,), (dec,) = pixels_to_sky(read_wcs(path, chip), [300.0], [300.0], where="a")
    return make_plane(ra, dec)


def image_hdus(path: Path) -> dict[tuple[str, int], bytes]:
    """Return the raw data of every HDU but WCSCORR."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return {
        (hdu.name, hdu.version): content[hdu.data_offset : hdu.end]
        for hdu in scan_hdus(path)
        if hdu.name != "WCSCORR"
    }


@pytest.fixture(scope="module")
def uvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "a_flc.fits"
    path.write_bytes(gzip.decompress(UVIS_HEADERS.read_bytes()))
    return path


@pytest.fixture(scope="module")
def aligned(uvis: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    path = tmp_path_factory.mktemp("aligned") / "a_flc.fits"
    return path, *align(uvis, path)


def hst_wcs(path: Path, chip: int) -> Any:  # noqa: ANN401 - HSTWCS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HSTWCS(f"{path}[sci,{chip}]")


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
