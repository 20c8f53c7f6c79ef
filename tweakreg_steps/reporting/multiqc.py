"""The table of a run as custom content of MultiQC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_COLUMNS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("status", "Status", "What became of the image", {}),
    ("reason", "Reason", "Why it is not aligned", {}),
    ("n_fit", "Pairs", "Pairs kept by the fit", {"format": "{:,.0f}", "scale": "Blues"}),
    (
        "rms",
        "rms [mas]",
        "Rms of the kept pairs, weighted as in the fit, both axes",
        {"format": "{:,.2f}"},
    ),
    ("rms_px", "rms [px]", "The same in pixels of the reference plane", {"format": "{:,.3f}"}),
    ("shift", "Shift [mas]", "Length of the shift", {"format": "{:,.1f}"}),
    ("error", "Error [mas]", "Standard error of the fit", {"format": "{:,.2f}"}),
    ("false_alarm", "False alarm", "Probability of a false offset", {"format": "{:,.1e}"}),
)


def multiqc_table(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the table for MultiQC: https://docs.seqera.io/multiqc/custom_content.

    Parameters
    ----------
    rows
        Of `tweakreg_steps.reporting.run_report.describe_run`.
    """
    return {
        "id": "tweakreg_steps",
        "section_name": "Alignment of exposures",
        "description": "How well each exposure was aligned (tweakreg-steps).",
        "plot_type": "table",
        "pconfig": {"id": "tweakreg_steps_table", "title": "Alignment", "col1_header": "Image"},
        "headers": {
            name: {"title": title, "description": text, "placement": 10 * n, **options}
            for n, (name, title, text, options) in enumerate(_COLUMNS, start=1)
        },
        "data": {
            str(row["image"]): {
                name: row[name] for name, *_ in _COLUMNS if row[name] not in (None, "")
            }
            for row in rows
        },
    }
