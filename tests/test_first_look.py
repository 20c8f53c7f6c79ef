"""``tweakreg new`` looks at the files, and says why it proposes what it does."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from skies import READ_NOISE, SKY, Scene

from tweakreg_steps.cli import main
from tweakreg_steps.surveying.first_look import Look, propose
from tweakreg_steps.surveying.psf_gain import Pointing, Stars
from tweakreg_steps.yaml_source import read_yaml

Said = pytest.CaptureFixture[str]
LOOK = Look("a", "WFC3/UVIS", "F606W", "M16", 25.0, 5.9, 1.9, 62.5, 140, 0.04, (4112, 0.01), 7e4)


def test_the_recipe_that_new_writes_aligns_the_files(
    tiny_exposures: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    for path in tiny_exposures.paths:
        shutil.copyfile(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    assert main(["new", "*_flc.fits"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:4] == ["image", "camera", "filter", "target"]
    name, camera, _, _, sky, noise, width, *_ = table[1].split()
    assert (name, camera) == ("paint01q_flc", "WFC3/UVIS")
    assert float(sky) == pytest.approx(SKY, abs=1.0)
    assert float(noise) == pytest.approx((SKY + READ_NOISE**2) ** 0.5, rel=0.1)
    assert 1.5 < float(width) < 2.6
    text = Path("recipe.yaml").read_text()
    schema = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert Path(schema).is_file()
    assert "stars a chip are above it" in text
    assert read_yaml(Path("recipe.yaml")).value["imagefindpars"]["conv_width"] >= 3.0
    assert main(["run", "recipe.yaml", "-q", "-j", "2"]) == 0


def test_several_cameras_are_warned_of_and_each_value_has_its_reason() -> None:
    proposal = propose([LOOK, replace(LOOK, camera="ACS/WFC", threshold=31.2, width=2.1)], [])
    assert proposal.finding == {
        "threshold": 31.2,
        "conv_width": 4.0,
        "dqbits": "~4112",
        "peakmax": 63000.0,
    }
    assert set(proposal.reasons) == {*proposal.finding, "searchrad"}
    assert "several cameras (ACS/WFC, WFC3/UVIS)" in proposal.warnings[0]
    assert propose([LOOK], []).warnings == ()


STARS = Stars("WFC3UV_F606W", 90, 0.006)


def pointings(number: int, *, apart: float = 30.3) -> list[Pointing]:
    return [Pointing("WFC3UV_F606W", apart * i, 0.0, 2051.0) for i in range(number)]


def test_a_psf_is_proposed_where_stars_gain_by_it_with_the_numbers() -> None:
    looks = [replace(LOOK, stars=STARS)] * 2
    proposal = propose(looks, pointings(4))
    assert proposal.finding["centroid"] == "psf"
    assert proposal.finding["psf"] == "build"
    assert "0.020 pixels where stars are 1.9 pixels wide" in proposal.reasons["centroid"]
    assert "at least 90 a chip" in proposal.reasons["centroid"]
    assert "leave 0.006" in proposal.reasons["centroid"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"stars": replace(STARS, error=0.1)}, pointings(4)),
        ({"stars": replace(STARS, number=30)}, pointings(4)),
        ({"stars": None}, pointings(4)),
        ({"width": 4.0}, pointings(4)),
        ({}, pointings(1)),
        ({}, pointings(4, apart=0.0)),
        ({}, pointings(4, apart=1500.0)),
        ({}, [*pointings(4), Pointing("WFC3UV_F814W", 0.0, 0.0, 2051.0)]),
        ({}, [*pointings(4), Pointing(None, 0.0, 0.0, 0.0)]),
    ],
)
def test_none_is_where_they_do_not_or_none_can_be_built(
    change: dict[str, Any], where: list[Pointing]
) -> None:
    assert "centroid" not in propose([replace(LOOK, **{"stars": STARS, **change})], where).finding


def test_new_proposes_a_psf_for_dithered_exposures(
    psf_exposures: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in psf_exposures.paths:
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    assert main(["new", "paint0*_flc.fits"]) == 0
    text = Path("recipe.yaml").read_text()
    assert re.search(r'centroid: "psf"  # daofind errs by some 0.020 pixels where stars are', text)
    assert 'psf: "build"' in text
    assert main(["validate", "recipe.yaml"]) == 0


def test_files_that_tell_nothing_get_the_usual_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    fits.PrimaryHDU().writeto("empty.fits")
    assert main(["new", "empty.fits"]) == 0
    assert "no file could be looked at" in capsys.readouterr().err
    assert read_yaml(Path("recipe.yaml")).value["imagefindpars"]["threshold"] == 100.0
