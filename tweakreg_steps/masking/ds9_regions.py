"""DS9 region files: text in, a list of regions in the file's order out.

``regions`` reads the shapes. It drops what it does not know with a warning that names no line
(detector and other systems, pandas, vectors, sizes in another system than the position, files
without a system) and ignores surplus numbers, and a dropped region silently changes which sources
are found. So each statement is brought into words that ``regions`` knows, what cannot be is an
error that names its line, and what comes back is counted.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.region_lines import Statement, statements
from tweakreg_steps.masking.region_words import (
    PIXEL_SYSTEMS,
    SKY,
    SKY_SYSTEMS,
    SYNTAX,
    Draft,
    Unreadable,
    draft_shape,
    included,
    split_words,
)

log = logging.getLogger(__name__)

_SYSTEMS = (*PIXEL_SYSTEMS, *SKY_SYSTEMS, "wcs", "wcs0", "linear")
_ALTERNATE = re.compile(r"wcs[a-z]")
_DS9_HEAD = re.compile(r"\s*#\s*Region file format:\s*DS9", re.IGNORECASE)
_SYNONYMS = {"rotbox": "box", "cpanda": "panda", "circle3d": "circle"}
_SKIPPED = ("text", "ruler", "compass", "projection")
_SYMBOL_POINT = re.compile(r"point\b")
_SYMBOLS = ("circle", "box", "diamond", "cross", "x", "arrow", "boxcircle")


@dataclass(frozen=True)
class Ds9Region:
    """One region of a DS9 file.

    ``points`` holds the centre, or the vertices of a polygon: (x, y) in pixels of a pixel system
    (1-based in the image), or (longitude, latitude) in degrees of a sky system.

    ``outer`` and ``inner`` are half sizes of the outlines along the region's own x and y axis, in
    degrees where ``sizes_in`` is the sky, else in pixels of the system that it names; ``inner`` is
    None where there is no hole. ``angle`` and ``sector`` (start, stop) are in degrees of the system
    ``angles_in``, counter-clockwise from the x axis as DS9 counts them; on the sky the x axis
    points to the west and y to the north. A sector is counted from the rotated x axis.
    ``by_ds9`` says that the file has the head of those that DS9 writes.
    """

    shape: str
    include: bool
    system: str
    points: tuple[tuple[float, float], ...]
    outer: tuple[float, float]
    inner: tuple[float, float] | None
    angle: float
    sector: tuple[float, float] | None
    line: int
    text: str
    sizes_in: str
    angles_in: str
    by_ds9: bool = False

    @property
    def has_area(self) -> bool:
        """Whether any pixel can lie inside."""
        return self.shape == "polygon" or min(self.outer) > 0

    @property
    def is_box(self) -> bool:
        """Whether the outlines are rectangles (else ellipses)."""
        return self.shape in ("box", "bpanda")

    @property
    def has_turned_sector(self) -> bool:
        """Whether it is a panda of ellipses or boxes with a sector on the sky.

        When DS9 reads one back it counts the rotation of the image twice in the sector, as it does
        when it writes one.
        """
        return self.on_sky and self.shape in ("epanda", "bpanda")

    @property
    def on_sky(self) -> bool:
        """Whether the region is an area of the sky, its sizes as well as its position."""
        return self.system in SKY_SYSTEMS.values() and self.sizes_in == SKY


@dataclass
class _State:
    """What holds from one statement to the next."""

    system: str = "physical"
    sky: str = "fk5"
    include: bool = True


def read_region_file(path: Path) -> tuple[Ds9Region, ...]:
    """Read a DS9 region file.

    Parameters
    ----------
    path
        The region file.

    Returns
    -------
    tuple of Ds9Region
        In the order of the file, which matters.

    Raises
    ------
    InputError
        The file cannot be opened, or lines of it cannot be read; every such line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: the region file cannot be read: {error.strerror}") from error
    return parse_regions(text, name=str(path))


def parse_regions(text: str, *, name: str) -> tuple[Ds9Region, ...]:
    """Parse the text of a DS9 region file; ``name`` stands in messages.

    A file that names no system before its first region is in physical pixels, as in DS9.

    Raises
    ------
    InputError
        Lines cannot be read; every such line is named with what is allowed.
    """
    state, drafts, faults = _State(), [], []
    for statement in statements(text):
        try:
            draft = _draft(statement, state, name)
        except Unreadable as fault:
            faults.append(_fault(name, statement, str(fault)))
        else:
            drafts += [draft] if draft is not None else []
    found = _read_by_regions(drafts)
    for draft, shapes in zip(drafts, found, strict=True):
        if isinstance(shapes, str):
            faults.append(_fault(name, draft.statement, shapes))
    if faults:
        raise InputError("\n".join(faults))
    by_ds9 = _DS9_HEAD.match(text) is not None
    return tuple(
        _region(draft, shapes, by_ds9=by_ds9) for draft, shapes in zip(drafts, found, strict=True)
    )


def _fault(name: str, statement: Statement, why: str) -> str:
    """Return the message about a statement that cannot be read."""
    return f"{name}, line {statement.line}: {statement.shown}: {why}"


