"""The rows that are added to WCSCORR are those of stwcs, with astropy 8 byte for byte."""

import gzip
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import astropy
import numpy as np
import pytest
from skies import UVIS_HEADERS

from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.copying import read_hdu
from tweakreg_steps.fits_files.fits_blocks import padded, scan_hdus
from tweakreg_steps.fits_files.header_cards import CARD, iter_cards
from tweakreg_steps.headers.wcscorr_rows import add_rows
from tweakreg_steps.headers.wcscorr_table import record_by_stwcs, record_wcs

Record = dict[str, Any]
_KEEPS_ORDER = int(astropy.__version__.split(".")[0]) >= 8
FIT = {"CRDER1": 3.2e-7, "CRDER2": 3.1e-7, "NMATCH": 296}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "a_flc.fits"
    path.write_bytes(gzip.decompress(UVIS_HEADERS.read_bytes()))
    return path


@pytest.fixture
def record(file: Path) -> Record:
    """Return what is recorded of an exposure with two chips and three WCSs in its table."""
    hdus = scan_hdus(file)
    science = sorted((hdu for hdu in hdus if hdu.name == "SCI"), key=lambda hdu: hdu.version)
    (table,) = (hdu for hdu in hdus if hdu.name == "WCSCORR")
    headers = [hdu.header for hdu in science]
    given = {"primary": hdus[0].header, "science": headers, "table": read_hdu(file, table)}
    return {**given, "wcsname": "NEW"} | edited(given, WCSNAME="NEW", **FIT)


def edit(header: bytes, changes: Mapping[str, Any]) -> bytes:
    cards = CardList(header)
    for key, value in changes.items():
        cards.remove(key) if value is None else cards.set(key, value)
    return cards.to_bytes()


def edited(record: Record, **changes: object) -> Record:
    return {"science": [edit(header, changes) for header in record["science"]]}


def by_stwcs(record: Record) -> bytes | None:
    return record_by_stwcs(**record)


def is_same(one: bytes | None, other: bytes | None) -> bool:
    """Tell whether two tables are; astropy before 8 moves EXTNAME in front of the columns."""
    if one is None or other is None or _KEEPS_ORDER:
        return one == other
    return _sorted(one) == _sorted(other)


def _sorted(table: bytes) -> tuple[list[bytes], bytes]:
    """Return the cards of a table in one order, and its rows."""
    cards = list(iter_cards(table))
    end = padded(CARD * (1 + len(cards)))
    return sorted(cards), table[end:]


def named(record: Record, name: str) -> Record:
    return {**record, "wcsname": name, **edited(record, WCSNAME=name)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["NEW", "IDC_2731450pi-FIT_SVM_GAIADR2", "idc_2731450PI", "OPUS"])
def test_a_new_name_and_one_that_is_used_again(record: Record, name: str) -> None:
    given = named(record, name)
    assert is_same(add_rows(**given), by_stwcs(given))
    assert not is_same(by_stwcs(given), record["table"])


@pytest.mark.parametrize("seed", range(8))
def test_digits_are_those_of_wcslib(record: Record, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned = rng.normal(0, 10.0 ** rng.integers(-7, -3), 4)
    values = {"CRVAL1": rng.uniform(0, 360), "CRVAL2": rng.uniform(-90, 90)}
    values |= {f"CRPIX{i}": round(float(rng.uniform(-5000, 5000)), seed) for i in (1, 2)}
    values |= dict(zip(("CD1_1", "CD1_2", "CD2_1", "CD2_2"), turned, strict=True))
    given = record | edited(record, **{key: float(value) for key, value in values.items()})
    assert is_same(add_rows(**given), by_stwcs(given))


@pytest.mark.parametrize(
    "changes",
    [
        {"CD1_2": 0.0, "CD2_1": 0.0},
        {"CD1_1": 1.0, "CD2_2": 1.0},
        {"CATALOG": "GAIAeDR3"},
        {"CRDER1": None, "CRDER2": None, "NMATCH": None},
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "A_ORDER": None, "B_ORDER": None},
        {"WCSAXES": None, "RADESYS": "FK5", "EQUINOX": 2000.0, "LONPOLE": 179.5},
        {"CRVAL1A": 1.0, "CRVAL1O": 2.0, "WCSNAMEB": "NEW"},
    ],
)
def test_what_a_header_of_a_chip_may_hold(record: Record, changes: dict[str, Any]) -> None:
    given = record | edited(record, **changes)
    assert is_same(add_rows(**given), by_stwcs(given))


