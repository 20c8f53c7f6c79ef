"""TweakReg called from Python: the manual's arguments, the package's answers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configobj import ConfigObj

import tweakreg_steps
from tweakreg_steps import TweakReg, tweakreg
from tweakreg_steps.errors import (
    InputError,
    JobFailedError,
    LockedError,
    RecipeError,
    TweakRegWarning,
)
from tweakreg_steps.reporting.shiftfile import parse_shiftfile
from tweakreg_steps.teal.call import recipe_of_call
from tweakreg_steps.yaml_source import read_yaml

MYPARAM = """\
_task_name_ = tweakreg
interactive = False
[OBJECT MATCHING PARAMETERS]
separation = 0.5
searchrad = 1.5
[CATALOG FITTING PARAMETERS]
fitgeometry = shift
[_RULES_]
"""


def tree_of(
    *arguments: Any,  # noqa: ANN401  the arguments of a call
    imagefindcfg: Any = None,  # noqa: ANN401
    refimagefindcfg: Any = None,  # noqa: ANN401
    **input_dict: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return the recipe of a call."""
    files, configobj = (*arguments, None, None)[:2]
    return recipe_of_call(files, configobj, imagefindcfg, refimagefindcfg, input_dict).tree


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory with an empty home beside it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    working = tmp_path / "work"
    working.mkdir()
    monkeypatch.chdir(working)
    return working


@pytest.mark.effect("shiftfile_output.shiftfile", "shiftfile_output.outshifts")
def test_the_first_example_makes_what_it_says(flt_run: Path) -> None:
    results = flt_run / "results" / "tweakreg"
    shifts = parse_shiftfile((results / "shift.txt").read_text())
    names = [row.name for row in shifts.rows]
    assert names == [f"paint{n:02d}q_flt.fits" for n in (1, 2, 3, 4)]
    assert not (results / "aligned").exists()
    assert read_yaml(results / "recipe-1.yaml").value == {
        "input": "../../*flt.fits",
        "outdir": ".",
        "imagefindpars": {"threshold": 200},
        "refimagefindpars": {"conv_width": 2.5, "threshold": 400},
        "shiftfile_output": {"shiftfile": True, "outshifts": "shift.txt"},
    }


