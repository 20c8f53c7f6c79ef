"""The pages that show a run: what they hold, and that nothing in them is taken for markup."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from astropy.io import fits
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.alignment.match_meta import MatchMeta
from tweakreg_steps.cli import main
from tweakreg_steps.provenance.reading import read_statements
from tweakreg_steps.records.statement import Statement
from tweakreg_steps.reporting.image_page import image_page
from tweakreg_steps.reporting.image_report import ImageDrawing, ImageFacts
from tweakreg_steps.reporting.observation import epoch_of, filter_of, visit_of
from tweakreg_steps.reporting.offset_peaks import describe_offsets
from tweakreg_steps.reporting.pictures import block_means, mask_png
from tweakreg_steps.reporting.run_page import run_page
from tweakreg_steps.tables.table_file import read_table

SAID: Statement = {
    "version": "1",
    "rule": "write_report",
    "job": "all",
    "stamp": "s",
    "recipe_digest": "r",
    "code": "c",
    "parameters": {"a": "--><b>*/"},
    "inputs": {},
    "upstream": {},
}
SECOND = "paint02q_flc"


class Page(HTMLParser):
    """The tags of a page, its scripts, and the addresses that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.data = ""
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.addresses += [found[key] or "" for key in ("src", "href") if key in found]
        self._in_data = found.get("id") == "data"

    def handle_endtag(self, _tag: str) -> None:
        self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data


def page_of(path: Path) -> Page:
    """Read a page."""
    return Page(path.read_text(encoding="utf-8"))


def facts(name: str, **changes: Any) -> ImageFacts:  # noqa: ANN401  any fact
    """Return what the page of an image says of it."""
    fit = dict.fromkeys(("dx", "dy", "rotation", "rms_x", "rms_y"), 0.5)
    fit |= dict.fromkeys(("rms_ra", "rms_dec", "wrms_ra", "wrms_dec"), 0.5)
    said = {
        **fit,
        "image": name,
        "status": "aligned",
        "reason": "",
        "detail": "",
        "cure": "",
        "reference": "first",
        "fitgeometry": "rscale",
        "scale": 1.0,
        "skew": 0.0,
        "n_sources": 9,
        "n_matched": 8,
        "n_fit": 7,
        "n_reference": 9,
        "false_alarm": 1e-20,
        "error_x": 0.3,
        "error_y": 0.4,
        "header": {},
        "plane_scale": 40.0,
        "footprint": [[[10.0, 20.0], [10.1, 20.0], [10.1, 20.1], [10.0, 20.1]]],
        "parameters": {},
        **changes,
    }
    return cast("ImageFacts", said)


def rendered(*images: ImageFacts) -> str:
    """Return the page of a run of images."""
    return run_page(images, (), versions={"numpy": "2"}, said=SAID)


def test_a_run_leaves_a_page_for_itself_and_one_for_each_image(finished_run: Path) -> None:
    out = finished_run / "out"
    run, image = page_of(out / "report.html"), page_of(out / "report" / f"{SECOND}.html")
    rows = {row["image"]: row for row in json.loads(run.data)["rows"]}
    assert [rows[f"paint0{i}q_flc"]["status"] for i in (1, 2)] == ["reference", "aligned"]
    fit = json.loads((out / "fits" / f"{SECOND}.json").read_text())
    assert rows[SECOND]["rms"] == pytest.approx(np.hypot(fit["wrms_ra"], fit["wrms_dec"]), abs=1e-3)
    assert rows[SECOND]["n_fit"] == fit["n_fit"]
    drawn = json.loads(image.data)
    assert sum(drawn["pairs"]["kept"]) == fit["n_fit"]
    assert [chip["number"] for chip in drawn["chips"]] == [1, 2]
    assert all(chip["picture"].startswith("data:image/jpeg") for chip in drawn["chips"])
    for page, folder in ((run, out), (image, out / "report")):
        files = [a for a in page.addresses if not a.startswith(("#", ".tweakreg/story"))]
        assert files
        assert not [a for a in files if not (folder / a).is_file()]


def test_after_the_fit_the_references_lie_on_their_stars(finished_run: Path) -> None:
    page = page_of(finished_run / "out" / "report" / f"{SECOND}.html")
    drawn = json.loads(page.data)
    pairs = {key: np.array(value, dtype=float) for key, value in drawn["pairs"].items()}
    after = np.hypot(pairs["ax"] - pairs["x"], pairs["ay"] - pairs["y"])[pairs["kept"] == 1]
    before = np.hypot(pairs["bx"] - pairs["x"], pairs["by"] - pairs["y"])
    residual = np.hypot(pairs["dx"], pairs["dy"])[pairs["kept"] == 1]
    assert np.median(before) > 3
    assert np.allclose(after, residual, atol=0.05)


