"""TweakReg's text products; the real ones are of NGC 6791."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tweakreg_steps.arrays import FloatArray
from tweakreg_steps.reporting import text_products as texts

REAL = Path(__file__).parent / "data" / "ngc6791"
CENTER = [2065.5, 3222.5]
FIT: Any = {
    "center": CENTER,
    "dx": 4.4865,
    "dy": -5.6699,
    "rms_x": 0.024,
    "rms_y": 0.024,
    "scale_x": 1.000080363,
    "scale_y": 1.000096898,
    "rotation": 0.00466695482,
    "rotation_x": 0.004497902215,
    "rotation_y": 0.004836007424,
    "skew": 0.0003381052089,
}


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def numbers(text: str, columns: int) -> FloatArray:
    return np.array([row[:columns] for row in cells(text)], dtype=float)


def real_pairs() -> dict[str, NDArray[Any]]:
    """Make the table that gives TweakReg's fit file, if its columns mean what we think."""
    text = (REAL / "ibwb01xqq_flc_catalog_fit.match").read_text()
    c = dict(enumerate(numbers(text, 17).T, start=1))
    return {
        "x_ref": c[1] + CENTER[0],
        "y_ref": c[2] + CENTER[1],
        "x_image": c[3] + CENTER[0],
        "y_image": c[4] + CENTER[1],
        "x_fit": c[3] + CENTER[0] - c[7],
        "y_fit": c[4] + CENTER[1] - c[8],
        "dx": c[7],
        "dy": c[8],
        "x0_ref": c[9],
        "y0_ref": c[10],
        "x0": c[11],
        "y0": c[12],
        "ref_id": c[13].astype(int),
        "id": c[14].astype(int),
        "chip": c[15].astype(int),
        "ra_fit": c[16],
        "dec_fit": c[17],
        "kept": np.ones(len(c[1]), dtype=bool),
        "origin": np.array([row[17] for row in cells(text)]),
    }


def test_fit_file_is_tweakregs_number_for_number() -> None:
    real = (REAL / "ibwb01xqq_flc_catalog_fit.match").read_text()
    ours = texts.fit_match_text(real_pairs(), FIT, image="ibwb01xqq_flc")
    same = [0, 1, 2, 3, *range(6, 17)]  # 4 and 5 changed with drizzlepac 3
    assert numbers(ours, 17)[:, same] == pytest.approx(numbers(real, 17)[:, same], abs=2e-6)
    assert numbers(ours, 6)[:, 4] == pytest.approx(real_pairs()["x_fit"], abs=1e-6)
    assert [row[17:] for row in cells(ours)] == [row[17:] for row in cells(real)]


def test_tweakregs_residuals_are_image_minus_fitted_reference() -> None:
    real = numbers((REAL / "ibwb01xqq_flc_catalog_fit.match").read_text(), 17)
    fitted = real[:, 2:4] - real[:, 6:8]
    design = np.column_stack([real[:, :2], np.ones(len(real))])
    solution, *_ = np.linalg.lstsq(design, fitted, rcond=None)
    assert design @ solution == pytest.approx(fitted, abs=4e-6)
    assert solution[2] == pytest.approx([FIT["dx"], FIT["dy"]], abs=1e-4)
    assert np.hypot(*solution[0]) == pytest.approx(FIT["scale_x"], abs=1e-8)


def test_fit_file_holds_the_kept_pairs_only() -> None:
    pairs = real_pairs()
    pairs["kept"][::2] = False
    rows = cells(texts.fit_match_text(pairs, FIT, image="a"))
    assert [int(row[13]) for row in rows] == pairs["id"][1::2].tolist()


def test_fit_file_of_an_image_without_fit_says_so() -> None:
    pairs = {name: column[:0] for name, column in real_pairs().items()}
    text = texts.fit_match_text(pairs, None, image="a")
    assert "# There is no fit of this image." in text
    assert cells(text) == []


