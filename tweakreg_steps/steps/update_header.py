"""The header of an image: its file with the new primary WCS, the old one archived.

The file is a copy in the folder ``aligned``; in place, it is the original itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.json_file import read_json, write_json
from tweakreg_steps.layout import ALIGNED, HEADERLETS, ledger_of
from tweakreg_steps.planning.ledger import FitsProduct, Product, read_entry
from tweakreg_steps.provenance.statement import history_lines, sign_record
from tweakreg_steps.reviewing.review_file import Decision
from tweakreg_steps.reviewing.verdict import after_review, may_be_written
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.surveying.chip_record import chip_from_record

log = logging.getLogger(__name__)


def run(call: StepCall) -> list[Product]:
    """Write ``aligned/<file name>`` or the original, and ``headers/<image>.json`` about it."""
    if call.parameters["update_header"]["in_place"]:
        _copy_of(call).unlink(missing_ok=True)
        record = update_original(call)
        products: list[Product] = [Path(record["undo"])] if record["undo"] else []
    else:
        record, products = _update_copy(call)
    write_json(call.file("record"), sign_record(record, call.statement))
    return [call.file("record"), *products]


def update_original(call: StepCall) -> dict[str, Any]:
    """Write the solution of an image into its original, or take an earlier one back.

    It is taken back where the image is not aligned any more, or not accepted.

    Returns
    -------
    dict
        The record of what was written: ``undo`` names the file that leads back, or is None, and
        ``taken_back`` says that there was a solution before and is none now.
    """
    from tweakreg_steps.applying.in_place import apply_solution, restore_original
    from tweakreg_steps.applying.undo_record import record_path

    original = call.file("original")
    record, fit = _begin(call)
    record |= {"undo": None, "taken_back": False}
    if fit is not None:

        def write(destination: Path) -> dict[str, Any]:
            return _write_solution(call, fit, destination, same_data=False)

        try:
            record |= apply_solution(
                original,
                outdir=Path(),
                digest=call.inputs["file"],
                statement=call.statement,
                write=write,
            )
        except NotAlignedError as error:
            record |= {"status": "not_aligned", "reason": error.reason.value}
        else:
            return record | {"undo": str(record_path(Path(), original.name))}
    return record | {"taken_back": restore_original(original, outdir=Path())}


def _update_copy(call: StepCall) -> tuple[dict[str, Any], list[Product]]:
    """Write the aligned copy of an image, or remove an earlier one."""
    from tweakreg_steps.surveying.digests import digest_copy

    copy = _copy_of(call)
    record, fit = _begin(call)
    if fit is not None:
        try:
            report = _write_solution(call, fit, copy, same_data=_is_earlier_copy(call, copy))
        except NotAlignedError as error:
            record |= {"status": "not_aligned", "reason": error.reason.value}
        else:
            known = [
                None if i in report["rewritten"] else digest
                for i, digest in enumerate(call.inputs["data"])
            ]
            product = FitsProduct(copy, digest_copy(copy, known))
            return record | report | {"aligned": copy.name}, [product]
    copy.unlink(missing_ok=True)
    if record["status"] == "not_aligned" and call.parameters["update_header"]["copy_not_aligned"]:
        _copy_as_it_is(call.file("image"), copy)
        return record | {"aligned": copy.name}, [
            FitsProduct(copy, digest_copy(copy, call.inputs["data"]))
        ]
    return record, []


def _begin(call: StepCall) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what the record says at first, and the fit if it is to be written."""
    decision = Decision(call.inputs["decision"])
    fit = after_review(read_json(call.file("fit")), rejected=decision is Decision.REJECT)
    record = {
        "image": call.name,
        "status": fit["status"],
        "reason": fit["reason"],
        "decision": decision.value,
        "aligned": None,
    }
    return record, fit if may_be_written(fit, decision) else None


def _write_solution(
    call: StepCall, fit: Mapping[str, Any], destination: Path, *, same_data: bool
) -> dict[str, Any]:
    """Copy the image with its WCS moved by a fit, and say what was written."""
    from tweakreg_steps.headers.header_update import write_aligned_copy

    parameters = call.parameters["update_header"]
    return write_aligned_copy(
        call.file("image"),
        destination,
        chips=[chip_from_record(chip) for chip in call.inputs["chips"]],
        plane_path=call.file("plane"),
        fit=fit,
        wcsname=parameters["wcsname"],
        reusename=parameters["reusename"],
        headerlet=_headerlet(call),
        same_data=same_data,
        history=history_lines(call.statement),
    )


def _copy_of(call: StepCall) -> Path:
    """Return the place of the aligned copy."""
    return Path(ALIGNED, call.inputs["name"])


def _is_earlier_copy(call: StepCall, copy: Path) -> bool:
    """Tell whether `copy` is what an earlier job made of the same input, and untouched since."""
    entry = read_entry(Path(ledger_of(call.rule, call.name)))
    made = entry["products"].get(str(copy)) if entry else None
    if (
        entry is None
        or not made
        or not copy.is_file()
        or _data_of(entry["record"]) != _data_of(call.record)
    ):
        return False
    status = copy.stat()
    return bool((status.st_size, status.st_mtime_ns) == (made["size"], made["mtime_ns"]))


def _data_of(record: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what the data of the copy depend on: the input and its working copy."""
    return record.get("inputs"), record.get("upstream", {}).get("update_wcs")


def _headerlet(call: StepCall) -> Path | None:
    """Return the headerlet that is to be attached, if there is one."""
    attach = call.parameters["headerlet_creation"]["attach"]
    record = call.optional_file("headerlet") if attach else None
    name = read_json(record)["headerlet"] if record else None
    return Path(HEADERLETS, name) if name else None


def _copy_as_it_is(source: Path, copy: Path) -> None:
    """Copy a file whose WCS stays as it was; a plain working copy is gzipped like its input."""
    import shutil

    from tweakreg_steps.atomic import atomic_path
    from tweakreg_steps.fits_files.copying import NewHdu, write_hdus
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus

    if source.suffix != copy.suffix:
        content = [NewHdu(hdu.header, hdu) for hdu in scan_hdus(source)]
        write_hdus(source, copy, content, same_data=False)
        return
    with atomic_path(copy) as temporary:
        shutil.copyfile(source, temporary)
