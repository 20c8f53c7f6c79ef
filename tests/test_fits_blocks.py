"""Reading a header's values without looking at every card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.fits_files.fits_blocks import BLOCK, Hdu
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


def test_headers_of_the_same_cards_share_where_these_stand() -> None:
    one, other = (HeaderValues(header(*CARDS[:2], f"NAXIS   = {n}", "END")) for n in (1, 2))
    assert one.order is other.order
    assert (one["NAXIS"], other["NAXIS"]) == (1, 2)
    assert HeaderValues(header("NAXIS   = 1", "END")).order is not one.order


def test_cards_of_wanted_keywords_come_in_their_order() -> None:
    hdu = Hdu(0, header(*CARDS), BLOCK, 0)
    found = hdu.cards_of(lambda keyword: keyword in ("BITPIX", "NAXIS", "AFTER"))
    assert found == [CARDS[place].ljust(80).encode() for place in (2, 3, 6)]


def test_a_header_that_is_cut_within_a_card_gives_what_is_whole() -> None:
    assert dict(HeaderValues(header(*CARDS[:3])[: 3 * 80 - 10])) == {"SIMPLE": True}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_a_quoted_text_is_read_back(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert string_value(quoted) == text.rstrip()
