"""A header as a list of cards of which only those that are set anew change, byte for byte."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator

from tweakreg_steps.fits_files.fits_blocks import padded
from tweakreg_steps.fits_files.header_cards import (
    CARD,
    CardValue,
    card_value,
    iter_cards,
    keyword,
    string_value,
)

_COMMENTARY = frozenset({"", "HISTORY", "COMMENT"})
_VALUE_COLUMNS = 20
_HISTORY_TEXT = 72


class CardList:
    """The cards of a header.

    A value that runs over CONTINUE cards is one entry. Cards that are not touched keep every byte.
    astropy's Header (8.0) writes those that break the standard anew: ``1.5e-3``, ``nan`` in other
    letters, a date without quotes as a text, an accent as ``?``; a tabulator is an error.

    Parameters
    ----------
    header : bytes
        The header as it stands in the file.
    """

    def __init__(self, header: bytes) -> None:
        self._cards: list[bytes] = []
        for card in iter_cards(header):
            if card[:8] == b"CONTINUE" and self._cards:
                self._cards[-1] += card
            else:
                self._cards.append(card)

    def __contains__(self, name: str) -> bool:
        return self._index(name) is not None

    def keywords(self) -> Iterator[str]:
        """Yield the keywords in order."""
        return map(keyword, self._cards)

    def value(self, name: str) -> CardValue | None:
        """Return the value of a keyword (of its first card), None where it has none."""
        index = self._index(name)
        return None if index is None else card_value(self._cards[index][:CARD])

    def text(self, name: str) -> str:
        """Return a text of any length, its CONTINUE cards joined; blank where there is none."""
        index = self._index(name)
        if index is None:
            return ""
        cards = self._cards[index]
        pieces = [
            string_value(cards[start + 10 : start + CARD].decode("ascii", "replace").strip())
            for start in range(0, len(cards), CARD)
        ]
        return "".join([piece.removesuffix("&") for piece in pieces[:-1]] + pieces[-1:])

    def set(self, name: str, value: CardValue, comment: str | None = None) -> None:
        """Set a keyword where it stands, or after the last card that is no commentary.

        Parameters
        ----------
        name : str
            The keyword.
        value : bool, int, float or str
            A float is written so that the same double is read again.
        comment : str or None
            None keeps the present comment.
        """
        index = self._index(name)
        if comment is None:
            comment = "" if index is None else _comment(self._cards[index])
        card = _format(name, value, comment)
        if index is None:
            self._cards.insert(self._end(), card)
        else:
            self._cards[index] = card

    def copy(self, name: str, new_name: str) -> None:
        """Write the card of one keyword under another, all else as it stands."""
        index = self._index(name)
        if index is None:
            return
        card = new_name.ljust(8).encode("ascii") + self._cards[index][8:]
        present = self._index(new_name)
        if present is None:
            self._cards.insert(self._end(), card)
        else:
            self._cards[present] = card

    def remove(self, name: str) -> None:
        """Remove a keyword, if it is there."""
        self._cards = [card for card in self._cards if keyword(card) != name]

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Remove all cards but those of wanted keywords."""
        self._cards = [card for card in self._cards if wanted(keyword(card))]

    def add_history(self, text: str) -> None:
        """Append HISTORY cards."""
        for start in range(0, len(text), _HISTORY_TEXT):
            line = f"HISTORY {text[start : start + _HISTORY_TEXT]}"
            self._cards.append(line.ljust(CARD).encode("ascii", "replace"))

    def add_history_lines(self, lines: Iterable[str]) -> None:
        """Append a HISTORY card for each line, of 72 characters at most."""
        for line in lines:
            self.add_history(line)

    def to_bytes(self) -> bytes:
        """Return the header with END and padding."""
        header = b"".join(self._cards) + b"END".ljust(CARD)
        return header.ljust(padded(len(header)))

    def _index(self, name: str) -> int | None:
        """Return where the first card of a keyword stands."""
        start = name.ljust(8).encode("ascii")
        return next((i for i, card in enumerate(self._cards) if card[:8] == start), None)

    def _end(self) -> int:
        """Return where a new card goes: before HISTORY, COMMENT and blank cards at the end."""
        for index in range(len(self._cards), 0, -1):
            if keyword(self._cards[index - 1]) not in _COMMENTARY:
                return index
        return 0


def _comment(card: bytes) -> str:
    """Return the comment of a card of one piece, outside of any quotes."""
    text = card[10:CARD].decode("ascii", "replace")
    quoted = False
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif character == "/" and not quoted:
            return text[position + 1 :].strip()
    return ""


def _format(name: str, value: CardValue, comment: str) -> bytes:
    """Write a card."""
    if isinstance(value, str):
        return _format_text(name, value, comment)
    if isinstance(value, bool):
        text = "T" if value else "F"
    else:
        text = repr(value if isinstance(value, int) else float(value)).upper()
    card = f"{name:<8}= {text:>{_VALUE_COLUMNS}}" + (f" / {comment}" if comment else "")
    return card[:CARD].ljust(CARD).encode("ascii", "replace")


def _format_text(name: str, value: str, comment: str) -> bytes:
    """Write a card with a text, over CONTINUE cards where it is long."""
    from astropy.io.fits import Card

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a comment that is cut is no loss
        return str(Card(name, value, comment).image).encode("ascii", "replace")
