"""The aligned copy of an image: its file with the new primary WCS, the old one archived."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import NotAlignedError, Reason
from tweakreg_steps.json_file import read_json, write_json
from tweakreg_steps.planning.chip_record import chip_from_record
from tweakreg_steps.planning.layout import ALIGNED, HEADERLETS, ledger_of
from tweakreg_steps.planning.ledger import FitsProduct, Product, read_entry
from tweakreg_steps.running.step import StepCall

log = logging.getLogger(__name__)


def run(call: StepCall) -> list[Product]:
    """Write ``aligned/<file name>`` and ``headers/<image>.json``, which says what was written."""
    from tweakreg_steps.fits_files.header_update import write_aligned_copy
    from tweakreg_steps.planning.digests import digest_copy

    fit = read_json(call.file("fit"))
    parameters = call.parameters["update_header"]
    copy = Path(ALIGNED) / call.inputs["name"]
    record: dict[str, Any] = {
        "image": call.name,
        "status": fit["status"],
        "reason": fit["reason"],
        "aligned": copy.name,
    }
    chips = [chip_from_record(chip) for chip in call.inputs["chips"]]
    products: list[Product] = []
    try:
        if fit["status"] == "not_aligned":
            raise NotAlignedError(Reason(fit["reason"]), fit["detail"])
        report = write_aligned_copy(
            call.file("image"),
            copy,
            chips=chips,
            plane_path=call.file("plane"),
            fit=fit,
            wcsname=parameters["wcsname"],
            reusename=parameters["reusename"],
            headerlet=_headerlet(call),
            same_data=_is_earlier_copy(call, copy),
        )
        known = [
            None if i in report["rewritten"] else digest
            for i, digest in enumerate(call.inputs["data"])
        ]
        products.append(FitsProduct(copy, digest_copy(copy, known)))
        record.update(report)
    except NotAlignedError as error:
        record.update(status="not_aligned", reason=error.reason.value, aligned=None)
        copy.unlink(missing_ok=True)
        if parameters["copy_not_aligned"]:
            _copy_as_it_is(call.file("image"), copy)
            record["aligned"] = copy.name
            products.append(FitsProduct(copy, digest_copy(copy, call.inputs["data"])))
    write_json(call.file("record"), record)
    return [call.file("record"), *products]


def _is_earlier_copy(call: StepCall, copy: Path) -> bool:
    """Tell whether `copy` is what an earlier job made of the same input, and untouched since."""
    entry = read_entry(Path(ledger_of(call.rule, call.name)))
    made = entry["products"].get(str(copy)) if entry else None
    if (
        entry is None
        or not made
        or not copy.is_file()
        or _data_of(entry["record"]) != _data_of(json.loads(call.record))
    ):
        return False
    status = copy.stat()
    return bool((status.st_size, status.st_mtime_ns) == (made["size"], made["mtime_ns"]))


def _data_of(record: dict[str, Any]) -> tuple[Any, Any]:
    """Return what the data of the copy depend on: the input and its working copy."""
    return record.get("inputs"), record.get("upstream", {}).get("update_wcs")


def _headerlet(call: StepCall) -> Path | None:
    """Return the headerlet that is to be attached, if there is one."""
    record = call.optional_file("headerlet")
    name = read_json(record)["headerlet"] if record else None
    return Path(HEADERLETS, name) if name else None


def _copy_as_it_is(source: Path, copy: Path) -> None:
    """Copy a file whose WCS stays as it was."""
    import shutil

    from tweakreg_steps.atomic import atomic_path

    with atomic_path(copy) as temporary:
        shutil.copyfile(source, temporary)
