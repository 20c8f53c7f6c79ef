"""updatewcs: stwcs makes WCS and distortion model anew, on a working copy."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from learnt_chips import learnt_chip
from product_tables import read_product
from raw_exposures import D2IMFILE, IDCTAB, provide_reference_files, raw_acs_scene, raw_headers
from skies import Scene, rms_to_truth, single_extension_scene
from wcs_update_oracle import run_updatewcs

from tweakreg_steps.astrometry.rigid_motion import Motion
from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.exposure import list_chips
from tweakreg_steps.fits_files.fits_blocks import scan_hdus
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.headers.wcs_update import write_updated_copy
from tweakreg_steps.recipes.inputs import InputImage
from tweakreg_steps.surveying.inspection import Inspected
from tweakreg_steps.surveying.reference_files import find_reference_files, names_after_update

Edit = Callable[[Path, str, str], None]

RECIPE = """\
input: "*_flt.fits"
outdir: out
updatewcs: true
imagefindpars:
  threshold: 100
update_header:
  updatehdr: true
writecat: false
object_matching: {see2dplot: false}
catalog_fitting: {residplot: No plot}
"""
AT_REST = Motion(0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def jref(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of the reference files, which the environment names as well."""
    folder = provide_reference_files(tmp_path_factory.mktemp("references") / "jref")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("jref", f"{folder}/")
        yield folder


