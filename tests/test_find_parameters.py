"""What each parameter of source finding does to a mask or a catalog, for both sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from product_tables import read_product
from steps import run_steps
from wcs_files import MATRIX, wcs_header

from tweakreg_steps.demo.painting import Psf, paint_stars

SKY, NOISE, FLAG = 100.0, 5.0, 16
STARS = {
    (30.3, 30.6): 900.0,
    (70.2, 32.1): 2500.0,
    (110.5, 30.4): 6000.0,
    (150.1, 33.7): 15000.0,
    (30.8, 80.2): 40000.0,
}
FLAGGED = (71.0, 81.0)
POINT, BLOB, STREAK = (110, 80), (150.0, 80.0), (60.0, 130.0)
"""A single bright pixel, something broad, and something long: none of them a star."""


@dataclass(frozen=True)
class Case:
    """A parameter, what it is changed to, and what must be true of the catalogs then.

    ``beside`` holds for both catalogs.
    """

    name: str
    value: Any
    holds: Callable[[Table, Table], bool]
    beside: dict[str, Any] = field(default_factory=dict)


def near(table: Table, place: tuple[float, float]) -> Table:
    """Return the sources within four pixels of a place."""
    return table[np.hypot(table["x"] - place[0], table["y"] - place[1]) < 4]


def level(table: Table) -> float:
    """Return the height above the local background that the sources exceed."""
    return float(table.meta["chips"][0]["threshold_level"])


def selected(column: str, low: float, high: float) -> Callable[[Table, Table], bool]:
    """Return whether the change leaves the sources between two limits, and no others."""

    def holds(before: Table, after: Table) -> bool:
        kept = (before[column] > low) & (before[column] < high)
        return 0 < len(after) < len(before) and list(after[column]) == list(before[column][kept])

    return holds


def given_noise(before: Table, after: Table) -> bool:
    methods = [table.meta["chips"][0]["sky_sigma_method"] for table in (before, after)]
    return methods[0] != methods[1] == "skysigma" and level(after) == 4 * 80.0


def shapes(_before: Table, after: Table) -> bool:
    names = {"sharpness", "roundness1", "roundness2"} <= set(after.colnames)
    return names and not len(near(after, POINT)) and not len(near(after, STREAK))


ROUND = {"use_sharp_round": True, "sharplo": -9, "sharphi": 9, "roundlo": -9, "roundhi": 9}


def rounder(low: float, high: float) -> Callable[[Table, Table], bool]:
    """Return whether the change leaves the sources with both roundnesses between two limits."""

    def holds(before: Table, after: Table) -> bool:
        both = (before["roundness1"], before["roundness2"])
        kept = np.all([(one >= low) & (one <= high) for one in both], axis=0)
        return 0 < len(after) < len(before) and list(after["x"]) == list(before["x"][kept])

    return holds


CASES = [
    Case("computesig", False, given_noise, {"skysigma": 80.0}),  # noqa: FBT003  the value
    Case(
        "skysigma",
        90.0,
        lambda before, after: level(after) == 360.0 and len(after) < len(before),
        {"computesig": False},
    ),
    Case("conv_width", 7.0, lambda before, after: len(near(after, BLOB)) > len(near(before, BLOB))),
    Case(
        "threshold",
        80.0,
        lambda before, after: len(after) < len(before) and level(after) == 20 * level(before),
    ),
    Case("peakmin", 1500.0, selected("peak", 1500.0, np.inf)),
    Case("peakmax", 1500.0, selected("peak", -np.inf, 1500.0)),
    Case("fluxmin", 5000.0, selected("flux", 5000.0, np.inf)),
    Case("fluxmax", 5000.0, selected("flux", -np.inf, 5000.0)),
    Case(
        "nsigma",
        2.5,
        lambda before, after: bool(
            near(after, (30.8, 80.2))["flux"][0] > near(before, (30.8, 80.2))["flux"][0]
        ),
    ),
    Case("ratio", 0.2, lambda before, after: len(near(after, STREAK)) > len(near(before, STREAK))),
    Case(
        "theta",
        90.0,
        lambda before, after: len(near(before, STREAK)) > len(near(after, STREAK)),
        {"ratio": 0.2},
    ),
    Case(
        "dqbits",
        0,
        lambda before, after: len(near(before, FLAGGED)) == 1 and not len(near(after, FLAGGED)),
    ),
    Case("use_sharp_round", True, shapes),  # noqa: FBT003  the value
    Case("sharplo", 0.5, selected("sharpness", 0.5, np.inf), ROUND),
    Case("sharphi", 0.5, selected("sharpness", -np.inf, 0.5), ROUND),
    Case("roundlo", -0.05, rounder(-0.05, 9), ROUND),
    Case("roundhi", 0.05, rounder(-9, 0.05), ROUND),
]


MAP = {"finder": "segmentation", "background": "map"}


def blob_flux(factor: float) -> Callable[[Table, Table], bool]:
    """Return whether the change leaves less than a part of something broad above the map."""

    def holds(before: Table, after: Table) -> bool:
        fluxes = [near(table, BLOB)["flux"].sum() for table in (before, after)]
        return bool(fluxes[1] < factor * fluxes[0])

    return holds


CASES += [
    Case(
        "finder",
        "segmentation",
        lambda before, after: len(near(before, POINT)) == 1 and not len(near(after, POINT)),
        {"minarea": 40, "threshold": 20.0},
    ),
    Case(
        "background",
        "map",
        lambda before, after: bool(
            near(after, (150.1, 33.7))["peak"][0] < near(before, (150.1, 33.7))["peak"][0] - 80.0
        ),
    ),
    Case("backsize", 20, blob_flux(0.7), MAP | {"backfiltersize": 1}),
    Case("backfiltersize", 1, blob_flux(0.7), MAP | {"backsize": 20}),
    Case(
        "minarea",
        60,
        lambda before, after: 0 < len(after) < len(before) and len(near(after, BLOB)) == 1,
        {"finder": "segmentation"},
    ),
]


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an exposure of a few stars, one of them flagged, and of what is no star.

    It is read only; recipes for it are written beside it.
    """
    shape = (160, 180)
    rng = np.random.default_rng(5)
    star = Psf(core_sigma=1.3, wing_sigma=2.5, wing_fraction=0.1, radius=12)
    x, y = np.array([*STARS, FLAGGED]).T
    light = paint_stars(shape, x=x, y=y, flux=np.array([*STARS.values(), 5000.0]), psf=star)
    broad = Psf(core_sigma=6.0, wing_sigma=8.0, wing_fraction=0.1, radius=30)
    one = {"x": np.array([BLOB[0]]), "y": np.array([BLOB[1]]), "flux": np.array([40000.0])}
    light += paint_stars(shape, **one, psf=broad)
    light[POINT[1] - 1, POINT[0] - 1] += 3000.0
    light[int(STREAK[1]) - 1, int(STREAK[0]) - 8 : int(STREAK[0]) + 7] += 60.0
    pixels = (light + SKY + rng.normal(0.0, NOISE, shape)).astype(np.float32)
    flags = np.zeros(shape, dtype=np.int16)
    flags[int(FLAGGED[1]) - 3 : int(FLAGGED[1]) + 3, int(FLAGGED[0]) - 3 : int(FLAGGED[0]) + 3] = (
        FLAG
    )
    header = wcs_header(**MATRIX)
    for key in ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2"):
        del header[key]
    path = tmp_path_factory.mktemp("tiny") / "tiny_flt.fits"
    science = fits.ImageHDU(pixels, header, name="SCI", ver=1)
    science.header["BUNIT"] = "ELECTRONS"
    quality = fits.ImageHDU(flags, name="DQ", ver=1)
    fits.HDUList([fits.PrimaryHDU(), science, quality]).writeto(path)
    return path


