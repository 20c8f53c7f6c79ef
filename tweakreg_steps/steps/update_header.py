"""The header of an image: its file with the new primary WCS, the old one archived.

The file is a copy in the folder ``aligned``; in place, it is the original itself. The copy of an
image that is not aligned is the file as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.fit_file import FitRecord, read_fit
from tweakreg_steps.fits_files.exposure_record import chip_from_record
from tweakreg_steps.json_file import read_json
from tweakreg_steps.recipes.schema import HEADER
from tweakreg_steps.records.ledger import FitsProduct, Product, is_as_made
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.records.verdict import after_review, may_be_written
from tweakreg_steps.steps import parameters
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.declaration import ChipsOfImage, Per, Read, Step, Writes
from tweakreg_steps.steps.preloads import HEADER_MODULES
from tweakreg_steps.steps.products import (
    ALIGNED_COPY,
    FIT,
    HEADER_RECORD,
    HEADERLET,
    HEADERLET_RECORD,
    PLANE,
)
from tweakreg_steps.steps.subject import Subject

if TYPE_CHECKING:
    from tweakreg_steps.headers.header_update import WrittenHeader
    from tweakreg_steps.records.header_record import HeaderletRecord, HeaderRecord


class Facts(TypedDict):
    """Name of the image's file, and what was decided about its fit.

    Of another file of an exposure, which image that is, and why it does not get its correction.
    """

    name: str
    decision: str
    of: NotRequired[str]
    refused: NotRequired[str | None]


class Inputs(Facts, ChipsOfImage):
    """The same; where the chips are, and digests of the file and of the data of its HDUs."""

    file: str
    data: list[str]


OTHER_WCS = "other_wcs"
"""Why another file of an exposure does not get its correction."""

Call = StepCall[parameters.UpdateHeader, Inputs]


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where headers are to be written.

    Nothing is copied while an image waits for a decision; in place, an earlier solution may have
    to be taken back then.
    """
    header = subject.recipe[HEADER]
    if not header["updatehdr"] or not subject.is_input:
        return None
    decision = subject.decide(subject.this)
    if decision is Decision.WAITING and not header["in_place"]:
        return None
    return {"name": subject.this.image.path.name, "decision": decision.value}


def _writes(subject: Subject) -> Writes:
    """Return the record, and the aligned copy unless headers are written in place."""
    in_place = subject.recipe[HEADER]["in_place"]
    return {"record": HEADER_RECORD, **({} if in_place else {"aligned": ALIGNED_COPY})}


def _if_attached(subject: Subject) -> Iterable[str]:
    """Return the image's name where a headerlet goes into its copy.

    In place, the headerlet is made before the file changes from which it is made.
    """
    recipe = subject.recipe
    is_wanted = recipe["headerlet_creation"]["attach"] or recipe[HEADER]["in_place"]
    is_made = recipe["headerlet_creation"]["headerlet"]
    return (subject.image_name,) if is_wanted and is_made else ()


STEP = Step(
    __name__,
    per=Per.IMAGE,
    facts=_facts,
    parts=("file", "data"),
    reads={
        "fit": FIT,
        "plane": PLANE,
        "headerlet_record": Read(HEADERLET_RECORD, of=_if_attached),
        "headerlet": Read(HEADERLET, of=_if_attached),
    },
    writes=_writes,
    consumes=parameters.UpdateHeader,
    writes_input=True,
    imports=(*HEADER_MODULES, "tweakreg_steps.headers.wcscorr_table"),
)


def run(call: Call) -> list[Product]:
    """Write ``aligned/<file name>`` or the original, and ``headers/<file name>.json`` about it."""
    if call.parameters["update_header"]["in_place"]:
        record = update_original(call)
        undo = record.get("undo")
        products: list[Product] = [Path(undo)] if undo else []
    else:
        record, products = _write_copy(call)
    call.write_record("record", record)
    return products


def update_original(call: Call) -> HeaderRecord:
    """Write the solution of an image into its original, or take an earlier one back.

    It is taken back where the image is not aligned any more, or not accepted.

    Returns
    -------
    HeaderRecord
        What was written, with ``undo`` and ``taken_back``.
    """
    from tweakreg_steps.applying.in_place import apply_solution, restore_original
    from tweakreg_steps.records.undo_record import record_path

    original = call.file("original")
    record, fit = _begin(call)
    record["undo"], record["taken_back"] = None, False
    if fit is not None:

        def write(destination: Path) -> WrittenHeader:
            return _write_solution(call, fit, destination, same_data=False)

        try:
            written = apply_solution(
                original,
                outdir=Path(),
                digest=call.inputs["file"],
                statement=call.statement,
                write=write,
            )
        except NotAlignedError as error:
            record["status"], record["reason"] = "not_aligned", error.reason.value
        else:
            return {**record, **written, "undo": str(record_path(Path(), original.name))}
    record["taken_back"] = restore_original(original, outdir=Path())
    return record


