"""The order in which the images make the reference plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Image = TypeVar("Image")


def in_plane_order(images: Sequence[Image], *, name: Callable[[Image], str]) -> list[Image]:
    """Return the first image, which gives scale and orientation, and the others by name.

    They only add their footprints, but sums of floating-point numbers depend on their order in the
    last digit: so the plane does not change when the others are named in another order.

    Parameters
    ----------
    images
        The images in the recipe's order.
    name
        Returns the name of one.
    """
    first, *others = images
    return [first, *sorted(others, key=name)]
