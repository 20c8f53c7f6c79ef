"""A reference catalog of moving stars: each exposure is aligned to them as they were then."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.wcs import WCS
from skies import Scene
from steps import run_steps
from tiny import copy_tiny

from tweakreg_steps.arrays import BoolArray, FloatArray
from tweakreg_steps.cli import main
from tweakreg_steps.fits_files.exposure_epoch import epoch_of
from tweakreg_steps.tables.table_file import read_table

EPOCHS = (2008.0, 2024.0)
"""When the two exposures were taken; the catalog is Gaia's, of 2016.0."""

ALL = ("build_reference_plane", "build_reference")
STEPS = ("read_catalogs", "undistort_sources", "match_sources", "fit_alignment", "update_header")
STILL = {"columns": {"pmra": None, "pmdec": None}}
MINUTE = 1.0 / 525960.0


@dataclass(frozen=True)
class Field:
    """Exposures of moving stars: where each star truly was in each, and on which pixel."""

    folder: Path
    names: tuple[str, ...]
    sky: dict[str, SkyCoord]
    pixels: dict[str, list[tuple[BoolArray, FloatArray]]]

    def recipe(self, name: str, **catalog: Any) -> Path:  # noqa: ANN401  values of a recipe
        """Write a recipe that takes the catalog of 2016."""
        path = self.folder / f"{name}.yaml"
        recipe = {
            "input": "paint0?q_flc.fits",
            "outdir": name,
            "coordinate_file": {"catfile": "catfile.txt"},
            "reference_catalog": {"refcat": "gaia.ecsv", **catalog},
            "object_matching": {"searchrad": 2.0},
            "update_header": {"updatehdr": True},
        }
        path.write_text(yaml.safe_dump(recipe))
        return path

    def off(self, aligned: Path) -> FloatArray:
        """Return how far off, east and north in mas, a header puts the stars on the average."""
        sky, found = self.sky[aligned.stem], []
        with fits.open(aligned) as hdus:
            for number, (seen, xy) in enumerate(self.pixels[aligned.stem], start=1):
                ra, dec = WCS(hdus["SCI", number].header, hdus).all_pix2world(*xy.T, 1)
                east = (ra - sky.ra.deg[seen]) * np.cos(np.radians(dec))
                found.append(np.column_stack([east, dec - sky.dec.deg[seen]]) * 3.6e6)
        return np.asarray(np.concatenate(found).mean(axis=0))


