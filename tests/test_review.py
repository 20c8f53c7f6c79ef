"""Headers wait until ``tweakreg review`` has recorded a decision about the fit."""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from matplotlib.image import imsave
from shared_runs import made_once
from test_apply import command, inputs
from test_workflow import planned
from unsigned import unsigned

from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.records.review_file import Decision, Review, read_reviews, write_reviews
from tweakreg_steps.reviewing.plot_window import PlotWindow, has_display

Edit = Callable[[Path, str, str], None]
Answer = Callable[..., int]


@pytest.fixture(scope="session")
def waiting_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run whose images wait for a decision; read only."""

    def make(folder: Path) -> None:
        shutil.copytree(finished_run, folder, dirs_exist_ok=True)
        recipe = folder / "recipe.yaml"
        recipe.write_text(recipe.read_text() + "interactive: true\n")
        assert command("run", folder) == 3

    return made_once(tmp_path_factory, "waiting", make)


@pytest.fixture
def waiting(waiting_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the waiting run that a test may change."""
    shutil.copytree(waiting_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def answer(waiting: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Return a function that reviews the waiting images with answers from a pipe."""

    def review(text: str, *options: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return main(["review", str(waiting / "recipe.yaml"), *options])

    return review


def aligned(folder: Path) -> set[str]:
    """Return the names of the aligned copies."""
    return {path.name[:7] for path in (folder / "out").glob("aligned/*")}


def decisions(folder: Path) -> dict[str, str]:
    """Return what review.yaml says."""
    found = read_reviews(folder / "out" / "review.yaml")
    return {name[:7]: review.decision.value for name, review in found.items()}


def test_a_review_after_clean_makes_nothing_again_that_was_removed(
    waiting: Path, edit: Edit, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = waiting / "recipe.yaml", waiting / "out"
    edit(recipe, "outdir: out", "outdir: out\nclean: true\nreport: false")
    assert command("run", waiting) == 3
    assert not (out / "sky").exists()
    compared = (out / "reference" / "comparison.ecsv").read_bytes()
    assert "paint02q_flc" in Table.read(out / "overlaps.ecsv")["other"]
    assert answer("n\ny\n") == 0
    capsys.readouterr()
    rules = {row["rule"] for row in planned(waiting, capsys)}
    assert rules == {"summarize", "write_shiftfile", "update_header"}
    assert command("run", waiting) == 3
    assert decisions(waiting) == {"paint02": "reject", "paint03": "accept"}
    pairs, rejected = Table.read(out / "overlaps.ecsv"), "paint02q_flc"
    every = Table.read(out / "reference" / "comparison.ecsv")
    kept = every[(every["one"] != rejected) & (every["other"] != rejected)]
    assert 0 < len(pairs) == len(kept) < len(every)
    assert pairs.as_array().tolist() == kept.as_array().tolist()
    assert (out / "reference" / "comparison.ecsv").read_bytes() == compared


@pytest.mark.effect("interactive")
def test_only_accepted_images_get_headers(
    waiting: Path, finished_run: Path, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = waiting / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "headerlet_creation: {headerlet: true, attach: false}\n")
    assert command("run", waiting) == 3
    assert "headers: none was written, as images wait" in capsys.readouterr().err
    headerlets = waiting / "out" / "headerlets"
    assert aligned(waiting) == set()
    assert not list(headerlets.glob("*.fits"))
    capsys.readouterr()
    assert answer("\nn\nq\n") == 0
    said = capsys.readouterr()
    assert str(waiting / "out" / "plots" / "vector_paint02q_flc.png") in said.err
    assert [line.split()[1] for line in said.out.splitlines()] == ["accept", "reject", "waiting"]
    rows = {row["image"]: row["reasons"] for row in planned(waiting, capsys)}
    assert rows["paint02q_flc"] == ["not made yet"]
    assert command("run", waiting) == 3
    assert "paint04q_flc waits" in capsys.readouterr().err
    made, expected = (folder / "out" / "aligned" for folder in (waiting, finished_run))
    names = ["paint01q_flc.fits", "paint02q_flc.fits"]
    rejected = made / "paint03q_flc.fits"  # as any image that is not aligned: as it is
    assert sorted(made.iterdir()) == [*(made / name for name in names), rejected]
    assert rejected.read_bytes() == (waiting / rejected.name).read_bytes()
    assert [unsigned(made / name) for name in names] == [
        unsigned(expected / name) for name in names
    ]
    found = {
        path.name[:7]: len(fits.info(path, output=False)) for path in headerlets.glob("*.fits")
    }
    assert found.keys() == {"paint01", "paint02", "paint03"}
    assert found["paint03"] == 1  # a notice without a WCS
    summary = Table.read(waiting / "out" / "summary.ecsv")
    assert list(summary["status"]) == ["reference", "aligned", "not_aligned", "aligned"]
    assert list(summary["reason"]) == ["", "", "rejected", ""]
    assert np.isnan(summary["dx"][2])
    shifts = (waiting / "out" / "shifts.txt").read_text().splitlines()
    images = [line for line in shifts if not line.startswith("#")]
    assert shifts[-4:] == images  # no comment behind them
    assert images[2].split() == ["paint03q_flc.fits", *["nan"] * 6]
    assert planned(waiting, capsys) == []


def test_a_decision_holds_for_its_fit_alone(
    waiting: Path, edit: Edit, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer("", "--accept-all") == 0
    assert command("run", waiting) == 0
    assert aligned(waiting) == {"paint01", "paint02", "paint03", "paint04"}
    edit(waiting / "recipe.yaml", "update_header", "catalog_fitting: {nclip: 1}\nupdate_header")
    capsys.readouterr()
    assert command("plan", waiting) == 0
    said = capsys.readouterr()
    assert "remove aligned/paint02q_flc.fits" in said.err
    assert said.err.count("its fit changed since the last one") == 3
    assert command("run", waiting) == 3
    assert aligned(waiting) == set()
    edit(waiting / "recipe.yaml", "catalog_fitting: {nclip: 1}\n", "")
    assert command("run", waiting) == 0
    assert aligned(waiting) == {"paint01", "paint02", "paint03", "paint04"}


def test_answers_are_taken_as_tweakreg_takes_them(waiting: Path, answer: Answer) -> None:
    assert answer("maybe\n N \n") == 0
    assert decisions(waiting) == {"paint02": "reject"}
    assert answer("\n") == 0
    assert decisions(waiting) == {"paint02": "reject", "paint03": "accept"}
    assert answer("\n", "--all") == 0
    assert decisions(waiting) == {"paint02": "accept", "paint03": "accept"}
    assert answer("n\n\n\n\n\n", "--all") == 0
    assert decisions(waiting) == {"paint02": "reject", "paint03": "accept", "paint04": "accept"}


def test_y_accepts_and_b_goes_back(waiting: Path, answer: Answer) -> None:
    assert answer("y\nb\nn\nyes\nb\nb\nb\nno\nq\n") == 0
    assert decisions(waiting) == {"paint02": "reject", "paint03": "accept"}


def test_only_accepted_images_are_applied(
    waiting: Path,
    finished_run: Path,
    edit: Edit,
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(waiting / "recipe.yaml", "updatehdr: true", "updatehdr: false")
    assert answer("n\n\n") == 0
    assert command("run", waiting) == 3
    capsys.readouterr()
    assert command("apply", waiting) == 3
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in out] == ["written", "left", "written", "left"]
    expected = inputs(finished_run / "out" / "aligned")
    before, now = inputs(finished_run), inputs(waiting)
    names = sorted(now)
    assert [now[name] == expected[name] for name in names] == [True, False, True, False]
    assert [now[name] == before[name] for name in names] == [False, True, False, True]
    assert answer("n\n" * 3, "--all") == 0
    assert command("run", waiting) == 3
    assert command("apply", waiting) == 3
    assert "taken back (rejected)" in capsys.readouterr().out
    assert inputs(waiting) == before


def test_ctrl_c_keeps_what_was_decided(waiting: Path) -> None:
    terminal, its_end = pty.openpty()
    command_line = [sys.executable, "-m", "tweakreg_steps", "review", "recipe.yaml"]
    with subprocess.Popen(
        command_line, cwd=waiting, stdin=its_end, stdout=subprocess.PIPE, stderr=its_end
    ) as review:
        os.close(its_end)
        _read_until(terminal, "q quits:")
        os.write(terminal, b"\n")
        _read_until(terminal, "q quits:")
        _interrupt(review, terminal)
    os.close(terminal)
    assert review.returncode == 130
    assert decisions(waiting) == {"paint02": "accept"}


def _interrupt(review: subprocess.Popen[bytes], terminal: int) -> None:
    """Interrupt a program until it says so: a signal just before it waits goes unnoticed."""
    said = ""
    while "interrupted" not in said:
        review.send_signal(signal.SIGINT)
        while select.select([terminal], [], [], 5.0)[0] and "interrupted" not in said:
            said += os.read(terminal, 4096).decode()


def _read_until(terminal: int, text: str) -> None:
    """Read what a program says until it has said something."""
    said = ""
    while text not in said:
        said += os.read(terminal, 4096).decode()


def test_there_is_nothing_to_review_before_a_run_or_without_interactive(
    run_copy: Path, waiting: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("review", run_copy) == 2
    assert "set interactive: true" in capsys.readouterr().err
    edit(waiting / "recipe.yaml", "threshold: 100", "threshold: 90")
    assert command("review", waiting) == 2
    said = capsys.readouterr().err
    assert "there is nothing to look at before: tweakreg run" in said


def test_a_review_file_comes_back_and_each_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "review.yaml"
    reviews = {
        name: Review(Decision.ACCEPT, fit)
        for name, fit in (("a_flc", "12e45678"), ("no", "0123"), ("1.5", "abc"), ("ü: #", "x"))
    }
    write_reviews(path, reviews)
    assert read_reviews(path) == reviews
    path.write_text("a: {decision: accept, fit: '1'}\nb: accept\nc: {decision: maybe, fit: '1'}\n")
    with pytest.raises(InputError, match=r"(?s)yaml:2: b: is not.*yaml:3: c: is not") as error:
        read_reviews(path)
    assert "yaml:1" not in str(error.value)
    path.write_text("a: [\n")
    with pytest.raises(InputError, match="not valid YAML"):
        read_reviews(path)


@pytest.mark.parametrize(
    ("backend", "display"), [("agg", ":0"), ("tkagg", None), ("tkagg", ":nowhere")]
)
def test_no_window_is_opened_where_none_is_possible(
    monkeypatch: pytest.MonkeyPatch, backend: str, display: str | None
) -> None:
    monkeypatch.setitem(mpl.rcParams, "backend", backend)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    assert not has_display()


def test_one_window_shows_the_plots_of_one_image_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    plots = [tmp_path / f"{n}.png" for n in range(3)]
    for n, plot in enumerate(plots):
        imsave(plot, np.full((4, 5), n / 3), cmap="gray", vmin=0, vmax=1)
    window = PlotWindow()
    for shown in (plots[:1], plots):
        window.show(shown, "a title")
        (number,) = plt.get_fignums()
        figure = plt.figure(number)
        images = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
        assert [image[0, 0, 0] for image in images] == [
            pytest.approx(n / 3, abs=0.01) for n in range(len(shown))
        ]
    plt.close(number)
    window.show(plots, "opened again")
    window.close()
    assert plt.get_fignums() == []


def test_a_window_lives_until_there_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    plot = tmp_path / "plot.png"
    imsave(plot, np.zeros((4, 5)))
    reader, writer = os.pipe()
    window = PlotWindow()
    with os.fdopen(reader) as stream, os.fdopen(writer, "w") as answers:
        window.wait_for_line(stream)
        window.show([plot], "a title")
        threading.Timer(0.3, lambda: print("n", file=answers, flush=True)).start()
        window.wait_for_line(stream)
        assert stream.readline() == "n\n"
    window.close()
