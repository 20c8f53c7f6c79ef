"""Tables of the workflow in FITS files: what goes in comes out, here and in astropy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_tables import META, assert_columns_equal, make_table

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.table_file import (
    ColumnTable,
    format_fits,
    read_meta,
    read_table,
    write_table,
)


@pytest.mark.parametrize("suffix", [".fits", ".ecsv"])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 200])
def test_a_table_reads_back_bit_for_bit(tmp_path: Path, n_rows: int, suffix: str) -> None:
    table = make_table(n_rows)
    write_table(tmp_path / f"t{suffix}", table)
    got = read_table(tmp_path / f"t{suffix}")
    assert (got.units, got.descriptions, got.meta) == (table.units, table.descriptions, META)
    assert read_meta(tmp_path / f"t{suffix}") == META
    assert list(got.columns) == list(table.columns)
    assert len(got) == n_rows
    for name in table.columns:
        assert_columns_equal(got[name], table[name])
        assert got[name].flags.c_contiguous


@pytest.mark.parametrize("n_rows", [1, 2, 200])
def test_astropy_reads_the_same_table(tmp_path: Path, n_rows: int) -> None:
    from astropy.table import Table

    table = make_table(n_rows)
    write_table(tmp_path / "t.fits", table)
    got = Table.read(tmp_path / "t.fits", hdu=1, mask_invalid=False)
    assert got.colnames == list(table.columns)
    for name in table.columns:
        if name != "label":
            assert np.array_equal(got[name], table[name], equal_nan=name in {"x", "matrix"})
        assert str(got[name].unit or "") == table.units.get(name, "")
    assert got["label"].tolist()[0] == table["label"][0]
    described = table.columns.keys() & table.descriptions.keys()
    assert {got.meta[f"TCOMM{got.colnames.index(n) + 1}"] for n in described} == {
        table.descriptions[n] for n in described
    }


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "bool"]
)
def test_every_type_keeps_its_extremes(tmp_path: Path, dtype: str) -> None:
    kind = np.dtype(dtype)
    low: float = 0
    high: float = 1
    if kind.kind in "iu":
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
    elif kind.kind == "f":
        low, high = float(np.finfo(kind).min), float(np.finfo(kind).max)
    column = np.array([low, high, 0], dtype=kind)
    write_table(tmp_path / "t.fits", ColumnTable({"c": column}))
    assert_columns_equal(read_table(tmp_path / "t.fits")["c"], column)


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    write_table(tmp_path / "t.fits", make_table(50))
    assert (tmp_path / "t.fits").read_bytes() == format_fits(make_table(50))
    assert format_fits(read_table(tmp_path / "t.fits")) == format_fits(make_table(50))
    assert [path.name for path in tmp_path.iterdir()] == ["t.fits"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array(["a "]), "cannot hold the blank end of 'a '"),
        (np.array(["a\0b"]), "cannot hold the blank end"),
        (np.array([["a", "b"]]), "several texts a row"),
        (np.array([None], dtype=object), "cannot hold the type object"),
        (np.array([1j]), "cannot hold the type complex128"),
        (np.array([1], dtype=np.float16), "cannot hold the type float16"),
    ],
)
def test_what_fits_cannot_hold_is_refused(column: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        format_fits(ColumnTable({"c": column}))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.fits"
    for content in (b"", b"SIMPLE", format_fits(make_table(200))[:-6000], b"\0" * 2880):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"t\.fits"):
            read_table(path)
    with pytest.raises(InputError, match=r"none\.fits is not .* No such file"):
        read_table(tmp_path / "none.fits")
