"""A frame is a frame: images in FK5, FK4 and Galactic coordinates against a list in ICRS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_skycoord

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.digests import digest_exposure

SHAPE = (240, 240)
SCALE = 0.05 / 3600.0  # deg a pixel
FRAMES: dict[str, dict[str, Any]] = {
    "fk5": {"RADESYS": "FK5", "EQUINOX": 2000.0},
    "fk4": {"RADESYS": "FK4", "EQUINOX": 1950.0},
    "epoch": {"EQUINOX": 1975.0},
    "galactic": {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "icrs": {"RADESYS": "ICRS"},
}
STARS = SkyCoord(
    150.1 + np.random.default_rng(1).uniform(-5.0, 5.0, 60) / 3600.0,
    2.2 + np.random.default_rng(2).uniform(-5.0, 5.0, 60) / 3600.0,
    unit="deg",
)


def header_in(cards: dict[str, Any]) -> fits.Header:
    """Make a header on the field in another frame, y towards its north."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "NAXIS": 2} | cards)
    header.update(CRPIX1=120.5, CRPIX2=120.5, CD1_1=-SCALE, CD2_2=SCALE, CD1_2=0.0, CD2_1=0.0)
    header.update(CRVAL1=0.0, CRVAL2=0.0)
    frame = pixel_to_skycoord(0, 0, WCS(header)).frame.replicate_without_data()
    center = SkyCoord(150.1, 2.2, unit="deg").transform_to(frame).spherical
    header.update(CRVAL1=center.lon.deg, CRVAL2=center.lat.deg)
    return header


def pixels_of(header: fits.Header) -> tuple[FloatArray, FloatArray]:
    """Return where the stars are, 0-based."""
    wcs = WCS(header)
    own = STARS.transform_to(pixel_to_skycoord(0, 0, wcs).frame).spherical
    x, y = wcs.all_world2pix(own.lon.deg, own.lat.deg, 0)
    return x, y


def paint(path: Path, cards: dict[str, Any], seed: int) -> None:
    """Paint the stars where they are, and move the header by some pixels."""
    header = header_in(cards)
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = rng.normal(10.0, 2.0, SHAPE)
    for x, y in zip(*pixels_of(header), strict=True):
        image += 3000.0 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2.0)
    header["CRPIX1"] += 4.3
    header["CRPIX2"] -= 3.7
    fits.PrimaryHDU(image.astype(np.float32), header).writeto(path)


def test_images_in_any_frame_are_aligned_with_a_list_in_icrs(tmp_path: Path) -> None:
    for seed, (name, cards) in enumerate(FRAMES.items()):
        paint(tmp_path / f"{name}.fits", cards, seed)
    Table({"ra": STARS.ra.deg, "dec": STARS.dec.deg}).write(tmp_path / "list.ecsv")
    recipe = {
        "input": [f"{name}.fits" for name in FRAMES],
        "outdir": "out",
        "imagefindpars": {"threshold": 20.0, "conv_width": 2.4},
        "reference_catalog": {"refcat": "list.ecsv"},
        "object_matching": {"see2dplot": False},
        "catalog_fitting": {"fitgeometry": "rscale", "residplot": "No plot"},
        "update_header": {"updatehdr": True},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["run", str(tmp_path / "recipe.yaml"), "-j", "2"]) == 0
    for name, cards in FRAMES.items():
        header = fits.getheader(tmp_path / "out" / "aligned" / f"{name}.fits")
        assert {key: header.get(key) for key in cards} == cards
        x, y = pixels_of(header_in(cards))
        found = pixel_to_skycoord(x, y, WCS(header)).icrs
        assert np.median(found.separation(STARS).mas) < 2.0


@pytest.mark.parametrize("cards", [{"RADESYS": "GAPPT"}, {"CTYPE1": "ELON-TAN"}])
def test_a_frame_that_is_not_known_is_refused_before_any_job(
    tmp_path: Path, cards: dict[str, Any]
) -> None:
    header = header_in({"RADESYS": "ICRS"})
    header.update(cards)
    if "CTYPE1" in cards:
        header["CTYPE2"] = "ELAT-TAN"
    fits.PrimaryHDU(np.zeros(SHAPE, np.float32), header).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"a\.fits: PRIMARY: the frame of its WCS is not known"):
        digest_exposure(tmp_path / "a.fits", None)
