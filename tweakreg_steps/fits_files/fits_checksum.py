"""The CHECKSUM of an HDU whose header was edited.

Source: FITS standard 4.0, section 4.4.2.7 and appendix J.
"""

from __future__ import annotations

import struct

from tweakreg_steps.fits_files.card_list import CardList

_UNSET = "0" * 16
_OFFSET = ord("0")
_PUNCTUATION = frozenset([*range(0x3A, 0x41), *range(0x5B, 0x61)])
_WORD = 0xFFFFFFFF


def renew_checksum(cards: CardList) -> CardList:
    """Bring the CHECKSUM of an edited header up to date, and return the header.

    The sum over the data, which did not change, is taken from DATASUM. Without DATASUM the
    CHECKSUM is removed; so is ZHECKSUM, which speaks of the header before compression.

    Parameters
    ----------
    cards : CardList
        The header, changed in place.
    """
    cards.remove("ZHECKSUM")
    if "CHECKSUM" not in cards:
        return cards
    try:
        data_sum = int(str(cards.value("DATASUM")))
    except ValueError:
        cards.remove("CHECKSUM")
        return cards
    cards.set("CHECKSUM", _UNSET)
    total = _add(_sum_words(cards.to_bytes()), data_sum)
    cards.set("CHECKSUM", _encode(~total & _WORD))
    return cards


def _sum_words(content: bytes) -> int:
    """Add 32-bit words with end-around carry."""
    total = sum(struct.unpack(f">{len(content) // 4}I", content))
    return _add(total, 0)


def _add(total: int, other: int) -> int:
    """Fold a sum into 32 bits in ones' complement."""
    total += other
    while total > _WORD:
        total = (total & _WORD) + (total >> 32)
    return total


def _encode(value: int) -> str:
    """Write 32 bits as 16 letters and digits whose own sum is that value."""
    columns = []
    for shift in (24, 16, 8, 0):
        byte = (value >> shift) & 0xFF
        quotient, remainder = divmod(byte, 4)
        letters = [quotient + remainder + _OFFSET, *[quotient + _OFFSET] * 3]
        while any(letter in _PUNCTUATION for letter in letters):
            for first in (0, 2):
                if letters[first] in _PUNCTUATION or letters[first + 1] in _PUNCTUATION:
                    letters[first] += 1
                    letters[first + 1] -= 1
        columns.append(letters)
    text = "".join(chr(columns[j][i]) for i in range(4) for j in range(4))
    return text[-1] + text[:-1]
