"""What pixels count, from the header."""

from __future__ import annotations

import pytest

from tweakreg_steps.fits_files.header_cards import Cards
from tweakreg_steps.fits_files.pixel_unit import pixel_unit, unit_from_record


@pytest.mark.parametrize("bunit", ["ELECTRONS", "electron", "COUNTS", "counts", "DN", "adu", "e-"])
def test_counts_are_counts_whatever_the_time(bunit: str) -> None:
    for primary in ({}, {"EXPTIME": 600.0}):
        assert pixel_unit({"BUNIT": bunit}, primary).counts == 1.0


@pytest.mark.parametrize(
    "bunit",
    [
        *("ELECTRONS/S", "electron/s", "COUNTS/S", "cts / sec", "DN/s", "e-/s", "CPS"),
        *("electron s-1", "electron s**-1", "ct s^-1", "count.s**(-1)", "electrons per second"),
    ],
)
def test_rates_are_counted_over_the_exposure_time(bunit: str) -> None:
    assert pixel_unit({"BUNIT": bunit}, {"EXPTIME": 600}).counts == 600.0
    assert pixel_unit({"BUNIT": bunit, "EXPTIME": 20.0}, {"EXPTIME": 600}).counts == 20.0
    assert pixel_unit({}, {"BUNIT": bunit, "EXPTIME": 600}).counts == 600.0


@pytest.mark.parametrize("exptime", [None, 0.0, -5.0, "600 s", True, float("inf")])
def test_a_rate_without_a_time_is_not_known(exptime: float | str | None) -> None:
    unit = pixel_unit({"BUNIT": "ELECTRONS/S"}, {} if exptime is None else {"EXPTIME": exptime})
    assert unit.counts is None
    assert "EXPTIME" in str(unit.problem)


@pytest.mark.parametrize(
    ("bunit", "text"),
    [("MJy/sr", "MJY/SR"), ("erg/s", "neither"), ("ELECTRONS/M", "neither"), ("", "missing")],
)
def test_another_unit_is_named(bunit: str, text: str) -> None:
    unit = pixel_unit({"BUNIT": bunit}, {"EXPTIME": 600.0})
    assert unit.counts is None
    assert text in str(unit.problem)


def test_a_missing_unit_is_said() -> None:
    assert pixel_unit({}, {"EXPTIME": 3.0}).problem == "BUNIT is missing"


def test_a_unit_survives_its_record() -> None:
    headers: list[Cards] = [{}, {"BUNIT": "ELECTRONS/S", "EXPTIME": 5.0}, {"BUNIT": "Jy"}]
    for header in headers:
        assert unit_from_record(pixel_unit(header).as_record()) == pixel_unit(header)