def search(exposure: Path, section: str, find: dict[str, Any]) -> Table:
    """Return the catalog of the exposure, as an input or as the reference image."""
    recipe = {"input": exposure.name, "refimage": exposure.name, "outdir": "out", section: find}
    path = exposure.parent / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    name = "tiny_flt" if section == "imagefindpars" else "tiny_flt_refimage"
    out = run_steps(path, name, ["make_masks", "find_sources"])
    return read_product(out / "catalogs" / f"{name}.fits")


def parametrized() -> list[Any]:
    """Return each case for each section, marked with the parameter that it shows."""
    return [
        pytest.param(
            section,
            case,
            id=f"{section}.{case.name}",
            marks=pytest.mark.effect(f"{section}.{case.name}"),
        )
        for section in ("imagefindpars", "refimagefindpars")
        for case in CASES
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("section", "case"), parametrized())
def test_a_parameter_does_what_it_says(exposure: Path, section: str, case: Case) -> None:
    before = case.beside
    if case.name == "skysigma":
        before = {**before, "skysigma": 20.0}
    elif case.name == "computesig":
        before = {}
    after = {**case.beside, case.name: case.value}
    assert case.holds(*(search(exposure, section, find) for find in (before, after)))


@pytest.mark.slow
@pytest.mark.effect(
    *(
        f"{section}.{name}"
        for section in ("imagefindpars", "refimagefindpars")
        for name in ("deblend_levels", "deblend_contrast")
    )
)
@pytest.mark.parametrize("section", ["imagefindpars", "refimagefindpars"])
@pytest.mark.parametrize("undivided", [{"deblend_levels": 1}, {"deblend_contrast": 1.0}])
def test_deblending_divides_neighbours(
    exposure: Path, tmp_path: Path, section: str, undivided: dict[str, Any]
) -> None:
    copy = tmp_path / exposure.name
    with fits.open(exposure) as hdus:
        pixels = hdus["SCI"].data
        pixels[60:150, 90:170] = SKY
        for shift, height in ((0.0, 1000.0), (8.0, 600.0)):
            y, x = np.mgrid[60:150, 90:170]
            squares = (x - 120.0 - shift) ** 2 + (y - 100.0) ** 2
            pixels[60:150, 90:170] += height * np.exp(-squares / 12.0)
        hdus.writeto(copy)
    find = {"finder": "segmentation"}
    both, one = (search(copy, section, find | change) for change in ({}, undivided))
    assert [len(near(table, (121.0, 101.0))) for table in (both, one)] == [1, 1]
    assert len(near(both, (129.0, 101.0))) == 1
    assert len(one) == len(both) - 1


@pytest.mark.effect("refimagefindpars.finder", "refimagefindpars.sextractor")
def test_sextractor_searches_the_reference_image(exposure: Path) -> None:
    find = {"finder": "sextractor", "threshold": 5.0}
    section = "refimagefindpars"
    plain = search(exposure, section, find)
    options = {**find, "sextractor": {"DETECT_MINAREA": 40}}
    large = search(exposure, section, options)
    assert "SExtractor" in plain.meta["chips"][0]["program"]
    assert len(near(plain, (150.1, 33.7))) == 1
    assert 0 < len(large) < len(plain)
