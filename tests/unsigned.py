"""FITS files but for what they say of their making."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.header_cards import iter_cards, keyword

_OF_THE_MAKING = frozenset({"HISTORY", "CHECKSUM", "TWSVERS", "TWSSTAMP", "TWSRECIP"})


def unsigned(path: Path) -> list[tuple[list[bytes], bytes]]:
    """Return cards and data of each HDU of a plain file, without what tells of their making."""
    content = path.read_bytes()
    return [
        (
            [card for card in iter_cards(hdu.header) if keyword(card) not in _OF_THE_MAKING],
            content[hdu.data_offset : hdu.data_offset + hdu.data_size],
        )
        for hdu in scan_hdus(path)
    ]