def test_match_file_is_tweakregs() -> None:
    real = (REAL / "ibwb01xqq_flc_xy_catalog.match").read_text()
    names = ("x_ref", "y_ref", "x_image", "y_image", "x0_ref", "y0_ref", "x0", "y0")
    values = numbers(real, 10)
    pairs: dict[str, NDArray[Any]] = dict(zip(names, values.T, strict=False))
    pairs["ref_id"], pairs["id"] = values[:, 8].astype(int), values[:, 9].astype(int)
    pairs["origin"] = np.array([row[10] for row in cells(real)])
    ours = texts.xy_match_text(pairs, image="ibwb01xqq_flc", reference="gaia.cat")
    assert cells(ours) == cells(real)
    heads = [[line.split() for line in t.splitlines()[:3]] for t in (ours, real)]
    assert heads[0][2] == heads[1][2]  # the names of the columns


def test_chip_catalog_has_tweakregs_columns() -> None:
    real = (REAL / "ibwb01xqq_flc_sci1_xy_catalog.coo").read_text()
    x, y, flux, number = numbers(real, 4).T
    catalog = {"x": x, "y": y, "flux": flux, "id": number.astype(int)}
    ours = texts.xy_catalog_text(catalog, image="ibwb01xqq_flc")
    assert np.array_equal(numbers(ours, 4), numbers(real, 4))
    assert len(cells(ours)[0]) == 4
    assert [line[0] for line in ours.splitlines()[:4]] == ["#"] * 4


def test_chip_catalog_shows_the_shapes_it_was_selected_on() -> None:
    names = ("x", "y", "flux", "sharpness", "roundness1", "roundness2")
    catalog = {name: np.array([value]) for value, name in enumerate(names, start=1)}
    text = texts.xy_catalog_text({**catalog, "id": np.array([7])}, image="a")
    assert "X  Y  Flux  ID  Sharp  Round1  Round2" in text
    assert numbers(text, 7).tolist() == [[1, 2, 3, 7, 4, 5, 6]]


def test_positions_lose_nothing_that_matters() -> None:
    ra, dec = np.array([290.246282508860]), np.array([-37.782534805954])
    assert numbers(texts.sky_catalog_text({"ra": ra, "dec": dec}, image="a"), 2)[0].tolist() == [
        290.246282508860,
        -37.782534805954,
    ]
    text = texts.refxy_catalog_text(np.array([2719.8919114]), np.array([-0.5]), image="a")
    assert cells(text) == [["2719.891911", "-0.500000"]]


def test_list_of_catalogs() -> None:
    rows = [("a_flc.fits", ["a_sci1.coo", "a_sci2.coo"]), ("b.fits", ["b_sci1.coo"])]
    assert cells(texts.catfile_list_text(rows)) == [
        ["a_flc.fits", "a_sci1.coo", "a_sci2.coo"],
        ["b.fits", "b_sci1.coo"],
    ]


def test_grown_reference_list() -> None:
    sources = {
        "ra": np.array([10.0, 10.5]),
        "dec": np.array([-1.0, 1.0]),
        "flux": np.array([np.nan, 12.5]),
        "id": np.array([0, 1]),
        "origin": np.array(["gaia.cat", "my image"]),
    }
    text = texts.cumulative_refcat_text(sources, reference="gaia.cat")
    assert cells(text) == [
        ["10.000000000000", "-1.000000000000", "nan", "0", "gaia.cat"],
        ["10.500000000000", "1.000000000000", "12.5", "1", "my_image"],
    ]


def test_the_origin_of_a_source_is_its_file_and_chip_or_its_catalog() -> None:
    labels = {("x_flc", 1): "x_flc.fits[1]", ("x_flc", 2): "x_flc.fits[4]"}
    origin, chip = np.array(["x_flc", "gaia.cat", "x_flc"]), np.array([2, 0, 1])
    found = texts.source_origins(origin, chip, labels)
    assert list(found) == ["x_flc.fits[4]", "gaia.cat", "x_flc.fits[1]"]


def test_the_text_products_of_a_run_name_file_and_chip(tiny_run: Path) -> None:
    folder = tiny_run / "out" / "tweakreg"
    for name in ("paint02q_flc_xy_catalog.match", "paint02q_flc_catalog_fit.match"):
        origins = [row.split()[-1] for row in cells_of(folder / name)]
        assert set(origins) == {"paint01q_flc.fits[1]", "paint01q_flc.fits[4]"}
    (cumulative,) = folder.glob("cumulative_sky_refcat_*.coo")
    assert {row.split()[-1] for row in cells_of(cumulative)} == set(origins)


def cells_of(path: Path) -> list[str]:
    """Return the lines of a text product that are no comment."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]
