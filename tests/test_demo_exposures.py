"""The demo's exposures have the truth that is written beside them."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tweakreg_steps.demo.demo_exposures import DemoTruth, demo_errors, make_demo
from tweakreg_steps.fits_files.exposure import list_chips
from tweakreg_steps.tables.ecsv import read_table


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoTruth:
    return make_demo(tmp_path_factory.mktemp("demo") / "new", 5)


def test_only_the_first_header_is_exact(demo: DemoTruth) -> None:
    first, *others = demo_errors(demo.paths, demo).values()
    assert first < 1e-4
    assert all(error == pytest.approx(300.0, abs=10.0) for error in others)


def test_exposures_have_two_chips_of_hst(demo: DemoTruth) -> None:
    for path in demo.paths:
        assert [chip.label for chip in list_chips(path, None)] == ["SCI,1", "SCI,2"]
        assert fits.getval(path, "TELESCOP") == "HST"


def test_stwcs_makes_the_output_plane_of_them(demo: DemoTruth) -> None:
    from stwcs.distortion.utils import output_wcs
    from stwcs.wcsutil import HSTWCS

    plane = output_wcs([HSTWCS(str(demo.paths[0]), ext=("SCI", i)) for i in (1, 2)])
    assert plane.pscale == pytest.approx(0.0396, abs=1e-4)
    assert all(1000 < size < 1400 for size in plane.pixel_shape)


def test_stars_are_in_the_pixels_where_the_truth_has_them(demo: DemoTruth) -> None:
    pixels = fits.getdata(demo.paths[2], ("SCI", 2))
    stars = demo.stars
    own = (stars["image"] == "demo3_flc") & (stars["chip"] == 2) & (stars["flux"] > 1e4)
    column, row = (np.rint(stars[axis][own]).astype(int) - 1 for axis in ("x", "y"))
    assert own.sum() > 5
    assert np.all(pixels[row, column] > 0.1 * stars["flux"][own])


def test_truth_is_written_beside_them(demo: DemoTruth) -> None:
    stored = read_table(demo.paths[0].parent / "truth.ecsv")
    for name, column in demo.stars.columns.items():
        np.testing.assert_array_equal(stored[name], column)


def test_defects_are_flagged(demo: DemoTruth) -> None:
    quality = fits.getdata(demo.paths[0], ("DQ", 1))
    assert 0 < np.count_nonzero(quality & 16) < 100
    assert 0 < np.count_nonzero(quality & 4096) < 2000


def test_other_seed_makes_other_exposures(demo: DemoTruth, tmp_path: Path) -> None:
    other = make_demo(tmp_path, 6)
    assert not np.array_equal(other.stars["x"][:5], demo.stars["x"][:5])
