"""What a product says of its making, in the form that its format can carry.

Tables have it in their metadata and JSON files under a key, both called ``provenance``; PNG
files in a text of that name; HTML pages and scripts in a comment at their end; FITS files in
HISTORY cards of the primary header and text files in comment lines at their end. Cards and lines
hold one line of JSON, cut in pieces: a head, then the pieces with ``>`` before each. A copy of a
product keeps what it said and adds its own, so that the last statement is of the file's own making.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from tweakreg_steps import __version__
from tweakreg_steps.records.canonical import canonical_json, digest
from tweakreg_steps.records.job_record import JobRecord

if TYPE_CHECKING:
    from tweakreg_steps.tables.ecsv import ColumnTable

T = TypeVar("T")

KEY = "provenance"
PNG_KEY = "Provenance"

_HEAD = "tweakreg-steps provenance"
_MARK = ">"
_PIECE = 71
"""Characters of a piece: with its mark it fills a HISTORY card."""
_DECISION = "decision"
_IN_PLACE = "in_place"

Said = dict[str, Any]
"""What a file says of its making: a `Statement`, or as much of it as its maker wrote."""


class Statement(TypedDict):
    """What a product says of its making.

    ``version`` of this package; ``rule`` and ``job``; ``stamp``, the digest of the record;
    ``recipe_digest``, of the part of the recipe on which the product depends; the digest of the
    step's ``code``; its ``parameters``; ``inputs``, what it read of the user's files, as digests;
    ``upstream``, the stamps of the products it took, by their rule.
    """

    version: str
    rule: str
    job: str
    stamp: str
    recipe_digest: str
    code: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    upstream: Mapping[str, str | None]


def statement_of(record: JobRecord) -> Statement:
    """Return what the products of a job say of their making.

    It holds no path, time or machine, so that the same job makes the same bytes anywhere.

    Parameters
    ----------
    record
        The job's record; see `tweakreg_steps.workflow.jobs`.

    Returns
    -------
    Statement
        Of the record as it counts for what the products hold.
    """
    content = _of_content(record)
    return {
        "version": __version__,
        "rule": content["rule"],
        "job": content["name"],
        "stamp": digest(content),
        "recipe_digest": recipe_digest(content),
        "code": content["code"],
        "parameters": content["parameters"],
        "inputs": content["inputs"],
        "upstream": content["upstream"],
    }


def merged_parameters(*signed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parameters that some products were made with, section by section.

    Parameters
    ----------
    signed
        Records, or the metadata of tables, with the statements that `sign_record` and
        `sign_table` put there.
    """
    merged: dict[str, dict[str, Any]] = {}
    for product in signed:
        for section, values in product[KEY]["parameters"].items():
            if isinstance(values, Mapping):
                merged.setdefault(section, {}).update(values)
    return merged


def recipe_digest(record: JobRecord) -> str:
    """Return the digest of the part of a recipe on which the products of a job depend.

    It is that of the parameters of the job and of all jobs upstream, and does not depend on the
    number of images unless their parameters differ.
    """
    return digest({"parameters": record["parameters"], "upstream": record["upstream_recipes"]})


def image_of_job(record: JobRecord) -> str:
    """Return the image that a job works on, without its chip, or ``all``."""
    name: str = record["name"]
    chip = record["inputs"].get("chip")
    return name if chip is None else name.removesuffix(f".{chip}")


def _of_content(record: JobRecord) -> JobRecord:
    """Return a record without what decides whether and where a header is written.

    So an original into which a solution was written is byte for byte what the aligned copy is,
    and one that was reviewed is what it would be without a review.
    """
    section = next((s for s in record["parameters"].values() if _has_place(s)), None)
    if section is None:
        return record
    parameters = {
        name: {key: value for key, value in own.items() if key != _IN_PLACE}
        for name, own in record["parameters"].items()
    }
    is_attached = any(own.get("attach", False) for own in parameters.values())
    unused = set() if is_attached else {r for r in record["upstream"] if r.endswith("headerlet")}
    inputs = {key: value for key, value in record["inputs"].items() if key != _DECISION}
    return {
        **record,
        "parameters": parameters,
        "inputs": inputs,
        "upstream": _without(record["upstream"], unused),
        "upstream_jobs": _without(record["upstream_jobs"], unused),
        "upstream_recipes": _without(record["upstream_recipes"], unused),
    }


def _without(by_rule: Mapping[str, T], unused: set[str]) -> dict[str, T]:
    """Return what is said of all rules but some."""
    return {rule: value for rule, value in by_rule.items() if rule not in unused}


def _has_place(section: object) -> bool:
    """Tell whether parameters say where a header is written."""
    return isinstance(section, Mapping) and _IN_PLACE in section


def sign_table(table: ColumnTable, statement: Statement) -> ColumnTable:
    """Return a table with a statement in its metadata."""
    return replace(table, meta=sign_meta(table.meta, statement))


def sign_meta(meta: Mapping[str, Any], statement: Statement) -> dict[str, Any]:
    """Return the metadata of a table with a statement in them."""
    return {**meta, KEY: statement}


def sign_record(record: Mapping[str, object], statement: Statement) -> dict[str, object]:
    """Return the content of a JSON file with a statement in it."""
    return {**record, KEY: statement}


def png_texts(statement: Statement) -> dict[str, str]:
    """Return a statement as the texts of a picture, by their keywords."""
    return {PNG_KEY: canonical_json(statement)}


def sign_text(text: str, statement: Statement) -> str:
    """Return a text with a statement in comment lines at its end.

    There they disturb no reader that looks at the first lines or counts them.
    """
    return text + "".join(f"# {line}\n" for line in history_lines(statement))


def sign_head(text: str, statement: Statement) -> str:
    """Return a text with a statement in comment lines behind those that it begins with."""
    lines = text.splitlines(keepends=True)
    head = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return sign_text("".join(lines[:head]), statement) + "".join(lines[head:])


def sign_page(page: str, statement: Statement) -> str:
    """Return an HTML page with a statement in a comment at its end.

    Its brackets are written as JSON has them too, so that nothing in it ends the comment.
    """
    return f"{page}<!--\n{_in_comment(statement)}-->\n"


def sign_script(script: str, statement: Statement) -> str:
    """Return a JavaScript file with a statement in a comment at its end."""
    return f"{script}\n/*\n{_in_comment(statement)}*/\n"


def _in_comment(statement: Statement) -> str:
    """Return a statement in lines for a comment of HTML or JavaScript."""
    text = canonical_json(statement)
    for sign in "<>/":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return "".join(f"# {line}\n" for line in _pieces(text))


def history_lines(statement: Statement) -> list[str]:
    """Return a statement in lines of 72 characters at most, printable ASCII."""
    return _pieces(canonical_json(statement))


def _pieces(text: str) -> list[str]:
    """Return a head, and a text cut in pieces."""
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [_HEAD, *(f"{_MARK}{piece}" for piece in pieces)]


def parse_lines(lines: Iterable[str]) -> Iterator[Said]:
    """Yield each statement in lines among others; blanks at their ends may be lost.

    Raises
    ------
    ValueError
        If one is damaged.
    """
    pieces: list[str] | None = None
    for line in (*lines, ""):
        if pieces is not None and line.startswith(_MARK):
            pieces.append(line.removeprefix(_MARK).ljust(_PIECE))
            continue
        if pieces:
            yield json.JSONDecoder().raw_decode("".join(pieces))[0]
        pieces = [] if line.rstrip() == _HEAD else None
