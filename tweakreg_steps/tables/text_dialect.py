"""How a text holds a table: what separates its cells, and which of its lines are rows.

Only that is found here; the cells are read by astropy.io.ascii, whose own guessing tries every
format in turn and takes the first that does not fail, which shifts cells where some are empty.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tweakreg_steps.tables.cell_values import parse_number, parse_sexagesimal

BLANK = " "
"""Stands for any run of blanks and tabs."""

_DELIMITERS = ("\t", ";", "|", ",", BLANK)
_SAMPLE = 200
"""Rows from which the delimiter is told; astropy holds all others against it."""

_COMMENT = re.compile(r"[ \t]#")
_MOST_SIGNS = 8  # of # in a row behind which a remark is looked for
_LIKE_A_NAME = re.compile(r"[A-Za-z_]")
_BORDER = "+-="
_TYPES = re.compile(r"\d{0,6}[NSMnsm]")


@dataclass(frozen=True)
class Line:
    """A line of a text: its number, from 1, and what it holds."""

    number: int
    text: str


@dataclass(frozen=True)
class Block:
    """One table of a text.

    Attributes
    ----------
    delimiter
        What separates its cells.
    names
        The words of its first line where they name the columns, else empty.
    units
        Unit of each column as the text spells it, '' without one; empty where it tells none.
    rows
        The lines that hold entries.
    width
        Number of columns.
    """

    delimiter: str
    names: Sequence[str]
    units: Sequence[str]
    rows: Sequence[Line]
    width: int

    @property
    def first_line(self) -> int:
        """The number of its first row, 0 without any."""
        return self.rows[0].number if self.rows else 0


def separate_comments(text: str) -> tuple[list[str], list[Line]]:
    """Return the comments of a text, and its other lines; blank ones are left aside."""
    comments: list[str] = []
    lines: list[Line] = []
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if bare.startswith("#"):
            comments.append(bare.lstrip("# \t"))
        elif bare:
            lines.append(Line(number, line.strip("\r\n \x0b\x0c")))
    return comments, lines


def find_blocks(lines: Sequence[Line], *, is_csv: bool) -> list[Block]:
    """Return the tables that the lines of a text hold.

    Parameters
    ----------
    lines
        Without comments and blank lines.
    is_csv
        Whether the file's name says that commas separate the cells where nothing else does.
    """
    lines = [line for line in lines if not _is_border(line.text)]
    rules = [i for i, line in enumerate(lines) if _is_rule(line.text)]
    if len(rules) < 2:  # noqa: PLR2004  a text with two heads holds two tables
        return [_find_block(lines, is_csv=is_csv)]
    starts = [_head_start(lines, i) for i in rules]
    ends = [*starts[1:], len(lines)]
    return [
        _find_block(lines[start:end], is_csv=is_csv)
        for start, end in zip(starts, ends, strict=True)
    ]


def split_line(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line."""
    if delimiter == BLANK:
        text = text.replace("\t", BLANK).strip()
        if '"' not in text:
            return text.split()
    try:
        cells = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # a cell beyond 128 KiB
        cells = text.split(delimiter)
    return [cell.strip() for cell in cells]


def uneven_rows(block: Block) -> list[tuple[Line, int]]:
    """Return the rows with another number of columns than the table, with that number."""
    counted = ((line, len(split_line(line.text, block.delimiter))) for line in block.rows)
    return [(line, count) for line, count in counted if count != block.width]


def _find_block(lines: Sequence[Line], *, is_csv: bool) -> Block:
    """Find out how the lines of one table are to be read."""
    delimiter = _choose_delimiter(lines[:_SAMPLE], is_csv=is_csv)
    lines = tidy_rows(lines, delimiter)
    if not lines:
        return Block(delimiter, (), (), (), 0)
    first = split_line(lines[0].text, delimiter)
    names = first if _are_names(first) else []
    n_head, units = _units_below(lines, delimiter) if names else (0, [])
    rows = lines[n_head:]
    width = len(names) or _usual_width([line.text for line in rows[:_SAMPLE]], delimiter)
    return Block(delimiter, names, units if len(units) == width else (), rows, width)


def tidy_rows(lines: Sequence[Line], delimiter: str) -> Sequence[Line]:
    """Return the rows of a table, one a line, without what stands around their cells."""
    return _without_remarks(_without_edges(_joined(lines, delimiter), delimiter), delimiter)


def _choose_delimiter(sample: Sequence[Line], *, is_csv: bool) -> str:
    """Return what separates the cells: what gives even rows, and of that what gives most numbers.

    Of equals the earlier in `_DELIMITERS` is taken: an empty cell between two tabs is a cell.
    """
    scores: dict[str, float] = {}
    here = [d for d in _DELIMITERS if d == BLANK or any(d in line.text for line in sample[:2])]
    for delimiter in here:
        lines = _without_edges(_joined(sample, delimiter), delimiter)
        width, is_even = _common_width(lines[1:] or lines, delimiter)
        if is_even and width > 1:
            cells = [
                cell
                for line in lines[1:] or lines
                for cell in split_line(_fitting(line.text, delimiter, width), delimiter)
            ]
            scores[delimiter] = sum(map(_is_value, cells)) / max(len(cells), 1)
    if scores:
        return max(scores, key=scores.__getitem__)
    return "," if is_csv and "," in here else here[0]


def _is_value(cell: str) -> bool:
    """Tell whether a cell is a number, an angle or missing."""
    return parse_number(cell) is not None or parse_sexagesimal(cell, hours=False) is not None


