"""What is noted of a header or a headerlet that was written, or was not."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.headers.header_update import ArchivedRecord


class HeaderletRecord(TypedDict):
    """What became of the headerlet of an image: its file, None where that is only a notice."""

    image: str
    status: str
    reason: str
    headerlet: str | None


class HeaderRecord(TypedDict):
    """What became of the header of a file: ``headers/<file name>.json``.

    ``status``, ``reason`` and ``decision`` are those of its image; ``of`` and ``detail`` tell that
    of another file of an exposure. ``aligned`` is the name of the copy, whose ``digest`` stands
    beside it. Of an original, ``undo`` names the file that leads back, or is None, and
    ``taken_back`` says that there was a solution before and is none now. Where a solution was
    written, all that `tweakreg_steps.headers.header_update.WrittenHeader` says stands here too.
    """

    image: str
    status: str
    reason: str
    decision: str
    aligned: str | None
    of: NotRequired[str]
    detail: NotRequired[str]
    digest: NotRequired[str]
    undo: NotRequired[str | None]
    taken_back: NotRequired[bool]
    wcsname: NotRequired[str]
    archived: NotRequired[ArchivedRecord | None]
    cards: NotRequired[dict[str, dict[str, CardValue | None]]]
    rewritten: NotRequired[list[int]]
    deviation: NotRequired[float]
