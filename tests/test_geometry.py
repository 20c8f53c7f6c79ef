"""Decomposition of matrices made from known angles and scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tweakreg_steps.matching.geometry import decompose, wrap_degrees

ANGLES = st.floats(-179.9, 179.9)
SCALES = st.floats(0.5, 2.0)


@given(x=ANGLES, skew=st.floats(-30, 30), scale_x=SCALES, scale_y=SCALES)
def test_angles_and_scales_of_the_axes_are_recovered(
    x: float, skew: float, scale_x: float, scale_y: float
) -> None:
    rx, ry = np.radians([x, x + skew])
    matrix = np.array(
        [
            [scale_x * np.cos(rx), scale_y * np.sin(ry)],
            [-scale_x * np.sin(rx), scale_y * np.cos(ry)],
        ]
    )
    found = decompose(matrix)
    assert [found.scale_x, found.scale_y] == pytest.approx([scale_x, scale_y])
    assert found.scale == pytest.approx(np.sqrt(scale_x * scale_y * np.cos(ry - rx)))
    assert found.skew == pytest.approx(skew, abs=1e-9)
    for angle, true in ((found.rotation_x, x), (found.rotation, x + skew / 2)):
        assert wrap_degrees(angle - true) == pytest.approx(0, abs=1e-9)
        assert -180 <= angle <= 180


def test_the_identity_has_no_minus_zero() -> None:
    found = decompose(np.eye(2))
    assert str([found.rotation, found.rotation_x, found.rotation_y, found.skew]).count("-") == 0
    assert (found.scale, found.scale_x, found.scale_y) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("angle", "wrapped"), [(359.9999, -0.0001), (-180, 180), (540, 180)])
def test_angles_are_within_180_degrees(angle: float, wrapped: float) -> None:
    assert wrap_degrees(angle) == pytest.approx(wrapped, abs=1e-9)
