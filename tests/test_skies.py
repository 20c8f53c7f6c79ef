"""The scenes that other tests rest on are what they say."""

from pathlib import Path

import numpy as np
import pytest
import skies
from astropy.io import fits


def test_uvis_headers_are_off_by_the_error(tmp_path: Path) -> None:
    scene = skies.small_uvis_scene(tmp_path, number=2)
    first, second = (skies.rms_to_truth(path, scene) for path in scene.paths)
    assert first < 1e-5
    assert second == pytest.approx(300.0, abs=40.0)


def test_uvis_stars_are_where_the_truth_has_them(tmp_path: Path) -> None:
    scene = skies.small_uvis_scene(tmp_path, number=1, cosmic_ray_number=0, hot_pixel_number=0)
    chip = scene.exposures[0].chips[1]
    pixels = fits.getdata(scene.paths[0], ("SCI", 2)) - skies.SKY
    bright = np.argsort(scene.flux[chip.star])[-5:]
    box = np.arange(-3, 4)
    for x, y in zip(chip.x[bright], chip.y[bright], strict=True):
        stamp = pixels[round(y) - 1 + box[:, None], round(x) - 1 + box]
        assert (stamp.sum(axis=0) * box).sum() / stamp.sum() + round(x) == pytest.approx(x, abs=0.1)
        assert (stamp.sum(axis=1) * box).sum() / stamp.sum() + round(y) == pytest.approx(y, abs=0.1)


def test_defects_are_flagged_on_request(tmp_path: Path) -> None:
    scene = skies.small_uvis_scene(tmp_path, number=1, flag_defects=True)
    quality = fits.getdata(scene.paths[0], ("DQ", 1))
    assert np.count_nonzero(quality & skies.HOT_PIXEL_FLAG) == 100
    assert np.count_nonzero(quality & skies.COSMIC_RAY_FLAG) > 150


def test_copies_of_the_real_exposure_disagree_at_first(tmp_path: Path) -> None:
    paths = skies.hrc_scene(tmp_path)
    assert skies.mutual_rms(paths) == pytest.approx(753.0, abs=1.0)
    assert skies.mutual_rms((paths[0], paths[0])) == 0.0


@pytest.mark.parametrize("projection", ["TAN", "TPV", "ZPN"])
@pytest.mark.parametrize("compressed", [False, True])
def test_ground_based_headers_are_off_by_the_error(
    tmp_path: Path, projection: str, *, compressed: bool
) -> None:
    scene = skies.single_extension_scene(tmp_path, projection=projection, compressed=compressed)
    first, second = (skies.rms_to_truth(path, scene) for path in scene.paths)
    assert first < 1e-4
    assert second == pytest.approx(1000.0, abs=20.0)