def _joined(lines: Sequence[Line], delimiter: str) -> Sequence[Line]:
    """Join the lines of a quoted cell that goes over several."""
    if delimiter == BLANK or all(line.text.count('"') % 2 == 0 for line in lines):
        return lines
    joined: list[Line] = []
    reader = csv.reader((line.text + "\n" for line in lines), delimiter=delimiter)
    start = 0
    try:
        for _ in reader:
            end = reader.line_num
            text = BLANK.join(line.text for line in lines[start:end])
            joined.append(Line(lines[start].number, text))
            start = end
    except csv.Error:
        return lines
    return joined


def _without_edges(lines: Sequence[Line], delimiter: str) -> Sequence[Line]:
    """Drop delimiters around the rows that separate nothing: | a | b |, and a last one of all."""
    if delimiter == BLANK or not lines:
        return lines
    texts = [line.text for line in lines]
    if delimiter == "|" and all(text.startswith("|") for text in texts):
        texts = [text.removeprefix("|").removesuffix("|") for text in texts]
    elif (
        len(texts) > 1
        and not texts[0].endswith(delimiter)
        and all(text.endswith(delimiter) for text in texts[1:] if not _is_rule(text))
        and len(split_line(texts[-1], delimiter)) > len(split_line(texts[0], delimiter))
    ):
        texts = [text.removesuffix(delimiter) for text in texts]
    return [Line(line.number, text) for line, text in zip(lines, texts, strict=True)]


def _without_remarks(lines: Sequence[Line], delimiter: str) -> Sequence[Line]:
    """Drop a remark behind # at the end of a row, where the row is whole without it."""
    if not any(_COMMENT.search(line.text) for line in lines):
        return lines
    head = split_line(_cut(lines[0].text), delimiter)
    width = len(head) if _are_names(head) else _common_width(lines[:_SAMPLE], delimiter)[0]
    return [Line(line.number, _fitting(line.text, delimiter, width)) for line in lines]


def _common_width(lines: Sequence[Line], delimiter: str) -> tuple[int, bool]:
    """Return the number of columns of most rows, and whether all have it, remarks left aside."""
    whole = [line.text for line in lines]
    cut = [_cut(text) for text in whole]
    texts = (cut, whole) if delimiter == BLANK else (whole, cut)
    widths = [_usual_width(each, delimiter) for each in texts]
    for width in widths:
        fitting = (_fitting(text, delimiter, width) for text in whole)
        if all(len(split_line(text, delimiter)) == width for text in fitting):
            return width, True
    return widths[0], False


def _fitting(text: str, delimiter: str, width: int) -> str:
    """Return a row without the remark at its end, where it has the right width so."""
    start = text.rfind('"') + 1
    for found in islice(_COMMENT.finditer(text, start), _MOST_SIGNS):
        short = text[: found.start()].rstrip(BLANK)
        if len(split_line(short, delimiter)) == width:
            return short
    return text


def _cut(text: str) -> str:
    """Return a line without what stands behind its first # outside quotes, a blank before it."""
    found = _COMMENT.search(text, text.rfind('"') + 1)
    return text[: found.start()].rstrip(BLANK) if found else text


def _usual_width(texts: Sequence[str], delimiter: str) -> int:
    """Return the number of columns that most rows have."""
    widths = Counter(len(split_line(text, delimiter)) for text in texts)
    return widths.most_common(1)[0][0] if widths else 0


def _are_names(words: Sequence[str]) -> bool:
    """Tell whether a row holds names: no word is a number, and some begin like a name."""
    filled = [word for word in words if word]
    return not any(map(_is_value, filled)) and any(map(_LIKE_A_NAME.match, filled))


def _units_below(lines: Sequence[Line], delimiter: str) -> tuple[int, list[str]]:
    """Return how many lines the head has, and the units in it."""
    rows = [split_line(line.text, delimiter) for line in lines[1:3]]
    if rows and _is_rule(lines[1].text):
        return 2, []
    if len(rows) > 1 and _is_rule(lines[2].text):
        return 3, rows[0]
    if rows and all(map(_TYPES.fullmatch, rows[0])):
        return 2, []
    return (2, rows[0]) if rows and _are_units(rows[0]) else (1, [])


def _are_units(words: Sequence[str]) -> bool:
    """Tell whether a row under the names holds units, one of an angle among them."""
    filled = [word for word in words if word]
    if any(map(_is_value, filled)):
        return False
    from tweakreg_steps.tables.angle_units import conversion_factor, sexagesimal_unit

    try:
        return any(
            [sexagesimal_unit(word) or conversion_factor(word, "deg") for word in filled]  # noqa: C419  all are tried
        )
    except ValueError:
        return False


def _is_rule(text: str) -> bool:
    """Tell whether a line holds dashes in place of cells."""
    return not text.strip("-=+ \t;|,") and ("--" in text or "==" in text)


def _is_border(text: str) -> bool:
    """Tell whether a line is the border that psql and others draw around a table."""
    return text.startswith("+") and not text.strip(_BORDER)


def _head_start(lines: Sequence[Line], rule: int) -> int:
    """Return where the head begins whose dashes are in a line: names, and perhaps units.

    Units of which all are empty are a blank line, and so none of `lines`.
    """
    above = [lines[i].number - lines[rule].number for i in range(max(0, rule - 2), rule)]
    if above[-2:] == [-2, -1]:
        return rule - 2
    return rule - 1 if above and above[-1] >= -2 else rule  # noqa: PLR2004  the blank line


def words_of_comments(comments: Sequence[str], block: Block) -> Iterator[list[str]]:
    """Yield the words of each comment that has as many as the table has columns."""
    for comment in comments[:1000]:
        for delimiter in dict.fromkeys((block.delimiter, BLANK)):
            words = split_line(comment, delimiter)
            if len(words) == block.width:
                yield words
                break
