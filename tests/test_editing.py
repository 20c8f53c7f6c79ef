"""A recipe in the editor: kept if it is valid, otherwise as it was."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from tweakreg_steps import tweakreg
from tweakreg_steps.cli import main
from tweakreg_steps.editing.text_blocks import extract_blocks, replace_blocks
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.recipe_text import commented_recipe
from tweakreg_steps.recipes.schema import parameters, value_at
from tweakreg_steps.yaml_source import parse_yaml, read_yaml

RECIPE = """\
# my field
input: "*_flc.fits"   # all of them
imagefindpars:
  threshold: 100    # found by trying
  # narrow stars
  conv_width: 2.5

# the rest
catalog_fitting: {nclip: 5,
  sigma: 2.5}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a recipe in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def edits(monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str], answers: str = "") -> None:
    """Have the editor make one replacement each time that it is opened."""
    script = Path("editor.py").absolute()
    script.write_text(
        "import pathlib, sys\n"
        f"changes = {changes!r}\n"
        f"count = pathlib.Path({str(script.with_name('count'))!r})\n"
        "done = len(count.read_text()) if count.exists() else 0\n"
        "count.write_text('x' * (done + 1))\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "text = path.read_text()\n"
        "pathlib.Path(str(count) + '.seen').write_text(text)\n"
        "old, new = changes[done]\n"
        "assert old in text\n"
        "path.write_text(text.replace(old, new))\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(script)]))
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))


