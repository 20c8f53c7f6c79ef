"""Equal values of many exposures are one object, and different ones never are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.surveying.shared_values import SharedValues

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0]), st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


@pytest.mark.slow
@given(st.lists(VALUES))
def test_what_is_given_reads_as_what_was_asked_for(values: list[Any]) -> None:
    shared = SharedValues()
    assert json.dumps([shared.one(value) for value in values]) == json.dumps(values)


@pytest.mark.parametrize("value", ["WFC3", ["A", "B"], {"LTV1": 0.0, "CCDCHIP": 2}])
def test_an_equal_value_is_the_first_one(value: object) -> None:
    shared = SharedValues()
    first = shared.one(json.loads(json.dumps(value)))
    assert shared.one(json.loads(json.dumps(value))) is first
