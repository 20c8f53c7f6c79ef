"""The desk without a browser: form and text are one, and what is wrong is said, not saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.editing.setting_values import unset_value
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.desk import Desk, Field
from tweakreg_steps.gui.fields import read_value, value_text
from tweakreg_steps.gui.folders import Folders
from tweakreg_steps.json_file import write_json
from tweakreg_steps.recipes.schema import parameters
from tweakreg_steps.records.review_file import Decision
from tweakreg_steps.reporting.summary import build_summary
from tweakreg_steps.reporting.summary_file import write_summary
from tweakreg_steps.yaml_source import parse_yaml

TEXT = """\
# my field
input: "*_flc.fits"   # all of them
imagefindpars:
  threshold: 100    # found by trying
  # narrow stars
  conv_width: 2.5

# the rest
catalog_fitting: {nclip: 5, sigma: 2.5}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return the desk of a recipe beside which two files lie."""
    (tmp_path / "recipe.yaml").write_text(TEXT)
    for name in ("a_flc.fits", "b_flc.fits"):
        (tmp_path / name).write_bytes(b"")
    return Desk(tmp_path / "recipe.yaml")


def field(desk: Desk, name: str, *, image: str = "") -> Field:
    """Return one field of the form."""
    section = name.partition(".")[0] if "." in name else "input and run"
    return next(f for f in desk.fields(section, image=image) if f.parameter.name == name)


def test_every_parameter_has_a_field_whose_text_reads_back(desk: Desk) -> None:
    found = [field for section in desk.sections for field in desk.fields(section)]
    assert {f.parameter.name for f in found} == {p.name for p in parameters()} - {"images"}
    for each in found:
        value = read_value(each.parameter, each.text)
        assert value_text(value) == each.text
        assert each.is_set or value == each.parameter.default


def test_a_value_is_set_in_the_text_and_comments_stay(desk: Desk) -> None:
    desk.set_value(("imagefindpars", "threshold"), "50")
    assert desk.text == TEXT.replace("threshold: 100 ", "threshold: 50 ")
    assert field(desk, "imagefindpars.threshold").is_changed
    desk.save()
    assert desk.path.read_text() == desk.text
    assert desk.is_saved


def test_what_the_text_says_is_in_the_form(desk: Desk) -> None:
    desk.set_text(TEXT.replace("sigma: 2.5", "fitgeometry: shift"))
    assert field(desk, "catalog_fitting.fitgeometry").text == "shift"
    assert not field(desk, "catalog_fitting.sigma").is_set
    assert desk.n_changed("catalog_fitting") == 2


def test_a_bad_value_is_said_where_it_was_typed_and_is_not_saved(desk: Desk) -> None:
    desk.set_value(("imagefindpars", "threshold"), "-3")
    message = "-3 is not allowed; allowed: number or null > 0"
    assert field(desk, "imagefindpars.threshold").problem == message
    assert [(p.line, p.name) for p in desk.problems] == [(4, "imagefindpars.threshold")]
    with pytest.raises(RecipeError, match="-3 is not allowed"):
        desk.save()
    with pytest.raises(RecipeError, match="-3 is not allowed"):
        Bench(desk).start("run")
    assert desk.path.read_text() == TEXT


def test_half_a_list_is_a_problem_of_its_field(desk: Desk) -> None:
    desk.set_value(("input",), "[a_flc.fits, ")
    assert "not valid YAML" in field(desk, "input").problem
    assert desk.text == TEXT
    desk.set_value(("input",), "[a_flc.fits, b_flc.fits]")
    assert desk.problems == []
    assert parse_yaml(desk.text, name="").value["input"] == ["a_flc.fits", "b_flc.fits"]


def test_text_that_is_no_yaml_keeps_the_form_as_it_was_until_it_is_right(desk: Desk) -> None:
    desk.set_text(TEXT + "outdir: [\n")
    assert not desk.has_form
    assert desk.problems[0].line >= 10
    desk.set_text(TEXT)
    assert desk.has_form
    assert desk.problems == []


def test_values_for_some_images(desk: Desk) -> None:
    path = ("images", "a*", "object_matching", "searchrad")
    desk.set_value(path, "12")
    assert parse_yaml(desk.text, name="").value["images"] == {
        "a*": {"object_matching": {"searchrad": 12}}
    }
    own = field(desk, "object_matching.searchrad", image="a*")
    assert (own.text, own.usual, own.is_set) == ("12", "1", True)
    assert field(desk, "imagefindpars.threshold", image="a*").text == "100"
    assert field(desk, "object_matching.searchrad").text == "1"
    assert {f.parameter.per_image for f in desk.fields("imagefindpars", image="a*")} == {True}
    desk.unset(path)
    assert desk.text == TEXT


def test_a_default_taken_back_leaves_no_trace(desk: Desk) -> None:
    for name in ("nclip", "sigma"):
        desk.unset(("catalog_fitting", name))
    assert "catalog_fitting" not in desk.text
    assert "# the rest" in desk.text
    desk.set_value(("catalog_fitting", "nclip"), "3")
    assert "catalog_fitting" not in desk.text


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("a: {b: 1, c: 2}  # x\n", ("a", "b"), "a: {c: 2}  # x\n"),
        ("a: {b: 1, c: 2}\n", ("a", "c"), "a: {b: 1}\n"),
        ("a:\n  b: 1\n  # of c\n  c: 2\nd: 3\n", ("a", "b"), "a:\n  # of c\n  c: 2\nd: 3\n"),
        ("# top\na:\n  b:\n    c: 1\n# end\n", ("a", "b", "c"), "# top\n# end\n"),
        ("a: 1\n", ("b", "c"), "a: 1\n"),
    ],
)
def test_a_key_is_taken_out(text: str, path: tuple[str, ...], left: str) -> None:
    assert unset_value(text, path, name="r.yaml") == left


def test_what_cannot_be_taken_out_is_refused() -> None:
    text = "x: &o\n  b: 1\n  c: 2\na: *o\n"
    with pytest.raises(RecipeError, match="cannot be taken out by itself"):
        unset_value(text, ("a", "b"), name="r.yaml")


def test_a_file_changed_elsewhere_is_not_overwritten(desk: Desk) -> None:
    desk.set_value(("catalog_fitting", "nclip"), "7")
    desk.path.write_text(TEXT + "clean: true\n")
    with pytest.raises(RecipeError, match="changed by another program"):
        desk.save()
    desk.reload()
    assert field(desk, "clean").text == "true"
    assert "nclip: 5" in desk.text


def test_nothing_outside_the_folders_is_named(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    for name, text in (
        ("refimage", "/etc/passwd"),
        ("refimage", "link/passwd"),
        ("extends", "../other.yaml"),
        ("input", "a*/../../*.fits"),
        ("outdir", "../elsewhere"),
    ):
        desk.reload()
        desk.set_value((name,), text)
        assert f"{text!r} lies outside" in field(desk, name).problem
    desk.reload()
    desk.set_value(("refimage",), "b_flc.fits")
    assert desk.problems == []
    assert "b_flc.fits" in desk.folders.files()
    desk.path.write_text(TEXT + "refimage: /etc/passwd\n")  # by its owner, with an editor
    desk.reload()
    assert desk.problems == []
    further = Folders.of_recipe(desk.path, [Path("/etc")])
    assert further.hold(Path("/etc/hosts"))
    assert not desk.folders.hold(Path("/etc/hosts"))


@pytest.fixture
def bench(desk: Desk) -> Iterator[Bench]:
    """Return the desk with its commands."""
    made = Bench(desk)
    yield made
    made.close()


def test_the_cure_of_an_image_goes_into_the_recipe(bench: Bench) -> None:
    changes = {"object_matching": {"searchrad": 15.0}, "imagefindpars": {"threshold": 4.5}}
    record = {
        "image": "a_flc",
        "status": "not_aligned",
        "reason": "no_significant_offset",
        "n_sources": 3,
        "n_matched": 0,
        "n_fit": 0,
        "fitgeometry": "general",
        "reference": "b_flc",
        "detail": "no peak",
        "cure": "set object_matching.searchrad: 15",
    }
    assert bench.outcomes() == []
    assert bench.outdir
    (bench.outdir / "fits").mkdir(parents=True)
    write_json(bench.outdir / "fits" / "a_flc.json", {**record, "changes": changes})
    summary = build_summary([record], version="0", recipe_digest="", reference="b_flc")
    write_summary(bench.outdir / "summary.ecsv", summary)
    assert [outcome.changes for outcome in bench.outcomes()] == [changes]
    said = bench.try_cure("a_flc")
    assert said == (
        "imagefindpars.threshold: 4.5, object_matching.searchrad: 15 for a_flc; run to try it"
    )
    assert bench.desk.recipe
    assert bench.desk.recipe.values["images"] == {"a_flc": changes}
    assert bench.desk.text.startswith(TEXT)
    assert bench.desk.path.read_text() == TEXT
    with pytest.raises(RecipeError, match="there is nothing to try"):
        bench.try_cure("b_flc")


def test_what_another_program_writes_is_taken_unless_something_is_not_saved(bench: Bench) -> None:
    bench.desk.path.write_text(TEXT + "clean: true\n")
    bench.watch()
    assert field(bench.desk, "clean").text == "true"
    bench.desk.set_value(("verbose",), "true")
    bench.desk.path.write_text(TEXT)
    bench.watch()
    assert field(bench.desk, "verbose").text == "true"
    assert "reload takes that" in bench.message


def test_without_interactive_there_is_nothing_to_decide(bench: Bench) -> None:
    with pytest.raises(RecipeError, match="set interactive: true"):
        bench.decide({"a_flc": Decision.ACCEPT})


@pytest.mark.workflow
def test_a_run_is_stopped_as_by_an_interrupt(tiny_exposures: Scene, tmp_path: Path) -> None:
    bench = Bench(Desk(copy_tiny(tiny_exposures, tmp_path / "p", number=2)))
    bench.start("run")
    while bench.is_busy and not (bench.command and bench.command.done):
        time.sleep(0.02)
    bench.stop()
    assert bench.command
    assert bench.command.wait() == 130
    assert bench.settle()
    assert bench.message == "run: stopped; run again to go on from here"
    assert 0 < bench.command.done < bench.command.total


def test_without_panel_the_command_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tweakreg_steps.cli.gui.find_spec", lambda _: None)
    assert main(["gui", str(desk.path)]) == 2
    assert "pip install 'tweakreg-steps[gui]'" in capsys.readouterr().err


def test_a_command_is_followed_to_its_end(bench: Bench) -> None:
    bench.start("plan")
    assert bench.is_busy
    with pytest.raises(RecipeError, match="a command is running"):
        bench.start("run")
    while bench.is_busy:
        time.sleep(0.05)
    assert bench.settle()
    assert bench.message.startswith("plan: refused: ")
    assert "a_flc.fits" in bench.message
    assert bench.command is not None
    assert any("a_flc.fits" in line for line in bench.command.lines)
    assert bench.planned is None
