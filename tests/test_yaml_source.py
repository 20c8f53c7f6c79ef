"""Reading YAML with lines and with the numbers of YAML 1.2."""

from __future__ import annotations

import pytest

from tweakreg_steps.errors import RecipeError
from tweakreg_steps.yaml_source import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("+.5", 0.5),
        ("3.", 3.0),
        ("012", 12),
        ("0x10", 16),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("2026-11-23", "2026-11-23"),
        ("~", None),
        ("''", ""),
    ],
)
def test_scalars_are_read_as_yaml_12(text: str, value: object) -> None:
    read = parse_yaml(f"key: {text}", name="x").value["key"]
    assert (read, type(read)) == (value, type(value))


def test_lines_of_keys_and_items_are_known() -> None:
    source = parse_yaml("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y\n", name="x")
    assert source.lines[("b", "c")] == 3
    assert source.lines[("b", "d", 1)] == 6


def test_a_key_given_twice_is_found() -> None:
    assert parse_yaml("a: 1\nb: 2\na: 3\n", name="x").duplicates == ((("a",), 3),)


def test_an_error_names_file_and_line() -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:3:\d+: not valid YAML"):
        parse_yaml("a: 1\nb: [1, 2\n", name="r.yaml")
