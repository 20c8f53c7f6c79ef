"""Headerlets from recipes: which files a run makes, what they say, and what it refuses."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits
from conftest import LEAN_RECIPE, copy_scene
from skies import Scene, single_extension_scene
from stwcs.wcsutil import HSTWCS, headerlet
from test_headerlet import X, Y, quiet

from tweakreg_steps.astrometry.undistortion import separation
from tweakreg_steps.cli import main

Edit = Callable[[Path, str, str], None]

SECTION = """\
headerlet_creation:
  headerlet: true
  hdrfile: first
  hdrname: ours
  author: A. Stronomer
  descrip: One line
  catalog: painted
  history: history.txt
"""


@pytest.fixture(scope="module")
def run(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run over two exposures, with headerlets; read only."""
    folder = tmp_path_factory.mktemp("headerlet_run")
    copy_scene(small_scene, folder, LEAN_RECIPE)
    for number in (3, 4):
        (folder / f"paint{number:02d}q_flc.fits").unlink()
    (folder / "history.txt").write_text("All that is known\nof this solution.\n")
    with (folder / "recipe.yaml").open("a") as recipe:
        recipe.write(SECTION)
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder that a test may change."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


def rerun(folder: Path) -> int:
    """Run the recipe of a folder."""
    return main(["run", str(folder / "recipe.yaml"), "-j", "2"])


def names(folder: Path) -> list[str]:
    """Return the headerlet files of a run."""
    return sorted(path.name for path in (folder / "out" / "headerlets").glob("*.fits"))


@pytest.mark.effect(
    *(
        f"headerlet_creation.{name}"
        for name in ("headerlet", "hdrfile", "hdrname", "author", "descrip", "catalog", "history")
    )
)
def test_a_headerlet_of_each_aligned_image_says_what_the_recipe_says(run: Path) -> None:
    assert names(run) == ["paint01q_first_hlet.fits", "paint02q_first_hlet.fits"]
    header = fits.getheader(run / "out" / "headerlets" / "paint02q_first_hlet.fits")
    assert header["HDRNAME"] == "ours"
    assert header["WCSNAME"] == "TWEAK"
    assert (header["AUTHOR"], header["DESCRIP"]) == ("A. Stronomer", "One line")
    assert header["CATALOG"] == "painted"
    assert header["HISTORY"][0] == "All that is known of this solution."
    assert header["NMATCH"] > 100


def test_the_headerlet_is_that_of_the_aligned_copy(run: Path, tmp_path: Path) -> None:
    name = "paint02q_flc.fits"
    pristine = Path(shutil.copyfile(run / name, tmp_path / name))
    aligned = run / "out" / "aligned" / name
    hlet = run / "out" / "headerlets" / "paint02q_first_hlet.fits"
    with quiet(), contextlib.chdir(tmp_path):
        headerlet.apply_headerlet_as_primary(str(pristine), str(hlet))
    for chip in (1, 2):
        with quiet():
            one, other = (HSTWCS(f"{path}[sci,{chip}]") for path in (pristine, aligned))
        places = [wcs.all_pix2world(X.ravel(), Y.ravel(), 1) for wcs in (one, other)]
        assert separation(*places[0], *places[1]).max() < 1e-4


@pytest.mark.effect("headerlet_creation.attach")
def test_attach_decides_whether_the_copy_holds_it(copy: Path, edit: Edit) -> None:
    aligned = copy / "out" / "aligned" / "paint02q_flc.fits"
    with fits.open(aligned) as hdus:
        assert hdus["HDRLET", 1].header["HDRNAME"] == "ours"
        assert hdus["SCI", 2].header["HDRNAME"] == "ours"
    edit(copy / "recipe.yaml", "  hdrfile: first", "  attach: false\n  hdrfile: first")
    before = {name: (copy / "out" / "headerlets" / name).stat().st_mtime_ns for name in names(copy)}
    assert rerun(copy) == 0
    with fits.open(aligned) as hdus:
        assert "HDRLET" not in hdus
        assert "HDRNAME" not in hdus["SCI", 2].header
        assert hdus[0].header["NEXTEND"] == len(hdus) - 1
    after = {name: (copy / "out" / "headerlets" / name).stat().st_mtime_ns for name in names(copy)}
    assert after == before


