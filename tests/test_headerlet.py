"""Headerlets: what stwcs makes of them is the aligned WCS, and they say what the recipe says."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_copies import FIT, QUALITY, plane_near
from astropy.io import fits
from stwcs.wcsutil import HSTWCS, headerlet
from wcs_files import UVIS_HEADERS

from tweakreg_steps.astrometry.apply_fit import MovedWcs, move_wcs
from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.digests import digest_exposure
from tweakreg_steps.fits_files.exposure import list_chips, read_header, read_wcs
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.headers.header_update import write_copy
from tweakreg_steps.headers.headerlet import headerlet_name, write_headerlet
from tweakreg_steps.headers.solution import Solution

X, Y = np.meshgrid(np.linspace(1, 4096, 9), np.linspace(1, 2051, 9))
LONG_NAME = "a name of a headerlet that is so long that it runs over more than one card of a header"
TEXTS: dict[str, Any] = {"author": "A. Stronomer", "descrip": "Two lines", "catalog": "GAIAeDR3"}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what stwcs prints and warns of out of the way."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def solve(source: Path, name: str = "TWEAK") -> Solution:
    """Return the solution that a fit gives."""
    plane = plane_near(source)
    moved = [
        move_wcs(read_header(source, c), read_wcs(source, c), plane=plane, fit=FIT, where="a")
        for c in list_chips(source, None)
    ]
    return Solution(name, moved, QUALITY)


def make(source: Path, destination: Path, **changes: Any) -> Solution:  # noqa: ANN401
    """Write a headerlet; return its solution."""
    solution = solve(source)
    options = {
        "reusename": False,
        "hdrname": "",
        "history": None,
        "provenance": (),
        **TEXTS,
        **changes,
    }
    write_headerlet(
        source, destination, chips=list_chips(source, None), solution=solution, **options
    )
    return solution


def attach(source: Path, hlet: Path, destination: Path, *, reusename: bool = False) -> None:
    """Write an aligned copy with a headerlet in it."""
    write_copy(
        source,
        destination,
        chips=list_chips(source, None),
        solution=solve(source),
        reusename=reusename,
        headerlet=hlet,
        same_data=False,
        history=(),
    )


@pytest.fixture(scope="module")
def uvis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "ib4606c6q_flc.fits"
    path.write_bytes(gzip.decompress(UVIS_HEADERS.read_bytes()))
    return path


@pytest.fixture(scope="module")
def made(uvis: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[MovedWcs, ...]]:
    """Return a headerlet and the WCSs that it is to hold."""
    path = tmp_path_factory.mktemp("headerlets") / "a_hlet.fits"
    return path, tuple(make(uvis, path).moved or ())


@pytest.fixture
def pristine(uvis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the exposure; the working folder, where stwcs leaves its log, is its."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copyfile(uvis, tmp_path / uvis.name))


def largest_error(path: Path, moved: tuple[MovedWcs, ...], key: str) -> float:
    """Return how far a file's WCSs are from wanted ones, in mas."""
    with quiet():
        found = [HSTWCS(f"{path}[sci,{chip}]", wcskey=key) for chip in (1, 2)]
    places = [(wcs.all_pix2world(X.ravel(), Y.ravel(), 1)) for wcs in found]
    wanted = [chip.wcs.all_pix2world(X.ravel(), Y.ravel(), 1) for chip in moved]
    return max(
        float(separation(*one, *other).max()) for one, other in zip(places, wanted, strict=True)
    )


def test_stwcs_makes_it_the_primary_wcs(
    made: tuple[Path, tuple[MovedWcs, ...]], pristine: Path
) -> None:
    with quiet():
        headerlet.apply_headerlet_as_primary(str(pristine), str(made[0]))
    assert largest_error(pristine, made[1], " ") < 1e-4
    with fits.open(pristine) as hdus:
        assert hdus["SCI", 2].header["CTYPE2"] == "DEC--TAN-SIP"
        assert hdus["SCI", 1].header["HDRNAME"] == "TWEAK"
        assert hdus["SCI", 1].header["WCSNAME"] == "TWEAK"


def test_stwcs_makes_it_an_alternate_wcs(
    made: tuple[Path, tuple[MovedWcs, ...]], pristine: Path
) -> None:
    with quiet():
        headerlet.apply_headerlet_as_alternate(str(pristine), str(made[0]))
    header = fits.getheader(pristine, ("SCI", 1))
    assert header["WCSNAMED"] == "TWEAK"
    assert largest_error(pristine, made[1], "D") < 1e-4


def test_it_is_valid_and_speaks_of_this_exposure(
    made: tuple[Path, tuple[MovedWcs, ...]], uvis: Path
) -> None:
    with quiet(), fits.open(made[0]) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        assert (header["DESTIM"], header["HDRNAME"], header["WCSNAME"]) == (
            fits.getval(uvis, "ROOTNAME"),
            "TWEAK",
            "TWEAK",
        )
        assert header["DISTNAME"] == fits.getval(uvis, "DISTNAME")
        assert header["DATE"] == fits.getval(uvis, "DATE")
        assert (header["NMATCH"], header["RMS_RA"], header["RMS_DEC"]) == (123, 1e-6, 2e-6)
        assert hdus["SIPWCS", 2].header["CTYPE1"] == "RA---TAN-SIP"
        assert np.array_equal(hdus["D2IMARR", 3].data, fits.getdata(uvis, ("D2IMARR", 3)))


