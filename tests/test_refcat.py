"""A reference catalog fetched from a TAP service, and pinned."""

from __future__ import annotations

import socket
import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import from_table, writeto
from astropy.io.votable.tree import Info
from astropy.table import MaskedColumn, Table
from dachs import serve_table, what_lacks
from skies import Scene, rms_to_truth
from steps import run_steps
from tap_server import Replay, serve
from tiny import copy_tiny

from tweakreg_steps.alignment.overlap import hull_of
from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.refcat.gaia_query import COLUMNS, Circle, circles_around, gaia_query
from tweakreg_steps.refcat.pinning import read_pinned, write_pinned
from tweakreg_steps.refcat.services import Service, fetch_gaia
from tweakreg_steps.tables.reference_catalog import read_reference_catalog

pytest.importorskip("pyvo")

FIELD = Circle(10.0, 41.0, 0.05)
WHEN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def _stars(n: int, seed: int = 1, first: int = 4_000_000_000_000_000_000) -> Table:
    """Stars as a service tells them: two without a motion."""
    rng = np.random.default_rng(seed)
    table = Table({name: rng.uniform(0.1, 0.9, n) for name in COLUMNS})
    table["source_id"] = first + rng.permutation(n)
    table["ra"] = rng.uniform(9.96, 10.04, n)
    table["dec"] = rng.uniform(40.96, 41.04, n)
    table["ref_epoch"] = 2016.0
    lacking = np.arange(n) < 2
    for name in ("parallax", "pmra", "pmdec", "pmra_error", "pmdec_error"):
        table[name] = MaskedColumn(table[name], mask=lacking)
    return table


def _answer(table: Table, status: str = "OK") -> bytes:
    """Return a service's answer as VOTable."""
    votable = from_table(table)
    resource = votable.resources[0]
    resource.type = "results"
    name = "OVERFLOW" if status == "OVERFLOW" else "OK"
    before = Info(name="QUERY_STATUS", value="OK")
    resource.infos.append(before)
    body = BytesIO()
    writeto(votable, body)
    text = body.getvalue()
    if name == "OVERFLOW":
        end = b'<INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>'
        text = text.replace(b"</RESOURCE>", end)
    return text


