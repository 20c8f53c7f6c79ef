"""The diagnostic plots of an alignment: arrays in, a matplotlib figure out, a PNG at the end.

All lengths are pixels of the reference plane; positions are 1-based. An image that is not
aligned gets its plots too, which then say why.
"""

from tweakreg_steps.reporting.plot_offsets import draw_offsets
from tweakreg_steps.reporting.plot_phases import draw_phases
from tweakreg_steps.reporting.plot_residuals import draw_residuals
from tweakreg_steps.reporting.plot_style import (
    IS_REFERENCE,
    add_footer,
    describe_cure,
    draw_message,
    save_figure,
)
from tweakreg_steps.reporting.plot_vectors import draw_vectors

__all__ = [
    "IS_REFERENCE",
    "add_footer",
    "describe_cure",
    "draw_message",
    "draw_offsets",
    "draw_phases",
    "draw_residuals",
    "draw_vectors",
    "save_figure",
]
