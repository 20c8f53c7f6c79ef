"""PSF files of the library, single images and built ones, and whether they fit an exposure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from optics import infrared, uvis
from psf_scenes import library, write_library

from tweakreg_steps.errors import InputError
from tweakreg_steps.fits_files.header_cards import CardValue
from tweakreg_steps.psf.psf_camera import Setup, setup_of
from tweakreg_steps.psf.psf_file import describe_psf_file, find_mismatches, read_psf, write_psf

UVIS: dict[str, CardValue] = {
    "INSTRUME": "WFC3",
    "DETECTOR": "UVIS",
    "FILTER": "F606W",
    "CCDCHIP": 2,
}
ANYWHERE = Setup("", "", 1, 0.0, 0.0)


@pytest.mark.slow
def test_a_library_file_of_one_detector(tmp_path: Path) -> None:
    path = tmp_path / "PSFSTD_WFC3IR_F110W.fits"
    write_library(path, infrared(), detectors=1)
    file = describe_psf_file(path)
    assert (file.kind, file.detectors) == ("stdpsf", ())
    assert (file.origin.camera, file.origin.filter) == ("WFC3IR", "F110W")
    psf = read_psf(file, ANYWHERE)
    assert psf.images.shape == (3, 3, 95, 95)
    assert psf.x_nodes.tolist() == [0.0, 507.0, 1014.0]
    true = library(infrared(), nodes=3)
    assert np.abs(psf.at(507.0, 507.0) - true.at(507.5, 507.5)[1:-1, 1:-1]).max() < 1e-4


def test_a_library_file_of_two_chips_one_above_the_other(tmp_path: Path) -> None:
    path = tmp_path / "PSFSTD_WFC3UV_F606W.fits"
    write_library(path, uvis(), detectors=2)
    file = describe_psf_file(path)
    assert file.detectors == (1, 2)
    lower, upper = (read_psf(file, Setup("", "", d, 0.0, 0.0)) for d in (1, 2))
    assert np.allclose(lower.images, upper.images)
    assert lower.y_nodes[-1] == pytest.approx(upper.y_nodes[-1], abs=1.5)


def test_the_frame_of_the_library_is_no_light(tmp_path: Path) -> None:
    path = tmp_path / "PSFSTD_WFC3IR_F110W.fits"
    write_library(path, infrared(), detectors=1)
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[:, 0], hdus[0].data[:, :, -1] = -0.1, -0.1
    assert read_psf(describe_psf_file(path), ANYWHERE).images.min() > -1e-3


def test_a_subarray_sees_its_part_of_the_chip(tmp_path: Path) -> None:
    path = tmp_path / "PSFSTD_WFC3IR_F110W.fits"
    write_library(path, infrared(), detectors=1)
    file = describe_psf_file(path)
    whole = read_psf(file, ANYWHERE)
    part = read_psf(file, setup_of({"LTV1": -300.0, "LTV2": -20.0}, "SCI,1"))
    assert np.allclose(part.at(50.0, 70.0), whole.at(350.0, 90.0))


@pytest.mark.parametrize("scale", [1.0, 250.0])
def test_a_single_image_with_its_oversampling(tmp_path: Path, scale: float) -> None:
    path = tmp_path / "epsf.fits"
    image = library(uvis(), nodes=2).images[0, 0] * scale
    fits.writeto(path, image, fits.Header({"OVERSAMP": 4, "FILTER": "F606W"}))
    file = describe_psf_file(path)
    assert (file.kind, file.origin.filter) == ("image", "F606W")
    psf = read_psf(file, ANYWHERE)
    assert psf.images.sum() == pytest.approx(16.0)
    assert np.allclose(psf.at(1.0, 1.0), psf.at(4000.0, 2000.0))


def test_a_built_psf_is_read_as_it_was_written(tmp_path: Path) -> None:
    first, second = library(uvis(), nodes=3), library(uvis((500, 500)), nodes=2)
    for name in ("one.fits", "two.fits"):
        write_psf(
            tmp_path / name,
            {2: second, 1: first},
            {"CAMERA": "WFC3UV", "FILTER": "F606W"},
            history=(),
        )
    assert (tmp_path / "one.fits").read_bytes() == (tmp_path / "two.fits").read_bytes()
    file = describe_psf_file(tmp_path / "one.fits")
    assert (file.kind, file.detectors) == ("built", (1, 2))
    assert (file.origin.camera, file.origin.filter) == ("WFC3UV", "F606W")
    for detector, psf in ((1, first), (2, second)):
        read = read_psf(file, Setup("", "", detector, 0.0, 0.0))
        assert np.allclose(read.images, psf.images, atol=1e-7)
        assert (read.x_nodes == psf.x_nodes).all()


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({}, []),
        ({"FILTER": "F814W"}, ["is the PSF of filter F606W, and SCI,1 is of filter F814W"]),
        (
            {"DETECTOR": "IR", "FILTER": "F606W"},
            ["is the PSF of camera WFC3UV, and SCI,1 is of camera WFC3IR"],
        ),
        (
            {"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER": "F775W"},
            ["camera WFC3UV, and SCI,1 is of camera ACSWFC", "filter F606W"],
        ),
    ],
)
def test_a_file_for_another_camera_or_filter_is_said(
    tmp_path: Path, cards: dict[str, Any], expected: list[str]
) -> None:
    path = tmp_path / "PSFSTD_WFC3UV_F606W.fits"
    write_library(path, uvis(), detectors=2)
    setup = setup_of(UVIS | cards, "SCI,1")
    found = find_mismatches(describe_psf_file(path), setup, (2051, 4096), "SCI,1")
    assert len(found) == len(expected)
    assert all(words in text for words, text in zip(expected, found, strict=True))


IR: dict[str, CardValue] = {"INSTRUME": "WFC3", "DETECTOR": "IR", "FILTER": "F110W"}
UVIS_COMMENTS = ("", "../../WFC3UV_PSFs/PSFEFF_WFC3UV_F606W_C0.fits", "PSFSTD_WFC3UV_F606W.fits")
IR_COMMENTS = ("WFC3/IR PSF FOR F110W --- QE ADJUSTED", "BASED ON PID=11453 IN 47 TUC")


def renamed(path: Path, detectors: int, comments: tuple[str, ...], **cards: str) -> Path:
    """Write a file of the library under another name."""
    write_library(path, uvis() if detectors == 2 else infrared(), detectors=detectors)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update(cards)
        for comment in comments:
            hdus[0].header["COMMENT"] = comment
    return path


@pytest.mark.parametrize(
    ("detectors", "comments", "exposure", "shape", "expected"),
    [
        (1, (), IR, (1014, 1014), None),
        (1, (), UVIS, (2051, 4096), "last node is at column 1014, and the image ends at 4096"),
        (1, (), UVIS | {"LTV1": -1800.0}, (512, 512), "at column 1014, and the image ends at 2312"),
        (
            1,
            IR_COMMENTS,
            UVIS | {"FILTER": "F110W"},
            (512, 512),
            "of camera WFC3IR, as its COMMENT says, and SCI,1",
        ),
        (1, IR_COMMENTS, IR | {"FILTER": "F160W"}, (1014, 1014), "of filter F110W, as its COMMENT"),
        (2, (), UVIS, (2051, 4096), None),
        (2, (), UVIS | {"LTV1": -3900.0}, (512, 196), None),
        (2, (), IR, (1014, 1014), "last node is at column 4096, and the detector has 1014"),
        (2, (), {}, (1014, 1014), None),  # a camera that is not known
        (2, UVIS_COMMENTS, UVIS | {"CCDCHIP": 1}, (2051, 4096), None),
        (2, UVIS_COMMENTS, UVIS | {"FILTER": "F814W"}, (2051, 4096), "F606W, as its COMMENT says"),
    ],
)
@pytest.mark.parametrize("name", ["psf.fits", "the_right_one.fits", "PSFSTD_{}_{}.fits"])
def test_the_psf_of_another_detector_is_said_whatever_its_name(
    tmp_path: Path,
    name: str,
    detectors: int,
    comments: tuple[str, ...],
    exposure: dict[str, Any],
    shape: tuple[int, int],
    expected: str | None,
) -> None:
    setup = setup_of(exposure, "SCI,1")
    path = renamed(tmp_path / name.format(setup.camera, setup.filter), detectors, comments)
    found = find_mismatches(describe_psf_file(path), setup, shape, "SCI,1")
    assert len(found) == (expected is not None)
    assert (expected or "") in "".join(found)


def test_cards_go_before_comments_and_these_before_the_name(tmp_path: Path) -> None:
    name = "PSFSTD_WFC3UV_F475W.fits"
    copy = describe_psf_file(renamed(tmp_path / name, 2, UVIS_COMMENTS))
    assert copy.origin.filter == "F606W"
    path = tmp_path / "two.fits"
    two = describe_psf_file(renamed(path, 2, (*UVIS_COMMENTS, "FROM STDPSF_ACSWFC_F606W.fits")))
    assert (two.origin.camera, two.origin.filter) == ("", "")
    path = tmp_path / f"our_{name}"
    meant = describe_psf_file(renamed(path, 2, UVIS_COMMENTS, FILTER="F475W"))
    assert (meant.origin.camera, meant.origin.filter) == ("WFC3UV", "F475W")


@pytest.mark.parametrize("name", ["our_uvis_grid.fits", "a_b.fits", "F606W.fits"])
def test_a_file_of_the_library_is_read_under_any_name(tmp_path: Path, name: str) -> None:
    file = describe_psf_file(renamed(tmp_path / name, 2, UVIS_COMMENTS))
    assert read_psf(file, Setup("", "", 2, 0.0, 0.0)).images.shape[:2] == (4, 7)


def test_a_file_without_the_detector_is_said(tmp_path: Path) -> None:
    path = tmp_path / "built.fits"
    write_psf(
        path, {2: library(uvis(), nodes=2)}, {"CAMERA": "WFC3UV", "FILTER": "F606W"}, history=()
    )
    setup = setup_of(UVIS, "SCI,1")
    found = find_mismatches(describe_psf_file(path), setup, (2051, 4096), "SCI,1")
    assert found == [f"{path}: has no PSF of detector 1, which SCI,1 is of, only of 2"]


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        (UVIS, ("WFC3UV", "F606W", 1)),
        (UVIS | {"CCDCHIP": 1}, ("WFC3UV", "F606W", 2)),
        (
            {"INSTRUME": "ACS", "DETECTOR": "HRC", "FILTER1": "F475W", "FILTER2": "CLEAR2S"},
            ("ACSHRC", "F475W", 1),
        ),
        (
            {"INSTRUME": "WFPC2", "DETECTOR": 3, "FILTNAM1": "F555W", "FILTNAM2": ""},
            ("WFPC2", "F555W", 3),
        ),
        (
            {"INSTRUME": "NIRCAM", "DETECTOR": "NRCB3", "FILTER": "F115W", "PUPIL": "CLEAR"},
            ("NRCB3", "F115W", 7),
        ),
        (
            {"INSTRUME": "NIRCAM", "DETECTOR": "NRCALONG", "FILTER": "F444W"},
            ("NRCAL", "F444W", 1),
        ),
        ({}, ("", "", 1)),
    ],
)
def test_cameras_by_the_librarys_names(
    cards: dict[str, Any], expected: tuple[str, str, int]
) -> None:
    setup = setup_of(cards, "SCI,1")
    assert (setup.camera, setup.filter, setup.detector) == expected


def test_binned_pixels_are_refused() -> None:
    with pytest.raises(InputError, match=r"SCI,1: LTM1_1 is 0.5: the pixels are binned"):
        setup_of(UVIS | {"LTM1_1": 0.5}, "SCI,1")


def write_image(path: Path, data: np.ndarray, **cards: Any) -> None:  # noqa: ANN401 - cards
    fits.writeto(path, data, fits.Header(cards))


@pytest.mark.parametrize(
    ("size", "cards", "message"),
    [
        (41, {}, "does not tell its oversampling"),
        (41, {"OVERSAMP": 2.5}, "OVERSAMP is 2.5; it is a whole number"),
        (41, {"OVERSAMP": "four"}, "OVERSAMP is 'four'; it is a whole number"),
        (11, {"OVERSAMP": 4}, "the PSF covers 2.5 pixels; a fit needs 5"),
    ],
)
def test_images_that_cannot_be_used_say_why(
    tmp_path: Path, size: int, cards: dict[str, Any], message: str
) -> None:
    path = tmp_path / "epsf.fits"
    write_image(path, np.ones((size, size)), **cards)
    with pytest.raises(InputError, match=message):
        read_psf(describe_psf_file(path), ANYWHERE)


@pytest.mark.parametrize(
    ("key", "value"),
    [*(("PSFERR1", value) for value in ("abc", True, None, -0.1, 1e30)), ("DETNUM", "one")],
)
def test_cards_of_a_built_psf_that_cannot_be_are_refused(
    key: str, value: object, tmp_path: Path
) -> None:
    path = tmp_path / "psf.fits"
    write_psf(path, {1: library(uvis((500, 500)))}, {"PSFERR1": 0.002}, history=[])
    assert describe_psf_file(path).errors == {1: 0.002}
    with fits.open(path, mode="update") as hdus:
        hdus[1 if key == "DETNUM" else 0].header[key] = value
    with pytest.raises(InputError, match=f"{key} is .*; it is "):
        describe_psf_file(path)


@pytest.mark.parametrize("side", [40, 41])
def test_a_star_beside_the_middle_of_its_image_is_refused(tmp_path: Path, side: int) -> None:
    step = (np.arange(side) - (side - 1) / 2) / 4

    def write(name: str, off: float) -> Path:
        image = np.exp(-0.5 * (step[:, None] ** 2 + (step - off) ** 2) / 0.7**2)
        write_image(tmp_path / name, image, OVERSAMP=4)
        return tmp_path / name

    assert describe_psf_file(write("middle.fits", 0.02)).kind == "image"
    with pytest.raises(InputError, match=r"the star is 1.00, -?0.00 pixels beside the middle"):
        describe_psf_file(write("beside.fits", 1.0))


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    image = np.ones((41, 41))
    write_image(tmp_path / "nan.fits", np.where(np.eye(41) > 0, np.nan, image), OVERSAMP=4)
    with pytest.raises(InputError, match="41 samples of the PSF are not finite"):
        read_psf(describe_psf_file(tmp_path / "nan.fits"), ANYWHERE)


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "PSFSTD_WFC3UV_F555W.fits"
    write_library(path, uvis((420, 420)), detectors=1)
    content, pixels = path.read_bytes(), 9 * 97**2 * 4
    start = len(content) - 2880 * -(-pixels // 2880)
    path.write_bytes(content[: start + pixels])  # the library's files end so
    assert describe_psf_file(path).kind == "stdpsf"
    path.write_bytes(content + b"\xbd\x00 ends otherwise" * 100)  # and so
    assert describe_psf_file(path).kind == "stdpsf"
    path.write_bytes(content[: start + pixels - 4])
    with pytest.raises(InputError, match=r"bytes, and its header promises .*; fetch the file"):
        describe_psf_file(path)


def test_what_is_no_psf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.fits").write_text("no FITS file")
    with pytest.raises(InputError, match=r"text.fits: cannot be read as a PSF"):
        describe_psf_file(tmp_path / "text.fits")
    fits.writeto(tmp_path / "cube.fits", np.zeros((3, 9, 9)))
    with pytest.raises(InputError, match="holds no grid of the STDPSF library and 0 images"):
        describe_psf_file(tmp_path / "cube.fits")
    with pytest.raises(InputError, match=r"missing.fits: cannot be read"):
        describe_psf_file(tmp_path / "missing.fits")