def test_a_valid_change_is_kept_with_all_else(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.chmod(0o640)
    edits(monkeypatch, ("nclip: 5", "nclip: 7"))
    assert main(["edit", "recipe.yaml"]) == 0
    assert recipe.read_text() == RECIPE.replace("nclip: 5", "nclip: 7")
    assert recipe.stat().st_mode & 0o777 == 0o640
    assert "no file matches" in capsys.readouterr().err


def test_a_wrong_change_is_shown_and_edited_again(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edits(monkeypatch, ("nclip: 5", "nclips: -5"), ("nclips: -5", "nclip: 6"), answers="\n")
    assert main(["edit", "recipe.yaml"]) == 0
    assert recipe.read_text() == RECIPE.replace("nclip: 5", "nclip: 6")
    said = capsys.readouterr().err
    assert (
        "recipe.yaml:9:19: catalog_fitting.nclips: is not a known key; the nearest is nclip" in said
    )


@pytest.mark.parametrize("answers", ["d\n", ""])
def test_a_wrong_change_can_be_dropped(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, answers: str
) -> None:
    edits(monkeypatch, ("nclip: 5", "nclip: ["), answers=answers)
    assert main(["edit", "recipe.yaml"]) == 2
    assert recipe.read_text() == RECIPE
    assert Path("count").read_text() == "x"


def test_without_an_editor_that_works_nothing_is_changed(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr("tweakreg_steps.editing.editor.shutil.which", lambda _: None)
    for command, message in (
        ("", "set the variable EDITOR"),
        ("no_such_editor", "no_such_editor cannot be started"),
        ("false", "ended with status 1; nothing was changed"),
    ):
        monkeypatch.setenv("EDITOR", command)
        assert main(["edit", "recipe.yaml"]) == 2
        assert message in capsys.readouterr().err
    assert recipe.read_text() == RECIPE


def test_nano_or_vi_where_no_editor_is_named(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vi = tmp_path / "bin" / "vi"
    vi.parent.mkdir()
    vi.write_text("#!/bin/sh\nsed -i 's/nclip: 5/nclip: 8/' \"$1\"\n")
    vi.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", f"{vi.parent}:/usr/bin:/bin")
    monkeypatch.setattr("tweakreg_steps.editing.editor._FALLBACKS", ("no-nano", "vi"))
    assert main(["edit", "recipe.yaml"]) == 0
    assert recipe.read_text() == RECIPE.replace("nclip: 5", "nclip: 8")


def test_a_new_recipe_shows_every_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    edits(monkeypatch, ("#update_header:", "update_header:\n  updatehdr: true"))
    assert main(["edit", "new.yaml"]) == 0
    assert read_yaml(Path("new.yaml")).value == {
        "input": "*flt.fits",
        "update_header": {"updatehdr": True},
    }
    shown = Path("count.seen").read_text()
    assert all(f"{p.path[-1]}: " in shown for p in parameters())


def test_the_comments_of_a_new_recipe_are_the_defaults() -> None:
    lines = commented_recipe("*").splitlines()
    bare = [re.sub(r"^#(?! (A recipe|default))", "", line) for line in lines]
    values = parse_yaml("\n".join(bare), name="template").value
    for parameter in parameters():
        if parameter.path != ("input",):
            assert value_at(values, parameter.path) == parameter.default


def test_the_finding_sections_are_edited_alone(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits(monkeypatch, ("threshold: 100 ", "threshold: 70 "))
    tweakreg.edit_imagefindpars(recipe)
    assert recipe.read_text() == RECIPE.replace("threshold: 100 ", "threshold: 70 ").replace(
        "conv_width: 2.5\n", f"conv_width: 2.5\n{added(recipe)}"
    )
    shown = Path("count.seen").read_text()
    assert shown.startswith("imagefindpars:\n  threshold: 100    # found by trying\n")
    assert "#refimagefindpars:\n" in shown
    assert "nclip" not in shown
    assert read_yaml(recipe).value["imagefindpars"] == {"threshold": 70, "conv_width": 2.5}


def added(recipe: Path) -> str:
    """Return the comments about a section that was not there."""
    text = recipe.read_text()
    return text[text.index("## How sources are found in the ref") : text.index("\n# the rest")]


def test_other_sections_cannot_be_edited_there(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edits(monkeypatch, ("imagefindpars:\n  thr", "outdir: x\nimagefindpars:\n  thr"))
    with pytest.raises(RecipeError, match="the change was dropped"):
        tweakreg.edit_imagefindpars(recipe)
    assert "outdir: only imagefindpars, refimagefindpars can be" in capsys.readouterr().err
    assert recipe.read_text() == RECIPE


def test_what_was_edited_is_what_a_call_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tweakreg_steps.teal.call import recipe_of_call

    monkeypatch.chdir(tmp_path)
    edits(monkeypatch, ("#imagefindpars:", "imagefindpars:\n  threshold: 50"))
    tweakreg.edit_imagefindpars()
    call = recipe_of_call(["a.fits"], "tweakreg.yaml", None, None, {})
    assert call.tree == {"input": ["a.fits"], "imagefindpars": {"threshold": 50}}


@pytest.mark.parametrize("text", [RECIPE, RECIPE.rstrip(), "a: 1\nimagefindpars: {}\n"])
def test_blocks_come_out_and_go_in_unchanged(text: str) -> None:
    keys = ("imagefindpars", "catalog_fitting")
    whole = text if text.endswith("\n") else f"{text}\n"
    block = extract_blocks(text, ("imagefindpars",))
    assert replace_blocks(text, ("imagefindpars",), block) == whole
    assert parse_yaml(replace_blocks(text, keys, ""), name="").value.keys().isdisjoint(keys)


def test_a_recipe_that_cannot_be_read_is_not_edited(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.write_bytes(b"\xff\xfe")
    edits(monkeypatch)
    with pytest.raises(RecipeError, match="cannot be read"):
        tweakreg.edit_imagefindpars(recipe)


HELP_LINE = "# ---- what stands below this line is help, and is not kept ----"


@pytest.mark.parametrize("answer", ["d\n", ""])
def test_what_is_typed_below_the_help_line_is_an_error(
    recipe: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    text = f"{HELP_LINE}\nimagefindpars:\n  threshold: -60"
    edits(monkeypatch, (HELP_LINE, text), answers=answer)
    with pytest.raises(RecipeError, match="the change was dropped"):
        tweakreg.edit_imagefindpars("recipe.yaml")
    assert "'imagefindpars:' stands below the line" in capsys.readouterr().err
    assert recipe.read_text() == RECIPE


@pytest.mark.usefixtures("recipe")
def test_a_line_of_the_help_that_is_no_comment_any_more_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edits(monkeypatch, (f"{HELP_LINE}\n# ", f"{HELP_LINE}\n"), answers="d\n")
    with pytest.raises(RecipeError, match="the change was dropped"):
        tweakreg.edit_imagefindpars("recipe.yaml")
    assert "where nothing is kept; move it above that line" in capsys.readouterr().err


def test_what_is_moved_above_the_help_line_is_kept(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = f"{HELP_LINE}\n  threshold: 60\n"
    edits(
        monkeypatch,
        (f"{HELP_LINE}\n", below),
        (below, f"{HELP_LINE}\n"),
        answers="\n",
    )
    tweakreg.edit_imagefindpars("recipe.yaml")
    assert recipe.read_text() == RECIPE