def test_it_is_the_same_whenever_it_is_made(
    made: tuple[Path, tuple[MovedWcs, ...]], uvis: Path, tmp_path: Path
) -> None:
    make(uvis, tmp_path / "again.fits")
    assert (tmp_path / "again.fits").read_bytes() == made[0].read_bytes()


def test_it_is_attached_as_stwcs_would(
    made: tuple[Path, tuple[MovedWcs, ...]], pristine: Path, uvis: Path
) -> None:
    attach(uvis, made[0], Path("aligned.fits"))
    with quiet():
        headerlet.attach_headerlet(str(pristine), str(made[0]))
        (found,) = headerlet.find_headerlet_HDUs("aligned.fits", hdrname="TWEAK", logging=False)
    with fits.open("aligned.fits") as ours, fits.open(pristine) as theirs:
        assert found == len(ours) - 1 == ours[0].header["NEXTEND"]
        assert ours[found].header == theirs["HDRLET", 1].header
        assert ours[1].header["HDRNAME"] == "TWEAK"
        assert ours[found].headerlet[0].header["DESTIM"] == "ib4606c6q"
        rows = [(row["WCS_ID"], row["EXTVER"]) for row in ours["WCSCORR"].data if row["WCS_ID"]]
    assert len(rows) == len(set(rows))
    last = scan_hdus(Path("aligned.fits"))[-1]
    content = Path("aligned.fits").read_bytes()[last.data_offset :]
    assert content[: last.data_size] == made[0].read_bytes()


@pytest.mark.slow
def test_headerlets_of_several_solutions_stand_side_by_side(uvis: Path, tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one.fits", "two.fits", "three.fits"))
    for number, (source, copy) in enumerate(((uvis, one), (one, two)), start=1):
        make(source, tmp_path / "h.fits", hdrname=f"{number} {LONG_NAME}", reusename=True)
        attach(source, tmp_path / "h.fits", copy, reusename=True)
    assert digest_exposure(two, None)["headerlets"] == [f"{n} {LONG_NAME}" for n in (1, 2)]
    with fits.open(two) as hdus:
        assert [hdu.ver for hdu in hdus if hdu.name == "HDRLET"] == [1, 2]
        assert hdus[0].header["NEXTEND"] == len(hdus) - 1
    make(two, tmp_path / "h.fits", hdrname=f"1 {LONG_NAME}", reusename=True)
    with pytest.raises(InputError, match=r"has a headerlet named 1 a name .* \(HDRLET,1\)"):
        attach(two, tmp_path / "h.fits", three)
    attach(two, tmp_path / "h.fits", three, reusename=True)
    with fits.open(three) as hdus, fits.open(two) as before:
        assert len(hdus) == len(before)
        solution = hdus["HDRLET", 1].headerlet["SIPWCS", 1].header["CRVAL1"]
        assert solution == pytest.approx(hdus["SCI", 1].header["CRVAL1"], abs=1e-10)
        assert solution != before["HDRLET", 1].headerlet["SIPWCS", 1].header["CRVAL1"]


def test_the_name_of_a_former_headerlet_or_catalog_does_not_stay(
    uvis: Path, tmp_path: Path
) -> None:
    source = tmp_path / "a.fits"
    shutil.copyfile(uvis, source)
    fits.setval(source, "CATALOG", value="GSC", extname="SCI", extver=1)
    solution = make(source, tmp_path / "h.fits", catalog="")
    assert fits.getval(tmp_path / "h.fits", "CATALOG") == ""
    write_copy(
        source,
        tmp_path / "b.fits",
        chips=list_chips(source, None),
        solution=solution,
        reusename=False,
        headerlet=None,
        same_data=False,
        history=(),
    )
    header = fits.getheader(tmp_path / "b.fits", ("SCI", 1))
    assert not {"HDRNAME", "CATALOG"} & set(header)
    assert header["CATALOGD"] == "GSC"


@pytest.mark.parametrize(
    ("exposure", "hdrfile", "name"),
    [
        ("j99da1f2q_flt.fits", "hdrlet1", "j99da1f2q_hdrlet1_hlet.fits"),
        ("j99da1f2q_flc.fits.gz", "", "j99da1f2q_hlet.fits"),
        ("j99da1f2q_drz.fits", " ", "j99da1f2q_drz_hlet.fits"),
        ("j99da1f2q_flt.fits", "mine.fits", "mine.fits"),
    ],
)
def test_files_are_named_as_tweakreg_names_them(exposure: str, hdrfile: str, name: str) -> None:
    assert headerlet_name(exposure, hdrfile) == name
