"""The complete recipe that stands beside the results."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_workplan import image

from tweakreg_steps.planning.resolved_recipe import resolved_text
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.recipes.yaml_source import parse_yaml
from tweakreg_steps.surveying.findings import Findings


@pytest.mark.parametrize("text", ["1e3", "no", "012", "1:30", "null"])
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    given = {"input": "a.fits", "headerlet_creation": {"headerlet": True, "author": text}}
    recipe = complete(given, source=None, file=Path("/data/recipe.yaml"))
    resolved = resolved_text(recipe, Findings(images=(image("a"),)))
    read = parse_yaml(resolved, name="resolved").value
    assert read["headerlet_creation"]["author"] == text