@pytest.mark.effect("update_header.updatehdr")
def test_headerlets_are_made_without_aligned_copies(copy: Path, edit: Edit) -> None:
    shutil.rmtree(copy / "out" / "aligned")
    edit(copy / "recipe.yaml", "updatehdr: true", "updatehdr: false")
    edit(copy / "recipe.yaml", "hdrname: ours", "hdrname: ''")
    assert rerun(copy) == 0
    assert not (copy / "out" / "aligned").exists()
    hlet = copy / "out" / "headerlets" / "paint02q_first_hlet.fits"
    assert fits.getval(hlet, "HDRNAME") == fits.getval(hlet, "WCSNAME") == "TWEAK"


def test_a_new_history_is_a_new_headerlet_and_nothing_else(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "history.txt").write_text("Something else.")
    assert main(["plan", str(copy / "recipe.yaml")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{rule} paint0{n}q_flc: {reason}"
        for rule, reason in (
            ("write_headerlet", "history history.txt changed"),
            ("update_header", "write_headerlet runs"),
        )
        for n in (1, 2)
    ]


@pytest.mark.effect("headerlet_creation.clobber")
def test_a_strangers_file_is_overwritten_only_when_asked_for(
    copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = copy / "out" / "headerlets" / "paint01q_second_hlet.fits"
    stranger.write_text("somebody's")
    edit(copy / "recipe.yaml", "hdrfile: first", "hdrfile: second")
    assert rerun(copy) == 2
    assert "paint01q_second_hlet.fits is there already" in capsys.readouterr().err
    assert stranger.read_text() == "somebody's"
    edit(copy / "recipe.yaml", "  hdrfile: second", "  clobber: true\n  hdrfile: second")
    assert rerun(copy) == 0
    assert fits.getval(stranger, "HDRNAME") == "ours"
    # the former ones, of another name, are gone
    assert names(copy) == ["paint01q_second_hlet.fits", "paint02q_second_hlet.fits"]


def test_an_image_not_aligned_gets_none(copy: Path, edit: Edit) -> None:
    edit(copy / "recipe.yaml", "see2dplot: false", "see2dplot: false, minobj: 9999")
    assert rerun(copy) == 3
    folder = copy / "out" / "headerlets"
    assert names(copy) == ["paint01q_first_hlet.fits", "paint02q_first_hlet.fits"]
    with fits.open(folder / "paint02q_first_hlet.fits") as hdus:
        assert len(hdus) == 1
        assert "has no headerlet: few_sources" in str(hdus[0].header["COMMENT"]).replace("\n", "")
    assert "few_sources" in (folder / "paint02q_first_hlet.json").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("hdrfile: first", "hdrfile: one.fits"), "one.fits would be the headerlet of 2 images"),
        (("hdrfile: first", "hdrfile: a/b"), "'a/b' is not allowed"),
        (("history.txt", "none.txt"), "none.txt: cannot be read"),
        (("history.txt", "odd.txt"), "odd.txt: byte 3 is no ASCII character"),
        (("author: A", "author: Å"), "'Å' cannot stand in a FITS header"),
        (("*_flc.fits", "paint01q_flc.fits[sci,1]"), "speaks of all SCI extensions"),
    ],
)
def test_what_cannot_be_made_is_refused_before_any_job(
    copy: Path,
    edit: Edit,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    message: str,
) -> None:
    (copy / "odd.txt").write_text("of Ångström", encoding="utf-8")
    edit(copy / "recipe.yaml", *change)
    assert rerun(copy) == 2
    assert message in capsys.readouterr().err


def test_other_telescopes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    single_extension_scene(tmp_path)
    (tmp_path / "recipe.yaml").write_text(
        "input: '*.fits'\nheaderlet_creation: {headerlet: true}\n"
    )
    assert rerun(tmp_path) == 2
    assert "ground1_tan.fits: stwcs makes headerlets of HST" in capsys.readouterr().err


def test_a_headerlet_of_that_name_is_known_before_any_job(
    copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copy / "recipe.yaml", '"*_flc.fits"', '"out/aligned/*_flc.fits"')
    edit(copy / "recipe.yaml", "outdir: out", "outdir: out2")
    edit(copy / "recipe.yaml", "updatehdr: true", "updatehdr: true\n  wcsname: SECOND")
    assert rerun(copy) == 2
    assert "paint02q_flc.fits has a headerlet named ours already" in capsys.readouterr().err