def test_the_map_is_where_the_exposures_are(finished_run: Path) -> None:
    data = json.loads(page_of(finished_run / "out" / "report.html").data)
    ra, dec = data["map"]["center"]
    header = fits.getheader(finished_run / f"{SECOND}.fits", 1)
    assert abs(ra - header["CRVAL1"]) < 0.1
    assert abs(dec - header["CRVAL2"]) < 0.1
    assert {outline["row"] for outline in data["map"]["outlines"]} == set(range(len(data["rows"])))
    assert data["overlaps"]


def test_a_page_asks_nothing_of_the_network(finished_run: Path) -> None:
    for path in (finished_run / "out").glob("**/*.html"):
        page = page_of(path)
        assert "link" not in page.tags
        assert not [a for a in page.addresses if re.match(r"(\w+:)?//", a)]
        assert "default-src 'none'" in path.read_text()


def test_pages_say_from_what_they_were_made(finished_run: Path) -> None:
    out = finished_run / "out"
    for name, rule in (
        ("report.html", "write_report"),
        ("report/bokeh.js", "write_report"),
        ("report/overlaps.js", "write_report"),
        ("tweakreg_mqc.json", "write_report"),
        (f"report/{SECOND}.html", "write_image_report"),
    ):
        assert read_statements(out / name)[-1]["rule"] == rule


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=a>', "--><i>", "</script><i>"]
)
def test_what_a_file_says_is_no_markup(text: str) -> None:
    plain, hostile = (
        Page(
            rendered(
                facts(
                    name,
                    status="not_aligned",
                    reason="no_sources",
                    detail=name,
                    cure=name,
                    header={"FILTER": name, "DATE-OBS": name},
                    parameters={"imagefindpars": {"finder": name}},
                )
            )
        )
        for name in ("plain", text)
    )
    assert hostile.tags == plain.tags
    assert json.loads(hostile.data)["rows"][0]["detail"] == text


def test_the_page_of_an_image_escapes_too() -> None:
    said: Statement = {**SAID, "parameters": {"x": "--><script>"}}
    data: ImageDrawing = {
        "image": "a",
        "chips": [],
        "stars": [],
        "plane": {"mas": 40.0, "north": [0.0, 1.0], "east": [-1.0, 0.0]},
        "sources": {},
        "references": {},
        "pairs": {},
        "n_sources": 1,
        "n_pairs": 0,
        "offsets": None,
    }
    match = cast("MatchMeta", {"n_reference": 3})

    def tags(text: str) -> list[str]:
        told = facts("a", detail=text, header={"OBJECT": text}, status="not_aligned")
        page = image_page(
            {**told, "reason": "too_few_matches"},
            data,
            found={
                "image": "a",
                "found_in": "pixels",
                "reason": None,
                "chips": [{"chip": 1, "n_sources": 2, "warnings": [text]}],
            },
            match=match,
            files={"fit": text},
            log=text,
            said=said,
        )
        return Page(page).tags

    assert tags("</table><script>x") == tags("plain")


def test_the_worst_come_first_with_their_cure() -> None:
    images = [facts(f"good{i}", wrms_ra=float(i)) for i in range(8)]
    failed = facts("bad", status="not_aligned", reason="no_sources", cure="lower the threshold")
    page = rendered(*images, failed)
    cards = re.findall(r'<a href="report/(\w+).html"><b>', page)
    assert cards == ["bad", "good7", "good6", "good5", "good4"]
    assert page.count('<div class="cure">lower the threshold</div>') == 2


def test_a_page_of_a_hundred_images_is_light() -> None:
    assert len(rendered(*(facts(f"image{i}") for i in range(100)))) < 3_000_000


def test_the_rivals_of_a_peak_are_found() -> None:
    counts = np.zeros((100, 100), dtype=int)
    counts[70, 20], counts[10, 50], counts[80, 80] = 40, 9, 5
    found = describe_offsets(counts, np.linspace(-50, 50, 101), tolerance=1.0, peak=[-29.4, 20.6])
    assert [peak["pairs"] for peak in found["peaks"]] == [40, 9, 5]
    assert [peak["taken"] for peak in found["peaks"]] == [True, False, False]
    assert found["peaks"][1]["x"] == pytest.approx(0.5, abs=1.1)


