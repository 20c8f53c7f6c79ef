"""The diagnostic plots of an alignment: arrays in, a matplotlib figure out, a PNG at the end.

All lengths are pixels of the reference plane; positions are 1-based. An image that is not
aligned gets its plots too, which then say why.
"""

from tweakreg_steps.plot_offsets import Peak, plot_offsets
from tweakreg_steps.plot_residuals import plot_residuals
from tweakreg_steps.plot_style import draw_message, save_figure
from tweakreg_steps.plot_vectors import plot_vectors

__all__ = [
    "Peak",
    "draw_message",
    "plot_offsets",
    "plot_residuals",
    "plot_vectors",
    "save_figure",
]
