"""ECSV tables: what goes in comes out, here and in astropy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tweakreg_steps.errors import InputError
from tweakreg_steps.tables.ecsv import (
    ColumnTable,
    format_table,
    parse_table,
    read_table,
    write_table,
)

TEXTS = ["", "two words", 'a "quote"', "#hash", "é", "nan", "[1,2]", "None", ","]
META = {
    "version": "0.1.0",
    "no": None,
    "nested": {"list": [1, 1e-5, True, "yes", "a: b # c"], "empty": {}},
    "tiny": 5e-324,
    "short": "x: y\nz",
    "text": "line one\nline two \t 'both' \"quotes\"",
}


def random_columns(n_rows: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(20)
    floats = rng.normal(size=n_rows) * 10.0 ** rng.integers(-300, 300, n_rows)
    floats[::3] = [(np.nan, np.inf, -np.inf, -0.0)[i % 4] for i in range(len(floats[::3]))]
    return {
        "label": np.array([TEXTS[i % len(TEXTS)] for i in range(n_rows)], dtype=np.str_),
        "id": rng.integers(-(2**62), 2**62, n_rows),
        "chip": rng.integers(0, 255, n_rows).astype(np.uint8),
        "x": floats,
        "a flux": rng.normal(size=n_rows).astype(np.float32),
        "kept": rng.random(n_rows) > 0.5,
        "matrix": np.where(rng.random((n_rows, 2, 2)) > 0.8, np.nan, rng.random((n_rows, 2, 2))),
    }


def make_table(n_rows: int) -> ColumnTable:
    return ColumnTable(
        columns=random_columns(n_rows),
        units={"x": "pix", "matrix": "mas / pix"},
        descriptions={"x": "position: 'x' # 1-based"},
        meta=META,
    )


def assert_columns_equal(got: NDArray[Any], wanted: NDArray[Any]) -> None:
    assert got.dtype.kind == wanted.dtype.kind
    assert got.shape == wanted.shape
    if wanted.dtype.kind != "U":
        assert got.dtype == wanted.dtype
        assert np.ascontiguousarray(got).tobytes() == wanted.tobytes()
    assert got.tolist() == wanted.tolist() or wanted.dtype.kind == "f"


@pytest.mark.parametrize("n_rows", [0, 1, 2, 200])
def test_a_table_reads_back_bit_for_bit(tmp_path: Path, n_rows: int) -> None:
    table = make_table(n_rows)
    write_table(tmp_path / "t.ecsv", table)
    got = read_table(tmp_path / "t.ecsv")
    assert (got.units, got.descriptions, got.meta) == (table.units, table.descriptions, META)
    assert list(got.columns) == list(table.columns)
    assert len(got) == n_rows
    for name in table.columns:
        assert_columns_equal(got[name], table[name])
        assert got[name].flags.c_contiguous


@pytest.mark.parametrize("n_rows", [0, 1, 2, 200])
def test_astropy_reads_the_same_table(tmp_path: Path, n_rows: int) -> None:
    from astropy.table import Table

    columns = random_columns(n_rows)
    if n_rows == 0:
        del columns["matrix"]  # astropy 8.0 cannot read an empty column of arrays, even its own
    table = ColumnTable(columns, {"x": "pix"}, {"x": "position: 'x' # 1-based"}, META)
    write_table(tmp_path / "t.ecsv", table)
    got = Table.read(tmp_path / "t.ecsv")
    assert got.colnames == list(table.columns)
    assert dict(got.meta) == META
    for name in table.columns:
        assert_columns_equal(np.asarray(got[name]), table[name])
        assert not np.any(getattr(got[name], "mask", False))
        assert str(got[name].unit or "") == table.units.get(name, "")
        assert (got[name].description or "") == table.descriptions.get(name, "")


def test_a_table_that_astropy_wrote_is_read(tmp_path: Path) -> None:
    from astropy.table import Column, MaskedColumn, Table

    columns = random_columns(30)
    astropy_table = Table(columns, meta=META)
    astropy_table["x"].unit = "deg"
    astropy_table["label"] = MaskedColumn(columns["label"])
    astropy_table["s"] = Column(["a b"] * 30, description="more")
    astropy_table.write(tmp_path / "t.ecsv")
    got = read_table(tmp_path / "t.ecsv")
    assert (got.units, got.descriptions, got.meta) == ({"x": "deg"}, {"s": "more"}, META)
    for name in ("x", "id", "kept", "matrix", "chip", "a flux"):
        assert_columns_equal(got[name], columns[name])


def test_equal_tables_give_equal_bytes() -> None:
    assert format_table(make_table(50)) == format_table(make_table(50))
    assert format_table(parse_table(format_table(make_table(50)))) == format_table(make_table(50))


KEEPS_EMPTY_TEXTS = (
    "{__class__: astropy.table.column.MaskedColumn, "
    "data: !astropy.table.SerializedColumn {name: image}}"
)


def test_the_text_of_a_small_table() -> None:
    table = ColumnTable(
        columns={"image": np.array(["a", ""]), "dx": np.array([0.1, np.nan])},
        units={"dx": "pix"},
        meta={"recipe": "15"},
    )
    assert format_table(table).splitlines() == [
        "# %ECSV 1.0",
        "# ---",
        "# datatype:",
        "# - {name: image, datatype: string}",
        "# - {name: dx, unit: pix, datatype: float64}",
        "# meta: !!omap",
        "# - {recipe: '15'}",
        f"# - {{__serialized_columns__: {{image: {KEEPS_EMPTY_TEXTS}}}}}",
        "# schema: astropy-2.0",
        "image dx",
        "a 0.1",
        '"" nan',
    ]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.array(["a\nb"]), "cannot hold the line end"),
        (np.array(["a\u2028b"]), "cannot hold the line end"),
        (np.array([None], dtype=object), "cannot hold the type object"),
        (np.array([1j]), "cannot hold the type complex128"),
    ],
)
def test_what_ecsv_cannot_hold_is_refused(column: NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        format_table(ColumnTable({"c": column}))


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one length, got \{'x': 1, 'y': 2\}"):
        ColumnTable({"x": np.zeros(1), "y": np.zeros(2)})


def test_a_unit_of_no_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not there: \['z'\]"):
        ColumnTable({"x": np.zeros(1)}, units={"z": "pix"})


GOOD = (
    "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n"
    "# - {name: b, datatype: bool}\na b\n1 True\n"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# %ECSV 1.0", "# catalog", "first line"),
        (GOOD, "", "first line"),
        ("datatype:", "datatype: {", "header is not YAML"),
        ("datatype:", "types:", "does not describe the columns"),
        ("a b", "a c", r"describes the columns \['a', 'b'\], the file has \['a', 'c'\]"),
        ("1 True", "x True", "could not convert string 'x'"),
        ("1 True", "1 true", "column 'b': 'true' is neither True nor False"),
        ("1 True", "1", "requires 2 columns but 1 were found"),
        ("int64", "object", "column 'a': the type object"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "broken.ecsv"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=rf"broken\.ecsv is not a table.*{message}"):
        read_table(path)


def test_a_missing_file_and_one_that_is_not_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the table .*none\.ecsv"):
        read_table(tmp_path / "none.ecsv")
    (tmp_path / "raw.ecsv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"cannot read the table .*raw\.ecsv"):
        read_table(tmp_path / "raw.ecsv")