def test_blocks_leave_out_what_is_not_finite() -> None:
    pixels = np.arange(24.0).reshape(4, 6)
    assert block_means(pixels, 2)[0, 0] == pixels[:2, :2].mean()
    pixels[0, 0] = np.nan
    assert block_means(pixels, 2)[0, 0] == pytest.approx(np.nanmean(pixels[:2, :2]))
    pixels[:2, :2] = np.nan
    assert np.isnan(block_means(pixels, 2)[0, 0])
    assert mask_png(np.ones((4, 6), dtype=bool), 2) is None


@pytest.mark.parametrize(
    ("header", "epoch"),
    [
        ({"EXPSTART": 55611.5}, 55611.5),
        ({"DATE-OBS": "2011-02-19", "TIME-OBS": "12:00:00"}, 55611.5),
        ({"DATE-OBS": "2011-02-19T12:00:00"}, 55611.5),
        ({"DATE-OBS": "19/02/11"}, None),
        ({}, None),
    ],
)
def test_an_epoch_is_read_as_it_stands(header: dict[str, Any], epoch: float | None) -> None:
    assert epoch_of(header) == epoch


def test_exposures_of_a_visit_of_hst_share_its_name() -> None:
    assert visit_of({"TELESCOP": "HST", "ROOTNAME": "j9irw4b1q"}) == "9irw4"
    assert visit_of({"DATE-OBS": "2011-02-19T12:00:00"}) == "2011-02-19"
    assert filter_of({"FILTER1": "CLEAR1L", "FILTER2": "F814W"}) == "F814W"


@pytest.mark.effect("report")
@pytest.mark.usefixtures("tiny_run")  # Snakemake keeps the stream it finds first
def test_without_a_report_there_is_none_and_the_command_writes_it(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, report=False)
    out = tmp_path / "out"
    assert main(["run", str(recipe)]) == 0
    assert not (out / "report.html").exists()
    assert not (out / "report").exists()
    capsys.readouterr()
    assert main(["report", str(out)]) == 0
    assert capsys.readouterr().out == f"{out / 'report.html'}\n"
    assert (out / "report" / f"{SECOND}.html").is_file()


def test_the_command_refuses_what_would_show_something_else(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run, tmp_path / "copy")
    recipe = tmp_path / "copy" / "recipe.yaml"
    (tmp_path / "copy" / "out" / "report.html").unlink()
    assert main(["report", str(recipe)]) == 0
    assert (tmp_path / "copy" / "out" / "report.html").is_file()
    recipe.write_text(recipe.read_text() + "\ncatalog_fitting: {nclip: 5}\n")
    assert main(["report", str(recipe)]) == 2
    assert "catalog_fitting.nclip 3 → 5" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 2


def test_the_story_tells_what_changed(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "copy")
    recipe = tmp_path / "copy" / "recipe.yaml"
    pages = {p.name: p.read_bytes() for p in (tmp_path / "copy" / "out").glob("report*/*.html")}
    before = recipe.read_text()
    recipe.write_text(before + "\nacceptance: {max_rms: 0.0001}\n")
    assert main(["run", str(recipe)]) == 3
    text = (tmp_path / "copy" / "out" / ".tweakreg" / "story.js").read_text()
    story = json.loads(text.removeprefix("window.tweakregStory = ").rstrip(";\n"))
    assert any("acceptance.max_rms null → 0.0001" in reason for reason in story["reasons"])
    assert any(f"{SECOND}: aligned → not aligned" in change for change in story["changes"])
    recipe.write_text(before)
    assert main(["run", str(recipe)]) == 0
    after = {p.name: p.read_bytes() for p in (tmp_path / "copy" / "out").glob("report*/*.html")}
    assert after == pages


def test_pages_of_images_know_those_that_overlap_them(finished_run: Path) -> None:
    """One script for all pages has the rows of ``overlaps.ecsv``, and which of them are apart."""
    text = (finished_run / "out" / "report" / "overlaps.js").read_text(encoding="utf-8")
    found = json.loads(text.partition("window.OVERLAPS = ")[2].partition(";\n")[0])
    table = read_table(finished_run / "out" / "overlaps.ecsv")
    names = [image["image"] for image in found["images"]]
    assert [names[row["one"]] for row in found["rows"]] == list(table["one"])
    columns = (table[name] for name in ("n", "dx", "error"))
    for row, n, dx, error in zip(found["rows"], *columns, strict=True):
        assert row["n"] == n
        assert row["dx"] == pytest.approx(dx, abs=1e-3)
        assert row["is_apart"] == (np.hypot(row["dx"], row["dy"]) > 5.0 * error)
    for name in names:
        page = page_of(finished_run / "out" / "report" / f"{name}.html")
        assert "overlaps.js" in page.addresses
