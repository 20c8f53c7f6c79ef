"""The page of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from tweakreg_steps.alignment.misfits import Misfit
from tweakreg_steps.recipes.differences import differences
from tweakreg_steps.records.statement import Statement, sign_page
from tweakreg_steps.reporting.image_page import reason_text
from tweakreg_steps.reporting.image_report import ImageFacts
from tweakreg_steps.reporting.rendering import drawing_script, render
from tweakreg_steps.reporting.run_report import (
    RunRow,
    count_statuses,
    describe_run,
    shared_parameters,
)

_Bar = Literal["rms", "n_fit", "shift", "error"]
_BARS: tuple[_Bar, ...] = get_args(_Bar)
"""Columns with bars; that of the false-alarm probability has its own, logarithmic."""
_POOR = 0.5
"""Pixels of rms from which a bar warns."""


def run_page(
    images: Sequence[ImageFacts],
    misfits: Sequence[Misfit],
    *,
    versions: Mapping[str, str],
    said: Statement,
) -> str:
    """Write the page of a run.

    Parameters
    ----------
    images
        What the pages of the images say, in input order.
    misfits
        How well images that overlap agree, in mas, the worst first.
    versions
        Versions of the libraries, by their names.
    said
        What the page says of its making.
    """
    data = describe_run(images, misfits)
    rows = data["rows"]
    longest: dict[_Bar, float] = {
        name: max([row[name] or 0 for row in rows], default=0) for name in _BARS
    }
    page = render(
        "run.html",
        {
            "data": data,
            "rows": [{**row, "bars": _bars(row, longest)} for row in rows],
            "counts": count_statuses(rows),
            "reference": images[0]["reference"] if images else "",
            "scale": images[0]["plane_scale"] if images else 0.0,
            "recipe": list(differences(shared_parameters(images))),
            "versions": versions,
            "said": said,
            "script": drawing_script(),
            "reason_text": reason_text,
        },
    )
    return sign_page(page, said)


def _bars(row: RunRow, longest: Mapping[_Bar, float]) -> dict[str, float]:
    """Return how long the bars of a row are, in percent, and whether its rms is poor."""
    found: dict[str, float] = {
        name: round(100 * (row[name] or 0) / longest[name], 1) if longest[name] else 0.0
        for name in _BARS
    }
    chance = row["false_alarm"]
    found["false_alarm"] = 0.0 if not chance else round(_by_decades(chance), 1)
    found["poor"] = float((row["rms_px"] or 0) >= _POOR)
    return found


def _by_decades(probability: float) -> float:
    """Return 100 for a probability of 1, 0 for one of 1e-10 and less."""
    from math import log10

    return max(0.0, 100.0 + 10.0 * log10(probability))
