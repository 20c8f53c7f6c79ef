"""Region files against DS9's own pixels, see ``data/ds9/make_ds9_answers.py``."""

from __future__ import annotations

import importlib.util
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tweakreg_steps.arrays import BoolArray
from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.ds9_regions import Ds9Region, parse_regions
from tweakreg_steps.masking.region_masks import mask_of_regions, physical_system

FOLDER = Path(__file__).parent / "data" / "ds9"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text())["cases"]
SHAPE = (300, 300)
SLACK = 0.01  # pixels by which an outline may lie elsewhere: digits that DS9 writes, its ties
FRAMES = {
    "fk4": 0.8,
    "ecliptic": 0.6,
    "galactic": 0.05,
}  # pixels of 50 mas, DS9's frames to astropy's

_spec = importlib.util.spec_from_file_location("make_ds9_answers", FOLDER / "make_ds9_answers.py")
assert _spec is not None
assert _spec.loader is not None
maker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(maker)


def name_of(case: dict[str, Any]) -> str:
    return f"{case['header']}: {case['title'][:60]}"


def mask_of(regions: tuple[Ds9Region, ...], header: fits.Header) -> BoolArray:
    return mask_of_regions(
        regions, shape=SHAPE, wcs=WCS(header), physical=physical_system(header), name="a.reg"
    )


def measured(regions: tuple[Ds9Region, ...], header: fits.Header) -> list[tuple[int, int, int]]:
    """Sign, count and sum of the pixels of each region, as DS9 measures them."""
    values, found = maker.pixels(), []
    for region in regions:
        mask = mask_of((replace(region, include=True),), header)
        found.append((int(region.include), int(mask.sum()), int(values[mask].sum())))
    return found


def is_refused(case: dict[str, Any]) -> bool:
    """Tell whether the case is one that is refused by name, or that DS9 refuses."""
    nested = case["title"] in ("written physical", "written detector", "written amplifier")
    reversed_axis = case["header"] in ("mirrored", "reversed") or (
        case["header"] == "turned" and case["title"] == "written amplifier"
    )
    return case["title"].startswith("wcsa") or (nested and reversed_axis)


READ = [case for case in CASES if not is_refused(case)]


def test_ds9_was_asked_of_everything() -> None:
    assert len(CASES) > 300
    assert len(READ) > 0.95 * len(CASES)
    assert not any(case["error"] for case in READ)


@pytest.mark.parametrize("case", READ, ids=name_of)
def test_the_pixels_are_those_of_ds9(case: dict[str, Any]) -> None:
    header = maker.header(case["header"])
    ours = parse_regions(case["text"], name="a.reg")
    theirs = parse_regions("\n".join(["image", *case["image"]]), name="b.reg")
    mine, listed = mask_of(ours, header), mask_of(theirs, header)
    reach = next((v for k, v in FRAMES.items() if k in case["title"]), SLACK)
    edge = 800 * max(reach, SLACK) + 12  # pixels along the outlines of a dozen regions, and ties
    if "composite" in case["title"]:  # DS9 lists their members in another order
        found, known = (sorted(measured(r, header)) for r in (ours, theirs))
        assert [a[0] for a in found] == [b[0] for b in known]
        assert sum(a[1] for a in found) == pytest.approx(sum(b[1] for b in known), abs=edge)
    else:
        assert np.sum(mine ^ listed) <= edge


PLAIN = [
    case
    for case in READ
    if case["title"] == case["text"]
    and case["text"].startswith(("image", "circle", "global"))
    and not any(unit in case["text"] for unit in ('2"', "'", "panda=", "cpanda", "30,40,15"))
]


@pytest.mark.parametrize("case", PLAIN, ids=name_of)
def test_shapes_in_pixels_have_the_very_edges_of_ds9(case: dict[str, Any]) -> None:
    ours = measured(parse_regions(case["text"], name="a.reg"), maker.header(case["header"]))
    assert ours == [tuple(r[1:]) for r in case["regions"] if r[0] != "text"]


@pytest.mark.parametrize("case", [c for c in CASES if is_refused(c)], ids=name_of)
def test_what_ds9_does_not_read_back_itself_is_refused_by_name(case: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"a\.reg, line \d+: .*(alternate WCS A|nested)"):
        mask_of(parse_regions(case["text"], name="a.reg"), maker.header(case["header"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# tile 2\nimage\ncircle(1,2,3)", "line 1: .*mosaic's tiles.*a frame of its own"),
        ("global wcs=wcsb\nfk5\ncircle(1,2,3)", "line 1: .*alternate WCS B"),
        ("image\nfield()", "line 2: 'field.*not a region"),
        ('detector\ncircle(1,2,3")', "line 2: .*DS9 takes its number for pixels"),
        ('image\nbox(1,2,3",4,0)', "line 2: .*sizes of one box must be in the same system"),
        ("global include=maybe\nimage\ncircle(1,2,3)", "line 1: .*neither 0 nor 1"),
        ("image\ncircle(1,2,1e30)", "line 2: .*beyond any image"),
    ],
)
def test_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.reg, {message}"):
        parse_regions(text, name="a.reg")


def test_pixels_turned_against_the_image_are_refused() -> None:
    header = maker.header("plain")
    header["LTM1_2"] = 0.5
    with pytest.raises(InputError, match=r"a\.reg, line 2: .*physical pixels are turned"):
        mask_of(parse_regions("physical\ncircle(1,2,3)", name="a.reg"), header)
    for value, message in (("x", "not a number"), (0.0, "have no inverse")):
        header["LTM1_2"], header["LTM1_1"] = 0.0, value
        with pytest.raises(InputError, match=rf"LTM1_1 .*{message}"):
            physical_system(header)


def test_a_panda_of_boxes_on_the_sky_that_ds9_did_not_write_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = 'fk5\nbpanda(150.1,2.2,0,90,1,1",1",2",3",1,20)'
    with caplog.at_level(logging.WARNING):
        mask_of(parse_regions(text, name="a.reg"), maker.header("turned"))
    assert "a.reg, line 2: epanda and bpanda on the sky" in caplog.text
    caplog.clear()
    mask_of(parse_regions(f"# Region file format: DS9\n{text}", name="a"), maker.header("turned"))
    assert not caplog.text
