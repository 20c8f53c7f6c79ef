"""Three keywords by which an aligned file says what made it.

They stand in the primary header, which astronomers and archives read; the whole statement, with
parameters and digests of what was read, is in the record beside the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tweakreg_steps.fits_files.card_list import CardList
from tweakreg_steps.fits_files.header_cards import CardValue

_VERSION, _STAMP, _RECIPE = "TWSVERS", "TWSSTAMP", "TWSRECIP"
_COMMENTS = {
    _VERSION: "Version of tweakreg-steps",
    _STAMP: "Digest of the job's record",
    _RECIPE: "Digest of its part of the recipe",
}


@dataclass(frozen=True)
class Signature:
    """What made a file.

    Attributes
    ----------
    version : str
        Of this package.
    stamp : str
        Digest of the record of the job.
    recipe : str
        Digest of the part of the recipe on which the file depends.
    """

    version: str
    stamp: str
    recipe: str


def sign(cards: CardList, signature: Signature) -> None:
    """Set the keywords in a primary header; those of a former making are replaced."""
    values = {_VERSION: signature.version, _STAMP: signature.stamp, _RECIPE: signature.recipe}
    for key, value in values.items():
        cards.set(key, value, _COMMENTS[key])


def read_signature(header: Mapping[str, CardValue]) -> Signature | None:
    """Return what a primary header says of the making of its file; None where it says nothing.

    Parameters
    ----------
    header : mapping
        Values by keyword, such as `tweakreg_steps.fits_files.fits_blocks.Hdu.values`.
    """
    found = [header.get(key) for key in (_VERSION, _STAMP, _RECIPE)]
    if None in found:
        return None
    version, stamp, recipe = (str(value) for value in found)
    return Signature(version, stamp, recipe)
