"""Standard errors of positions: of the finder's, of a catalog's, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from steps import call_of
from test_daofind import NOISE, noisy, on_chip, paint

from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.build_reference import run as build_reference
from tweakreg_steps.tables.catalog_table import read_catalog_table
from tweakreg_steps.tables.position_errors import ErrorColumns, position_errors
from tweakreg_steps.tables.table_file import ColumnTable, read_table
from tweakreg_steps.workflow.consumption import parameters_of


@pytest.mark.parametrize("changes", [{}, {"conv_width": 2.5}, {"ratio": 0.6, "theta": 30.0}])
def test_the_finder_s_errors_are_the_scatter_that_the_sky_makes(changes: dict[str, float]) -> None:
    """Many noises on the same stars; the mean place of each is its own."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(4) * 20.0 + 10.3, np.arange(3) * 20.0 + 9.8))
    image = paint(x, y, 4000.0)
    places, errors = [], []
    for seed in range(40):
        found = on_chip(noisy(image, seed), computesig=False, skysigma=NOISE, **changes)
        order = np.lexsort((np.round(found.stars.x / 20.0), np.round(found.stars.y / 20.0)))
        assert len(order) == len(x)
        places.append(np.column_stack([found.stars.x, found.stars.y])[order])
        errors.append(found.errors[order])
    scatter = np.sqrt(np.mean(np.var(places, axis=0)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(scatter, rel=0.1)


def test_fainter_stars_have_larger_errors() -> None:
    found = on_chip(noisy(paint([20.0, 50.0], [30.0, 30.0], [20000.0, 5000.0])))
    assert len(found.errors) == 2
    assert found.errors[1] == pytest.approx(4.0 * found.errors[0], rel=0.1)


CATALOG = "ra dec e1 e2\n150.0 2.0 3 4\n150.1 2.1 0 4\n150.2 2.2 nan 4\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((None, None), [np.nan] * 3),
        (("e1", "e2"), [np.sqrt(12.5), np.nan, np.nan]),
        ((None, 4), [4.0, 4.0, 4.0]),
        (("e2", None), [4.0, 4.0, 4.0]),
    ],
)
def test_errors_of_a_catalog(
    tmp_path: Path, columns: tuple[Any, Any], expected: list[float]
) -> None:
    path = tmp_path / "ref.cat"
    path.write_text(CATALOG)
    table = read_catalog_table(path)
    found = position_errors(table, ErrorColumns(columns[0], columns[1], "mas"))
    assert found == pytest.approx(expected, nan_ok=True)
    in_degrees = position_errors(table, ErrorColumns(columns[0], columns[1], "deg"))
    assert in_degrees == pytest.approx(np.array(expected) * 3.6e6, nan_ok=True)


@pytest.mark.parametrize("names", [("ra_error", "dec_error"), ("e_RA_ICRS", "e_DE_ICRS")])
def test_gaia_s_names_are_known(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "gaia.cat"
    path.write_text(CATALOG.replace("e1", names[0]).replace("e2", names[1]))
    table = read_catalog_table(path)
    found = position_errors(table, ErrorColumns(None, None, "mas"))
    assert found[0] == pytest.approx(np.sqrt(12.5))


def test_the_unit_that_a_file_tells_holds(tmp_path: Path) -> None:
    table = Table({"ra": [1.0], "dec": [2.0], "ra_error": [3e-6], "dec_error": [3e-6]})
    for name in table.colnames:
        table[name].unit = "deg"
    table.write(tmp_path / "gaia.fits")
    read = read_catalog_table(tmp_path / "gaia.fits")
    found = position_errors(read, ErrorColumns(None, None, "mas"))
    assert found == pytest.approx([10.8])


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ref.cat"
    path.write_text(CATALOG)
    with pytest.raises(InputError, match="refyerrcol"):
        position_errors(read_catalog_table(path), ErrorColumns(3, 9, "mas"))


def reference(out: Path, folder: Path, **section: Any) -> ColumnTable:  # noqa: ANN401  the recipe's values
    """Make the reference list of a catalog of three entries, and read it."""
    catalog, sources = folder / "ref.cat", folder / "sources.ecsv"
    catalog.write_text(CATALOG)
    recipe = complete(
        {"input": "a.fits", "reference_catalog": {"refcat": "ref.cat", **section}},
        source=None,
        file=folder / "recipe.yaml",
    )
    files = {"refcat": catalog, "plane": out / "reference" / "wcs.fits", "sources": sources}
    parameters = parameters_of(
        all_steps()["build_reference"], recipe.values, findpars="imagefindpars"
    )
    build_reference(
        call_of("build_reference", "all", parameters=parameters, inputs={}, files=files)
    )
    return read_table(sources)


@pytest.mark.effect(
    "reference_catalog.refxerrcol", "reference_catalog.refyerrcol", "reference_catalog.referrunits"
)
def test_the_reference_list_has_the_errors_of_its_catalog(
    finished_run: Path, tmp_path: Path
) -> None:
    out = finished_run / "out"
    pixels = {"refxyunits": "pixels"}
    assert np.isnan(reference(out, tmp_path, **pixels)["error"]).all()
    one, other, both = (
        reference(out, tmp_path, **pixels, **columns)["error"]
        for columns in ({"refxerrcol": 3}, {"refyerrcol": 4}, {"refxerrcol": 3, "refyerrcol": 4})
    )
    assert (one[0], other[0], both[0]) == pytest.approx((3.0, 4.0, np.sqrt(12.5)))
    degrees = reference(out, tmp_path, **pixels, refxerrcol=3, referrunits="deg")
    assert degrees["error"][0] == pytest.approx(3.0 * 3.6e6)


def test_the_errors_reach_the_pairs(finished_run: Path) -> None:
    out = finished_run / "out"
    pairs = read_table(out / "fits" / "paint02q_flc.ecsv")
    assert pairs.units["error"] == pairs.units["error_ref"] == "pix"
    assert np.all(pairs["error"] > 0.0)
    assert np.all(pairs["error_ref"] > 0.0)
    scatter = np.hypot(pairs["dx"], pairs["dy"]) / np.sqrt(2.0)
    # photons of the stars and the pixels' phases add to what the sky does
    bright = pairs["flux"] > np.median(pairs["flux"])
    assert np.median(pairs["error"][bright]) < np.median(pairs["error"][~bright])
    assert np.median(pairs["error"]) < np.median(scatter)
    sky = read_table(out / "sky" / "paint02q_flc.fits")
    catalog = read_table(out / "catalogs" / "paint02q_flc.fits")
    assert sky["error"] / catalog["error"] == pytest.approx(39.6, rel=0.03)