@pytest.fixture(scope="module")
def field(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Field:
    """Two exposures, 16 years apart, of stars that drift by 50 mas a year to the east."""
    folder = tmp_path_factory.mktemp("field")
    copy_tiny(tiny_exposures, folder, number=2)
    rng = np.random.default_rng(13)
    n = len(tiny_exposures.ra)
    at_2016 = SkyCoord(tiny_exposures.ra * u.deg, tiny_exposures.dec * u.deg)
    pmra, pmdec = rng.normal(50.0, 1.0, n), rng.normal(0.0, 1.0, n)
    errors = {name: np.full(n, 0.05) for name in ("ra_error", "dec_error")}
    motions = {"pmra": pmra, "pmdec": pmdec}
    motion_errors = {name: np.full(n, 0.1) for name in ("pmra_error", "pmdec_error")}
    Table(
        {"source_id": np.arange(n), "ra": at_2016.ra.deg, "dec": at_2016.dec.deg}
        | errors | motions | motion_errors | {"ref_epoch": np.full(n, 2016.0)}
    ).write(folder / "gaia.ecsv")  # fmt: skip
    found = Field(folder, ("paint01q_flc", "paint02q_flc"), {}, {})
    lines = []
    for exposure, epoch in zip(tiny_exposures.exposures, EPOCHS, strict=False):
        name = exposure.path.stem
        _date(folder / exposure.path.name, epoch)
        years = (epoch - 2016.0) * u.mas
        sky = at_2016.spherical_offsets_by(pmra * years, pmdec * years)
        found.sky[name], found.pixels[name] = sky, []
        for chip in exposure.chips:
            xy = np.column_stack(chip.wcs.all_world2pix(sky.ra.deg, sky.dec.deg, 1))
            seen = np.all((xy > 1) & (xy < 200), axis=1)
            found.pixels[name].append((seen, xy[seen]))
            np.savetxt(folder / f"{name}_{chip.number}.txt", xy[seen], fmt="%.6f")
        lines.append(f"{name}.fits {name}_1.txt {name}_2.txt\n")
    (folder / "catfile.txt").write_text("".join(lines))
    return found


def _date(path: Path, epoch: float) -> None:
    """Write the middle of an exposure into its header."""
    mjd = Time(epoch, format="jyear", scale="tdb").mjd
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["EXPSTART"], hdus[0].header["EXPEND"] = mjd - 0.001, mjd + 0.001


@pytest.fixture(scope="module")
def moved(field: Field) -> Path:
    """Return the output folder of a run with the stars where they were."""
    assert main(["run", str(field.recipe("moved")), "-j", "2"]) == 0
    return field.folder / "moved"


@pytest.fixture(scope="module")
def still(field: Field) -> Path:
    """Return the same with the stars where the catalog has them, as far as the headers."""
    recipe = field.recipe("still", **STILL)
    run_steps(recipe, "all", ALL)
    for name in field.names:
        run_steps(recipe, name, STEPS)
    return field.folder / "still"


def test_the_report_shows_epochs_motions_and_what_the_catalogs_lie_on(
    field: Field, moved: Path
) -> None:
    page = (moved / "report.html").read_text()
    assert "Epochs and proper motions" in page
    for name, epoch in zip(field.names, EPOCHS, strict=True):
        facts = json.loads((moved / "report" / f"{name}.json").read_text())["motions"]
        assert facts["epoch"] == pytest.approx(epoch, abs=0.01)
        assert facts["gap"] == pytest.approx(epoch - 2016.0, abs=0.01)
        assert facts["n_moving"] == facts["n"] > 20
        assert facts["motion"] == pytest.approx(50.0, abs=1.0)
        assert facts["moved"] == pytest.approx(400.0, abs=10.0)
        own = (moved / "report" / f"{name}.html").read_text()
        assert "have proper motions, " in own
        assert own.count("data:image/jpeg") == 2


@pytest.mark.effect("reference_catalog.ref_epoch", "reference_catalog.columns")
def test_motions_of_50_mas_a_year_over_8_years_leave_no_bias(
    field: Field, moved: Path, still: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """400 mas to the west and to the east without them, nothing with them."""
    assert main(["plan", str(field.recipe("moved"))]) == 0
    assert "warning" not in capfd.readouterr().err
    assert main(["plan", str(field.recipe("still", **STILL))]) == 0
    word = "gaia.ecsv: 900 of the catalog's 900 stars have no proper motion: over the 8.0 years"
    assert f"{word} to the exposures a typical one moves by 40 mas" in capfd.readouterr().err
    for name, years in zip(field.names, (-8.0, 8.0), strict=True):
        east, north = field.off(moved / "aligned" / f"{name}.fits")
        assert abs(east) < 0.1
        assert abs(north) < 0.1
        without, _ = field.off(still / "aligned" / f"{name}.fits")
        assert without == pytest.approx(-50.0 * years, rel=0.02)
    sources = read_table(moved / "reference" / "sources.fits")
    assert {"pmra", "pmdec", "ref_epoch", "pmra_error"} <= set(sources.columns)
    plain = read_table(still / "reference" / "sources.fits")
    assert not set(plain.columns) & {"pmra", "ref_epoch"}


def test_the_errors_of_the_stars_grow_with_the_time(field: Field, moved: Path) -> None:
    matches = read_table(moved / "matches" / f"{field.names[0]}.ecsv")
    assert matches.meta["epoch"] == pytest.approx(EPOCHS[0], abs=MINUTE)
    mas = np.hypot(0.05, 8.0 * 0.1)
    assert matches["error_ref"] == pytest.approx(mas / 39.6, rel=0.02)


def test_a_list_that_grows_is_taken_at_each_image_s_epoch(field: Field) -> None:
    """What the first image adds has no motion, and stays where it was seen."""
    recipe = field.recipe("grown", rfluxcol="source_id", rfluxunits="counts", rminflux=180)
    content = yaml.safe_load(recipe.read_text()) | {"expand_refcat": True}
    content["catalog_fitting"] = {"fitgeometry": "shift", "nclip": 5}
    recipe.write_text(yaml.safe_dump(content))
    run_steps(recipe, "all", ALL)
    for name in field.names:
        run_steps(recipe, name, STEPS[:2])
    out = run_steps(recipe, "all", ("align",))
    fits_ = [json.loads((out / "fits" / f"{name}.json").read_text()) for name in field.names]
    assert [fit["status"] for fit in fits_] == ["aligned", "aligned"]
    assert max(fit["rms_ra"] for fit in fits_) < 30.0
    grown = read_table(out / "reference" / "expanded_sources.fits")
    added = grown["chip"] > 0
    assert added.any()
    assert np.isnan(grown["pmra"][added]).all()
    assert set(np.round(grown["ref_epoch"][added])) <= set(EPOCHS)


@pytest.mark.usefixtures("moved", "still")
def test_another_date_makes_the_match_stale_where_stars_move_alone(
    field: Field, capfd: pytest.CaptureFixture[str]
) -> None:
    path = field.folder / f"{field.names[1]}.fits"
    before = path.read_bytes()
    _date(path, 2024.5)
    for recipe, rules in (
        (field.recipe("moved"), ["match_sources", "fit_alignment"]),
        (field.recipe("still", **STILL), []),
    ):
        capfd.readouterr()
        assert main(["plan", str(recipe), "--json"]) == 0
        jobs = [j for j in json.loads(capfd.readouterr().out) if j["image"] == field.names[1]]
        found = [j["rule"] for j in jobs if j["rule"] in ("match_sources", "fit_alignment")]
        assert found == rules
    path.write_bytes(before)


@pytest.mark.parametrize(
    ("primary", "chip", "expected"),
    [
        ({"EXPSTART": 51544.0, "EXPEND": 51545.0}, {}, 2000.0),
        ({"DATE-OBS": "2000-01-01", "TIME-OBS": "12:00:00", "EXPTIME": 0.0}, {}, 2000.0),
        ({"DATE-OBS": "1999-12-31T12:00:00", "EXPTIME": 172800.0}, {}, 2000.0),
        ({"DATE-OBS": "31/12/99", "UT": "12:00:00"}, {"EXPTIME": 172800.0}, 2000.0),
        ({"DATE-OBS": "1990-01-01"}, {"MJD-AVG": 51544.5}, 2000.0),
        ({"DATE-AVG": "2000-01-01T12:00:00.000"}, {}, 2000.0),
        ({"EXPSTART": 0.0, "EXPEND": 0.0, "MJD-OBS": 51544.5}, {}, 2000.0),
        ({"DATE-OBS": "today", "EXPSTART": "INDEF"}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_middle_of_an_exposure(
    primary: dict[str, Any], chip: dict[str, Any], expected: float | None
) -> None:
    found = epoch_of(primary, chip)
    assert found is None if expected is None else found == pytest.approx(expected, abs=1e-9)
