"""A recipe from a stranger ends with one message, soon, and without a trace."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError, RecipeError
from tweakreg_steps.fits_files.image_name import split_selection
from tweakreg_steps.recipes.inputs import expand_inputs, split_entry
from tweakreg_steps.recipes.recipe import complete, load_recipe
from tweakreg_steps.yaml_source import parse_yaml

Make = Callable[[Path], str]
"""Returns the text of a recipe; may put files beside it."""


def laughs(levels: int = 30, opening: str = "[", closing: str = "]") -> str:
    """Return anchors each of which names the one before ten times."""
    lines = ["a0: &a0 [x]" if opening == "[" else "a0: &a0 {x: 1}"]
    for level in range(1, levels):
        content = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} {opening}{content}{closing}")
    return "\n".join([*lines, "input: x.fits"])


def chain(folder: Path) -> str:
    """Write 1,500 recipes that extend each other."""
    for number in range(1500):
        (folder / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    (folder / "1500.yaml").write_text("input: x.fits\n")
    return "extends: 0.yaml"


def tree(folder: Path) -> str:
    """Write recipes each of which extends the next one twice."""
    for number in range(25):
        base = f"{number + 1}.yaml"
        (folder / f"{number}.yaml").write_text(f"extends: [{base}, {base}]\n")
    (folder / "25.yaml").write_text("input: x.fits\n")
    return "extends: 0.yaml"


def pipe(text: str) -> Make:
    """Return the function that puts a pipe beside a recipe, at which nobody writes."""

    def make(folder: Path) -> str:
        os.mkfifo(folder / "pipe")
        return text

    return make


def beside(name: str, content: str, text: str) -> Make:
    """Return the function that puts a file beside a recipe."""

    def make(folder: Path) -> str:
        (folder / name).write_text(content)
        return text

    return make


def plain(text: str) -> Make:
    """Return the function that returns a text."""
    return lambda _: text


BOMBS: dict[str, tuple[Make, str]] = {
    "aliases": (plain(laughs()), "holds more than"),
    "merged aliases": (plain(laughs(30, "{<<: [", "]}")), "holds more than"),
    "an anchor in itself": (plain("input: &a [*a]"), r"\*a stands inside of what it names"),
    "a merge of itself": (plain("input: x\nimages: &a {<<: *a}"), "inside of what it names"),
    "2,000 brackets": (plain("input: " + "[" * 2000), "nest"),
    "30 brackets": (plain("input: " + "[" * 30), "nested more than 20 times"),
    "2,000 braces": (plain("input: " + "{a: " * 2000), "nested more than 20 times"),
    "2,000 dashes": (plain("input:\n  " + "- " * 2000 + "a"), "nested more than 20 times"),
    "2,000 indents": (
        plain("\n".join(" " * n + "a:" for n in range(2000))),
        "nested more than 20 times",
    ),
    "5,000 digits": (plain(f"input: x\nverbose: {'9' * 5000}"), "is no integer"),
    "5,000 hex digits": (plain(f"input: x\nverbose: 0x{'9' * 5000}"), "is no integer"),
    "400 digits": (plain(f"imagefindpars: {{threshold: {'9' * 400}}}"), "is no integer"),
    "1e999": (plain("input: x\nimagefindpars: {threshold: 1e999}"), "is not a finite number"),
    "!!int": (plain("input: !!int abc"), "'abc' is no integer"),
    "!!float": (plain("input: !!float abc"), "'abc' is no number"),
    "!!bool": (plain("verbose: !!bool abc"), "'abc' is neither true nor false"),
    "!!binary": (plain("input: !!binary aGk="), "could not determine a constructor"),
    "!!set": (plain("input: !!set {a}"), "could not determine a constructor"),
    "!!timestamp": (plain("input: !!timestamp 2001-01-01"), "could not determine a constructor"),
    "!!python": (plain("input: !!python/object/apply:os.system [ls]"), "could not determine"),
    "a NUL": (plain('input: "a\\0b"'), "input: holds a NUL"),
    "a raw NUL": (plain("input: a\0b"), "not valid YAML"),
    "an escape": (plain('outdir: "\\e]0;x\\a"\ninput: x'), "outdir: holds an escape"),
    "a C1 control": (plain('input: "a\\x9bb"'), "input: holds "),
    "turned writing": (plain('input: "a\\u202eb"'), "input: holds right-to-left override"),
    "half a character": (plain('input: "a\\ud800b"'), "not valid YAML"),
    "a line break": (plain("input: >\n  x.fits\n"), "begin it with >-"),
    "a control character in a key": (plain('input: x\nimages: {"a\\tb": {}}'), "holds a tab"),
    "in a list": (plain('input: ["a\\x7fb"]'), "input.0: holds"),
    "a number as a key": (plain("input: x\n1: 2"), "'1' is a name, but no text; quote it"),
    "nothing as a key": (plain("input: x\n~: 2"), "is a name, but no text"),
    "a list as a key": (plain("input: x\n? [a, b]\n: 2"), "this is a name, but no text"),
    "a truth value as a key": (plain("images: {true: {}}"), "'true' is a name, but no text"),
    "20,000 unknown keys": (
        plain("\n".join(f"key{n}: {n}" for n in range(20_000))),
        "and 19901 more problems",
    ),
    "a long unknown key": (plain(f"input: x\n{'k' * 900}: 1"), "is not a known key"),
    "5,000 images": (
        plain(
            "input: x\nimages:\n"
            + "\n".join(f"  i{n}: {{imagefindpars: {{threshold: -1}}}}" for n in range(5000))
        ),
        "and .* more problems",
    ),
    "a list of 50,000": (plain("verbose: [" + "1, " * 50_000 + "1]"), r"verbose: .*\.\.\. is not"),
    "a million values": (plain("verbose: [" + "1," * 1_000_000 + "1]"), "holds more than"),
    "8 MiB": (plain("# " + "x" * (8 << 20)), "larger than 4 MiB"),
    "extends a pipe": (pipe("extends: pipe"), "pipe: cannot be read .*pipe or a device"),
    "extends a device": (plain("extends: /dev/zero"), "zero: cannot be read .*pipe or a device"),
    "extends a folder": (plain("extends: /tmp"), "tmp: cannot be read"),
    "extends 1,500": (chain, "a chain of more than 30 files"),
    "extends a tree": (tree, "more than 100 files lie under it"),
    "extends itself": (plain("extends: recipe.yaml"), "recipe.yaml extends recipe.yaml"),
    "extends a list": (beside("b.yaml", "- input", "extends: b.yaml"), "b.yaml is no mapping"),
    "extends a text": (beside("b.yaml", "input", "extends: b.yaml"), "b.yaml is no mapping"),
    "extends nothing": (beside("b.yaml", "", "extends: b.yaml"), "b.yaml is no mapping"),
    "extends NUL": (plain('extends: "a\\0b"'), "extends: .* is not allowed"),
    "a list that is a pipe": (pipe('input: "@pipe"'), "the list cannot be read .*pipe or a device"),
    "a list that is a device": (plain('input: "@/dev/zero"'), "the list cannot be read"),
    "a list with an escape": (
        beside("l", "a.fits\n\x1b]0;x\x07.fits\n", 'input: "@l"'),
        "l, line 2: holds an escape",
    ),
    "brackets in the input": (
        plain(f"input: '{'[' * 50_000},{',[' * 20_000}'"),
        "no file has so long a name",
    ),
    "dots in the input": (plain(f"input: '{'.a' * 50_000}['"), "no file has so long a name"),
    "a hidden log": (plain("input: x\nrunfile: .bashrc"), "runfile: '.bashrc' is not allowed"),
    "an option as a name": (plain("input: x\nrunfile: -rf"), "runfile: '-rf' is not allowed"),
    "a log in a folder": (plain("input: x\nrunfile: ../x"), "runfile: '../x' is not allowed"),
    "two dots": (plain("input: x\nrunfile: a..b"), "runfile: 'a..b' is not allowed"),
    "a long name": (plain(f"input: x\nrunfile: {'x' * 300}"), "runfile: 'x.*is not allowed"),
    "braces": (
        plain("input: x\nshiftfile_output: {outshifts: 'a{b}'}"),
        "outshifts: 'a{b}' is not allowed",
    ),
    "a line break in a name": (
        plain('input: x\nshiftfile_output: {outwcs: "a\\nb.fits"}'),
        "outwcs: holds a line break",
    ),
    "a hidden headerlet": (
        plain("input: x\nheaderlet_creation: {hdrfile: .x}"),
        "hdrfile: '.x' is not allowed",
    ),
    "the name of a product": (
        plain("input: x\nshiftfile_output: {outshifts: Manifest.json}"),
        "outshifts: 'Manifest.json' is the name of another product",
    ),
    "the name of a folder": (
        plain("input: x\nshiftfile_output: {outwcs: catalogs}"),
        "outwcs: 'catalogs' is the name of another product or folder",
    ),
    "a line break in an option of SExtractor": (
        plain(
            "input: x\nimagefindpars: {finder: sextractor, sextractor: "
            '{BACK_TYPE: "AUTO\\nCATALOG_NAME /tmp/x"}}'
        ),
        "BACK_TYPE: holds a line break",
    ),
}


_SOON = 4.0
"""Seconds of CPU time, of which a busy machine takes twice as many for the same."""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_bomb_ends_soon_with_one_message(
    tmp_path: Path, name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, expected = BOMBS[name]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(make(tmp_path).encode())
    before = sorted(tmp_path.iterdir())
    began = time.process_time()
    assert main([command, str(recipe)]) == 2
    assert time.process_time() - began < _SOON
    said = capsys.readouterr().err
    assert said.startswith("tweakreg: ")
    assert re.search(expected, said), said[:2000]
    assert "Traceback" not in said
    assert len(said) < 200_000
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said)
    left = [path for path in tmp_path.iterdir() if path.name != "results"]
    assert sorted(left) == before


@pytest.mark.parametrize("content", [b"\xff\xfe", b"input: \xc3", b""])
def test_a_recipe_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(RecipeError):
        load_recipe(tmp_path / "r.yaml")


def test_a_recipe_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.yaml")
    with pytest.raises(RecipeError, match="pipe or a device"):
        load_recipe(tmp_path / "r.yaml")


def test_honest_anchors_and_merges_still_work() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n"
    value = parse_yaml(text, name="x").value
    assert value["b"] == {"x": 1, "y": 3}
    assert value["c"] == [{"x": 1, "y": 2}] * 2


@pytest.mark.parametrize("name", ["shifts.txt", "my shifts (1)", "é.txt", "a", "x_1.2+b=c@d%e,f-g"])
def test_ordinary_names_of_files_are_allowed(name: str) -> None:
    values = {"input": "x", "shiftfile_output": {"outshifts": name}}
    if "(" in name:
        with pytest.raises(RecipeError, match="a plain file name"):
            complete(values, source=None, file=Path("r.yaml"))
    else:
        complete(values, source=None, file=Path("r.yaml"))


@pytest.mark.parametrize(
    ("entry", "items"),
    [
        ("a.fits,b.fits", ["a.fits", "b.fits"]),
        ("a.fits[sci,1], b.fits", ["a.fits[sci,1]", "b.fits"]),
        (" , a,,", ["a"]),
        ("a[sci,1],b[1,c", ["a[sci,1]", "b[1", "c"]),
    ],
)
def test_commas_inside_brackets_do_not_split(entry: str, items: list[str]) -> None:
    assert list(split_entry(entry)) == items


@pytest.mark.parametrize("character", [",", "[", "]", ".", ".a[", "],", "a,["])
def test_long_lines_of_inputs_are_read_in_linear_time(character: str) -> None:
    began = time.process_time()
    line = character * 100_000
    items = list(split_entry(line))
    for item in items[:2]:
        split_selection(item)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("name", ["a\nb.fits", "a\x1b[2J.fits", "a\u202eb.fits", "a\udcff.fits"])
def test_a_control_character_in_the_name_of_an_exposure(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="which cannot stand in the names of the products"):
        expand_inputs("*.fits", base=tmp_path)
