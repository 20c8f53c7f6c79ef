"""What a user wrote and nothing obeys is said by validate, plan and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import copy_scene
from skies import Scene

from tweakreg_steps.cli import main


@pytest.fixture
def recipe(small_scene: Scene, tmp_path: Path) -> Path:
    """Return a recipe whose exclusions name an image that is not there."""
    copy_scene(small_scene, tmp_path)
    (tmp_path / "a.reg").write_text("image\n-circle(100,100,20)\n")
    (tmp_path / "exclusions.txt").write_text("PAINT01Q_FLC.FITS a.reg\npaint02q_flc.fits a.reg\n")
    path = tmp_path / "recipe.yaml"
    path.write_text('input: "*_flc.fits"\noutdir: out\nexclusions: exclusions.txt\n')
    return path


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_lines_of_no_image_are_told(
    recipe: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(recipe)]) == 0
    said = capsys.readouterr().err
    assert "exclusions.txt, line 1: 'PAINT01Q_FLC.FITS' is no image of the recipe" in said
    assert "the nearest is paint01q_flc" in said
    assert "line 2" not in said


@pytest.mark.parametrize("value", ["~/out", "$HOME/out", "a/${HOME}/b", "$HOME"])
def test_words_for_a_shell_are_told(
    recipe: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    recipe.write_text(recipe.read_text().replace("outdir: out", f'outdir: "{value}"'))
    main(["validate", str(recipe)])
    assert f"outdir: {value!r}: ~ and $NAME are not replaced" in capsys.readouterr().err


def test_other_words_are_not(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "exclusions.txt").write_text("paint01q_flc.fits a.reg\n")
    recipe.write_text(recipe.read_text() + "imagefindpars: {dqbits: ~16}\n")
    assert main(["validate", str(recipe)]) == 0
    assert "warning" not in capsys.readouterr().err
