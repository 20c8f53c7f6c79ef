"""What each parameter of a reference catalog does to ``reference/sources.fits``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from product_tables import read_product
from steps import call_of
from wcs_files import make_plane

from tweakreg_steps.alignment.moving_reference import at_epoch
from tweakreg_steps.astrometry.reference_plane import write_reference_plane
from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.errors import InputError
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.steps import all_steps
from tweakreg_steps.steps.build_reference import run
from tweakreg_steps.tables.table_file import read_table
from tweakreg_steps.workflow.consumption import parameters_of

PLANE = make_plane(150.0, 2.0)
# name, x and y on the plane, position on the sky, magnitude, counts
ROWS = (
    ("a", 1000.0, 1000.0, 21.0, 100.0),
    ("b", 1200.5, 900.0, 19.0, 631.0),
    ("c", 700.0, 1300.25, 20.0, 251.0),
    ("d", 500.0, 400.0, 22.0, 40.0),
)
NAMES = "abcd"


def catalog(folder: Path, form: str = "ascii.commented_header", name: str = "stars.cat") -> Path:
    """Write the stars, with columns of which none is in the place of the default."""
    star, x, y, mag, counts = (list(column) for column in zip(*ROWS, strict=True))
    ra, dec = PLANE.wcs_pix2world(x, y, 1)
    columns = {"star": star, "x": x, "y": y, "alpha1": ra, "delta1": dec, "G": mag, "F": counts}
    Table(columns).write(folder / name, format=form)
    return folder / name


def sources(path: Path, **given: Any) -> Table:  # noqa: ANN401  any value of a recipe
    """Make the product of the rule from a recipe's section."""
    section = {"refcat": path.name, **given}
    recipe = complete(
        {"input": "*.fits", "reference_catalog": section}, source=None, file=path.parent / "r.yaml"
    )
    product = path.parent / "reference" / "sources.fits"
    write_reference_plane(PLANE, path.parent / "wcs.fits", history=())
    call = call_of(
        rule="build_reference",
        name="all",
        parameters=parameters_of(
            all_steps()["build_reference"], recipe.values, findpars="imagefindpars"
        ),
        inputs={"refcat": "digest", "image": None},
        files={"refcat": path, "plane": path.parent / "wcs.fits", "sources": product},
    )
    run(call)
    return read_product(product)


def chosen(table: Table) -> str:
    """Names of the stars in the product."""
    return "".join(NAMES[number] for number in table["id"])


SKY = {"refxcol": 4, "refycol": 5}


@pytest.mark.effect(
    "reference_catalog.refcat", "reference_catalog.refxcol", "reference_catalog.refycol"
)
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("ascii.commented_header", "stars.cat"),
        ("ascii.basic", "stars.txt"),
        ("ascii.csv", "stars.csv"),
        ("ascii.ecsv", "stars.ecsv"),
        ("fits", "stars.fits"),
        ("votable", "stars.xml"),
    ],
)
@pytest.mark.parametrize("columns", [SKY, {"refxcol": "alpha1", "refycol": "delta1"}])
def test_positions_come_from_the_columns_named_in_every_format(
    tmp_path: Path, form: str, name: str, columns: dict[str, Any]
) -> None:
    found = sources(catalog(tmp_path, form, name), **columns)
    ra, dec = PLANE.wcs_pix2world([row[1] for row in ROWS], [row[2] for row in ROWS], 1)
    assert np.all(separation(found["ra"], found["dec"], ra, dec) < 0.01)
    assert np.allclose(found["x0"], [row[1] for row in ROWS], rtol=0, atol=1e-4)
    assert set(found["origin"]) == {name}
    assert found.meta["origin"] == name


def test_columns_without_names_are_counted_from_1(tmp_path: Path) -> None:
    path = tmp_path / "stars.cat"
    path.write_text("7 150.01 2.001 19\n8 150.02 2.002 20\n")
    assert list(sources(path, refxcol=2, refycol=3)["ra"]) == pytest.approx([150.01, 150.02])


