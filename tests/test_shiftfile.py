"""Shift files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.reporting.shiftfile import ShiftRow, parse_shiftfile, shiftfile_text

REAL = Path(__file__).parent / "data" / "ngc6791" / "Gaia_shifts.txt"
FIT = {
    "status": "aligned",
    "dx": 4.4304046,
    "dy": -5.652466,
    "rotation": -0.004754,
    "scale": 1.000087,
    "rms_x": 0.033929,
    "rms_y": 0.044934,
}


def test_lines_are_those_astrodrizzle_reads() -> None:
    fits: list[tuple[str, Any]] = [
        ("a_flc.fits", {"status": "reference"}),
        ("b_flc.fits", FIT),
        ("c_flc.fits", {"status": "not_aligned", "dx": None}),
    ]
    assert shiftfile_text(fits, outwcs="shifts_wcs.fits").splitlines() == [
        "# frame: output",
        "# refimage: shifts_wcs.fits[wcs]",
        "# form: delta",
        "# units: pixels",
        "a_flc.fits    0.000000  0.000000  0.000000  1.000000  0.000000  0.000000",
        "b_flc.fits    4.430405  -5.652466  -0.004754  1.000087  0.033929  0.044934",
        "c_flc.fits    nan  nan  nan  nan  nan  nan",
    ]


def test_what_is_written_is_read() -> None:
    text = shiftfile_text([("b_flc.fits", cast("Any", FIT))], outwcs="w.fits")
    found = parse_shiftfile(text)
    assert found.reference_wcs == "w.fits"
    assert found.rows == (
        ShiftRow("b_flc.fits", 4.430405, -5.652466, -0.004754, 1.000087, 0.033929, 0.044934),
    )


def test_tweakregs_file_has_the_same_head_and_columns() -> None:
    text = REAL.read_text()
    found = parse_shiftfile(text)
    fits: list[tuple[str, Any]] = [
        (row.name, {"status": "aligned", **vars(row)}) for row in found.rows
    ]
    ours = shiftfile_text(fits, outwcs=found.reference_wcs)
    assert [line.split() for line in ours.splitlines()] == [
        line.split() for line in text.splitlines()
    ]


def test_old_files_have_no_rms() -> None:
    (row,) = parse_shiftfile("# units: pixels\na.fits 1 2 0.5 1.0\n").rows
    assert (row.dx, row.scale) == (1.0, 1.0)
    assert math.isnan(row.rms_x)


@pytest.mark.parametrize("line", ["a.fits 1 2 3", "a.fits 1 2 3 x", "a.fits 1 2 3 4 5"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(InputError, match=f"not a line of a shift file: '{line}'"):
        parse_shiftfile(line)
