"""Any name of an exposure that the disk takes is worked on, or is refused before any job."""

from __future__ import annotations

from pathlib import Path

import pytest
from skies import Scene
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.printable import control_name, printable, printable_line, printable_message

ODD = [
    ("é_flc.fits", "星_flc.fits"),
    ("a<B>c<d_flc.fits", "#a!b>_flc.fits"),
    ("-rf_flc.fits", ".hidden_flc.fits"),
    ("a;b&c|d_flc.fits", "a'b\"c_flc.fits"),
    ("$HOME`x`_flc.fits", "~ b_flc.fits"),
    ("a%20b=c_flc.fits", "a:b@c_flc.fits"),
    ("x" * 150 + "_flc.fits", "y" * 200 + "_flc.fits"),
]


@pytest.mark.parametrize("names", ODD)
def test_odd_names_are_worked_on(
    tiny_exposures: Scene, tmp_path: Path, names: tuple[str, str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, input=[f"./{n}" for n in names], **LEAN)
    for number, name in enumerate(names, start=1):
        (tmp_path / f"paint{number:02d}q_flc.fits").rename(tmp_path / name)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    assert {path.name for path in (tmp_path / "out" / "aligned").iterdir()} == set(names)
    assert main(["show", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\nb_flc.fits", "holds a line break"),
        ("a\x1b]0;x\x07_flc.fits", "holds an escape"),
        ("a\x9b2J_flc.fits", "holds u+009b"),
        ("a\udcff_flc.fits", "holds u+dcff"),
        ("a{b}_flc.fits", "Snakemake takes braces"),
        ("a<b>_flc.fits", "and a name in angle brackets as well"),
        ("x" * 246 + ".fits", "bytes long, and the disk takes 255"),
    ],
)
def test_what_cannot_be_worked_on_is_refused_before_any_job(
    tiny_exposures: Scene,
    tmp_path: Path,
    name: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, input="*.fits")
    (tmp_path / "paint02q_flc.fits").rename(tmp_path / name)
    for command in ("validate", "plan", "run"):
        assert main([command, str(recipe)]) == 2
        text = capsys.readouterr().err
        assert said in text.replace("U+", "u+")
        assert printable(text) == text
    assert not (tmp_path / "out" / "masks").exists()


def test_what_a_terminal_obeys_is_written_out() -> None:
    assert printable("a\tb\nc\x1b[2J\x9b\x7f\u202e\udc80") == (
        "a\tb\nc\\x1b[2J\\x9b\\x7f\\u202e\\udc80"
    )
    assert printable_line("a\nb\té") == "a\\nb\\té"
    assert printable_message("x" * 5000).endswith("...")
    assert printable_message("x\n" * 5000).endswith("more lines")
    assert control_name("é星 ~") is None
    assert control_name("a\0") == "a NUL"


def test_a_strangers_table_cannot_steer_the_terminal(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (tiny_run / "out" / "summary.ecsv").read_text()
    (tmp_path / "summary.ecsv").write_text(text.replace("paint02q_flc", "a\x1b[2Jb\x9b"))
    assert main(["show", str(tmp_path)]) == 0
    assert "a\\x1b[2Jb\\x9b" in capsys.readouterr().out
