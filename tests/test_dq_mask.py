"""Good pixels from DQ flags."""

from __future__ import annotations

import numpy as np
import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.dq_mask import dqbits_problem, good_pixels

FLAGS = (0, 2, 4, 6, 8, 12, 64)


@pytest.mark.parametrize("dtype", ["int16", "uint16", ">i2", "int32"])
@pytest.mark.parametrize(
    ("dqbits", "good"),
    [
        (6, (0, 2, 4, 6)),
        ("6", (0, 2, 4, 6)),
        ("2+4", (0, 2, 4, 6)),
        ("2,4", (0, 2, 4, 6)),
        ("~4,8", (0, 2, 64)),
        ("~(4+8)", (0, 2, 64)),
        (-13, (0, 2, 64)),
        (0, (0,)),
    ],
)
def test_syntax(dqbits: int | str, good: tuple[int, ...], dtype: str) -> None:
    found = good_pixels(np.array(FLAGS, dtype=dtype), dqbits)
    assert found.dtype == bool
    assert tuple(np.array(FLAGS)[found]) == good
    assert dqbits_problem(dqbits) is None


@pytest.mark.parametrize(
    ("dqbits", "message"),
    [
        ("2,6", "not powers of two.*allowed are a number"),
        ("hot", "'hot'.*allowed are a number"),
        ("~", "'~'.*allowed are a number"),
        (True, "True is not a set of flags"),
        (1.5, "1.5 is not a set of flags"),
        ("INDEF", "write null, not 'INDEF'"),
        ("", "write null, not ''"),
    ],
)
def test_what_cannot_be_understood(dqbits: int | str, message: str) -> None:
    assert dqbits_problem(dqbits) is not None
    with pytest.raises(InputError, match=f"dqbits: .*{message}"):
        good_pixels(np.zeros(3, dtype=int), dqbits)


def test_null_is_no_problem() -> None:
    assert dqbits_problem(None) is None


def test_flags_must_be_whole_numbers() -> None:
    with pytest.raises(InputError, match="holds float32, not whole numbers"):
        good_pixels(np.zeros(3, dtype="float32"), 4)