def test_the_second_example_is_the_first(
    flt_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tweakreg.TweakReg(
        "*flt.fits",
        imagefindcfg=dict(threshold=200, conv_width=3.5),  # noqa: C408  as the manual has it
        refimagefindcfg=dict(threshold=400, conv_width=2.5),  # noqa: C408
        updatehdr=False,
        shiftfile=True,
        outshifts="shift.txt",
    )
    assert list(summary["status"]) == ["reference", "aligned", "aligned", "aligned"]
    assert "nothing to do" in capsys.readouterr().err
    assert len(list((flt_copy / "results" / "tweakreg").glob("recipe-*.yaml"))) == 1


@pytest.mark.effect("catalog_fitting.fitgeometry")
def test_the_third_example_takes_all_from_a_file_and_reruns_what_that_changes(
    flt_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("myparam.cfg").write_text(MYPARAM)
    Path("imagefindpars.cfg").write_text("threshold = 200\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        summary = tweakreg.TweakReg("*flt.fits", configobj="myparam.cfg")
    texts = [str(warning.message) for warning in caught]
    assert [warning.category for warning in caught] == [TweakRegWarning] * 2
    assert "object_matching.separation: 0.5 is carried over" in texts[0]
    assert "is not above sqrt(2) times object_matching.tolerance" in texts[1]
    assert set(summary["fitgeometry"][1:]) == {"shift"}
    said = capsys.readouterr().err
    assert "match_sources paint02q_flt" in said
    assert "find_sources" not in said
    assert (flt_copy / "results" / "tweakreg" / "recipe-2.yaml").is_file()


@pytest.mark.usefixtures("flt_copy", "own_interpreter")
def test_it_runs_in_a_loop_and_in_a_thread_and_leaves_no_trace() -> None:
    def state() -> tuple[Any, ...]:
        return Path.cwd(), signal.getsignal(signal.SIGINT), os.environ["PATH"], dict(os.environ)

    answers: list[Any] = []

    def call() -> None:
        answers.append(TweakReg("*flt.fits", threshold=200, shiftfile=True, outshifts="shift.txt"))

    async def in_a_loop() -> None:
        call()

    before = state()
    asyncio.run(in_a_loop())
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [len(answer) for answer in answers] == [4, 4]
    assert state() == before


@pytest.mark.effect("outdir", "object_matching.minobj")
def test_an_image_not_aligned_is_a_warning(flt_copy: Path) -> None:
    with pytest.warns(TweakRegWarning, match=r"3 of 4 images were not aligned: paint02q_flt \(few"):
        summary = TweakReg("*flt.fits", threshold=200, minobj=5000, outdir="strict")
    assert list(summary["reason"]) == ["", *["few_sources"] * 3]
    assert (flt_copy / "strict" / "recipe-1.yaml").is_file()


def test_errors_are_the_packages_and_leave_no_recipe(flt_copy: Path) -> None:
    from tweakreg_steps.running.locking import hold_outdir

    with pytest.raises(InputError, match="no file matches"):
        TweakReg("*raw.fits", outdir="out")
    with pytest.raises(RecipeError, match=r"tweakreg: imagefindpars\.threshold: -1 is not allowed"):
        TweakReg("*flt.fits", outdir="out", threshold=-1)
    with hold_outdir(flt_copy / "out"), pytest.raises(LockedError, match="another run"):
        TweakReg("*flt.fits", outdir="out")
    assert not list((flt_copy / "out").glob("*.yaml"))
    (in_the_way,) = (flt_copy / "results" / "tweakreg" / "tweakreg").glob("cumulative_*.coo")
    in_the_way.unlink()
    (in_the_way / "x").mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder, and a file of that name is to be written"):
        TweakReg("*flt.fits", threshold=200)


@pytest.mark.parametrize("way", ["interrupted", "killed"])
def test_a_run_ends_with_its_caller(flt_copy: Path, way: str) -> None:
    from tweakreg_steps.running.locking import hold_outdir

    code = "from tweakreg_steps import TweakReg\nTweakReg('*flt.fits', outdir='new')\n"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as call:
        assert call.stderr
        assert call.stderr.readline().startswith("[ 1/")
        call.send_signal(signal.SIGINT if way == "interrupted" else signal.SIGKILL)
        call.wait(100)
    for _ in range(1000):
        try:
            with hold_outdir(flt_copy / "new"):
                break
        except LockedError:
            time.sleep(0.1)
    else:
        pytest.fail("the run goes on")
    assert not (flt_copy / "new" / "summary.ecsv").exists()


def test_arguments_lie_over_each_other(folder: Path) -> None:
    config = {"UPDATE HEADER": {"updatehdr": "yes", "wcsname": "A"}, "nclip": 7, "threshold": 9.0}
    tree = tree_of(
        "a.fits",
        config,
        imagefindcfg={"threshold": np.float64(200), "dqbits": "INDEF"},
        wcsname="B",
        conv_width="2.5",
        refcat=Path("gaia.cat"),
        rfluxcol=np.int64(3),
        residplot="NoPlot",
        use2dhist=0,
        exclusions=" ",
    )
    assert folder == Path.cwd()
    assert tree == {
        "input": "a.fits",
        "imagefindpars": {"conv_width": 2.5, "threshold": 200.0},
        "reference_catalog": {"refcat": "gaia.cat", "rfluxcol": 3},
        "object_matching": {"use2dhist": False},
        "catalog_fitting": {"nclip": 7, "residplot": "No plot"},
        "update_header": {"updatehdr": True, "wcsname": "B"},
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (None, "*flt.fits"),
        ("", "*flt.fits"),
        ("a.fits, b.fits", "a.fits, b.fits"),
        ("@list.txt", "@list.txt"),
        (Path("a.fits"), "a.fits"),
        (["a.fits", Path("b.fits")], ["a.fits", "b.fits"]),
        (np.array(["a.fits", "b.fits"]), ["a.fits", "b.fits"]),
        ((f"{name}.fits" for name in "ab"), ["a.fits", "b.fits"]),
    ],
)
def test_files_come_in_all_forms(files: Any, expected: object) -> None:  # noqa: ANN401
    assert tree_of(files) == {"input": expected}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tree_of(treshold=3), "treshold: is not a known name; the nearest is threshold"),
        (lambda: tree_of(threshold=3, imagefindcfg={"threshold": 3}), "keep one"),
        (lambda: tree_of(refimagefindpars={"threshold": 3}), "give it as refimagefindcfg"),
        (lambda: tree_of(refimagefindcfg={"nclip": 3}), "refimagefindpars.nclip: is not a known"),
        (lambda: tree_of(update_header={"wcsname": "A"}), "is a section; give its parameters"),
        (lambda: tree_of(None, {"updatewcs": True}), "updatewcs: give it as an argument"),
        (lambda: tree_of(None, {"UPDATE HEADER": {"wcsnam": 1}}), "the nearest is wcsname"),
        (lambda: tree_of("a", input="b"), "input: is the same as files"),
        (lambda: tree_of([]), r"input: \[\] is not allowed"),
        (lambda: tree_of(3), "input: 3 is not allowed"),
        (lambda: tree_of(nclip=None), "nclip: null is not allowed; allowed: integer ≥ 0"),
        (lambda: tree_of(None, "no.cfg"), "no.cfg: cannot be read"),
        (lambda: tree_of(None, "defaults"), "there is no tweakreg.cfg in"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_arguments_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make()


def test_every_wrong_argument_is_listed() -> None:
    with pytest.raises(RecipeError) as caught:
        tree_of(treshold=3, imagefindcfg={"sharp": 1}, refimagefindpars={})
    assert len(str(caught.value).splitlines()) == 3


def test_updatewcs_is_an_argument_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tweakreg_steps.teal.call.complete", lambda *_, **__: None)
    assert tree_of(updatewcs=True) == {"input": "*flt.fits", "updatewcs": True}
    assert tree_of(None, {"updatewcs": False}) == {"input": "*flt.fits"}


def test_defaults_are_the_working_directorys_or_the_homes(folder: Path) -> None:
    home = folder.parent / "home" / ".teal"
    home.mkdir(parents=True)
    (home / "tweakreg.cfg").write_text("[CATALOG FITTING PARAMETERS]\nnclip = 9\n")
    (home / "imagefindpars.cfg").write_text("_task_name_ = imagefindpars\nthreshold = 90\n")
    assert tree_of(None, "defaults") == {
        "input": "*flt.fits",
        "imagefindpars": {"threshold": 90},
        "catalog_fitting": {"nclip": 9},
    }
    (folder / "tweakreg.cfg").write_text("[CATALOG FITTING PARAMETERS]\nnclip = 1\n")
    assert tree_of(None, "defaults")["catalog_fitting"] == {"nclip": 1}
    assert tree_of() == {"input": "*flt.fits"}


def test_a_configobj_and_a_recipe_are_configurations_too(folder: Path) -> None:
    assert tree_of(None, ConfigObj(MYPARAM.splitlines(), interpolation=False)) == {
        "input": "*flt.fits",
        "object_matching": {"searchrad": 1.5, "separation": 0.5},
        "catalog_fitting": {"fitgeometry": "shift"},
    }
    (folder / "recipes").mkdir()
    (folder / "recipes" / "a.yaml").write_text(
        "input: [a.fits]\nimagefindpars: {threshold: null}\nexclusions: masks.txt\n"
    )
    assert tree_of(None, "recipes/a.yaml") == {
        "input": ["recipes/a.fits"],
        "exclusions": "recipes/masks.txt",
        "imagefindpars": {"threshold": None},
    }


def test_editpars_runs_what_is_saved(
    flt_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("editor.sh").write_text('sed -i "s/^  threshold: 300/  threshold: 200/" "$1"\n')
    monkeypatch.setenv("VISUAL", "sh editor.sh")
    TweakReg("*flt.fits", editpars=True, threshold=300, shiftfile=True, outshifts="shift.txt")
    recipe = read_yaml(flt_copy / "results" / "tweakreg" / "recipe-2.yaml").value
    assert recipe["imagefindpars"] == {"threshold": 200}
    assert "nothing to do" in capsys.readouterr().err


def test_help_is_printed_or_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tweakreg.help()
    printed = capsys.readouterr().out
    assert printed.startswith("TweakReg(files=None, editpars=False, configobj=None, imagefindcfg")
    assert "catalog_fitting.nclip\n    Number of clipping iterations.\n" in printed
    (folder / "help.txt").write_text("something longer" * 9999)
    tweakreg.help(file="help.txt")
    assert (folder / "help.txt").read_text() == printed


def test_the_package_is_light_to_import() -> None:
    code = (
        "import sys, tweakreg_steps\n"
        "from tweakreg_steps import TweakReg, tweakreg\n"
        "assert TweakReg is tweakreg.TweakReg\n"
        "heavy = {'numpy', 'astropy', 'snakemake', 'yaml', 'configobj'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'tweakReg'"):
        tweakreg_steps.tweakReg  # noqa: B018


def test_a_run_that_was_killed_says_what_to_do(tmp_path: Path) -> None:
    from tweakreg_steps.running.own_process import raise_outcome

    with pytest.raises(JobFailedError, match=r"ended with status -9 .* call again to go on"):
        raise_outcome(tmp_path / "outcome.json", -9)
