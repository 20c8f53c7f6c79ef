"""What a call from Python returns: the table of a run, with its cures, plots, files and page."""

from __future__ import annotations

import subprocess
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.table import Table

from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import recall_json
from tweakreg_steps.recipes.nearest import nearest_hint
from tweakreg_steps.records.outdir_files import SUMMARY
from tweakreg_steps.steps.products import HEADER_RECORD, RUN_PAGE

if TYPE_CHECKING:
    from IPython.display import Image

_COLOURS = {"reference": "#0072b2", "aligned": "#007a5a", "not_aligned": "#b34700"}
_KINDS = ("vector", "residuals", "hist2d")
_SHOWN = ("n_fit", "n_matched", "dx", "dy", "rotation", "rms_ra", "rms_dec")
_DIGITS = {"rotation": 5}


class Alignment(Table):  # type: ignore[misc]  # astropy has no types
    """The table of a run, one row an image, and what belongs to it.

    It is the table of ``summary.ecsv``, and may be used as such. In a notebook it shows itself,
    with the cure of each image that is not aligned.

    Attributes
    ----------
    outdir : Path or None
        The output folder of the run.
    """

    outdir: Path | None = None

    @classmethod
    def of_run(cls, outdir: Path) -> Alignment:
        """Return what a finished run has left in its output folder."""
        found = cls(Table.read(outdir / SUMMARY, format="ascii.ecsv"), copy=False)
        found.outdir = outdir
        return found

    @property
    def table(self) -> Table:
        """The table alone."""
        return Table(self, copy=True)

    @property
    def failed(self) -> dict[str, str]:
        """The cure of each image that is not aligned, by its name."""
        return {str(row["image"]): str(row["cure"]) for row in self if row["reason"]}

    @property
    def aligned_files(self) -> list[Path]:
        """The files with a new WCS, and that of the reference: the copies, or the originals.

        Empty where no header was written (``update_header.updatehdr``).
        """
        good = {str(row["image"]) for row in self if not row["reason"]}
        records = sorted(self._folder.glob(HEADER_RECORD.path(file="*")))
        written = [record for path in records if (record := recall_json(path))]
        order = [str(name) for name in self["image"]]
        found = {
            record["image"]: self._folder / "aligned" / record["aligned"]
            for record in written
            if record.get("aligned") and record["image"] in good
        }
        return [found[name] for name in order if name in found]

    def plot(self, image: str, kind: str = "vector") -> Image | Path:
        """Return a plot of an image: in a notebook it is shown, elsewhere it is the path.

        Parameters
        ----------
        image
            Name of the image.
        kind
            ``vector``, ``residuals`` or ``hist2d``.

        Raises
        ------
        InputError
            There is no such image or plot.
        """
        names = [str(name) for name in self["image"]]
        if image not in names:
            raise InputError(f"plot: {image!r} is no image of the run{nearest_hint(image, names)}")
        path = self._folder / "plots" / f"{kind}_{image}.png"
        if not path.is_file():
            there = [k for k in _KINDS if (path.parent / f"{k}_{image}.png").is_file()]
            raise InputError(
                f"plot: there is no plot {kind!r} of {image}; there are: {', '.join(there) or '-'}"
            )
        if "IPython" not in sys.modules:
            return path
        from IPython.display import Image

        return Image(filename=str(path))  # type: ignore[no-untyped-call]

    def report(self) -> Path:
        """Return the page that shows the run, which is written if it is not there.

        Raises
        ------
        InputError
            It cannot be written.
        """
        page = self._folder / RUN_PAGE.path()
        if not page.is_file():
            command = [sys.executable, "-P", "-m", "tweakreg_steps", "report", str(self._folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if not page.is_file():
                raise InputError(f"report: {done.stderr.strip() or 'it was not written'}")
        return page

    @property
    def _folder(self) -> Path:
        """The output folder.

        Raises
        ------
        InputError
            The table was made from another one, and has none.
        """
        if self.outdir is None:
            raise InputError("this table is no run's own: use the one that TweakReg returned")
        return self.outdir

    def _repr_html_(self) -> str:
        """Show the run in a notebook."""
        if self.outdir is None or "cure" not in self.colnames:
            return str(super()._repr_html_())
        names = ("image", "status", *_SHOWN)
        head = "".join(f"<th>{escape(name)}{self._unit(name)}</th>" for name in names)
        rows = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in self)
        cures = "".join(
            f"<li><b>{escape(str(row['image']))}</b> ({escape(str(row['reason']))}): "
            f"{escape(str(row['detail']))}<br><b>cure:</b> {escape(str(row['cure']))}</li>"
            for row in self
            if row["reason"]
        )
        failed = f"<ul>{cures}</ul>" if cures else ""
        where = f"<p>results in <code>{escape(str(self.outdir))}</code></p>"
        return f"<div><table><tr>{head}</tr>{rows}</table>{failed}{where}</div>"

    def _unit(self, name: str) -> str:
        """Return the unit of a column, in brackets."""
        unit = self[name].unit
        return f" [{escape(str(unit))}]" if unit else ""


def _cells(row: Any) -> list[str]:  # noqa: ANN401  astropy's row
    """Return the cells of an image."""
    status = str(row["status"])
    colour = _COLOURS.get(status, "inherit")
    return [
        f"<td>{escape(str(row['image']))}</td>",
        f'<td style="color:{colour}">{escape(status.replace("_", " "))}</td>',
        *(f"<td>{_number(row[name], _DIGITS.get(name, 3))}</td>" for name in _SHOWN),
    ]


def _number(value: Any, digits: int) -> str:  # noqa: ANN401  a number of either kind
    """Write a number; a dash where there is none."""
    if value != value:  # noqa: PLR0124  nan
        return "-"
    return str(int(value)) if float(value).is_integer() else f"{value:.{digits}f}"
