"""Catalogs as archives and programs hand them out: what they hold is what is read."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from test_reference_catalog import DEC, MAG, RA, check, read, stars, text

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.catalog_columns import ColumnRole
from tweakreg_steps.tables.catalog_entries import Selection, read_entries
from tweakreg_steps.tables.catalog_table import read_catalog_table

ROWS = "150.0,-0.5,18\n150.5,30,20\n151,1.25,19\n"


def written(table: Table, form: str, **options: object) -> str:
    """Return a table as text in one of astropy's formats."""
    stream = io.StringIO()
    table.write(stream, format=form, **options)
    return stream.getvalue()


def binary(folder: Path, content: bytes, name: str = "ref.cat") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("form", ["ascii.csv", "ascii.ecsv", "ascii.basic", "votable", "fits"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_unpacked_whatever_its_name(tmp_path: Path, form: str, pack: Any) -> None:  # noqa: ANN401  a function
    stars().write(tmp_path / "plain", format=form)
    check(read(binary(tmp_path, pack((tmp_path / "plain").read_bytes()))))


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_votables_of_every_serialization(tmp_path: Path, form: str) -> None:
    stars().write(tmp_path / "ref", format="votable", tabledata_format=form)
    found = read(tmp_path / "ref", rfluxcol="mag")
    check(found)
    assert found.flux.tolist() == MAG


def test_of_several_votables_the_one_with_the_columns(tmp_path: Path) -> None:
    document = from_table(Table({"ra": [1.0], "dec": [2.0]}))
    document.resources.append(from_table(stars()).resources[0])
    document.to_xml(str(tmp_path / "ref.xml"))
    check(read(tmp_path / "ref.xml", rfluxcol="mag"))
    assert read(tmp_path / "ref.xml").x.tolist() == [1.0]


def ldac(folder: Path) -> Path:
    """Write a catalog as SCAMP does: an image's header in a table, then the sources in another."""
    head = fits.Column("Field Header Card", "80A", array=["SIMPLE  =                    T"])
    tables = [fits.BinTableHDU.from_columns([head], name="LDAC_IMHEAD"), fits.table_to_hdu(stars())]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(folder / "ref.cat")
    return folder / "ref.cat"


@pytest.mark.parametrize(
    "columns",
    [{}, {"rfluxcol": "mag"}, {"refxcol": 2, "refycol": 4}, {"refxcol": "RA", "refycol": "DEC"}],
)
def test_of_several_fits_tables_the_one_with_the_columns(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    check(read(ldac(tmp_path), **columns))


def test_a_damaged_table_costs_nobody_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = bytearray(ldac(tmp_path).read_bytes())
    place = content.index(b"TFIELDS =")
    content[place : place + 30] = b"TFIELDS =           2000000000"
    check(read(binary(tmp_path, bytes(content))))
    assert "extension 1 (LDAC_IMHEAD): TFIELDS is 2000000000" in caplog.text


@pytest.mark.parametrize(
    "head",
    [
        "RA,DEC,mag\n",
        ",RA,DEC,mag\n",
        "RA,DEC,mag\ndeg,degrees,mag\n",
        "# a,remark\n#RA,DEC,mag\n",
        "\ufeffRA,DEC,mag\n",
        "\n\n  RA, DEC , mag\n",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_delimited_texts(tmp_path: Path, head: str, delimiter: str) -> None:
    rows = "".join(f"{i}," * head.startswith(",") + f"{r}\n" for i, r in enumerate(ROWS.split()))
    content = (head + rows).replace(",", delimiter)
    found = read(text(tmp_path, content), rfluxcol="mag")
    check(found)
    assert found.flux.tolist() == MAG


QUOTED = (
    'name,RA,DEC,mag\n"Star, #1",150.0,-0.5,18\n"5"" of b",150.5,30,20 # good\nHD #3,151,1.25,19\n'
)
BROKEN_LINE = 'name,RA,DEC,mag\n"two\nlines",150.0,-0.5,18\nb,150.5,30,20\nc,151,1.25,19\n'


@pytest.mark.parametrize("content", [QUOTED, BROKEN_LINE])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_quotes_and_signs_of_comments_in_cells(
    tmp_path: Path, content: str, end: str, encoding: str
) -> None:
    path = binary(tmp_path, content.replace("\n", end).encode(encoding))
    found = read(path, rfluxcol="mag")
    check(found)
    assert found.flux.tolist() == MAG


@pytest.mark.parametrize(
    "content",
    [
        "RA\tDEC\tmag\n10N\tN\t3N\n" + ROWS.replace(",", "\t"),
        " RA   DEC  mag\n----- ---- ----\n" + ROWS.replace(",", "  "),
        "| RA | DEC | mag |\n|---|---|---|\n| "
        + ROWS.strip().replace(",", "|").replace("\n", " |\n| ")
        + " |\n",
        "  RA | DEC | mag \n-----+-----+----\n" + ROWS.replace(",", " | "),
        "RA,DEC,mag\n" + ROWS.replace("\n", ",\n"),
        *(
            written(stars(), f"ascii.{form}")
            for form in ("ipac", "mrt", "latex", "aastex", "rst", "fixed_width", "tab", "rdb")
        ),
    ],
)
def test_texts_with_lines_under_their_names(tmp_path: Path, content: str) -> None:
    found = read(text(tmp_path, content), rfluxcol="mag")
    check(found)
    assert found.flux.tolist() == MAG


VIZIER = (
    "#\n#RESOURCE=yCat\n#Column\t_RAJ2000\t(A11)\n\n_RAJ2000\t_DEJ2000\tpmRA\tGmag\n"
    '"h:m:s"\t"d:m:s"\tmas/yr\tmag\n-----------\t-----------\t---------\t------\n'
    "10 00 00.00\t-00 30 00.0\t         \t18\n10 02 00.00\t+30 00 00.0\t    1.250\t20\n"
    "10 04 00.00\t+01 15 00.0\t\t      \n\n"
)


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_vizier_s_texts_with_blank_cells(tmp_path: Path, delimiter: str) -> None:
    found = read(text(tmp_path, VIZIER.replace("\t", delimiter)), rfluxcol="Gmag")
    check(found)
    assert found.flux == pytest.approx([18.0, 20.0, np.nan], nan_ok=True)


def test_of_several_tables_of_a_text_the_one_with_the_columns(tmp_path: Path) -> None:
    other = "#RESOURCE=a\n\nName\tx\n \t \n----\t--\nbla\t1\nblu\t\n\n"
    found = read(text(tmp_path, other + VIZIER), rfluxcol="Gmag")
    check(found)
    assert read_catalog_table(text(tmp_path, other + VIZIER)).headings[0] == ["Name", "x"]


CDS = """Title: x
Table: z
================================================================================
Byte-by-byte Description of file: t.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label   Explanations
--------------------------------------------------------------------------------
   1-  2 I2     h       RAh     Hour
   4-  5 I2     min     RAm     Minute
   7- 10 F4.1   s       RAs     Second
  12     A1     ---     DE-     Sign
  13- 14 I2     deg     DEd     Degree
  16- 17 I2     arcmin  DEm     Arcminute
  19- 20 I2     arcsec  DEs     Arcsecond
  22- 25 F4.1   mag     mag     ? Magnitude
--------------------------------------------------------------------------------
10 00 00.0 -00 30 00 18.0
10 02 00.0 +30 00 00
10 04 00.0 +01 15 00 19.0
"""


def test_cds_tables_with_hours_minutes_and_seconds(tmp_path: Path) -> None:
    found = read(text(tmp_path, CDS), rfluxcol="mag")
    check(found)
    assert found.flux == pytest.approx([18.0, np.nan, 19.0], nan_ok=True)


def test_sextractor_s_head_with_vectors_and_units(tmp_path: Path) -> None:
    head = (
        "#   1 NUMBER       Running number\n#   2 FLUX_APER    Fluxes of apertures   [count]\n"
        "#   5 ALPHA_J2000  Right ascension  [deg]\n#   6 DELTA_J2000  Declination  [deg]\n"
        "#   7 MAG_APER     Magnitudes of apertures  [mag]\n"
    )
    rows = "1 1 2 3 150 -0.5 18 0\n2 1 2 4 150.5 30 20 0\n3 1 2 5 151 1.25 19 0\n"
    found = read(text(tmp_path, head + rows), rfluxcol="MAG_APER")
    check(found)
    assert found.flux.tolist() == MAG
    assert read(text(tmp_path, head + rows), rfluxcol="FLUX_APER_2").flux.tolist() == [3, 4, 5]


def sky_table() -> QTable:
    """Return a table as photutils and the JWST pipeline write it, with a time."""
    return QTable(
        {
            "label": [1, 2, 3],
            "observed": Time([2016.0, 2016.5, 2017.0], format="jyear"),
            "sky_bbox_ll": SkyCoord([0.0] * 3, [0.0] * 3, unit="deg"),
            "sky_centroid": SkyCoord(RA, DEC, unit="deg"),
            "mag": MAG,
        }
    )


@pytest.mark.parametrize("frame", ["icrs", "fk5", "galactic"])
@pytest.mark.parametrize("form", ["ascii.ecsv", "fits"])
def test_sky_coordinates_are_taken_in_icrs(tmp_path: Path, frame: str, form: str) -> None:
    table = sky_table()
    table["sky_centroid"] = table["sky_centroid"].transform_to(frame)
    table.write(tmp_path / "ref.cat", format=form)
    found = read(tmp_path / "ref.cat", rfluxcol="mag")
    check(found)
    columns = {"refxcol": "sky_centroid.ra", "refycol": "sky_centroid.dec"}
    check(read(tmp_path / "ref.cat", **columns))


def test_a_column_that_nobody_can_build_costs_nobody_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = written(sky_table(), "ascii.ecsv").replace("astropy.time.core.Time", "my.own.Time")
    check(read(text(tmp_path, content)))
    assert "its columns are read one by one" in caplog.text


@pytest.mark.parametrize("word", ["null", "--", "", "N/A", "INDEF", "x y"])
def test_words_for_missing_values_in_ecsv(tmp_path: Path, word: str) -> None:
    types = "".join(f"# - {{name: {n}, datatype: float64}}\n" for n in ("RA", "DEC", "mag", "pm"))
    head = f"# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n{types}RA,DEC,mag,pm\n"
    rows = f"150.0,-0.5,18,{word}\n150.5,30,20,1\n151,1.25,19,\n"
    check(read(text(tmp_path, head + rows), rfluxcol="mag"))


def test_masked_fluxes_are_missing_and_masked_positions_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = stars()
    table["RA"] = MaskedColumn(RA, mask=[True, False, False])
    table["mag"] = MaskedColumn(MAG, mask=[False, True, False])
    for form in ("ascii.ecsv", "ascii.ipac", "ascii.csv", "votable", "fits"):
        table.write(tmp_path / "ref.cat", format=form, overwrite=True)
        found = read(tmp_path / "ref.cat", rfluxcol="mag")
        assert found.x.tolist() == RA[1:]
        assert found.flux == pytest.approx([np.nan, 19.0], nan_ok=True)
        assert "left out, without a position: 1 entry" in caplog.text
        caplog.clear()


def test_an_empty_cell_between_tabs_is_a_cell(tmp_path: Path) -> None:
    content = "1\t\t150.0\t-0.5\t18\n\tS2\t150.5\t30\t\n3\t\t151\t1.25\t19\n"
    found = read(text(tmp_path, content), refxcol=3, refycol=4, rfluxcol=5)
    check(found)
    assert found.flux == pytest.approx([18.0, np.nan, 19.0], nan_ok=True)


def test_tabs_and_blanks_that_mean_the_same(tmp_path: Path) -> None:
    content = "1\t150 -0.5\t18\n2\t150.5  30\t20\n3\t151 1.25\t19\n"
    check(read(text(tmp_path, content), refxcol=2, refycol=3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "ra dec name mag\n1 2 a 18\n3 4 20\n5 6 b c 19\n",
            r"line 3: 3 columns where the first .* 4: '3 4 20' \(2 such lines: 3, 4\)",
        ),
        ("1 2 18\n1 3 19\n3 4\n5 6 19\n", "line 3: 2 columns where the first line has 3"),
        ("1\t2\t\n1\t3\t\n3\t4\t5\t\n", "line 3: 4 columns"),
        ("ra,dec\n1,2\n3,4,5\n", "line 3: 3 columns where the first line has 2"),
    ],
)
def test_rows_that_are_no_grid_are_refused_with_their_lines(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(InputError, match=f"ref.cat, {message}"):
        read(text(tmp_path, content))


@pytest.mark.parametrize(
    ("factor", "unit"),
    [
        *((1.0, unit) for unit in ("deg", "degrees", "Degree", "DEG", "d", "decimal degrees")),
        *((1 / 15, unit) for unit in ("h", "hr", "hours", "hourangle")),
        *((60.0, unit) for unit in ("arcmin", "arcminutes", "'")),
        *((3600.0, unit) for unit in ("arcsec", "arcs", "arcseconds", '"', "[arcsec]")),
        *((3.6e6, unit) for unit in ("mas", "milliarcsec", "marcsec")),
        (np.pi / 180, "radians"),
    ],
)
def test_units_in_any_usual_spelling(tmp_path: Path, factor: float, unit: str) -> None:
    hdu = fits.table_to_hdu(Table({"ra": np.array(RA) * factor, "dec": DEC}))
    hdu.header["TUNIT1"] = unit
    hdu.writeto(tmp_path / "ref.fits")
    check(read(tmp_path / "ref.fits"))


def test_a_unit_that_nobody_knows_is_said(tmp_path: Path) -> None:
    hdu = fits.table_to_hdu(Table({"ra": RA, "dec": DEC}))
    hdu.header["TUNIT2"] = "furlong"
    hdu.writeto(tmp_path / "ref.fits")
    with pytest.raises(InputError, match=r"ref\.fits.*column 2 \(dec\).*the unit 'furlong' is not"):
        read(tmp_path / "ref.fits")


@pytest.mark.parametrize(
    "unit", ["mas/yr", "mas yr-1", "mas.yr-1", "mas yr**-1", "milliarcsec/year"]
)
def test_further_columns_have_their_roles_and_units(tmp_path: Path, unit: str) -> None:
    hdu = fits.table_to_hdu(Table({"ra": RA, "dec": DEC, "pmra": [1.0, np.nan, 3.0]}))
    hdu.header["TUNIT3"] = unit
    hdu.writeto(tmp_path / "ref.fits")
    motion = ColumnRole("reference_catalog.pmracol", "pmra", "deg / yr", assumed="mas / yr")
    wanted = Selection(
        section="reference_catalog",
        position="ref",
        flux="r",
        xcol=1,
        ycol=2,
        xyunits="degrees",
        fluxcol=None,
        maxflux=None,
        minflux=None,
        fluxunits="mag",
        nbright=None,
        errors=None,
        may_be_empty=False,
        more={"pmra": motion},
    )
    found = read_entries(tmp_path / "ref.fits", wanted)
    expected = np.array([1.0, np.nan, 3.0]) / 3.6e6
    assert found.more["pmra"] == pytest.approx(expected, nan_ok=True)
    assert found.select(found.y > 0).more["pmra"] == pytest.approx(expected[1:], nan_ok=True)


def test_one_of_several_values_a_row(tmp_path: Path) -> None:
    table = Table({"ra": RA, "dec": DEC, "mags": np.column_stack([MAG, [1.0, 2.0, 3.0]])})
    table.write(tmp_path / "ref.fits")
    assert read(tmp_path / "ref.fits", rfluxcol="mags[1]").flux.tolist() == MAG
    with pytest.raises(InputError, match=r"holds 2 values a row; write mags\[1\] to mags\[2\]"):
        read(tmp_path / "ref.fits", rfluxcol="mags")


@pytest.mark.parametrize("content", ["# id lon lat\n", "id lon lat\n"])
def test_names_that_nobody_knows_are_never_passed_over(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(text(tmp_path, content + "150 -0.5 1\n150.5 30 2\n"))
    assert "columns 1 and 2 are taken of: id, lon, lat" in caplog.text
    assert "set reference_catalog.refxcol and reference_catalog.refycol" in caplog.text


def test_the_nearest_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'gmag'.*the file has ra, dec, Gmag; do you mean Gmag"):
        read(text(tmp_path, "ra dec Gmag\n1 2 3\n"), rfluxcol="gmag")


def test_signs_of_angles_and_fortran_s_exponents(tmp_path: Path) -> None:
    signs = "150°00′00″ −0°30′00″\n150°30′ +30°00′00″\n151d00m00s 1°15′\n"  # noqa: RUF001  real ones
    check(read(text(tmp_path, signs)))
    check(read(text(tmp_path, "1.5D+02 -5.0d-01\n1.505D+02 3.0D+01\n1.51D+02 1.25D0\n")))
