"""The cards of a FITS header: where each stands, and what its keyword says.

No import of astropy, which would cost more than to plan a run over hundreds of exposures.
Source of the layout: FITS standard 4.0, sections 3.3.1, 4.1 and 4.2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar, overload

CARD = 80
"""Bytes of a card."""
_BEGIN = "10s70x"  # of a card: its keyword, and whether it has a value
_ORDERS = 100  # of cards to remember: an exposure has some ten headers, each in its order
_CARDS = 2_000  # to remember: many say the same in all exposures
_QUOTED = re.compile(r"'((?:[^']|'')*)")

T = TypeVar("T")

CardValue = bool | int | float | str

Commented = tuple[CardValue, str]
"""The value of a card and its comment."""

Cards = Mapping[str, CardValue]
"""Values of a header's keywords, or of some of them."""


class CardOrder:
    """Which keyword stands on which card: one for all headers that are the same in this.

    Those of the exposures of one detector are, so that a keyword is looked for once and not in
    each of 10,000 headers.

    Parameters
    ----------
    begins : tuple of bytes
        The first ten bytes of each card before END.
    """

    def __init__(self, begins: tuple[bytes, ...]) -> None:
        # backwards, so that the first counts
        self.starts = {begins[i]: i * CARD for i in reversed(range(len(begins)))}
        self._keywords = tuple([_keyword(begin[:8]) for begin in begins])
        self._places: dict[Callable[[str], bool], tuple[int, ...]] = {}

    def places(self, wanted: Callable[[str], bool]) -> tuple[int, ...]:
        """Return at which bytes the cards of wanted keywords start."""
        found = self._places.get(wanted)
        if found is None:
            places = [i * CARD for i, name in enumerate(self._keywords) if wanted(name)]
            found = self._places[wanted] = tuple(places)
        return found


class HeaderValues(Mapping[str, CardValue]):
    """Keyword values of a header, each read when it is first asked for.

    Of a repeated keyword the first value counts. Headers have hundreds of cards, of which planning
    asks for a few.

    Parameters
    ----------
    header : bytes
        The header as it stands in the file.
    """

    def __init__(self, header: bytes) -> None:
        self._header = header[: end_of_cards(header)]
        self._known: dict[str, CardValue | None] = {}
        self.order = _order_of(self._header)

    def __getitem__(self, name: str) -> CardValue:
        value = self._look_up(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, name: str, default: None = None) -> CardValue | None: ...

    @overload
    def get(self, name: str, default: T) -> CardValue | T: ...

    def get(self, name: str, default: object = None) -> object:
        """Return the value of a keyword; asked for often, and of what is not there, too."""
        value = self._look_up(name)
        return default if value is None else value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._look_up(name) is not None

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys(keyword(card) for card in iter_cards(self._header))
        return (name for name in names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _look_up(self, name: str) -> CardValue | None:
        """Return a value, None where there is none."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> CardValue | None:
        """Look for a value in the header."""
        prefix = f"{name:<8}= ".encode("ascii", "replace")
        start = self.order.starts.get(prefix)
        if start is None:
            return None
        value = card_value(self._header[start : start + CARD])
        if value is not None:
            return value
        others = (card_value(self._header[i : i + CARD]) for i in _cards_with(prefix, self._header))
        return next((other for other in others if other is not None), None)


def iter_cards(header: bytes) -> Iterator[bytes]:
    """Yield the 80-byte cards before END."""
    return iter([header[i : i + CARD] for i in range(0, end_of_cards(header), CARD)])


def end_of_cards(header: bytes) -> int:
    """Return where the END card starts."""
    start = header.find(b"END")
    while start >= 0:
        if start % CARD == 0 and header[start : start + CARD].rstrip() == b"END":
            return start
        start = header.find(b"END", start + 1)
    return len(header)


def _order_of(header: bytes) -> CardOrder:
    """Return the order of the cards of a header without its END."""
    number = len(header) // CARD
    return _known_order(struct.unpack(_BEGIN * number, header[: number * CARD]))


@lru_cache(_ORDERS)
def _known_order(begins: tuple[bytes, ...]) -> CardOrder:
    """Return the order of cards that begin so."""
    return CardOrder(begins)


def _cards_with(prefix: bytes, header: bytes) -> Iterator[int]:
    """Yield where the cards start that begin with some bytes."""
    start = header.find(prefix)
    while start >= 0:
        if start % CARD == 0:
            yield start
        start = header.find(prefix, start + 1)


def keyword(card: bytes) -> str:
    """Return the keyword of a card."""
    return _keyword(card[:8])


@lru_cache(10_000)
def _keyword(name: bytes) -> str:
    """Read a keyword: the headers of many exposures have the same few hundred."""
    return name.decode("ascii", "replace").rstrip()


@lru_cache(_CARDS)
def card_value(card: bytes) -> CardValue | None:
    """Return the value of a card, None where it has none or one this module does not read."""
    if card[8:10] != b"= ":
        return None
    text = card[10:].decode("ascii", "replace").strip()
    if text.startswith("'"):
        return string_value(text)
    text = text.split("/", 1)[0].strip()
    if text in {"T", "F"}:
        return text == "T"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace("D", "E").replace("d", "e"))
    except ValueError:
        return None


def string_value(text: str) -> str:
    """Read a quoted text in which two quotes stand for one."""
    match = _QUOTED.match(text)
    return match[1].replace("''", "'").rstrip() if match else ""
