"""From heights to objects, and from boxes to centres, on a few numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tweakreg_steps.finding.daofind_kernel import fit_heights, make_kernel
from tweakreg_steps.finding.daofind_measure import Stars, measure_stars
from tweakreg_steps.finding.daofind_objects import Objects, find_objects, joint_centres

KERNEL = make_kernel(conv_width=3.5, nsigma=1.5, ratio=1.0, theta=0.0)


def ridge(values: ArrayLike) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Heights of zero but along a row, four pixels off all edges."""
    along = np.asarray(values, dtype=np.float32)
    heights = np.zeros((9, along.size + 8), dtype=np.float32)
    heights[4, 4:-4] = along
    return heights


def objects_of(values: ArrayLike) -> Objects:
    return find_objects(ridge(values), threshold_level=1.0)


@pytest.mark.parametrize(("saddle", "number"), [(3.9, 2), (4.0, 1), (7.0, 1), (0.5, 2)])
def test_maxima_are_one_over_a_saddle_of_half_the_lower(saddle: float, number: int) -> None:
    assert len(objects_of([2, 10, saddle, 8, 2])) == number


def test_saddles_are_compared_with_the_lower_group() -> None:
    # 6 joins 9 over 4; the valley of 4 between 9 and 20 is then below half of 9
    assert objects_of([6, 4, 9, 4, 20]).peak_column.tolist() == [6, 8]


def test_plateau_is_one_object_at_its_middle() -> None:
    plateau = objects_of([5, 5, 5, 5, 5])
    assert (plateau.row.tolist(), plateau.column.tolist()) == ([4.0], [6.0])


def test_object_has_centroid_and_extent_of_its_pixels() -> None:
    one = objects_of([1, 2, 6, 1])  # 1 is not above the threshold
    assert (one.left.tolist(), one.right.tolist()) == ([5], [6])
    assert (one.top.tolist(), one.bottom.tolist()) == ([4], [4])
    assert one.column == pytest.approx([(5 * 2 + 6 * 6) / 8])


def test_large_object_is_at_its_highest_maximum() -> None:
    values = np.full(60, 5.0)
    values[50] = 6.0
    large = objects_of(values)
    assert (large.column.tolist(), large.large.tolist()) == ([54.0], [True])


@pytest.mark.parametrize(
    ("masked", "column"), [((), (4 * 6 + 7 * 3 + 10 * 9) / 18), ((10,), (4 * 6 + 7 * 3) / 9)]
)
def test_joint_centre_is_that_of_all_good_pixels_in_the_window(
    masked: tuple[int, ...], column: float
) -> None:
    heights = ridge([6, 0, 0, 3, 0, 0, 9])
    good = np.ones(heights.shape, dtype=bool)
    good[4, list(masked)] = False
    middle = find_objects(heights, threshold_level=1.0)[np.array([False, True, False])]
    wide = make_kernel(conv_width=6.0, nsigma=1.5, ratio=1.0, theta=0.0)
    centre = joint_centres(heights, good, middle, wide, threshold_level=1.0)
    assert np.ravel(centre) == pytest.approx([4.0, column])


def measured(box: ArrayLike) -> Stars:
    """Measure one source in the middle of a box, a constant around it."""
    image = np.pad(np.asarray(box, dtype=float), 6, mode="edge")
    middle = np.array([image.shape[0] // 2])
    return measure_stars(image, middle, middle, KERNEL)


@pytest.mark.parametrize("sky", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("side", [0, 4])
def test_shift_out_of_the_box_goes_to_the_side_of_the_light(
    sky: float, axis: int, side: int
) -> None:
    box = np.full((5, 5), sky)
    box[2, 2] += 2.0
    box[:, side] += 1.0
    star = measured(box if axis else box.T)
    shift = (star.x if axis else star.y)[0] - (8.0 + 1.0)
    assert 0.0 < shift * np.sign(side - 2.0) <= 2.0


def test_centre_of_a_gaussian_is_measured() -> None:
    offset = np.arange(-2.0, 3.0)
    along_x, along_y = (
        np.exp(-0.5 * ((offset - centre) / KERNEL.sigma_x) ** 2) for centre in (0.1, -0.2)
    )
    star = measured(7.0 * np.outer(along_y, along_x) + 100.0)
    assert star.x - 9.0 == pytest.approx([0.1], abs=0.01)
    assert star.y - 9.0 == pytest.approx([-0.2], abs=0.01)


@pytest.mark.parametrize(("conv_width", "ratio", "theta"), [(3.5, 1.0, 0.0), (6.0, 0.5, 30.0)])
def test_error_is_the_change_of_the_centre_with_each_pixel(
    conv_width: float, ratio: float, theta: float
) -> None:
    kernel = make_kernel(conv_width=conv_width, nsigma=1.5, ratio=ratio, theta=theta)
    shape = kernel.gaussian.shape
    image = np.pad(500.0 * kernel.gaussian, 12) + 20.0
    row, column = (np.array([12 + size // 2]) for size in shape)
    star = measure_stars(image, row, column, kernel)
    squares = 0.0
    for y, x in np.ndindex(shape):
        image[12 + y, 12 + x] += 1e-3
        other = measure_stars(image, row, column, kernel)
        squares += ((other.x - star.x)[0] / 1e-3) ** 2 + ((other.y - star.y)[0] / 1e-3) ** 2
        image[12 + y, 12 + x] -= 1e-3
    assert star.noise_response[0] == pytest.approx(np.sqrt(0.5 * squares), rel=1e-3)


def test_pedestal_costs_no_precision() -> None:
    image = np.random.default_rng(1).normal(0.0, 1.0, (40, 50))
    assert fit_heights(image + 1.0e7, KERNEL) == pytest.approx(fit_heights(image, KERNEL), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_areas_of_equal_height_are_one_object_each(seed: int) -> None:
    from scipy.ndimage import label

    level = np.zeros((40, 50), dtype=np.float32)
    level[1:-1, 1:-1] = 5.0 * (np.random.default_rng(seed).random((38, 48)) < 0.3)
    number = label(level > 1.0, np.ones((3, 3)))[1]
    assert len(find_objects(level, threshold_level=1.0)) == number
