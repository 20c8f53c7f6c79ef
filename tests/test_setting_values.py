"""Values are set in the text of a recipe, and every comment stays."""

from __future__ import annotations

import pytest
import yaml

from tweakreg_steps.editing.setting_values import set_values
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.recipes.merging import merge

CHANGES = {
    "images": {
        "a": {"object_matching": {"searchrad": 15.0}},
        "b c": {"imagefindpars": {"threshold": 4.5}},
    }
}


COMMENTED = """\
# top
input: x  # it
images:
  # first
  a:
    object_matching:  # om
      searchrad: 3.0  # why
      minobj: 4
  # tail

outdir: y
"""


@pytest.mark.parametrize(
    "text",
    [
        "input: x",
        COMMENTED,
        "images: {a: {object_matching: {minobj: 3}}}  # one line\ninput: x\n",
        "input: x\nimages:\n# end",
        "images: null # none yet\ninput: x\n",
        "images: {}\ninput: x\n",
        'input: x\nimages:\n  "a": {object_matching: {minobj: 3}} # k\n',
        "images:\n  a:\n    imagefindpars: {threshold: 2}\n\n# then\ninput: x",
    ],
)
def test_values_are_set_and_comments_stay(text: str) -> None:
    after = set_values(text, CHANGES, name="r.yaml")
    assert yaml.safe_load(after) == merge(yaml.safe_load(text), CHANGES)
    comments = [line[line.index("#") :] for line in text.splitlines() if "#" in line]
    assert all(comment in after for comment in comments)


def test_what_cannot_be_set_is_refused() -> None:
    text = "input: x\nother: &o {a: {object_matching: {minobj: 3}}}\nimages: *o\n"
    with pytest.raises(RecipeError, match=r"r\.yaml: is written in a way"):
        set_values(text, CHANGES, name="r.yaml")
