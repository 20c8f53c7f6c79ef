"""The source finder on small images of which everything is known."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.demo.painting import UVIS_PSF, Psf, paint_stars
from tweakreg_steps.errors import NotAlignedError
from tweakreg_steps.finding import tuning
from tweakreg_steps.finding.daofind import ChipSources, find_sources_on_chip, find_stars
from tweakreg_steps.finding.daofind_kernel import fit_heights, make_kernel
from tweakreg_steps.finding.daofind_measure import Stars
from tweakreg_steps.finding.sky_noise import RealPixels
from tweakreg_steps.recipes.schema import parameters

Image = NDArray[np.float32]

SHAPE = (60, 80)
SKY, NOISE = 30.0, 6.0
SEARCH: dict[str, Any] = {
    parameter.path[-1]: parameter.default
    for parameter in parameters()
    if parameter.path[0] == "imagefindpars"
    and parameter.path[-1] in inspect.signature(find_stars).parameters
}
ROUND_KERNEL = make_kernel(conv_width=3.5, nsigma=1.5, ratio=1.0, theta=0.0)
# a grid with all phases of the pixel, stars 20 px apart
GRID_X, GRID_Y = (a.ravel() for a in np.meshgrid(np.arange(4) * 20.31 + 9.4, [12.2, 29.9, 47.6]))


def paint(
    x: ArrayLike,
    y: ArrayLike,
    flux: ArrayLike = 4000.0,
    *,
    shape: tuple[int, int] = SHAPE,
    psf: Psf = UVIS_PSF,
) -> Image:
    """Stars at FITS positions on a sky without noise."""
    places = np.broadcast_arrays(*(np.atleast_1d(a).astype(np.float64) for a in (x, y, flux)))
    light = paint_stars(shape, x=places[0], y=places[1], flux=places[2], psf=psf)
    return (light + SKY).astype(np.float32)


def noisy(image: Image, seed: int = 5) -> Image:
    rng = np.random.default_rng(seed)
    return (image + rng.normal(0.0, NOISE, image.shape)).astype(np.float32)


def find(
    image: RealPixels,
    level: float = 60.0,
    good: BoolArray | None = None,
    **changes: float | bool | None,
) -> Stars:
    mask = np.ones(image.shape, dtype=bool) if good is None else good
    return find_stars(image, mask, threshold_level=level, **(SEARCH | changes))


def on_chip(image: Image, **changes: float | bool | None) -> ChipSources:
    options: dict[str, Any] = (
        {"counts_per_unit": 1.0, "computesig": True, "skysigma": 0.0, "threshold": 10.0}
        | SEARCH
        | changes
    )
    return find_sources_on_chip(image, np.ones(image.shape, dtype=bool), **options)


def same(one: Stars, other: Stars, tolerance: float = 0.0) -> bool:
    return len(one) == len(other) and all(
        np.allclose(
            getattr(one, name), getattr(other, name), rtol=0.0, atol=tolerance, equal_nan=True
        )
        for name in ("x", "y", "sharpness", "roundness1", "roundness2")
    )


def test_every_star_is_found_at_its_place() -> None:
    stars = find(paint(GRID_X, GRID_Y))
    assert len(stars) == GRID_X.size
    assert np.abs(stars.x - GRID_X).max() < 0.06  # the kernel is wider than the star
    assert np.abs(stars.y - GRID_Y).max() < 0.06


def test_flux_and_peak_are_those_of_the_kernels_box() -> None:
    image = noisy(paint(40.3, 30.2))
    (box,) = [image[27:32, 37:42].astype(float)]
    stars = find(image)
    assert stars.flux == pytest.approx([box.sum()])
    assert stars.peak == pytest.approx([box.max()])


@pytest.mark.parametrize("value", [0.0, 1234.5])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_constant_chip_has_no_sources(value: float, dtype: str) -> None:
    assert len(find(np.full(SHAPE, value, dtype=dtype), level=0.0)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (4, 100), (100, 6)])
def test_chip_smaller_than_the_kernel_has_no_sources(shape: tuple[int, int]) -> None:
    assert len(find(noisy(np.full(shape, np.float32(SKY))), level=0.0)) == 0


@pytest.mark.parametrize(
    ("x", "y", "found"), [(2, 30, 0), (79, 30, 0), (40, 1, 0), (40, 60, 0), (8, 8, 1)]
)
def test_stars_at_the_edge_are_left_out(x: float, y: float, found: int) -> None:
    assert len(find(paint(x, y))) == found


def test_blend_is_split_where_the_kernel_resolves_it() -> None:
    stars = find(paint([30.0, 34.6], [30.0, 31.0], [6000.0, 3000.0]))
    assert np.sort(stars.x) == pytest.approx([30.0, 34.6], abs=0.3)


def test_track_of_a_cosmic_ray_is_one_source() -> None:
    image = np.full(SHAPE, np.float32(SKY))
    for step in range(14):
        image[20 + step // 2, 30 + step] += 900.0 + 300.0 * (step % 3)
    assert len(find(noisy(image))) == 1


@pytest.mark.parametrize("flux", [3.0e4, 1.0e6, 3.0e7])
def test_saturated_star_is_one_source(flux: float) -> None:
    wide = Psf(core_sigma=1.0, wing_sigma=4.0, wing_fraction=0.3, radius=25)
    stars = find(np.minimum(paint(40.0, 30.0, flux, psf=wide), np.float32(3000.0)))
    assert len(stars) == 1
    assert stars.peak == 3000.0
    assert np.hypot(stars.x - 40.0, stars.y - 30.0) < 0.5


def test_border_of_blank_pixels_makes_no_more_sources_than_it_has_corners() -> None:
    image = np.zeros((140, 150), dtype=np.float32)
    image[20:120, 15:135] = noisy(np.full((100, 120), np.float32(10 * SKY)))
    assert len(find(image)) <= 4


def test_source_without_a_kernel_like_peak_is_left_out() -> None:
    columns = np.arange(80.0)
    ramp = np.broadcast_to(columns**2, SHAPE).astype(np.float32)
    assert len(find(ramp, level=1.0)) == 0


def test_masked_star_is_not_found_and_the_others_do_not_change() -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    good = np.ones(SHAPE, dtype=bool)
    good[10:15, 5:15] = False
    others = find(image)[np.arange(1, GRID_X.size)]
    assert same(find(image, good=good), others, tolerance=1e-12)  # sums of another order


def test_masked_hot_pixel_leaves_nothing() -> None:
    image, good = noisy(paint(20.0, 20.0)), np.ones(SHAPE, dtype=bool)
    image[40, 50], good[40, 50] = 5.0e4, False
    assert len(find(image)) == 2
    assert find(image, good=good).x == pytest.approx([20.0], abs=0.2)


def test_pixels_without_data_make_no_sources() -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    holed = image.copy()
    holed[:, 38:42] = np.nan  # a gap between the stars
    holed[48:, 60:] = np.inf  # cuts the last star
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stars = find(holed)
    assert same(stars, find(image)[np.arange(GRID_X.size - 1)], tolerance=1e-5)


def test_star_with_a_dead_core_is_no_ring_of_sources() -> None:
    image = paint([40.0, 20.0], 30.0, 3.0e5)
    image[28:31, 38:41] = np.nan
    stars = find(image)
    assert stars.x == pytest.approx([20.0], abs=0.1)


def test_all_pixels_without_data() -> None:
    image = np.full(SHAPE, np.float32(np.nan))
    assert len(find(image)) == 0
    with pytest.raises(NotAlignedError, match="no_pixels"):
        on_chip(image, computesig=False, skysigma=3.0)


@pytest.mark.parametrize("dtype", [">f4", ">f8", "f8"])
def test_byte_order_and_precision_do_not_matter(dtype: str) -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    assert same(find(image.astype(dtype)), find(image))


@pytest.mark.parametrize("constant", [-SKY, 1.0e3, 1.0e5])
def test_a_constant_changes_nothing(constant: float) -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    raised = find(image.astype(float) + constant)
    assert same(raised, find(image), tolerance=1e-4)
    assert raised.peak == pytest.approx(find(image).peak + constant)


def test_a_factor_scales_the_fluxes() -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    scaled = find(image * np.float32(7.0), level=420.0)
    assert same(scaled, find(image), tolerance=1e-4)
    assert scaled.flux == pytest.approx(7.0 * find(image).flux, rel=1e-5)


def test_threshold_is_the_height_of_a_gaussian() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    sigma = 3.5 / 2.3548200
    image = 50.0 * np.exp(-((x - 40.0) ** 2 + (y - 30.0) ** 2) / (2.0 * sigma**2)) + SKY
    assert len(find(image, level=49.9)) == 1
    assert len(find(image, level=50.1)) == 0


@pytest.mark.parametrize("theta", [0.0, 30.0, 90.0, 145.0])
def test_kernel_is_long_along_theta(theta: float) -> None:
    angle = np.radians(theta)
    step = np.linspace(-5.0, 5.0, 21)
    image = paint(40.0 + step * np.cos(angle), 30.0 + step * np.sin(angle), 500.0)
    kernels = [
        make_kernel(conv_width=10.0, nsigma=2.0, ratio=0.3, theta=theta + turn)
        for turn in (0.0, 45.0, 90.0)
    ]
    signals = [
        fit_heights(image, kernel)[29, 39] / np.sqrt((kernel.weights**2).sum())
        for kernel in kernels
    ]
    assert signals[0] > signals[1] > signals[2]


@pytest.mark.parametrize(
    ("conv_width", "nsigma", "ratio", "theta", "shape"),
    [
        (3.5, 1.5, 1.0, 0.0, (5, 5)),
        (2.0, 1.5, 1.0, 0.0, (5, 5)),
        (6.0, 1.5, 1.0, 0.0, (7, 7)),
        (6.0, 2.0, 0.5, 0.0, (5, 11)),
        (6.0, 2.0, 0.5, 90.0, (11, 5)),
        (9.0, 1.5, 0.5, 45.0, (9, 9)),
    ],
)
def test_kernel_has_the_size_that_iraf_gives_it(
    conv_width: float, nsigma: float, ratio: float, theta: float, shape: tuple[int, int]
) -> None:
    kernel = make_kernel(conv_width=conv_width, nsigma=nsigma, ratio=ratio, theta=theta)
    assert kernel.weights.shape == shape
    assert kernel.weights.sum() == pytest.approx(0.0, abs=1e-12)
    assert (kernel.weights * kernel.gaussian).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("strip", [1 << 16, 300])
def test_heights_are_the_convolution(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.ndimage import convolve

    monkeypatch.setattr(tuning, "STRIP", strip)
    image = noisy(paint(GRID_X, GRID_Y, 1.0e5))
    kernel = make_kernel(conv_width=4.0, nsigma=2.0, ratio=0.6, theta=20.0)
    expected = convolve(image.astype(float), kernel.weights, mode="reflect")
    assert fit_heights(image, kernel) == pytest.approx(expected, abs=0.01)


def test_height_of_a_star_does_not_depend_on_a_pixel_without_data() -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    sigma = ROUND_KERNEL.sigma_x
    image = 50.0 * np.exp(-((x - 40.0) ** 2 + (y - 30.0) ** 2) / (2.0 * sigma**2)) + SKY
    image[30, 40] = image[31, 41] = np.nan
    assert fit_heights(image, ROUND_KERNEL)[30, 40] == pytest.approx(50.0, rel=1e-4)


def test_measurements_do_not_depend_on_the_size_of_the_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    whole = find(image, level=5.0)
    monkeypatch.setattr(tuning, "PIECE", 7)
    assert len(whole) > 50
    assert same(find(image, level=5.0), whole, tolerance=1e-6)


def test_measurements_are_those_of_photutils() -> None:
    from photutils.detection import DAOStarFinder

    image = noisy(paint(GRID_X, GRID_Y, 2.0e4))
    stars = find(image)
    finder = DAOStarFinder(
        threshold=60.0,
        fwhm=3.5,
        sigma_radius=1.5,
        scale_threshold=False,
        exclude_border=True,
        sharpness_range=None,
        roundness_range=None,
    )
    table = finder(image.astype(float))
    table.sort("y_centroid")
    order = np.argsort(stars.y)
    for ours, theirs in (
        (stars.x - 1.0, "x_centroid"),
        (stars.y - 1.0, "y_centroid"),
        (stars.sharpness, "sharpness"),
        (stars.roundness1, "roundness1"),
        (stars.roundness2, "roundness2"),
    ):
        assert ours[order] == pytest.approx(np.asarray(table[theirs]), abs=2e-5)


def test_saturated_star_passes_the_limits_of_sharpness_and_roundness() -> None:
    wide = Psf(core_sigma=1.0, wing_sigma=4.0, wing_fraction=0.3, radius=25)
    image = np.minimum(paint(40.0, 30.0, 3.0e7, psf=wide), np.float32(3000.0))
    stars = find(image, use_sharp_round=True, sharplo=0.0)
    assert (len(stars), stars.sharpness[0], stars.roundness1[0]) == (1, 0.0, 0.0)


def test_stars_near_an_edge_are_measured_as_on_a_mirrored_image() -> None:
    x, y = [10.4, 75.2, 40.3], [7.2, 30.1, 54.6]
    image = noisy(paint(x, y))
    mirrored = np.pad(image, 9, mode="symmetric")
    edge, whole = find(image), find(mirrored)
    inside = (whole.x > 14) & (whole.x < 85) & (whole.y > 14) & (whole.y < 65)
    assert len(edge) == 3
    for name in ("roundness1", "sharpness"):
        assert getattr(whole, name)[inside] == pytest.approx(getattr(edge, name), abs=1e-6)


def test_sharpness_and_roundness_select_only_when_asked() -> None:
    image = noisy(paint(20.0, 20.0))
    image[40, 50] += 2000.0  # a hot pixel: sharp
    image[40, 20:24] += 1500.0  # a streak along x: roundness2 far below 0
    every = find(image)
    assert len(every) == 3
    assert find(image, use_sharp_round=True).x == pytest.approx([20.0], abs=0.2)
    wide: dict[str, Any] = {"sharplo": -9.0, "sharphi": 9.0, "roundlo": -9.0, "roundhi": 9.0}
    assert same(find(image, use_sharp_round=True, **wide), every)
    assert every.roundness2[np.argmin(np.abs(every.x - 22.5))] < -0.5


@pytest.mark.parametrize("name", ["peak", "flux"])
def test_limits_are_strict(name: str) -> None:
    image = noisy(paint(GRID_X, GRID_Y, np.linspace(3000.0, 9000.0, GRID_X.size)))
    values = np.sort(getattr(find(image), name))
    limits: dict[str, Any] = {f"{name}min": float(values[2]), f"{name}max": float(values[-2])}
    assert np.sort(getattr(find(image, **limits), name)) == pytest.approx(values[3:-2])


def test_zero_is_a_limit() -> None:
    image = paint([20.0, 50.0], 30.0, [2000.0, 9000.0]) - np.float32(5 * SKY)
    assert len(find(image)) == 2
    assert (find(image).flux < 0.0).sum() == 1
    assert len(find(image, fluxmin=0.0)) == 1


def test_sources_come_in_rows() -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    assert np.all(np.diff(np.rint(find(image).y)) >= -1)


def test_computed_noise_scales_the_threshold() -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    found = on_chip(image)
    assert found.above.noise is not None
    assert found.above.noise.method == "mode"
    assert (
        found.above.sigma == found.above.noise.sigma == pytest.approx(np.sqrt(2.0 * SKY), rel=0.1)
    )
    assert found.above.level == 10.0 * found.above.sigma
    assert not found.above.retried
    assert same(found.stars, find(image, level=found.above.level))


def test_no_threshold_is_the_square_of_the_noise() -> None:
    found = on_chip(noisy(paint(GRID_X, GRID_Y)), threshold=None)
    assert found.above.level == found.above.sigma**2


def test_given_noise_is_used() -> None:
    found = on_chip(noisy(paint(GRID_X, GRID_Y)), computesig=False, skysigma=5.0)
    assert (found.above.sigma, found.above.level, found.above.noise) == (5.0, 50.0, None)
    assert len(found.stars) == GRID_X.size


@pytest.mark.parametrize("threshold", [10.0, None])
def test_given_noise_that_finds_nothing_is_measured(threshold: float | None) -> None:
    image = noisy(paint(GRID_X, GRID_Y))
    found = on_chip(image, computesig=False, skysigma=1.0e6, threshold=threshold)
    assert found.above.retried
    assert found.above.noise is not None
    assert same(found.stars, on_chip(image, threshold=threshold).stars)