def _nobody() -> Service:
    """Return a service at a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Service(f"http://127.0.0.1:{port}/tap", "gaiadr3.gaia_source")


def test_a_query_asks_for_what_positions_at_an_epoch_need() -> None:
    query = gaia_query(FIELD, table="gaiadr3.gaia_source", faintest=19.5)
    for name in ("pmra", "parallax", "ra_dec_corr", "parallax_pmdec_corr", "ruwe", "ref_epoch"):
        assert f" {name}," in query
    assert "CIRCLE('ICRS', 10.000000, 41.000000, 0.0500)" in query
    assert query.endswith("AND phot_g_mean_mag <= 19.5")


def test_a_circle_holds_its_fields_and_each_part_has_its_own() -> None:
    x, y = np.array([0, 0.1, 0.1, 0]), np.array([0, 0, 0.1, 0.1])
    here = [hull_of(ra + x, y) for ra in (0, 0.05)]
    there = hull_of(np.array([180, 180.1, 180.1]), np.array([89.9, 89.9, 89.8]))
    first, second = circles_around([*here, there], margin=36.0)
    assert (first.ra, first.dec) == pytest.approx((0.075, 0.05), abs=1e-3)
    assert first.radius == pytest.approx(np.hypot(0.075, 0.05) + 0.01, abs=1e-3)
    assert second.dec > 89.8


def test_a_field_is_fetched_and_pinned(tmp_path: Path) -> None:
    stars = _stars(50)
    with serve(Replay(_answer(stars))) as replay:
        service = Service(replay.url, "gaiadr3.gaia_source")
        answer = fetch_gaia([FIELD], faintest=None, services=[service])
    assert replay.asked == [gaia_query(FIELD, table="gaiadr3.gaia_source", faintest=None)]
    path = tmp_path / "gaia.ecsv"
    write_pinned(path, answer, fetched=WHEN)
    said = read_pinned(path)
    assert (said["release"], said["service"], said["n_stars"]) == ("Gaia DR3", replay.url, 50)
    assert said["queries"] == replay.asked
    assert said["date"] == "2026-11-29T12:00:00+00:00"
    table = Table.read(path)
    assert (np.diff(table["source_id"]) > 0).all()
    order = np.argsort(stars["source_id"])
    assert np.array_equal(table["ra"], stars["ra"][order])
    assert np.isnan(table["pmra"]).sum() == 2
    assert str(table["pmra"].unit) == "mas / yr"


def test_the_same_answer_gives_the_same_file(tmp_path: Path) -> None:
    texts = []
    with serve(Replay(_answer(_stars(30)))) as replay:
        for name in ("a.ecsv", "b.ecsv"):
            answer = fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])
            write_pinned(tmp_path / name, answer, fetched=WHEN)
            texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]


def test_a_pinned_catalog_is_a_reference_catalog(tmp_path: Path) -> None:
    with serve(Replay(_answer(_stars(40)))) as replay:
        answer = fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])
    write_pinned(tmp_path / "gaia.ecsv", answer, fetched=WHEN)
    entries = read_reference_catalog(
        tmp_path / "gaia.ecsv", refxcol=1, refycol=2, refxyunits="degrees", rfluxcol=None,
        rmaxflux=None, rminflux=None, rfluxunits="mag", refnbright=None, refxerrcol=None,
        refyerrcol=None, referrunits="mas", ref_epoch=None, columns={}, no_pm="keep",
        ruwe_max=None, pm_error_max=None,
    )  # fmt: skip
    assert len(entries) == 40
    assert np.isfinite(entries.error).all()


def test_an_edited_catalog_is_told_from_the_pinned_one(tmp_path: Path) -> None:
    with serve(Replay(_answer(_stars(10)))) as replay:
        answer = fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])
    path = tmp_path / "gaia.ecsv"
    write_pinned(path, answer, fetched=WHEN)
    path.write_text(path.read_text().replace("2016.0", "2015.5", 1))
    with pytest.raises(InputError, match="not as it was fetched on 2026-11-29"):
        read_pinned(path)


def test_where_one_service_is_down_the_next_is_asked() -> None:
    with (
        serve(Replay(b"<html>maintenance</html>", status=503)) as down,
        serve(Replay(_answer(_stars(5)))) as up,
    ):
        services = [_nobody(), Service(down.url, "t"), Service(up.url, "u")]
        answer = fetch_gaia([FIELD], faintest=None, services=services)
    assert answer.service.url == up.url
    assert "FROM u " in answer.queries[0]
    assert len(down.asked) == 1


def test_an_answer_cut_short_is_fetched_whole() -> None:
    short, whole = _answer(_stars(3), "OVERFLOW"), _answer(_stars(60))
    with serve(Replay(short, whole)) as replay:
        answer = fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])
    assert len(answer.stars) == 60
    assert len(replay.asked) == 2


def test_stars_of_two_circles_count_once() -> None:
    with serve(Replay(_answer(_stars(20)))) as replay:
        answer = fetch_gaia(
            [FIELD, Circle(10.02, 41.0, 0.05)], faintest=None, services=[Service(replay.url, "t")]
        )
    assert len(answer.queries) == 2
    assert len(answer.stars) == 20


def test_without_a_network_nothing_is_written_and_each_service_is_named(tmp_path: Path) -> None:
    services = [_nobody(), _nobody()]
    with pytest.raises(JobFailedError, match="no service that holds Gaia DR3 answers") as caught:
        write_pinned(
            tmp_path / "gaia.ecsv",
            fetch_gaia([FIELD], faintest=None, services=services),
            fetched=WHEN,
        )
    assert all(service.url in str(caught.value) for service in services)
    assert "nothing was written" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_service_that_lacks_columns_is_not_believed() -> None:
    stars = _stars(5)
    stars.remove_column("pmra_pmdec_corr")
    with (
        serve(Replay(_answer(stars))) as replay,
        pytest.raises(JobFailedError, match="lacks the columns pmra_pmdec_corr"),
    ):
        fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])


def test_a_field_without_stars_is_said() -> None:
    with (
        serve(Replay(_answer(_stars(5)[:0]))) as replay,
        pytest.raises(InputError, match="no star in the field"),
    ):
        fetch_gaia([FIELD], faintest=None, services=[Service(replay.url, "t")])


def _sky(scene: Scene) -> Table:
    """Return the stars of painted exposures of 2011 as Gaia has them in 2016: they move."""
    n = len(scene.ra)
    table = _stars(n)
    rng = np.random.default_rng(5)
    years, none = 2016.0 - 2011.134, np.zeros(n)
    table["pmra"], table["pmdec"] = rng.normal(-40.0, 5.0, n), rng.normal(20.0, 5.0, n)
    table["parallax"] = MaskedColumn(none, mask=True)
    table["ra"] = scene.ra + table["pmra"] * years / 3.6e6 / np.cos(np.radians(scene.dec))
    table["dec"] = scene.dec + table["pmdec"] * years / 3.6e6
    return table


@pytest.mark.slow
def test_the_command_fetches_what_a_recipe_needs_and_a_run_takes_it_as_it_is(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No column is named: Gaia's are known. The recipe names the file before it is there."""
    recipe = copy_tiny(
        tiny_exposures, tmp_path, number=1, reference_catalog={"refcat": "gaia.ecsv"}
    )
    output = tmp_path / "gaia.ecsv"
    with serve(Replay(_answer(_sky(tiny_exposures)))) as replay:
        words = ["refcat", "gaia", str(recipe), "-o", str(output), "--service", replay.url]
        assert main(words) == 0
        said = capsys.readouterr()
        assert (
            f"gaia.ecsv: {len(tiny_exposures.ra)} stars of Gaia DR3 from {replay.url}" in said.out
        )
        first = output.read_bytes()
        assert main(words) == 0  # it may write its own file again, and has no reason to
        assert "holds the same stars" in capsys.readouterr().err
    assert output.read_bytes() == first
    query = read_pinned(output)["queries"][0]
    ra, dec, radius = map(float, query.rpartition("CIRCLE('ICRS', ")[2].split("))")[0].split(", "))
    assert np.hypot(ra - tiny_exposures.ra, dec - tiny_exposures.dec).max() < 2 * radius
    run_steps(recipe, "all", ("build_reference_plane",))
    run_steps(recipe, "paint01q_flc", ("make_masks", "find_sources", "undistort_sources"))
    run_steps(recipe, "all", ("build_reference",))
    out = run_steps(recipe, "paint01q_flc", ("match_sources", "fit_alignment", "update_header"))
    # 200 mas off without the motions
    assert rms_to_truth(out / "aligned" / "paint01q_flc.fits", tiny_exposures) < 2.0