def _draft(statement: Statement, state: _State, name: str) -> Draft | None:
    """Bring one statement into words that ``regions`` knows; None for what is no region."""
    word = statement.word
    if word in _SYMBOLS and _SYMBOL_POINT.match(statement.body):
        word, body = "point", statement.body.removeprefix("point")
    else:
        word, body = _SYNONYMS.get(word, word), statement.body
    if word in _SKIPPED or (word == "composite"):
        if word != "composite":
            log.info("%s, line %d: %s is no region of pixels; skipped", name, statement.line, word)
        return None
    if word in SYNTAX:
        return draft_shape(
            word, split_words(body), statement, system=state.system, include=state.include
        )
    if not _set_state(statement, state):
        raise Unreadable(
            f"not a region, nor a coordinate system. Shapes: {', '.join(SYNTAX)}; "
            f"systems: {', '.join(_SYSTEMS)}"
        )
    return None


def _set_state(statement: Statement, state: _State) -> bool:
    """Take over what a statement says about those that follow; False where it is none such."""
    word = statement.word
    if word == "global":
        state.include = included(statement.properties, state.include)
        word = statement.properties.get("wcs", "").lower()
        if word in ("", "wcs", "wcs0"):
            return True
    if _ALTERNATE.fullmatch(word):
        raise Unreadable(
            f"positions by the alternate WCS {word[3:].upper()} are not read; save the regions "
            f"from DS9 in one of the systems: {', '.join(_SYSTEMS)}"
        )
    if word == "tile":
        if statement.body != "1":
            raise Unreadable(
                "the regions of a mosaic's tiles are not read; save those of each chip from a "
                "frame of its own, ds9 'x.fits[sci,1]'"
            )
        return True
    if word not in _SYSTEMS or statement.sign or statement.body:
        return False
    state.sky = SKY_SYSTEMS.get(word, "fk5" if word == "linear" else state.sky)
    state.system = word if word in PIXEL_SYSTEMS else state.sky
    return True


def _read_by_regions(drafts: list[Draft]) -> list[list[Any] | str]:
    """Let ``regions`` read the outlines of each draft; in place of those it cannot, say why.

    All are read at once; one by one only where that fails, to find those that are at fault.
    """
    try:
        found = _outlines_by_regions(drafts)
    except Unreadable:
        return [_one_by_regions(draft) for draft in drafts]
    pieces: list[list[Any] | str] = []
    for draft in drafts:
        pieces.append(found[: len(draft.outlines)])
        found = found[len(draft.outlines) :]
    return pieces


def _one_by_regions(draft: Draft) -> list[Any] | str:
    """Let ``regions`` read the outlines of one draft, or say why it cannot."""
    try:
        return _outlines_by_regions([draft])
    except Unreadable as fault:
        return str(fault)


def _outlines_by_regions(drafts: list[Draft]) -> list[Any]:
    """Let ``regions`` read all outlines; one that it drops, or warns of, is an error."""
    if not drafts:
        return []
    from regions import Regions

    lines = [
        f"{'image' if draft.system in PIXEL_SYSTEMS else draft.system}\n{outline}"
        for draft in drafts
        for outline in draft.outlines
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = list(Regions.parse("\n".join(lines), format="ds9"))
        except Exception as error:
            why = (str(error).splitlines() or [type(error).__name__])[0]
            raise Unreadable(f"not understood ({why[:200]})") from error
    if len(found) != len(lines):
        raise Unreadable("not understood by the regions package")
    return found


def _region(draft: Draft, shapes: Sequence[Any], *, by_ds9: bool) -> Ds9Region:
    """Make the region of what ``regions`` has read."""
    sizes = [_half_sizes(shape) for shape in shapes]
    return Ds9Region(
        shape=draft.shape,
        include=draft.include,
        system=draft.system,
        points=_places(shapes[0]),
        outer=sizes[0],
        inner=sizes[1] if len(sizes) > 1 else None,
        angle=draft.angle,
        sector=draft.sector,
        line=draft.statement.line,
        text=draft.statement.text,
        sizes_in=draft.sizes_in,
        angles_in=draft.angles_in,
        by_ds9=by_ds9,
    )


def _places(shape: Any) -> tuple[tuple[float, float], ...]:  # noqa: ANN401  any of its regions
    """Return the centre or the vertices: 1-based pixels, or degrees."""
    import numpy as np

    where = shape.vertices if hasattr(shape, "vertices") else shape.center
    if hasattr(where, "spherical"):
        x, y = where.spherical.lon.deg, where.spherical.lat.deg
    else:
        x, y = where.x + 1, where.y + 1
    return tuple(zip(np.ravel(x).tolist(), np.ravel(y).tolist(), strict=True))


def _half_sizes(shape: Any) -> tuple[float, float]:  # noqa: ANN401  any of its regions
    """Return the half sizes along the axes in pixels or degrees; zeros where it has none."""
    if hasattr(shape, "radius"):
        sizes = [shape.radius, shape.radius]
    elif hasattr(shape, "width"):
        sizes = [shape.width / 2, shape.height / 2]
    else:
        return 0.0, 0.0
    first, second = (float(getattr(size, "value", size)) for size in sizes)
    return first, second
