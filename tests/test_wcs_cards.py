"""Keeping one WCS beside another."""

from __future__ import annotations

from typing import Any

import pytest
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.fits_checksum import renew_checksum
from tweakreg_steps.fits_files.wcs_cards import (
    archive_primary,
    has_polynomial,
    remove_alternates,
    wcs_names,
)


def cards_of(**cards: Any) -> CardList:  # noqa: ANN401 - cards hold anything
    return CardList(wcs_header(**MATRIX, **cards).tostring().encode())


def test_a_wcs_that_is_kept_already_is_not_kept_twice() -> None:
    cards = cards_of(WCSNAME="one")
    first = archive_primary([cards], where="a")
    assert archive_primary([cards], where="a") == first
    assert wcs_names(cards) == ("one", "one")


@pytest.mark.parametrize(
    ("name", "kept"), [("one", "one-1"), ("one-1", "one-2"), ("one_9", "one_10")]
)
def test_a_name_that_another_wcs_has_is_counted_up(name: str, kept: str) -> None:
    cards = cards_of(WCSNAME=name)
    archive_primary([cards], where="a")
    cards.set("CRVAL1", 11.0)
    archived = archive_primary([cards], where="a")
    assert (archived.key, archived.name) == ("B", kept)


def test_all_chips_get_the_same_key_and_never_that_of_opus() -> None:
    taken = {f"CRVAL1{key}": 1.0 for key in "ABCDEFGHIJKLMN"}
    chips = [cards_of(WCSNAME="one"), cards_of(WCSNAME="one", **taken)]
    assert archive_primary(chips, where="a").key == "P"
    assert [cards.value("WCSNAMEP") for cards in chips] == ["one", "one"]


def test_alternates_are_removed_by_name_but_for_opus() -> None:
    cards = cards_of(WCSNAMEB="TWEAK", CRVAL1B=1.0, PV1_10B=2.0, WCSNAMEO="TWEAK", DATAB=3)
    remove_alternates(cards, "tweak")
    assert {"WCSNAMEB", "CRVAL1B", "PV1_10B"}.isdisjoint(cards.keywords())
    assert {"WCSNAMEO", "DATAB", "CRVAL1"} <= set(cards.keywords())


def test_the_parameters_of_tan_itself_are_no_polynomial() -> None:
    assert not has_polynomial(wcs_header(PV1_1=0.0, PV1_2=90.0))
    assert has_polynomial(wcs_header(PV1_1=1.0, PV2_7=0.1))
    assert has_polynomial(wcs_header(CTYPE1="RA---TPV", CTYPE2="DEC--TPV"))


def test_a_number_is_written_so_that_it_is_read_again() -> None:
    cards = cards_of()
    for value in (-9.555008904834741e-06, 1.0 / 3.0, -64.9040885652387, 1e-300, 2.0):
        cards.set("CD1_1", value)
        assert CardList(cards.to_bytes()).value("CD1_1") == value


def test_new_cards_stand_before_the_history_and_long_texts_go_on() -> None:
    cards = cards_of()
    cards.add_history("what was done " * 10)
    cards.set("HDRNAME", "x" * 150)
    cards.copy("HDRNAME", "HDRNAMEA")
    keywords = list(CardList(cards.to_bytes()).keywords())
    assert keywords[-4:] == ["HDRNAME", "HDRNAMEA", "HISTORY", "HISTORY"]
    assert cards.to_bytes().count(b"CONTINUE") == 4


def test_a_checksum_without_datasum_is_removed() -> None:
    cards = renew_checksum(cards_of(CHECKSUM="abc"))
    assert "CHECKSUM" not in cards
