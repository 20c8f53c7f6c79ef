"""TweakReg's catalog of the reference sources as they are in the end."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.atomic import write_text_atomically
from tweakreg_steps.json_file import write_json
from tweakreg_steps.layout import cumulative_refcat_of, ledger_of
from tweakreg_steps.planning.ledger import read_entry
from tweakreg_steps.planning.manifest import chip_labels
from tweakreg_steps.provenance.statement import sign_record, sign_text
from tweakreg_steps.running.step import StepCall
from tweakreg_steps.tables.ecsv import read_table


def run(call: StepCall) -> list[Path]:
    """Write ``tweakreg/cumulative_sky_refcat_<base>.coo``, and a record that says its name.

    The name is that of the reference, which may only be known once all images are aligned.
    """
    from tweakreg_steps.products.text_products import cumulative_refcat_text, source_origins

    sources = read_table(call.file("sources"))
    labels = chip_labels(call.file("manifest"))
    origin = source_origins(sources["origin"], sources["chip"], labels)
    reference = sources.meta["origin"]
    base = reference if call.inputs["base"] is None else call.inputs["base"]
    catalog = Path(cumulative_refcat_of(base))
    _remove_earlier(call, catalog)
    statement = call.statement
    text = cumulative_refcat_text({**sources.columns, "origin": origin}, reference=reference)
    write_text_atomically(catalog, sign_text(text, statement))
    record = {"reference": reference, "catalog": str(catalog), "n_sources": len(sources)}
    write_json(call.file("record"), sign_record(record, statement))
    return [call.file("record"), catalog]


def _remove_earlier(call: StepCall, catalog: Path) -> None:
    """Remove what an earlier run wrote under another name: of a reference that is none any more."""
    entry = read_entry(Path(ledger_of(call.rule, call.name)))
    made = entry["products"] if entry else {}
    for product in made:
        if Path(product) not in (catalog, call.file("record")):
            Path(product).unlink(missing_ok=True)
