"""The desk as it is served: refused to strangers, and used in a real browser from end to end."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest
from skies import Scene
from tiny import copy_tiny
from tornado.httputil import HTTPHeaders

from tweakreg_steps import tweakreg
from tweakreg_steps.applying.original_file import sha256_of_file
from tweakreg_steps.errors import RecipeError
from tweakreg_steps.gui.guard import refusal
from tweakreg_steps.records.review_file import Decision, read_reviews
from tweakreg_steps.reporting.summary import build_summary
from tweakreg_steps.reporting.summary_file import write_summary

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PATIENCE = 300_000
"""Milliseconds that a browser may take on a busy machine."""
EVIL = """</pre><img src=x onerror="document.title='evil'"><b>"""


@dataclass(frozen=True)
class Desk:
    """A desk that is served: its address, its recipe and its process."""

    address: str
    recipe: Path
    process: subprocess.Popen[str]

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    def ask(self, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Ask for a path below the root with headers of one's own."""
        connection = http.client.HTTPConnection(self.host, timeout=300)
        try:
            connection.putrequest("GET", path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()


@pytest.fixture(scope="module")
def desk(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return the desk of a tiny project that waits for decisions; it is closed as by Ctrl-C."""
    recipe = copy_tiny(
        tiny_exposures,
        tmp_path_factory.mktemp("desk"),
        interactive=True,
        writecat=False,
        catalog_fitting={"residplot": "No plot"},
        headerlet_creation={"descrip": EVIL},
    )
    recipe.write_text(f"# {EVIL}\n{recipe.read_text()}")
    command = [sys.executable, "-P", "-m", "tweakreg_steps", "gui", str(recipe), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        yield Desk(process.stdout.readline().strip(), recipe, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) == 0


@pytest.mark.parametrize(
    ("path", "headers", "why"),
    [
        ("/t", {"Host": "127.0.0.1:80"}, ""),
        ("/t/x?y=1", {"Host": "localhost:9999", "Origin": "http://localhost:9999"}, ""),
        ("/t/ws", {"Host": "[::1]:1", "Origin": "http://[::1]:1"}, ""),
        ("/", {"Host": "127.0.0.1:80"}, "token"),
        ("/T/", {"Host": "127.0.0.1:80"}, "token"),
        ("/tt/", {"Host": "127.0.0.1:80"}, "token"),
        ("/x/../t/", {"Host": "127.0.0.1:80"}, "token"),
        ("http://127.0.0.1/t/", {"Host": "127.0.0.1:80"}, "token"),
        ("/t/", {}, "Host"),
        ("/t/", {"Host": "evil.example"}, "Host"),
        ("/t/", {"Host": "127.0.0.1.evil.example"}, "Host"),
        ("/t/", {"Host": "localhost:1", "Origin": "null"}, "Origin"),
        ("/t/", {"Host": "localhost:1", "Origin": "http://localhost:2"}, "Origin"),
        ("/t/", {"Host": "localhost:1", "Origin": "https://localhost:1"}, "Origin"),
    ],
)
def test_only_this_machine_and_who_has_the_token(
    path: str, headers: dict[str, str], why: str
) -> None:
    found = refusal(path, HTTPHeaders(headers), "t")
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.slow
def test_strangers_are_refused_by_the_server(desk: Desk) -> None:
    path = urlsplit(desk.address).path
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    upgrade |= {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec_WebSocket_Protocol": "bokeh"}
    assert desk.ask(path)[0] == 200
    assert desk.ask(f"{path}ws", **upgrade, Origin=f"http://{desk.host}")[0] != 403
    for stranger, headers in (
        ("/", {}),
        ("/static/js/bokeh.min.js", {}),
        ("/ws", upgrade),
        (path, {"Host": "evil.example"}),
        (path, {"Origin": "http://evil.example"}),
        (f"{path}ws", {**upgrade, "Origin": "http://evil.example"}),
        (f"{path}ws", {**upgrade, "Origin": "http://localhost:8888"}),
        (f"{path}ws", {**upgrade, "Host": "evil.example", "Origin": "http://evil.example"}),
    ):
        status, body, _ = desk.ask(stranger, **headers)
        assert (status, body[:8]) == (403, b"refused:")
    listening = [
        c for c in psutil.Process(desk.process.pid).net_connections() if c.status == "LISTEN"
    ]
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}


def test_results_are_served_and_nothing_beside_them(desk: Desk) -> None:
    out = desk.recipe.parent / "out"
    out.mkdir(exist_ok=True)
    (out / "page.html").write_text("<p>mine</p>")
    (out / "link.html").symlink_to("/etc/hosts")
    (out / "outside.yaml").symlink_to(desk.recipe)
    path = f"{urlsplit(desk.address).path}results/"
    status, body, headers = desk.ask(f"{path}page.html")
    assert (status, body) == (200, b"<p>mine</p>")
    assert headers["Content-Security-Policy"].startswith("sandbox")
    for name in (
        "link.html",
        "outside.yaml",
        "../recipe.yaml",
        "%2e%2e/recipe.yaml",
        ".tweakreg.lock",
        "",
    ):
        assert desk.ask(path + name)[0] in (403, 404)
    for name in ("page.html", "link.html", "outside.yaml"):
        (out / name).unlink()


@pytest.fixture
def page() -> Iterator[Page]:
    """Return the page in a browser."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(FLAGS), timeout=PATIENCE)
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(PATIENCE)
        yield opened
        browser.close()


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=name, exact=True).click()


def run(page: Page, says: str = "run: done") -> None:
    """Run the recipe and wait for its end."""
    page.get_by_text("plan and run").click()
    press(page, "run")
    page.get_by_text("run is running").wait_for()
    page.get_by_text(says).wait_for()
    page.get_by_text("results", exact=True).click()


def judge(page: Page, image: str, verdict: str) -> None:
    """Accept or reject an image."""
    page.locator(".tabulator-row").filter(has_text=image).click()
    page.get_by_role("heading", name=image).wait_for()
    press(page, verdict)
    page.get_by_text(f"{image} is {verdict}ed; run").wait_for()


def show_evil_summary(desk: Desk, page: Page) -> None:
    """Put markup into every text of a summary, and look at it."""
    record = {
        "image": EVIL,
        "status": "not_aligned",
        "reason": "no_significant_offset",
        "n_sources": 3,
        "n_matched": 0,
        "n_fit": 0,
        "fitgeometry": "general",
        "reference": EVIL,
        "detail": EVIL,
        "cure": EVIL,
    }
    summary = build_summary([record], version="0", recipe_digest="", reference=EVIL)
    write_summary(desk.recipe.parent / "out" / "summary.ecsv", summary)
    page.reload()
    page.get_by_text("saved, 3 images").wait_for()
    page.get_by_text("results", exact=True).click()
    page.locator(".tabulator-row").filter(has_text=EVIL).first.click()
    page.get_by_role("heading", name=EVIL).wait_for()
    assert page.get_by_role("button", name="accept", exact=True).is_disabled()


@pytest.mark.workflow
def test_the_desk_from_the_recipe_to_the_originals(desk: Desk, page: Page) -> None:
    images = sorted(desk.recipe.parent.glob("*_flc.fits"))
    before = [sha256_of_file(path) for path in images]
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda r: (
            said.append(r.url) if urlsplit(r.url).hostname not in ("127.0.0.1", None) else None
        ),
    )
    page.goto(desk.address)
    page.get_by_text("saved, 3 images").wait_for()

    # a bad value is refused, a good one is kept, and comments stay
    page.get_by_label("section", exact=True).select_option(label="imagefindpars (1 set)")
    threshold = page.locator(".field-imagefindpars-threshold input")
    threshold.fill("-1")
    page.get_by_text("1 problem: not saved").wait_for()
    page.get_by_text("-1 is not allowed; allowed: number or null > 0").first.wait_for()
    assert page.get_by_role("button", name="save", exact=True).is_disabled()
    threshold.fill("80")
    page.get_by_text("valid, not saved yet").wait_for()
    press(page, "save")
    page.get_by_text("saved, 3 images").wait_for()
    text = desk.recipe.read_text()
    assert "threshold: 80" in text
    assert text.startswith(f"# {EVIL}")

    # run, judge, run again
    run(page)
    page.get_by_text("3 of 3 images aligned").wait_for()
    page.get_by_text("waiting").first.wait_for()
    judge(page, "paint03q_flc", "reject")
    judge(page, "paint02q_flc", "accept")
    reviews = read_reviews(desk.recipe.parent / "out" / "review.yaml")
    assert [review.decision for review in reviews.values()] == [Decision.ACCEPT, Decision.REJECT]
    run(page)
    page.get_by_text("2 of 3 images aligned").wait_for()
    assert len(list((desk.recipe.parent / "out" / "aligned").iterdir())) == 3

    # into the originals after a question, and back
    press(page, "apply …")
    press(page, "no")
    press(page, "apply …")
    press(page, "yes, apply")
    page.get_by_text(re.compile("apply: done")).wait_for()
    changed = [sha256_of_file(path) != digest for path, digest in zip(images, before, strict=True)]
    assert changed == [True, True, False]
    press(page, "restore …")
    press(page, "yes, restore")
    page.get_by_text("restore: done").wait_for()
    assert [sha256_of_file(path) for path in images] == before

    # what stands in the files is shown as text
    show_evil_summary(desk, page)
    assert page.title() != "evil"
    assert page.locator("img[src=x]").count() == 0
    assert said == []


