"""What the switches and names at the top level do to the products of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits
from conftest import copy_scene
from skies import Scene

from tweakreg_steps.cli import main
from tweakreg_steps.reporting.shiftfile import parse_shiftfile

SWITCHES = """\
input: [paint03q_flc.fits, paint01q_flc.fits]
outdir: elsewhere/there
writecat: false
verbose: true
runfile: what_happened.log
imagefindpars: {threshold: 100}
object_matching: {see2dplot: false}
catalog_fitting: {residplot: vector}
shiftfile_output: {shiftfile: true, outshifts: moved.txt, outwcs: moved_wcs.fits}
"""


@pytest.fixture(scope="module")
def other_run(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the output folder of a run in which every switch differs, and what it said."""
    from contextlib import redirect_stderr
    from io import StringIO

    folder = tmp_path_factory.mktemp("switches")
    copy_scene(small_scene, folder)
    (folder / "recipe.yaml").write_text(SWITCHES)
    with redirect_stderr(StringIO()) as said:
        assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    return folder / "elsewhere" / "there", said.getvalue()


def names(folder: Path) -> set[str]:
    """Return the names of the files in a folder, none where it is not there."""
    return {path.name for path in folder.glob("*")}


@pytest.mark.effect("input", "outdir")
def test_the_inputs_named_are_aligned_in_their_order_and_the_results_are_in_outdir(
    other_run: tuple[Path, str],
) -> None:
    out, _ = other_run
    rows = [line.split()[:2] for line in (out / "summary.ecsv").read_text().splitlines()]
    assert rows[-2:] == [["paint03q_flc", "reference"], ["paint01q_flc", "aligned"]]
    assert names(out / "fits") == {
        f"paint0{n}q_flc.{kind}" for n in (1, 3) for kind in ("json", "ecsv")
    }
    assert not (out.parent.parent / "results").exists()


@pytest.mark.effect("writecat")
def test_writecat_decides_about_the_text_catalogs(
    other_run: tuple[Path, str], finished_run: Path
) -> None:
    assert names(other_run[0] / "tweakreg") == set()
    written = names(finished_run / "out" / "tweakreg")
    assert "cumulative_sky_refcat_paint01q_flc.coo" in written
    assert "paint02q_flc_catalog_fit.match" in written


@pytest.mark.effect("object_matching.see2dplot", "catalog_fitting.residplot")
def test_the_plots_are_those_asked_for(other_run: tuple[Path, str], finished_run: Path) -> None:
    assert names(other_run[0] / "plots") == {
        "vector_paint01q_flc.png",
        "phases_paint01q_flc.png",
        "psf_WFC3UV_F555W.png",
    }
    kinds = {name.partition("_")[0] for name in names(finished_run / "out" / "plots")}
    assert kinds == {"hist2d", "residuals", "vector", "phases", "psf"}


@pytest.mark.effect(
    "shiftfile_output.shiftfile", "shiftfile_output.outshifts", "shiftfile_output.outwcs"
)
def test_the_shift_file_has_the_names_given(
    other_run: tuple[Path, str], finished_run: Path
) -> None:
    out, _ = other_run
    shifts = parse_shiftfile((out / "moved.txt").read_text())
    assert shifts.reference_wcs == "moved_wcs.fits"
    assert [row.name for row in shifts.rows] == ["paint03q_flc.fits", "paint01q_flc.fits"]
    assert fits.getheader(out / "moved_wcs.fits", "WCS")["NPIX1"] > 0
    assert not {"shifts.txt", "shifts_wcs.fits"} & names(out)
    assert {"shifts.txt", "shifts_wcs.fits"} <= names(finished_run / "out")


@pytest.mark.effect("runfile", "verbose")
def test_verbose_says_more_in_the_log_and_on_the_screen(
    other_run: tuple[Path, str], finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, said = other_run
    log = (out / "what_happened.log").read_text()
    assert not (out / "tweakreg.log").exists()
    # a mask without regions and flags has nothing to say
    assert "make_masks paint01q_flc\n" in log
    assert "make_masks" not in (finished_run / "out" / "tweakreg.log").read_text()
    assert "pairs kept, rms" in said
    recipe = out.parents[1] / "recipe.yaml"
    text = recipe.read_text().replace("verbose: true", "verbose: false")
    recipe.write_text(text.replace("residplot: vector", "residplot: vector, nclip: 1"))
    capsys.readouterr()
    assert main(["run", str(recipe), "-j", "2"]) == 0
    said_now = capsys.readouterr().err
    assert "fit_alignment paint01q_flc" in said_now
    assert "pairs kept, rms" not in said_now