def _write_copy(call: Call) -> tuple[HeaderRecord, list[Product]]:
    """Write the copy of an image: with its new WCS, or as it is where there is none."""
    from tweakreg_steps.fits_files.digests import digest_copy

    copy = call.file("aligned")
    record, fit = _begin(call)
    rewritten: list[int] = []
    earlier = _own_data_of_earlier(call)
    try:
        if fit is None:
            _copy_as_it_is(call.file("image"), copy)
        else:
            report = _write_solution(call, fit, copy, same_data=earlier is not None)
            if earlier and not earlier <= set(report["rewritten"]):
                report = _write_solution(call, fit, copy, same_data=False)
            rewritten = report["rewritten"]
            record = {**record, **report}
    except NotAlignedError as error:
        record["status"], record["reason"] = "not_aligned", error.reason.value
        _copy_as_it_is(call.file("image"), copy)
    known = [None if i in rewritten else d for i, d in enumerate(call.inputs["data"])]
    product = FitsProduct(copy, digest_copy(copy, known))
    return {**record, "aligned": copy.name, "digest": product.digest}, [product]


def _begin(call: Call) -> tuple[HeaderRecord, FitRecord | None]:
    """Return what the record says at first, and the fit if it is to be written."""
    decision = Decision(call.inputs["decision"])
    fit = after_review(read_fit(call.file("fit")), rejected=decision is Decision.REJECT)
    if refused := call.inputs.get("refused"):
        fit = {**fit, "status": "not_aligned", "reason": OTHER_WCS, "detail": refused}
    record: HeaderRecord = {
        "image": call.name,
        "status": fit["status"],
        "reason": fit["reason"],
        "decision": decision.value,
        "aligned": None,
    }
    if "of" in call.inputs:
        record["of"], record["detail"] = call.inputs["of"], fit["detail"]
        fit = _without_strange_chips(fit, call.file("image"))
    return record, fit if may_be_written(fit, decision) else None


def _without_strange_chips(fit: FitRecord, image: Path) -> FitRecord:
    """Return a fit without what it says of chips, unless these are also another file's.

    They are in a file of the same camera and filter that was not drizzled.
    """
    from tweakreg_steps.fits_files.chips import is_drizzled
    from tweakreg_steps.fits_files.fits_blocks import scan_hdus
    from tweakreg_steps.psf.psf_camera import camera_and_filter

    terms = fit.get("chip_terms")
    if not terms:
        return fit
    hdus = scan_hdus(image)
    header = {key: value for hdu in hdus[:2] for key, value in hdu.values.items()}
    camera = " ".join(filter(None, camera_and_filter(header)))
    is_same = camera == terms["camera"] and not is_drizzled(hdus[0].values)
    kept = {key: value for key, value in fit.items() if key != "chip_terms" or is_same}
    return cast("FitRecord", kept)


def _own_data_of_earlier(call: Call) -> set[int] | None:
    """Return which HDUs of the copy that is there have data that are not the image's.

    None where the copy is not that of an earlier job with the same data, untouched since, or where
    another name leads to it, too: who reads that shall not see it change.
    """
    entry = read_entry(Path(), call.rule, call.name)
    copy, record = call.file("aligned"), call.file("record")
    if entry is None or not (copy.is_file() and record.is_file()):
        return None
    is_same = (
        call.file("image") in call.originals.values()
        and entry.record["upstream"].keys() == call.record["upstream"].keys()
        and entry.record["inputs"].get("data") == call.inputs["data"]
    )
    made, noted = (entry.products.get(str(path)) for path in (copy, record))
    if not (is_same and made and noted and is_as_made(record, noted)):
        return None
    status = copy.stat()
    if (status.st_size, status.st_mtime_ns, status.st_nlink) != (made.size, made.mtime_ns, 1):
        return None
    before: HeaderRecord = read_json(record)
    return set(before.get("rewritten", ()))


def _write_solution(
    call: Call, fit: FitRecord, destination: Path, *, same_data: bool
) -> WrittenHeader:
    """Copy the image with its WCS moved by a fit, and say what was written."""
    from tweakreg_steps.headers.header_update import write_aligned_copy
    from tweakreg_steps.headers.signature import Signature

    parameters, said = call.parameters["update_header"], call.statement
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
        history=(),
        signature=Signature(said["version"], said["stamp"], said["recipe_digest"]),
    )


def _headerlet(call: Call) -> Path | None:
    """Return the headerlet that is to be attached, if there is one."""
    attach = call.parameters["headerlet_creation"]["attach"]
    record = call.optional_file("headerlet_record") if attach else None
    if record is None:
        return None
    made: HeaderletRecord = read_json(record)
    return call.file("headerlet") if made["headerlet"] is not None else None


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
