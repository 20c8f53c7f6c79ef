"""The table that says how each image went."""

from __future__ import annotations

from pathlib import Path

from tweakreg_steps.json_file import read_json
from tweakreg_steps.layout import fit_of
from tweakreg_steps.planning.manifest import read_manifest
from tweakreg_steps.provenance.statement import sign_table
from tweakreg_steps.reviewing.verdict import after_review
from tweakreg_steps.running.step import StepCall


def run(call: StepCall) -> list[Path]:
    """Write ``summary.ecsv``."""
    from tweakreg_steps.products.summary import build_summary, write_summary

    fits = [
        after_review(
            read_json(Path(fit_of(image.name))), rejected=image.name in call.inputs["rejected"]
        )
        for image in read_manifest(call.file("manifest"))
    ]
    statement = call.statement
    summary = build_summary(
        fits,
        version=statement["version"],
        recipe_digest=statement["recipe_digest"],
        reference=fits[0]["reference"],
    )
    write_summary(call.file("summary"), sign_table(summary, statement))
    return [call.file("summary")]
