"""TweakReg's catalog of the reference sources as they are in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.fits_files.image_name import image_name
from tweakreg_steps.records.ledger import Product
from tweakreg_steps.records.plan_file import read_chip_labels
from tweakreg_steps.records.statement import sign_text
from tweakreg_steps.steps.call import StepCall
from tweakreg_steps.steps.choices import LAST_SOURCES
from tweakreg_steps.steps.declaration import Per, Step, Writes
from tweakreg_steps.steps.parameters import NoParameters
from tweakreg_steps.steps.products import CUMULATIVE_RECORD, cumulative_catalog
from tweakreg_steps.steps.subject import Subject


class Facts(TypedDict):
    """After what the catalog is named; None for the reference, whichever it turns out to be."""

    base: str | None


def _facts(subject: Subject) -> Facts | None:
    """Return what the job depends on; there is one where the list is not the user's own."""
    recipe, findings = subject.recipe, subject.findings
    is_new = findings.refcat is None or recipe["expand_refcat"]
    return {"base": _base(subject)} if recipe["writecat"] and is_new else None


def _base(subject: Subject) -> str | None:
    """Return after what the catalog is named, where that is a catalog or a reference image."""
    findings = subject.findings
    if findings.refcat is not None:
        return Path(subject.recipe["reference_catalog"]["refcat"]).stem
    return image_name(findings.refimage.image.path) if findings.refimage else None


def _writes(subject: Subject) -> Writes:
    """Return the record, and the catalog where its name is known before the alignment."""
    base = _base(subject) or subject.findings.reference_name
    catalog = {} if base is None else {"catalog": cumulative_catalog(base)}
    return {"record": CUMULATIVE_RECORD, **catalog}


STEP = Step(
    __name__,
    per=Per.ALL,
    facts=_facts,
    reads=LAST_SOURCES,
    writes=_writes,
    imports=("tweakreg_steps.reporting.text_products",),
)


def run(call: StepCall[NoParameters, Facts]) -> list[Product]:
    """Write ``tweakreg/cumulative_sky_refcat_<base>.coo``, and a record that says its name.

    The name is that of the reference, which may only be known once all images are aligned.
    """
    from tweakreg_steps.reporting.text_products import cumulative_refcat_text, source_origins

    sources = call.read_table("expanded" if call.optional_file("expanded") else "sources")
    reference = sources.meta["origin"]
    catalog = call.optional_file("catalog") or Path(cumulative_catalog(reference).path())
    labels = read_chip_labels(call.file("plan"), set(sources["origin"].tolist()))
    origin = source_origins(sources["origin"], sources["chip"], labels)
    text = cumulative_refcat_text({**sources.columns, "origin": origin}, reference=reference)
    write_text_atomically(catalog, sign_text(text, call.statement))
    record = {"reference": reference, "catalog": str(catalog), "n_sources": len(sources)}
    call.write_record("record", record)
    return [catalog]
