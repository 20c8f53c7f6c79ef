"""A window with the plots of one image after another, where there is a display."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL = 5.0  # inches
_MOMENT = 0.1  # s


def has_display() -> bool:
    """Tell whether matplotlib can open a window here.

    The environment variable MPLBACKEND is respected: ``Agg`` means that no window is wanted.
    """
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform != "darwin" and not named:
        return False
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.backends.registry import BackendFilter, backend_registry

    backend = str(mpl.get_backend())
    # matplotlib leaves this function untyped
    windowed = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]
    if backend.lower() not in windowed:
        return False
    try:
        plt.switch_backend(backend)
    except ImportError:  # what matplotlib raises for a display that does not answer, too
        return False
    return True


class PlotWindow:
    """One window, for one set of plots at a time. It may be closed at any time by its user."""

    def __init__(self) -> None:
        self._figure: Figure | None = None

    def show(self, plots: Sequence[Path], title: str) -> None:
        """Show PNG files side by side; the window opens if it is not there."""
        import matplotlib.pyplot as plt

        if self._figure is None or not self._is_open():
            self._figure = plt.figure(layout="constrained")
        draw_plots(self._figure, plots, title)
        plt.show(block=False)

    def wait_for_line(self, stream: TextIO) -> None:
        """Keep the window alive until a line can be read from a terminal."""
        while self._is_open() and not select.select([stream], [], [], 0)[0]:
            assert self._figure is not None  # noqa: S101  an open window has a figure
            self._figure.canvas.start_event_loop(_MOMENT)

    def close(self) -> None:
        """Close the window."""
        import matplotlib.pyplot as plt

        if self._figure is not None:
            plt.close(self._figure)

    def _is_open(self) -> bool:
        """Tell whether the window is there."""
        import matplotlib.pyplot as plt

        return self._figure is not None and plt.fignum_exists(self._figure.number)


def draw_plots(figure: Figure, plots: Sequence[Path], title: str) -> None:
    """Draw PNG files, one at least, side by side into a figure, in place of what it held."""
    from matplotlib.image import imread

    figure.clear()
    figure.set_size_inches(_PANEL * len(plots), _PANEL)
    figure.suptitle(title)
    panels = figure.subplots(1, len(plots), squeeze=False)[0]
    for axes, plot in zip(panels, plots, strict=True):
        axes.imshow(imread(plot))
        axes.set_axis_off()
    figure.canvas.draw_idle()
