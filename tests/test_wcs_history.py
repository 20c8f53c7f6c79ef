"""Successive alignments: every solution that a file has had can be had back from its copy."""

from __future__ import annotations

import contextlib
import io
import shutil
import string
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from conftest import LEAN_RECIPE
from stwcs.wcsutil import HSTWCS, altwcs

from tweakreg_steps.cli import main

Edit = Callable[[Path, str, str], None]

X, Y = (grid.ravel() for grid in np.meshgrid(np.linspace(1, 1024, 5), np.linspace(1, 512, 5)))
NAME = "paint02q_flc.fits"
CHIPS = [("SCI", 1), ("SCI", 2)]
BEFORE = "IDC_2731450pi-FIT_SVM_GAIAeDR3"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what stwcs prints and warns of out of the way."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def positions(path: Path) -> Any:  # noqa: ANN401  an array
    """Return where a file's primary WCSs put a grid of pixels: degrees, shape (2, 2, n)."""
    with quiet():
        return np.array([HSTWCS(f"{path}[sci,{chip}]").all_pix2world(X, Y, 1) for _, chip in CHIPS])


def align_again(folder: Path, inputs: str, wcsname: str, *lines: str) -> Path:
    """Align copies that were aligned before; return the new ones' folder."""
    text = LEAN_RECIPE.replace("*_flc.fits", inputs).replace("outdir: out", f"outdir: {wcsname}")
    # another catalog of sources, so that the solution is another
    text = text.replace("threshold: 100", f"threshold: {100 + 10 * len(inputs)}")
    # the second and third find the images aligned already; each is to be a solution of its own
    text += "acceptance: {never_worse: false}\n"
    header = "\n".join(["updatehdr: true", f"  wcsname: {wcsname}", *lines])
    (folder / f"{wcsname}.yaml").write_text(text.replace("updatehdr: true", header))
    assert main(["run", str(folder / f"{wcsname}.yaml"), "-j", "2"]) == 0
    return folder / wcsname / "aligned"


@pytest.fixture(scope="module")
def history(
    finished_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Path]]:
    """Return a folder, and the copies of one exposure after each of three alignments, by name."""
    folder = tmp_path_factory.mktemp("history")
    first = folder / "first"
    first.mkdir()
    for number in (1, 2):
        name = f"paint{number:02d}q_flc.fits"
        shutil.copyfile(finished_run / "out" / "aligned" / name, first / name)
    second = align_again(folder, "first/*.fits", "SECOND")
    third = align_again(folder, "SECOND/aligned/*.fits", "THIRD")
    files = {BEFORE: finished_run, "TWEAK": first, "SECOND": second, "THIRD": third}
    return folder, {name: path / NAME for name, path in files.items()}


@pytest.mark.effect("update_header.wcsname")
def test_each_alignment_has_its_name_and_keeps_the_former_ones(
    history: tuple[Path, dict[str, Path]],
) -> None:
    header = fits.getheader(history[1]["THIRD"], ("SCI", 2))
    names = altwcs.wcsnames(header)
    assert names[" "] == header["FITNAME"] == "THIRD"
    assert {"TWEAK", "SECOND", BEFORE, "OPUS"} <= set(names.values())
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize("name", [BEFORE, "TWEAK", "SECOND"])
def test_stwcs_restores_every_former_solution_exactly(
    history: tuple[Path, dict[str, Path]], tmp_path: Path, name: str
) -> None:
    restored = Path(shutil.copyfile(history[1]["THIRD"], tmp_path / NAME))
    with quiet():
        altwcs.restoreWCS(str(restored), CHIPS, wcsname=name)
    assert fits.getval(restored, "WCSNAME", extname="SCI", extver=1) == name
    wanted = positions(history[1][name])
    assert np.abs(positions(restored) - wanted).max() < 1e-10
    assert np.abs(positions(history[1]["THIRD"]) - wanted).max() > 1e-9


def test_wcscorr_has_each_solution_once(history: tuple[Path, dict[str, Path]]) -> None:
    tables = {name: fits.getdata(path, "WCSCORR") for name, path in history[1].items()}
    rows = {
        name: [(row["WCS_ID"], row["EXTVER"]) for row in table if row["WCS_ID"].strip()]
        for name, table in tables.items()
    }
    expected = list(rows[BEFORE])
    for name in ("TWEAK", "SECOND", "THIRD"):
        expected += [(name, 1), (name, 2)]
        assert rows[name] == expected
    assert len(set(expected)) == len(expected)
    for name in ("TWEAK", "SECOND"):
        recorded = tables["THIRD"]["CRVAL2"][tables["THIRD"]["WCS_ID"] == name]
        true = [fits.getval(history[1][name], "CRVAL2", extname="SCI", extver=c) for c in (1, 2)]
        assert np.abs(recorded - true).max() < 1e-10


@pytest.mark.effect("update_header.reusename")
def test_a_name_reused_twice_is_still_there_once(
    history: tuple[Path, dict[str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, files = history
    before = fits.getheader(files["THIRD"], ("SCI", 1))
    copies = [files["THIRD"]]
    for outdir in ("again", "and_again"):
        recipe = (folder / "THIRD.yaml").read_text()
        source = copies[-1].parent.relative_to(folder)
        recipe = recipe.replace("SECOND/aligned", str(source)).replace(
            "outdir: THIRD", f"outdir: {outdir}"
        )
        (folder / f"{outdir}.yaml").write_text(recipe)
        assert main(["run", str(folder / f"{outdir}.yaml")]) == 2
        assert "has a WCS named THIRD already" in capsys.readouterr().err
        recipe = recipe.replace("wcsname: THIRD", "wcsname: THIRD\n  reusename: true")
        (folder / f"{outdir}.yaml").write_text(recipe)
        assert main(["run", str(folder / f"{outdir}.yaml"), "-j", "2"]) == 0
        copies.append(folder / outdir / "aligned" / NAME)
    after = fits.getheader(copies[-1], ("SCI", 1))
    assert altwcs.wcsnames(after) == altwcs.wcsnames(before)
    assert list(fits.getdata(copies[-1], "WCSCORR")["WCS_ID"]).count("THIRD") == 2
    assert [key for key in after if key.startswith("CRVAL1")] == [
        key for key in before if key.startswith("CRVAL1")
    ]


def test_a_header_without_a_free_key_is_refused_before_any_job(
    run_copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    with fits.open(run_copy / NAME, mode="update") as hdus:
        for key in string.ascii_uppercase:
            hdus["SCI", 1].header.setdefault(f"WCSNAME{key}", f"name {key}")
    recipe = run_copy / "recipe.yaml"
    assert main(["run", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert "update_header.wcsname" in said
    assert f"{NAME}: all 26 alternate WCS keys are in use" in said
    assert "deleteWCS" in said
    # the present WCS need not be kept where its name is reused
    edit(recipe, "updatehdr: true", f"updatehdr: true\n  wcsname: {BEFORE}\n  reusename: true")
    assert main(["plan", str(recipe)]) == 0
