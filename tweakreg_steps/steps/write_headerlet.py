"""The headerlet of an image: its new WCS as a small file that stwcs can apply."""

from __future__ import annotations

import logging
from pathlib import Path

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.json_file import read_json, write_json
from tweakreg_steps.layout import HEADERLETS, ledger_of
from tweakreg_steps.planning.ledger import is_as_made, read_entry
from tweakreg_steps.provenance.statement import history_lines, sign_record
from tweakreg_steps.reviewing.review_file import Decision
from tweakreg_steps.reviewing.verdict import after_review, may_be_written
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record

log = logging.getLogger(__name__)


def run(call: StepCall) -> list[Path]:
    """Write the headerlet and ``headerlets/<image>.json``, which names it."""
    from tweakreg_steps.headers.headerlet import headerlet_name

    decision = Decision(call.inputs["decision"])
    fit = after_review(read_json(call.file("fit")), rejected=decision is Decision.REJECT)
    section = call.parameters["headerlet_creation"]
    headerlet = Path(HEADERLETS, headerlet_name(call.inputs["name"], section["hdrfile"]))
    record = {"image": call.name, "status": fit["status"], "reason": fit["reason"]}
    products: list[Path] = []
    try:
        if fit["status"] == "not_aligned":
            raise NotAlignedError(Reason(fit["reason"]), fit["detail"])
        if may_be_written(fit, decision):
            _write(call, headerlet, fit)
            products.append(headerlet)
    except NotAlignedError as error:
        log.info("%s is not aligned and gets no headerlet: %s", call.name, error)
        record.update(status="not_aligned", reason=error.reason.value)
    _remove_former(call, products)
    record["headerlet"] = headerlet.name if products else None
    write_json(call.file("record"), sign_record(record, call.statement))
    return [call.file("record"), *products]


def _write(call: StepCall, headerlet: Path, fit: dict[str, object]) -> None:
    """Write the headerlet."""
    from tweakreg_steps.headers.headerlet import write_headerlet
    from tweakreg_steps.headers.solution import solution_of_fit

    section = call.parameters["headerlet_creation"]
    image = call.file("image")
    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    solution = solution_of_fit(
        image,
        chips=chips,
        plane_path=call.file("plane"),
        fit=fit,
        wcsname=call.inputs["wcsname"],
    )
    write_headerlet(
        image,
        headerlet,
        chips=chips,
        solution=solution,
        reusename=call.inputs["reusename"],
        hdrname=section["hdrname"],
        author=section["author"],
        descrip=section["descrip"],
        catalog=section["catalog"],
        history=call.optional_file("history"),
        provenance=history_lines(call.statement),
    )


def _remove_former(call: StepCall, products: list[Path]) -> None:
    """Remove the headerlet that this job made before under another name, if nobody changed it."""
    entry = read_entry(Path(ledger_of(call.rule, call.name)))
    for name, made in (entry["products"] if entry else {}).items():
        path = Path(name)
        former = path.suffix == ".fits" and path not in products and path.is_file()
        if former and is_as_made(path, made):
            path.unlink()