@pytest.fixture(scope="module")
def run(jref: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Return the folder of a finished run over exposures with the pipeline's WCS, and their sky."""
    assert jref.is_dir()
    folder = tmp_path_factory.mktemp("raw")
    scene = raw_acs_scene(folder)
    (folder / "recipe.yaml").write_text(RECIPE)
    assert main(["run", str(folder / "recipe.yaml"), "-j", "2"]) == 0
    return folder, scene


@pytest.fixture
def copy(run: tuple[Path, Scene], tmp_path: Path) -> Path:
    """Return a copy of that folder that a test may change."""
    return Path(shutil.copytree(run[0], tmp_path / "copy"))


@pytest.fixture
def raw(jref: Path, tmp_path: Path) -> Path:
    """Return one exposure with the pipeline's WCS, its pixels scaled integers."""
    assert jref.is_dir()
    hdus = raw_headers(AT_REST)
    counts = np.random.default_rng(3).integers(0, 60000, (512, 1024)).astype(np.uint16)
    hdus["SCI", 1].data = counts
    hdus.writeto(tmp_path / "j94f051gq_flt.fits")
    return tmp_path / "j94f051gq_flt.fits"


def stale(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of ``tweakreg plan``."""
    capsys.readouterr()
    assert main(["plan", str(folder / "recipe.yaml")]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.effect("updatewcs")
def test_exposures_of_the_pipeline_end_aligned(run: tuple[Path, Scene]) -> None:
    folder, scene = run
    for path in scene.paths:
        assert rms_to_truth(folder / path.name, scene) > 500.0
        assert rms_to_truth(folder / "out" / "aligned" / path.name, scene) < 1.0
        with fits.open(folder / "out" / "aligned" / path.name) as hdus:
            header = hdus["SCI", 1].header
            assert (header["WCSNAME"], header["WCSNAMEA"]) == ("TWEAK", "IDC_0461802ej")
            assert header["WCSNAMEO"] == "OPUS"
            assert hdus[0].header["NEXTEND"] == len(hdus) - 1


def test_the_inputs_are_untouched_and_nothing_is_left_behind(run: tuple[Path, Scene]) -> None:
    folder, scene = run
    with fits.open(folder / scene.paths[0].name) as hdus:
        assert len(hdus) == 7
        assert "WCSNAME" not in hdus["SCI", 1].header
    working = {path.name for path in (folder / "out" / "working").iterdir()}
    assert working == {path.name for path in scene.paths}
    assert not list(folder.rglob("*.log.*")) + list(folder.rglob("stwcs.log"))
    log = (folder / "out" / "logs" / "images" / "j94f051gq_flt.log").read_text()
    assert "IDCTAB: Distortion model from row" in log


def test_the_copy_is_what_stwcs_makes(raw: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out" / raw.name
    write_updated_copy(raw, copy, chips=list_chips(raw, None), history=["made by", "> this"])
    expected = tmp_path / "direct.fits"
    shutil.copyfile(raw, expected)
    with fits.open(expected, mode="update", do_not_scale_image_data=True) as hdus:
        run_updatewcs(hdus)
        hdus[0].header["HISTORY"] = "made by"
        hdus[0].header["HISTORY"] = "> this"
    assert fits.FITSDiff(copy, expected).identical
    before, after = raw.read_bytes(), copy.read_bytes()
    layout = {(hdu.name, hdu.version): hdu for hdu in scan_hdus(copy)}
    for hdu in scan_hdus(raw):
        new = layout[hdu.name, hdu.version]
        assert before[hdu.data_offset : hdu.end] == after[new.data_offset : new.end]


def test_a_gzipped_exposure_gives_the_same_copy(raw: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "zipped" / f"{raw.name}.gz"
    zipped.parent.mkdir()
    zipped.write_bytes(gzip.compress(raw.read_bytes()))
    for source, folder in ((raw, "one"), (zipped, "other")):
        write_updated_copy(
            source, tmp_path / folder / raw.name, chips=list_chips(source, None), history=()
        )
    assert (tmp_path / "one" / raw.name).read_bytes() == (
        tmp_path / "other" / raw.name
    ).read_bytes()


def test_what_stwcs_cannot_do_is_said_and_leaves_no_file(raw: Path, tmp_path: Path) -> None:
    fits.setval(raw, "FILTER1", value="F000W")
    with pytest.raises(InputError, match=r"stwcs\.updatewcs fails on it \(LookupError"):
        write_updated_copy(
            raw, tmp_path / "out" / raw.name, chips=list_chips(raw, None), history=()
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_a_reference_file_makes_its_images_stale_by_its_content(
    run: tuple[Path, Scene], jref: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stale(run[0], capsys) == []
    before = (jref / D2IMFILE).read_bytes()
    try:
        (jref / D2IMFILE).touch()
        assert stale(run[0], capsys) == []
        (jref / D2IMFILE).write_bytes(before[:-2880] + b"\1" * 2880)
        lines = stale(run[0], capsys)
    finally:
        (jref / D2IMFILE).write_bytes(before)
    assert f"update_wcs j94f051gq_flt: reference_files D2IMFILE {D2IMFILE} changed" in lines
    assert any(line.startswith("undistort_sources j94f052gq_flt") for line in lines)
    assert any(line.startswith("build_reference_plane") for line in lines)
    assert not any("make_masks" in line or "find_sources" in line for line in lines)


def test_turning_it_off_and_on_runs_what_reads_the_wcs(
    copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    plane = copy / "out" / "reference" / "wcs.fits"
    aligned = copy / "out" / "aligned" / "j94f052gq_flt.fits"
    before = plane.read_bytes(), aligned.read_bytes()
    edit(copy / "recipe.yaml", "updatewcs: true", "updatewcs: false")
    rules = {line.split()[0] for line in stale(copy, capsys)}
    assert {"undistort_sources", "build_reference_plane", "update_header", "summarize"} <= rules
    assert not {"make_masks", "find_sources", "update_wcs"} & rules
    main(["run", str(copy / "recipe.yaml"), "-j", "2"])
    assert plane.read_bytes() != before[0]
    assert not aligned.exists() or "WCSDVARR" not in {hdu.name for hdu in scan_hdus(aligned)}
    edit(copy / "recipe.yaml", "updatewcs: false", "updatewcs: true")
    assert main(["run", str(copy / "recipe.yaml"), "-j", "2"]) == 0
    assert (plane.read_bytes(), aligned.read_bytes()) == before


def test_regions_on_the_sky_go_through_the_new_wcs(
    copy: Path, run: tuple[Path, Scene], edit: Edit
) -> None:
    chip = run[1].exposures[1].chips[0]
    ra, dec = chip.wcs.all_pix2world([512.0], [256.0], 1)
    (copy / "out.reg").write_text(f'icrs\n-circle({ra[0]},{dec[0]},5")\n')
    (copy / "exclusions.txt").write_text("j94f052gq_flt.fits out.reg\n")
    edit(copy / "recipe.yaml", "outdir: out", "outdir: out\nexclusions: exclusions.txt")
    assert main(["run", str(copy / "recipe.yaml"), "-j", "2"]) == 0
    found = read_product(copy / "out" / "catalogs" / "j94f052gq_flt.fits")
    distance = np.hypot(found["x"] - 512.0, found["y"] - 256.0)[found["chip"] == 1]
    # 5 arcsec are 100 px, give or take the distortion
    assert 93.0 < distance.min() < 115.0


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (None, r"IDCTAB is jref\$.*: the environment variable jref is not set; set it to"),
        ("/nowhere/", r"D2IMFILE is .*: there is no file /nowhere/.*correct the variable jref"),
    ],
)
def test_missing_reference_files_are_named_before_any_job(
    run: tuple[Path, Scene],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str | None,
    message: str,
) -> None:
    for path in run[1].paths:
        shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    if variable is None:
        monkeypatch.delenv("jref")
    else:
        monkeypatch.setenv("jref", variable)
    assert main(["run", str(tmp_path / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    assert len([line for line in said.splitlines() if "jref$" in line]) == 6
    assert re.search(message, said)
    assert not (tmp_path / "out" / "working").exists()


def test_other_telescopes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    single_extension_scene(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("*_flt", "*"))
    assert main(["run", str(tmp_path / "recipe.yaml")]) == 2
    assert "ground1_tan.fits: stwcs.updatewcs understands HST" in capsys.readouterr().err


def test_a_name_that_the_new_wcs_will_have_is_taken(
    run: tuple[Path, Scene], copy: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copy / "recipe.yaml", "updatehdr: true", "updatehdr: true\n  wcsname: idc_0461802EJ")
    assert main(["run", str(copy / "recipe.yaml")]) == 2
    assert "has a WCS named idc_0461802EJ already" in capsys.readouterr().err
    assert run[0].exists()


def exposure(tmp_path: Path, model: CardValue | None, **primary: str) -> Inspected:
    """Return what is known of an exposure, with one chip."""
    chip = learnt_chip(1)
    chip["alternates"] = {"A": "FIRST", "O": "OPUS"}
    image = InputImage("a_flt", tmp_path / "a_flt.fits", None)
    values = {"TELESCOP": "HST", "INSTRUME": "ACS", "IDCTAB": "jref$new_idc.fits", **primary}
    return Inspected(image, (chip,), "", (), primary=values, model=model)


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ({"NDRIZIM": "4"}, "is drizzled"),
        ({"IDCTAB": "N/A"}, "names no IDCTAB"),
        ({"INSTRUME": "FGS"}, "HST exposures only"),
    ],
)
def test_what_has_no_model_to_build_is_refused(
    tmp_path: Path, primary: dict[str, str], message: str
) -> None:
    assert message in find_reference_files([exposure(tmp_path, None, **primary)])[1][0]


def test_the_names_after_an_update_are_foreseen(tmp_path: Path) -> None:
    same = exposure(tmp_path, "jref$new_idc.fits")
    other = exposure(tmp_path, "jref$old_idc.fits")
    assert names_after_update(same, same.chips[0]) == ["IDC_new", "FIRST", "OPUS"]
    assert names_after_update(other, other.chips[0]) == ["IDC_new", "OPUS"]
    number = exposure(tmp_path, 7)
    assert names_after_update(number, number.chips[0]) == ["IDC_new", "OPUS"]


def test_a_relative_reference_file_is_beside_its_exposure(tmp_path: Path) -> None:
    image = exposure(tmp_path, None, IDCTAB=IDCTAB, NPOLFILE="N/A")
    assert "there is no file" in find_reference_files([image])[1][0]
    (tmp_path / IDCTAB).write_bytes(b"x")
    found, problems = find_reference_files([image])
    assert problems == []
    assert found["a_flt"]["IDCTAB"].path == tmp_path / IDCTAB
    assert set(found["a_flt"]) == {"IDCTAB"}


def test_wfpc2_reads_the_table_from_which_stwcs_made_another(tmp_path: Path) -> None:
    for name in ("a_idc.fits", "a_off.fits", "a_dxy.fits"):
        (tmp_path / name).write_bytes(b"x")
    files = {"IDCTAB": "a_idc.fits", "OFFTAB": "a_off.fits", "D2IMFILE": "made_d2im.fits"}
    before = exposure(tmp_path, None, INSTRUME="WFPC2", DGEOFILE="a_dxy.fits", **files)
    after = exposure(
        tmp_path, None, INSTRUME="WFPC2", DGEOFILE="N/A", ODGEOFIL="a_dxy.fits", **files
    )
    assert set(find_reference_files([before])[0]["a_flt"]) == {"IDCTAB", "OFFTAB", "DGEOFILE"}
    assert set(find_reference_files([after])[0]["a_flt"]) == {"IDCTAB", "OFFTAB", "ODGEOFIL"}