def test_sexagesimal_columns_become_degrees(tmp_path: Path) -> None:
    path = tmp_path / "stars.cat"
    path.write_text("a 10 00 00.24 +02 00 36.0\nb 10 00 01.2 -00 30 00\n")
    found = sources(path, refxcol="2-4", refycol="5-7")
    assert list(found["ra"]) == pytest.approx([150.001, 150.005])
    assert list(found["dec"]) == pytest.approx([2.01, -0.5])


@pytest.mark.effect("reference_catalog.refxyunits")
def test_pixels_are_those_of_the_plane_counted_from_1(tmp_path: Path) -> None:
    pixels = sources(catalog(tmp_path), refxcol="x", refycol="y", refxyunits="pixels")
    degrees = sources(tmp_path / "stars.cat", **SKY)
    assert list(pixels["x0"]) == [row[1] for row in ROWS]
    assert list(pixels["y0"]) == [row[2] for row in ROWS]
    apart = separation(pixels["ra"], pixels["dec"], degrees["ra"], degrees["dec"])
    assert np.all(apart < 0.01)
    assert pixels["ra"][0] == pytest.approx(150.0, abs=1e-9)  # CRPIX, 1-based


def test_angles_in_another_unit_become_degrees(tmp_path: Path) -> None:
    table = Table({"ra": np.radians([150.01, 150.02]), "dec": [120.06, 120.12]})
    table["ra"].unit, table["dec"].unit = "rad", "arcmin"
    table.write(tmp_path / "stars.ecsv")
    found = sources(tmp_path / "stars.ecsv")
    assert list(found["ra"]) == pytest.approx([150.01, 150.02])
    assert list(found["dec"]) == pytest.approx([2.001, 2.002])


@pytest.mark.effect("reference_catalog.rfluxcol")
@pytest.mark.parametrize(("column", "index"), [(6, 3), ("G", 3), ("F", 4)])
def test_fluxes_come_from_their_column(tmp_path: Path, column: int | str, index: int) -> None:
    assert np.isnan(sources(catalog(tmp_path), **SKY)["flux"]).all()
    found = sources(tmp_path / "stars.cat", **SKY, rfluxcol=column)
    assert list(found["flux"]) == [row[index] for row in ROWS]


MAG = {"rfluxcol": "G"}
COUNTS = {"rfluxcol": "F", "rfluxunits": "counts"}
RATES = {"rfluxcol": "F", "rfluxunits": "cps"}


@pytest.mark.effect(
    "reference_catalog.rmaxflux",
    "reference_catalog.rminflux",
    "reference_catalog.rfluxunits",
    "reference_catalog.refnbright",
)
@pytest.mark.parametrize(
    ("given", "stars"),
    [
        (MAG, "abcd"),
        ({**MAG, "rminflux": 21.0}, "abc"),
        ({**MAG, "rmaxflux": 20.0}, "acd"),
        ({**MAG, "rminflux": 21.0, "rmaxflux": 20.0}, "ac"),
        ({**COUNTS, "rminflux": 100.0}, "abc"),
        ({**COUNTS, "rmaxflux": 251.0}, "acd"),
        ({**COUNTS, "rminflux": 100.0, "rmaxflux": 251.0}, "ac"),
        ({**RATES, "rminflux": 100.0}, "abc"),
        ({**RATES, "rmaxflux": 251.0}, "acd"),
        # the same numbers mean the opposite in the other kind of unit
        ({**MAG, "rfluxunits": "counts", "rminflux": 21.0}, "ad"),
        ({**MAG, "refnbright": 2}, "bc"),
        ({**COUNTS, "refnbright": 2}, "bc"),
        ({**MAG, "rfluxunits": "cps", "refnbright": 2}, "ad"),
        ({**MAG, "rmaxflux": 20.0, "refnbright": 1}, "c"),
    ],
)
def test_limits_and_the_brightest(tmp_path: Path, given: dict[str, Any], stars: str) -> None:
    assert chosen(sources(catalog(tmp_path), **SKY, **given)) == stars