def test_a_file_that_the_command_did_not_make_stays(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=1)
    mine = tmp_path / "mine.ecsv"
    mine.write_text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n1\n")
    before = mine.read_bytes()
    with serve(Replay(_answer(_stars(5)))) as replay:
        for output, word in ((mine, "is there already"), (tmp_path / "no" / "a.ecsv", "no folder")):
            words = ["-o", str(output), "--service", replay.url]
            assert main(["refcat", "gaia", str(recipe), *words]) == 2
            assert word in capsys.readouterr().err
        assert not replay.asked
    assert mine.read_bytes() == before


def test_the_command_without_a_network_says_so_and_writes_nothing(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=1)
    output = tmp_path / "gaia.ecsv"
    words = ["-o", str(output), "--service", _nobody().url, "--service", _nobody().url]
    assert main(["refcat", "gaia", str(recipe), *words]) == 1
    said = capsys.readouterr()
    assert "nothing was written; check the network" in said.err
    assert not said.out
    assert not [path for path in tmp_path.iterdir() if "gaia" in path.name]


@pytest.mark.slow
@pytest.mark.skipif(bool(what_lacks()), reason=f"needs {what_lacks()}")
def test_a_real_tap_service_answers_as_the_replayed_one(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GAVO DaCHS, as in Heidelberg and Potsdam, with the stars of the field and some far off."""
    recipe = copy_tiny(tiny_exposures, tmp_path, number=1)
    table = _sky(tiny_exposures)
    table["ra"][:7] += 5.0
    output = tmp_path / "gaia.ecsv"
    with (
        tempfile.TemporaryDirectory(prefix="tap") as folder,
        serve_table(table, Path(folder)) as url,
    ):
        words = ["refcat", "gaia", str(recipe), "-o", str(output)]
        assert main([*words, "--service", _nobody().url, "--service", url]) == 0
        assert f"{len(table) - 7} stars of Gaia DR3 from {url}" in capsys.readouterr().out
        bright = ["--faintest", "0.5", "-o", str(tmp_path / "bright.ecsv")]
        assert main([*words[:3], *bright, "--service", url]) == 0
        wrong = ["-o", str(tmp_path / "no.ecsv"), "--service", url, "--table", "gaiadr3.nothing"]
        assert main([*words[:3], *wrong]) == 1
        assert "gaiadr3.nothing" in capsys.readouterr().err
    assert not (tmp_path / "no.ecsv").exists()
    found, order = Table.read(output), np.argsort(table["source_id"][7:])
    for name in ("source_id", "ra", "dec", "pmra", "ruwe", "ref_epoch"):
        values: Any = np.ma.asarray(table[name][7:][order], dtype=float)
        expected = values.filled(np.nan)
        assert np.allclose(np.asarray(found[name], dtype=float), expected, equal_nan=True, rtol=0)
    assert read_pinned(output)["service"] == url
    bright = Table.read(tmp_path / "bright.ecsv")
    assert len(bright) == np.sum(table["phot_g_mean_mag"][7:] <= 0.5)
