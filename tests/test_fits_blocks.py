"""Reading a header's values without looking at every card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.fits_files.fits_blocks import BLOCK
from tweakreg_steps.fits_files.header_cards import HeaderValues, string_value

CARDS = (
    "SIMPLE  =                    T",
    "COMMENT NAXIS   = 7 is only told of",
    "NAXIS   =                    2 / first",
    "NAXIS   =                    3 / second",
    "OBJECT  = 'O''Neill  BITPIX  = 8' / with a quote",
    "BLANK   =",
    "BITPIX  =                  -32",
    "SCALE   =              1.5D-02",
    "END",
    "AFTER   =                    1",
)


def header(*cards: str) -> bytes:
    return "".join(card.ljust(80) for card in cards).ljust(BLOCK).encode()


def test_values_are_those_of_the_cards_before_the_end() -> None:
    assert dict(HeaderValues(header(*CARDS))) == {
        "SIMPLE": True,
        "NAXIS": 2,
        "OBJECT": "O'Neill  BITPIX  = 8",
        "BITPIX": -32,
        "SCALE": 0.015,
    }


def test_a_keyword_without_a_value_is_not_there() -> None:
    values = HeaderValues(header(*CARDS))
    assert "BLANK" not in values
    assert values.get("AFTER") is None
    with pytest.raises(KeyError):
        values["COMMENT"]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_a_quoted_text_is_read_back(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert string_value(quoted) == text.rstrip()