def test_what_is_left_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "stars.cat"
    path.write_text("150.01 2.001\nnan 2.0\n150.02 2.002\n150.01 2.001\n10.0 80.0\n")
    with caplog.at_level(logging.INFO):
        assert list(sources(path)["id"]) == [0, 2]
    assert "left out, without a position: 1 entry, line 2" in caplog.text
    assert "left out, position repeated: 1 entry, line 4" in caplog.text
    assert "left out, far from the images: 1 of 3 entries" in caplog.text


def moving(folder: Path) -> Path:
    """Write the stars with motions: b has none, c fits badly, d is little known."""
    (folder / "moving").mkdir()
    path = catalog(folder / "moving", "ascii.ecsv", "stars.ecsv")
    table = Table.read(path)
    table["pmra"] = [1.0, np.nan, 3.0, 4.0]
    table["pmdec"] = [5.0, np.nan, 7.0, 8.0]
    table["pmra_error"] = table["pmdec_error"] = [0.1, np.nan, 0.1, 2.0]
    table["ruwe"] = [1.0, np.nan, 3.0, 1.1]
    table["ref_epoch"] = 2016.0
    table.write(path, overwrite=True)
    return path


@pytest.mark.effect("reference_catalog.no_pm")
def test_what_becomes_of_stars_without_a_motion(tmp_path: Path) -> None:
    path = moving(tmp_path)
    assert chosen(sources(path, **SKY)) == NAMES
    assert chosen(sources(path, **SKY, no_pm="drop")) == "acd"
    wide = at_epoch(read_table(_product(path)), 2006.0)
    assert np.isnan(wide["error"]).sum() == 0
    sources(path, **SKY, no_pm="inflate")
    errors = at_epoch(read_table(_product(path)), 2006.0)["error"]
    assert errors == pytest.approx([1.0, 50.0, 1.0, 20.0])  # fewer than ten stars tell: 5 mas/yr


def _product(path: Path) -> Path:
    """Return where `sources` writes the product of a catalog."""
    return path.parent / "reference" / "sources.fits"


@pytest.mark.effect("reference_catalog.ruwe_max", "reference_catalog.pm_error_max")
def test_stars_of_little_worth_are_left_out_before_the_brightest_are_chosen(tmp_path: Path) -> None:
    path = moving(tmp_path)
    assert chosen(sources(path, **SKY, ruwe_max=1.4)) == "abd"
    assert chosen(sources(path, **SKY, pm_error_max=1.0)) == "abc"
    flux = {"rfluxcol": "G", "refnbright": 2}
    assert chosen(sources(path, **SKY, **flux)) == "bc"
    assert chosen(sources(path, **SKY, **flux, ruwe_max=1.4)) == "ab"
    with pytest.raises(InputError, match="no star passes the limits"):
        sources(path, **SKY, ruwe_max=0.1, no_pm="drop")


def test_a_limit_of_what_the_catalog_does_not_tell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ruwe_max is given, but no column ruwe is known"):
        sources(catalog(tmp_path), **SKY, ruwe_max=1.4)


def test_columns_are_named_by_number_or_left_out_and_the_epoch_is_the_recipe_s(
    tmp_path: Path,
) -> None:
    path = moving(tmp_path)
    found = sources(path, **SKY, columns={"pmdec": "pmra", "pmra": 8}, ref_epoch=2000.0)
    assert found["pmdec"].tolist()[2:] == [3.0, 4.0]
    assert found["pmra"].tolist()[2:] == [3.0, 4.0]
    assert set(found["ref_epoch"]) == {2000.0}
    with pytest.raises(InputError, match="ref_epoch: the column G holds 21, which is no Julian"):
        sources(path, **SKY, ref_epoch="G")


def test_without_motions_or_without_an_epoch_the_list_is_the_plain_one(tmp_path: Path) -> None:
    plain = sources(catalog(tmp_path, "ascii.ecsv", "stars.ecsv"), **SKY)
    path = moving(tmp_path)
    for changes in ({"columns": {"pmra": None}}, {"columns": {"ref_epoch": None}}):
        found = sources(path, **SKY, **changes)
        assert found.colnames == plain.colnames
        assert all(np.array_equal(found[name], plain[name]) for name in ("ra", "dec", "x0", "id"))