@pytest.mark.workflow
def test_a_python_call_waits_for_the_form(page: Page, tmp_path: Path) -> None:
    call = "from tweakreg_steps import tweakreg; tweakreg.edit_imagefindpars('own.yaml')"
    environment = os.environ | {"DISPLAY": ":9", "BROWSER": "true %s"}
    del environment["TWEAKREG_EDITOR"]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", call],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        page.goto(process.stderr.readline().split()[-1])
        page.get_by_label("section", exact=True).wait_for()
        assert page.get_by_text("plan and run").count() == 0
        page.locator(".field-imagefindpars-threshold input").fill("30")
        page.locator(".recipe-text").get_by_text("30").wait_for()
        press(page, "done")
        said = process.stderr.read()
    assert process.returncode == 0
    assert "own.yaml: kept; use it with TweakReg" in said
    assert (tmp_path / "own.yaml").read_text() == (
        'input: "*flt.fits"\nimagefindpars:\n  threshold: 30\n'
    )


@pytest.mark.slow
def test_a_notebook_shows_the_desk_in_a_frame(tiny_exposures: Scene, tmp_path: Path) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    shown = tweakreg.desk(recipe, height=700)
    try:
        address = urlsplit(shown.address)
        assert f'<iframe src="{shown.address}" width="100%" height="700"' in shown._repr_html_()
        connection = http.client.HTTPConnection(address.netloc, timeout=300)
        connection.request("GET", address.path)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["X-Frame-Options"] is None
        connection.close()
        with pytest.raises(RecipeError, match=f"--port {address.port}: cannot be used"):
            tweakreg.desk(recipe, port=int(address.port or 0))
    finally:
        shown.close()
    assert repr(shown) == "<desk, closed>"
    with pytest.raises(RecipeError, match="there is no folder"):
        tweakreg.desk(tmp_path / "no" / "recipe.yaml")
