"""Reference catalogs in all their formats."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_entries import CatalogEntries
from tweakreg_steps.tables.reference_catalog import read_reference_catalog

DEFAULTS: dict[str, Any] = {
    "refxcol": 1,
    "refycol": 2,
    "refxyunits": "degrees",
    "rfluxcol": None,
    "rmaxflux": None,
    "rminflux": None,
    "rfluxunits": "mag",
    "refnbright": None,
    "refxerrcol": None,
    "refyerrcol": None,
    "referrunits": "mas",
    "ref_epoch": None,
    "columns": {},
    "no_pm": "keep",
    "ruwe_max": None,
    "pm_error_max": None,
}
RA, DEC, MAG = [150.0, 150.5, 151.0], [-0.5, 30.0, 1.25], [18.0, 20.0, 19.0]


def read(path: Path, **parameters: object) -> CatalogEntries:
    return read_reference_catalog(path, **{**DEFAULTS, **parameters})


def text(folder: Path, content: str, name: str = "ref.cat") -> Path:
    path = folder / name
    path.write_text(content)
    return path


def stars() -> Table:
    """Three stars, their positions not in the first two columns."""
    return Table({"source_id": [7, 8, 9], "RA": RA, "mag": MAG, "DEC": DEC})


def check(found: CatalogEntries) -> None:
    assert found.x == pytest.approx(RA, abs=1e-9)
    assert found.y == pytest.approx(DEC, abs=1e-9)


def test_plain_text(tmp_path: Path) -> None:
    path = text(tmp_path, "# stars\n150.0 -0.5 18\n\n150.5 30 20 # good\n151.0\t1.25  19\n")
    found = read(path, rfluxcol=3)
    check(found)
    assert found.flux.tolist() == MAG
    assert found.id.tolist() == [0, 1, 2]
    assert np.isnan(read(path).flux).all()


@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        ("10:00:00 -00:30:00\n10:02:00.0 +30:00:00\n10:04:00 1:15:00", {}),
        ("10h00m00s -00d30m00s\n10h02m00s 30d00m00s\n10h04m00s 1d15m", {}),
        (
            "a 10 00 00 -00 30 00\nb 10 02 00 +30 00 00\nc 10 04 00 1 15 00",
            {"refxcol": "2-4", "refycol": "5-7"},
        ),
        (
            "a,10 00 00,-00 30 00\nb,10 02 00,+30 00 00\nc,10 04 00,1 15 00",
            {"refxcol": 2, "refycol": "3"},
        ),
    ],
)
def test_sexagesimal(tmp_path: Path, content: str, parameters: dict[str, Any]) -> None:
    check(read(text(tmp_path, content), **parameters))


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("fits", "ref.fits"),
        ("votable", "ref.xml"),
        ("ascii.ecsv", "ref.ecsv"),
        ("ascii.csv", "ref.csv"),
        ("ascii.basic", "ref.txt"),
        ("ascii.commented_header", "ref.cat"),
    ],
)
def test_formats_and_names(tmp_path: Path, form: str, name: str) -> None:
    path = tmp_path / name
    stars().write(path, format=form)
    check(read(path))
    check(read(path, refxcol="RA", refycol="DEC"))
    found = read(path, refxcol=2, refycol=4, rfluxcol="mag")
    check(found)
    assert found.flux.tolist() == MAG


def test_sextractor_catalog_names_its_columns(tmp_path: Path) -> None:
    head = "#   1 NUMBER      Running number\n#   2 ALPHA_J2000  [deg]\n#   3 DELTA_J2000  [deg]\n"
    check(read(text(tmp_path, head + "1 150 -0.5\n2 150.5 30\n3 151 1.25")))


def test_tweakregs_own_sky_catalog(tmp_path: Path) -> None:
    head = "#Sky positions for: a.fits\n#RA        Dec\n#(deg)     (deg)\n"
    check(read(text(tmp_path, head + "150 -0.5\n150.5 30\n151 1.25")))


def test_columns_nobody_knows_are_the_first_two_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = text(tmp_path, "lon lat\n150 -0.5\n150.5 30\n151 1.25")
    check(read(path))
    assert "columns 1 and 2 are taken of: lon, lat" in caplog.text


@pytest.mark.parametrize("form", ["fits", "votable", "ascii.ecsv"])
def test_units_of_columns_are_honoured(tmp_path: Path, form: str) -> None:
    table = Table({"ra": np.array(RA) / 15, "dec": np.radians(DEC)})
    table["ra"].unit, table["dec"].unit = "hourangle", "rad"
    if form != "ascii.ecsv":
        table["ra"] = np.radians(RA)
        table["ra"].unit = "rad"
    path = tmp_path / "ref.tab"
    table.write(path, format=form)
    check(read(path))


def test_a_unit_that_is_no_angle_is_refused(tmp_path: Path) -> None:
    table = stars()
    table["mag"].unit = "mag"
    table.write(tmp_path / "ref.ecsv")
    with pytest.raises(InputError, match="column 3 is in mag, not an angle"):
        read(tmp_path / "ref.ecsv", refxcol="mag", refycol="DEC")


def test_pixels(tmp_path: Path) -> None:
    path = text(tmp_path, "id,X,Y\n1,4000.5,-3\n2,10,2000\n", "ref.csv")
    found = read(path, refxyunits="pixels")
    assert found.x.tolist() == [4000.5, 10.0]
    assert found.y.tolist() == [-3.0, 2000.0]


@pytest.mark.parametrize(
    ("units", "limits", "kept"),
    [
        ("mag", {"rminflux": 19.0}, [18, 19]),
        ("mag", {"rmaxflux": 19.0}, [20, 19]),
        ("mag", {"rmaxflux": 18.0, "rminflux": 19.0}, [18, 19]),
        ("counts", {"rminflux": 19.0}, [20, 19]),
        ("cps", {"rmaxflux": 19.0}, [18, 19]),
        ("counts", {"rminflux": 19.0, "rmaxflux": 19.0}, [19]),
        ("mag", {"refnbright": 2}, [18, 19]),
        ("counts", {"refnbright": 2}, [20, 19]),
        ("mag", {"refnbright": 1, "rmaxflux": 18.5}, [19]),
        ("mag", {"refnbright": 9}, [18, 20, 19]),
    ],
)
def test_limits(tmp_path: Path, units: str, limits: dict[str, float], kept: list[float]) -> None:
    path = text(tmp_path, "1 1 18\n2 2 20\n3 3 19\n4 4 nan\n")
    found = read(path, rfluxcol=3, rfluxunits=units, **limits)
    assert [flux for flux in found.flux if np.isfinite(flux)] == kept
    assert np.isfinite(found.flux).all() or limits == {"refnbright": 9}


def test_entries_without_position_are_dropped_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = text(tmp_path, "# a\n1 1\nnan 2\n3 3\nINDEF INDEF\n3 3\n")
    with caplog.at_level(logging.INFO):
        found = read(path)
    assert found.x.tolist() == [1.0, 3.0]
    assert found.id.tolist() == [0, 2]
    assert "left out, without a position: 2 entries, line 3, 5" in caplog.text
    assert "left out, position repeated: 1 entry, line 6" in caplog.text


def test_masked_values_are_missing(tmp_path: Path) -> None:
    table = stars()
    table["RA"] = MaskedColumn(RA, mask=[False, True, False])
    table.write(tmp_path / "ref.ecsv")
    assert read(tmp_path / "ref.ecsv").x.tolist() == [150.0, 151.0]


def test_right_ascension_is_brought_to_0_360(tmp_path: Path) -> None:
    assert read(text(tmp_path, "-10 5\n360 5")).x.tolist() == [350.0, 0.0]


@pytest.mark.parametrize(
    ("content", "parameters", "message"),
    [
        ("", {}, "holds no entry"),
        ("# only\n# words\n", {}, "holds no entry"),
        ("1\n2\n", {}, r"no column 2 \(reference_catalog.refycol\); the file has 1 columns"),
        ("1 2\n3\n", {}, r"no column 2 \(reference_catalog.refycol\); line 2 has 1 columns"),
        ("1 2\n", {"rfluxcol": 3}, r"no column 3 \(reference_catalog.rfluxcol\)"),
        ("ra dec\n1 2\n", {"refxcol": "RAJ"}, "no column 'RAJ'.*the file has ra, dec"),
        ("1 2\n", {"refxcol": "ra"}, "no column 'ra'.*the file has no names at all"),
        ("1 2\n3 x4\n5 6:70:1\n", {}, r"'x4' is neither.*\(2 entries, line 2, 3\)"),
        ("1,2\n3,4,5\n", {}, "line 2: 3 columns where the first line has 2"),
        ("nan 2\n3 nan\n", {}, "no entry has a position"),
        ("10 91\n", {}, r"Dec 91 is no position on the sky \(1 entry, line 1\)"),
        ("4000 20\n", {}, "or refxyunits: pixels"),
        ("1 2\n", {"refnbright": 5}, "refnbright cannot be applied without fluxes; set"),
        (
            "1 2 20\n3 4 22\n",
            {"rfluxcol": 3, "rminflux": 19.0},
            "no entry is within .* from 20 to 22",
        ),
    ],
)
def test_errors(tmp_path: Path, content: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"ref.cat.*{message}"):
        read(text(tmp_path, content), **parameters)


@pytest.mark.parametrize("name", ["gone.cat", "gone.fits"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: the catalog cannot be read: No such file"):
        read(tmp_path / name)


@pytest.mark.parametrize("content", ["SIMPLE  = broken", "<?xml version='1.0'?><VOTABLE>"])
def test_broken_binary_tables(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"ref\.cat: the catalog cannot be read: "):
        read(text(tmp_path, content))


@pytest.mark.parametrize("epoch", [2016.0, "J2016.0", "2016.0", " J2016"])
def test_an_epoch_is_a_year_however_it_is_written(tmp_path: Path, epoch: float | str) -> None:
    path = tmp_path / "ref.ecsv"
    stars().write(path)
    assert read(path, refxcol="RA", refycol="DEC", ref_epoch=epoch).more["ref_epoch"] == (
        pytest.approx([2016.0] * 3)
    )


@pytest.mark.parametrize("values", [2016.0, 57388.5, 2457389.0])
@pytest.mark.parametrize("name", [None, "ref_epoch"])
def test_a_column_of_epochs_may_hold_julian_dates(
    tmp_path: Path, values: float, name: str | None
) -> None:
    path, table = tmp_path / "ref.ecsv", stars()
    table["ref_epoch"] = np.full(3, values)
    table["ref_epoch"].unit = "yr" if values < 3000.0 else "d"
    table.write(path)
    found = read(path, refxcol="RA", refycol="DEC", ref_epoch=name).more["ref_epoch"]
    assert found == pytest.approx([2016.0] * 3, abs=1e-6)


def test_what_is_no_correlation_is_refused_and_an_error_below_zero_is_none(tmp_path: Path) -> None:
    path, table = tmp_path / "ref.ecsv", stars()
    table["pmra_error"] = [0.1, -1.0, 0.3]
    table.write(path)
    errors = read(path, refxcol="RA", refycol="DEC").more["pmra_error"]
    assert errors == pytest.approx([0.1, np.nan, 0.3], nan_ok=True)
    table["ra_pmra_corr"] = [10.0, -99.0, 0.5]
    table.write(path, overwrite=True)
    with pytest.raises(InputError, match="2 of its values are no correlations"):
        read(path, refxcol="RA", refycol="DEC")
    assert len(read(path, refxcol="RA", refycol="DEC", columns={"ra_pmra_corr": None})) == 3
