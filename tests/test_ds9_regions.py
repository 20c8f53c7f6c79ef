"""Reading DS9 region files."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tweakreg_steps.errors import InputError
from tweakreg_steps.masking.ds9_regions import Ds9Region, parse_regions, read_region_file

DS9 = Path(__file__).parent / "data" / "ds9"


def one(text: str) -> Ds9Region:
    (region,) = parse_regions(text, name="a.reg")
    return region


def test_real_file_with_a_wrapped_global_line_keeps_its_order() -> None:
    regions = read_region_file(DS9 / "jcdua3f4q_sci1_include_no_box_first.reg")
    assert [r.shape for r in regions] == ["box", "polygon", "ellipse", "circle"]
    assert [r.include for r in regions] == [False, True, True, True]
    assert regions[0].points == ((3541.0, 393.0),)
    assert regions[0].outer == (56.5, 48.0)
    assert len(regions[1].points) == 8


@pytest.mark.parametrize(
    ("text", "outer", "inner", "angle", "sector"),
    [
        ("circle(1,2,3)", (3, 3), None, 0, None),
        ("ellipse 1 2 3 4", (3, 4), None, 0, None),
        ("ellipse(1 2 3 4 30)", (3, 4), None, 30, None),
        ("box(1,2,30,40,15)", (15, 20), None, 15, None),
        ("annulus(1,2,9,5,7)", (9, 9), (5, 5), 0, None),
        ("annulus(1,2,0,5)", (5, 5), None, 0, None),
        ("annulus(1,2,5,9,n=4)", (9, 9), (5, 5), 0, None),
        ("ellipse(1,2,3,4,5,6,7,8,45)", (7, 8), (3, 4), 45, None),
        ("box(1,2,10,20,30,40,45)", (15, 20), (5, 10), 45, None),
        ("panda(1,2,10,80,3,5,9,2)", (9, 9), (5, 5), 0, (10, 80)),
        ("epanda(1,2,10,80,3,5,6,9,12,2,45)", (9, 12), (5, 6), 45, (10, 80)),
        ("bpanda(1,2,10,80,3,10,12,18,24,2,45)", (9, 12), (5, 6), 45, (10, 80)),
        ("epanda(1,2,10,80,3,5,6,9,12,2)", (9, 12), (5, 6), 0, (10, 80)),
    ],
)
def test_every_shape(
    text: str,
    outer: tuple[float, float],
    inner: tuple[float, float] | None,
    angle: float,
    sector: tuple[float, float] | None,
) -> None:
    region = one("image;" + text)
    assert region.points == ((1.0, 2.0),)
    assert (region.outer, region.inner) == (outer, inner)
    assert (region.angle, region.sector) == (angle, sector)


def test_a_system_holds_until_the_next_one_and_physical_is_the_first() -> None:
    text = "circle(1,2,3)\nFK5\ncircle(1,2,3)\nJ2000;circle(1,2,3);image\n-circle(1,2,3)"
    regions = parse_regions(text, name="a.reg")
    assert [r.system for r in regions] == ["physical", "fk5", "fk5", "image"]
    assert [r.line for r in regions] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("fk5;circle(10:00:00,-00:30:00,1)", (150.0, -0.5)),
        ("icrs;circle(10h00m00s,-00d30m00s,1)", (150.0, -0.5)),
        ("fk4;circle(150d,-0.5d,1)", (150.0, -0.5)),
        ("galactic;circle(150:00:00,-0:30:00,1)", (150.0, -0.5)),
        ("ecliptic;circle(150,-.5,1)", (150.0, -0.5)),
        ("fk5;circle(1.5r,-0.5d,1)", (85.94366926962348, -0.5)),
        ("fk5;circle(150i,12i,1i)", (150.0, 12.0)),
    ],
)
def test_spellings_of_positions(text: str, point: tuple[float, float]) -> None:
    assert one(text).points[0] == pytest.approx(point, abs=1e-12)


@pytest.mark.parametrize(
    ("size", "degrees"), [("0.5", 0.5), ("30'", 0.5), ('1800"', 0.5), ("0.5d", 0.5)]
)
def test_units_of_sizes_on_the_sky(size: str, degrees: float) -> None:
    assert one(f"fk5;circle(1,2,{size})").outer[0] == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("text", "include"),
    [
        ("circle(1,2,3)", True),
        ("+circle(1,2,3) # color=red", True),
        ("- circle(1,2,3)", False),
        ("circle(1,2,3) # include=0 text={include=1}", False),
        ("global include=1\n-circle(1,2,3)", False),
    ],
)
def test_include_and_exclude(text: str, include: bool) -> None:
    assert one(text).include is include


def test_comments_texts_and_composites_do_not_disturb() -> None:
    text = (
        "# Region file; made by hand\n"
        "# circle(9,9,9)\n"
        'global color=green font="times; 12"\n'
        "# composite(5,5,0) || composite=1\n"
        "image;circle(1,2,3) || # text={a; b # c}\n"
        "box(1,2,3,4) # done; see the notes\n"
        "circle(4,5,6) # color=red; circle(7,8,9)\n"
    )
    regions = parse_regions(text, name="a.reg")
    assert [r.points[0][0] for r in regions] == [1, 1, 4, 7]


def test_points_lines_and_vectors_are_regions_without_area() -> None:
    text = "point(1,2) # point=x\ncircle point 1 2\nline(1,2,3,4)\n# vector(1,2,30,45) vector=1"
    regions = parse_regions(text, name="a.reg")
    assert [r.shape for r in regions] == ["point", "point", "line", "vector"]
    assert not any(r.has_area for r in regions)
    assert one("circle(1,2,3)").has_area
    assert not one("circle(1,2,0)").has_area


def test_what_is_not_a_region_is_skipped_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    text = (
        "image\n# text(1,2) text={a}\n# ruler(1,2,3,4) ruler=image\n"
        "# compass(1,2,3) compass=wcs {N} {E} 1 1\n# -projection(1,2,3,4,5)\ncircle(1,2,3)"
    )
    with caplog.at_level(logging.INFO):
        assert one(text).shape == "circle"
    for line, word in enumerate(["text", "ruler", "compass", "projection"], start=2):
        assert f"line {line}: {word} is no region" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cirlce(1,2,3)", "Shapes: circle, annulus"),
        ("wcsa", "systems: image, physical"),
        ("circle(1,2)", r"2 numbers do not make circle\(x, y, radius\)"),
        ("polygon(1,2,3,4)", "4 numbers do not make polygon"),
        ("polygon(1,2,3,4,5,6,7)", "7 numbers do not make polygon"),
        ("circle(1,2,x)", "'x' is not a number"),
        ("circle(1,2,nan)", "'nan' is not a finite number"),
        ("circle(1,2,-3)", "a size must not be negative"),
        ("circle(1,2,3", "one pair of parentheses"),
        ("circle(1,2,3) & box(1,2,3,4)", "one pair of parentheses"),
        ("circle(10:00:00,2,3)", "need a line with their system before: fk5"),
        ("circle(1i,2,3)", "both coordinates must be in the same system"),
        ("fk5;circle(1,91,3)", "latitude must lie within"),
        ("fk5;circle(1,2,90)", "below 90 degrees"),
        ("fk5;circle(1:2:x,2,3)", "is not an angle"),
        ("select=1", "not a region"),
        ("1,2,3", "not a region"),
    ],
)
def test_errors_name_file_line_and_text(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_regions(f"# header\nimage\n{line}", name="bad.reg")
    assert str(caught.value).startswith(f"bad.reg, line 3: {line.rsplit(';', 1)[-1]!r}: ")


def test_all_wrong_lines_are_named_at_once() -> None:
    with pytest.raises(InputError, match=r"line 1: 'foo(.|\n)*line 3: 'circle\(1\)'"):
        parse_regions("foo(1)\nimage\ncircle(1)\n", name="bad.reg")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.reg: the region file cannot be read: No such"):
        read_region_file(tmp_path / "a.reg")
