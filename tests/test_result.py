"""What a call from Python returns, in a program and in a notebook."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from astropy.table import Table
from nbclient import NotebookClient
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.errors import InputError
from tweakreg_steps.result import Alignment


def test_a_result_is_the_table_and_what_belongs_to_it(tiny_run: Path) -> None:
    out = tiny_run / "out"
    found = Alignment.of_run(out)
    assert list(found["status"]) == ["reference", "aligned", "aligned"]
    assert type(found.table) is Table
    assert found.failed == {}
    names = [f"paint0{n}q_flc.fits" for n in (1, 2, 3)]
    assert found.aligned_files == [out / "aligned" / name for name in names]
    shown = found._repr_html_()
    assert "paint02q_flc" in shown
    assert "[mas]" in shown
    with pytest.raises(InputError, match=r"did you mean paint02q_flc\?"):
        found.plot("paint2q_flc")
    with pytest.raises(InputError, match="no run's own"):
        _ = found[:1].aligned_files


def test_cures_are_shown_and_texts_escaped(failing_run: tuple[Path, Scene], tmp_path: Path) -> None:
    shutil.copytree(failing_run[0] / "out", tmp_path / "out<b>")
    found = Alignment.of_run(tmp_path / "out<b>")
    assert len(found.failed) == 5
    shown = found._repr_html_()
    assert all(f"{name}</b>" in shown for name in found.failed)
    assert "set object_matching.searchrad: " in shown
    assert "out&lt;b&gt;" in shown
    assert len(found.aligned_files) == 4


def test_a_notebook_runs_and_shows_the_result(tiny_exposures: Scene, tmp_path: Path) -> None:
    copy_tiny(tiny_exposures, tmp_path, number=2)
    cells = [
        "from tweakreg_steps import TweakReg",
        "found = TweakReg('*_flc.fits', threshold=100, updatehdr=True, outdir='out')",
        "found",
        "found.plot('paint02q_flc')",
        "print([path.name for path in found.aligned_files], found.failed, found.report().name)",
    ]
    notebook: Any = nbformat.v4
    book = notebook.new_notebook(cells=[notebook.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(tmp_path)}}
    # the kernel has a minute for its start otherwise, which a busy machine may not give it
    patience: dict[str, Any] = {"timeout": 300, "startup_timeout": 300}
    done = NotebookClient(book, kernel_name="python3", resources=resources, **patience).execute()
    _, _, table, plot, files = ((cell.outputs or [None])[-1] for cell in done.cells)
    shown = [output for output in done.cells[1].outputs if output.output_type == "display_data"]
    said = [output.text for output in done.cells[1].outputs if output.output_type == "stream"]
    (progress,) = (output.data["text/html"] for output in shown)
    total = re.search(
        r'<progress value="(\d+)" max="\1"></progress> \1 of \1 jobs, \d+ s', progress
    )
    assert total
    assert int(total[1]) > 10
    assert not any("] find_sources" in text for text in said)
    assert any("the results are in" in text for text in said)
    assert "paint02q_flc" in table.data["text/html"]
    assert plot.data["image/png"]
    expected = "['paint01q_flc.fits', 'paint02q_flc.fits'] {} report.html"
    assert files.text.strip() == expected