@pytest.mark.parametrize(
    "changes",
    [
        {"HDRNAME": "a headerlet with a name of more than 24 letters", "DESCRIP": "d" * 60},
        {"SIPNAME": None, "NPOLNAME": None, "D2IMNAME": None},
        {"SIPNAME": None, "NPOLNAME": None, "NPOLFILE": None, "D2IMFILE": "N/A", "D2IMNAME": None},
        {"NPOLNAME": None, "NPOLFILE": "jref$abc_npl.fits", "IDCTAB": None},
        {"NPOLNAME": None, "NPOLFILE": "v971826aj_npl.fits", "D2IMNAME": None},
        {"NPOLNAME": None, "NPOLFILE": " INDEF", "D2IMNAME": None, "D2IMFILE": "$abc_d2i.fits"},
    ],
)
def test_what_the_primary_header_may_hold(record: Record, changes: dict[str, Any]) -> None:
    given = {**record, "primary": edit(record["primary"], changes)}
    assert is_same(add_rows(**given), by_stwcs(given))


@pytest.mark.slow
def test_one_alignment_after_the_other_until_stwcs_makes_the_table_longer(record: Record) -> None:
    ways, given = [], record
    for name in ("TWEAK", "SECOND", "TWEAK", "THIRD", "SECOND", "FOURTH", "FIFTH"):
        given = named(given, name)
        done, wanted = add_rows(**given), by_stwcs(given)
        assert done is None or is_same(done, wanted)
        assert is_same(record_wcs(**given), wanted)
        ways.append(done is None)
        given["table"] = wanted
    assert True in ways[3:]
    assert not any(ways[:3])


@pytest.mark.parametrize(
    "path", ["a/b_npl.fits", "jref$UP_npl.fits", "abc_d2i.fits", "abc_npl_npl.fits", "abc", "x$y$z"]
)
def test_a_name_of_another_form_is_stwcs_s(record: Record, path: str) -> None:
    changes = {"NPOLNAME": None, "NPOLFILE": path}
    given = {**record, "primary": edit(record["primary"], changes)}
    assert add_rows(**given) is None
    assert is_same(record_wcs(**given), by_stwcs(given))


def test_a_single_chip(record: Record) -> None:
    given = {**record, "science": record["science"][:1]}
    assert is_same(add_rows(**given), by_stwcs(given))


def older_form(table: bytes) -> bytes:
    return table.replace(b"'NPOLNAME'", b"'NPOLFILE'")


def scaled(table: bytes) -> bytes:
    return (
        edit(table[: table.index(b"END" + b" " * 77) // 2880 * 2880 + 2880], {"TZERO8": 1.0})
        + (table[table.index(b"END" + b" " * 77) // 2880 * 2880 + 2880 :])
    )


@pytest.mark.parametrize("change", [older_form, scaled, lambda _: b""])
def test_a_table_of_another_form_is_stwcs_s(
    record: Record, change: Callable[[bytes], bytes]
) -> None:
    assert add_rows(**{**record, "table": change(record["table"])}) is None


@pytest.mark.parametrize(
    "changes", [{"PC1_1": 1.0}, {"PV1_1": 1.0}, {"CTYPE1": "RA---SIN"}, {"NMATCH": "many"}]
)
def test_a_header_of_another_form_is_stwcs_s(record: Record, changes: dict[str, Any]) -> None:
    given = record | edited(record, **changes)
    assert add_rows(**given) is None
    assert is_same(record_wcs(**given), by_stwcs(given))


def test_a_number_without_a_value_is_stwcs_s(record: Record) -> None:
    blank = b"NMATCH  =".ljust(80)
    science = [re.sub(rb"NMATCH  =.{71}", blank, header) for header in record["science"]]
    assert all(blank in header for header in science)
    given = {**record, "science": science}
    assert add_rows(**given) is None
    assert is_same(record_wcs(**given), by_stwcs(given))
