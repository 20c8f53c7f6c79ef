"""No file makes the program fall over: it is read, or refused by name."""

from __future__ import annotations

import gzip
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits
from hostile_files import association, mutants, seeds
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.astrometry.reference_plane import build_reference_plane
from tweakreg_steps.astrometry.undistortion import pixels_to_sky
from tweakreg_steps.errors import InputError, TweakRegError
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure import list_chips, read_dq, read_pixels, read_wcs
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.fits_files.weight_map import read_errors
from tweakreg_steps.recipes.association import association_members

NUMBER = 60
"""Damaged files of each kind; thousands of other seeds were tried once (docs/exposures.md)."""
SECONDS = 5.0
GIB = 1 << 30


def refusal(call: Callable[..., object], path: Path, *arguments: object) -> str:
    """Return the message with which a file is refused, or its name where it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(path, *arguments)
        except TweakRegError as error:
            return str(error)
    return path.name


def read_all(path: Path) -> None:
    """Read whatever a run reads of an exposure."""
    chips = [chip_from_record(record) for record in digest_exposure(path, None)["chips"]]
    for chip in chips:
        for read in (read_pixels, read_dq, read_errors):
            assert path.name in refusal(read, path, chip)
        pixels_to_sky(read_wcs(path, chip), [1.0, 5.0], [1.0, 5.0], where=path.name)
    build_reference_plane([(path, chips)])


@pytest.mark.parametrize("kind", sorted(seeds()))
def test_a_sound_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(seeds()[kind])
    read_all(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(seeds()))
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.fits"
    for content in mutants(seeds()[kind], NUMBER, seed=1):
        path.write_bytes(content)
        start = time.process_time()
        assert path.name in refusal(read_all, path)
        assert time.process_time() - start < SECONDS


def test_a_damaged_association_is_read_or_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a_flt.fits").touch()
    path = tmp_path / "m_asn.fits"
    for content in mutants(association(), 3 * NUMBER, seed=2):
        path.write_bytes(content)
        assert path.name in refusal(association_members, path)


def head(**cards: object) -> bytes:
    """Return a primary header that promises something."""
    header = wcs_header(**MATRIX)
    header.update(cards)
    text: str = header.tostring(endcard=True, padding=True)
    return text.encode()


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"NAXIS": 1000000000}, "NAXIS is 1000000000, more than 999"),
        ({"NAXIS": -1}, "NAXIS is -1"),
        ({"NAXIS": "two"}, "NAXIS is 'two'"),
        ({"BITPIX": 12}, "BITPIX is 12"),
        ({"NAXIS1": 10**18, "NAXIS2": 10**18}, "truncated"),
        ({"PCOUNT": -(10**18)}, "PCOUNT is -"),
        ({"NAXIS1": 1.5}, "NAXIS1 is 1.5"),
    ],
)
def test_what_a_header_promises_is_not_believed(
    tmp_path: Path, cards: dict[str, object], message: str
) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(head(**cards) + bytes(2880))
    with pytest.raises(InputError, match=rf"a\.fits: .*{message}"):
        digest_exposure(path, None)


def test_a_file_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.gz"
    content = head(NAXIS1=40000, NAXIS2=40000, BITPIX=-32)
    path.write_bytes(gzip.compress(content + bytes(1 << 20)))
    with pytest.raises(InputError, match=r"6\.0 GiB; the limit is 2 GiB: unpack it first"):
        digest_exposure(path, None)


@pytest.mark.parametrize("chips", [1, 4])
def test_a_sparse_file_is_refused(tmp_path: Path, chips: int) -> None:
    path = tmp_path / "a.fits"
    rows = 60000 // chips
    with path.open("wb") as stream:
        for n in range(chips):
            cards = {"NAXIS1": 60000, "NAXIS2": rows, "BITPIX": -32}
            header = head(**cards)
            if n:
                extension = fits.ImageHDU(header=wcs_header(**MATRIX)).header
                extension.update(cards)
                extension["NAXIS"] = 2
                header = extension.tostring(endcard=True, padding=True).encode()
            stream.write(header)
            size = 60000 * rows * 4
            stream.seek(size + (-size) % 2880, os.SEEK_CUR)
        stream.truncate(stream.tell())
    start = time.process_time()
    with pytest.raises(InputError, match=r"a\.fits: .*the limit is (4|12) GiB"):
        digest_exposure(path, None)
    assert time.process_time() - start < SECONDS


def test_a_small_file_of_a_huge_compressed_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(seeds()["rice_1"])
    with fits.open(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header.update(ZNAXIS1=60000, ZNAXIS2=60000, ZBITPIX=-32)
    with pytest.raises(InputError, match=r"60000 x 60000 pixels, 13\.4 GiB; the limit is 4 GiB"):
        list_chips(path, None)


def test_an_extension_behind_a_hole_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    content = bytearray(seeds()["mef"])
    start = content.index(b"XTENSION", content.index(b"XTENSION") + 80)
    content[start : start + 2880] = bytes(2880)
    path.write_bytes(content)
    with pytest.raises(InputError, match="HDU 2 should begin is no header, and another HDU"):
        list_chips(path, None)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"a\.fits: cannot be opened \(a folder, pipe or device\)"):
        list_chips(tmp_path / "a.fits", None)
    with pytest.raises(InputError, match="cannot be opened"):
        list_chips(Path("/dev/zero"), None)


def test_hcompress_tiles_larger_than_their_image_are_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    content = seeds()["hcompress_1"]
    start = content.index(b"\xdd\x99")
    sides = (1 << 15).to_bytes(4, "big") * 2
    path.write_bytes(content[: start + 2] + sides + content[start + 10 :])
    with pytest.raises(InputError, match="tile 1 is no HCOMPRESS tile of this image"):
        read_pixels(path, list_chips(path, None)[0])
