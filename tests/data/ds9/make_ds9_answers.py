"""Make answers.json: which pixels DS9 itself gives to region files, and what it writes.

Run where DS9 8 is installed, on Debian the packages saods9, xvfb and xpa-tools::

    xvfb-run python tests/data/ds9/make_ds9_answers.py

Every pixel of the image has a number of its own making, so that the count and the sum of a region's
pixels, which DS9 measures, tell which they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits

SCALE = 0.05 / 3600  # degrees a pixel
SIDE = 300
TITLE = "answers"

_TURN = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
HEADERS = {
    "plain": (np.diag([-SCALE, SCALE]), {"LTV1": -100.0, "LTV2": -50.0}),
    "turned": (
        _TURN @ np.diag([-SCALE, SCALE]),
        {"LTV1": -50.0, "LTV2": -25.0, "LTM1_1": 0.5, "LTM2_2": 0.5, "DTV1": 7.0, "DTV2": 9.0}
        | {"DTM1_1": 2.0, "DTM2_2": 2.0, "ATV1": 3.0, "ATV2": 4.0, "ATM1_1": -1.0, "ATM2_2": 1.0},
    ),
    "mirrored": (
        _TURN @ np.diag([SCALE, SCALE]),
        {"LTV1": 10.0, "LTV2": -5.0, "LTM1_1": 0.5, "LTM2_2": 0.25},
    ),
    "reversed": (np.diag([-SCALE, SCALE]), {"LTV1": 320.0, "LTM1_1": -1.0}),
}

SHAPES = """image
circle(60.2,70.4,20.3)
-ellipse(200,70,30.5,15.2,25)
box(70,200,40.5,22.5,35)
annulus(200,200,10,20,30)
ellipse(100,150,8,5,16,10,24,15,40)
box(150,100,10,8,20,16,30,24,65)
polygon(120,220,170,230,160,270,110,260)
-panda(230,130,20,130,2,8.5,25.5,2)
epanda(60,130,20,110,1,8,5,16,10,1,30)
bpanda(150,180,250,400,1,8,6,24,18,1,15)
point(30,30)
line(10,10,60,20)
# vector(30,40,20,45) vector=1
# text(200,20) text={here; # it is}
"""

WRITTEN = {
    "image": ("image", "fk5", "degrees"),
    "physical": ("physical", "fk5", "degrees"),
    "detector": ("detector", "fk5", "degrees"),
    "amplifier": ("amplifier", "fk5", "degrees"),
    "fk5": ("wcs", "fk5", "degrees"),
    "fk5 sexagesimal": ("wcs", "fk5", "sexagesimal"),
    "icrs": ("wcs", "icrs", "sexagesimal"),
    "fk4": ("wcs", "fk4", "degrees"),
    "galactic": ("wcs", "galactic", "degrees"),
    "ecliptic": ("wcs", "ecliptic", "sexagesimal"),
}
"""What DS9 is asked to write: system, sky frame and format."""

COMPOSITE = """image
# composite(100,100,30) || composite=1
circle(120,100,10) ||
-box(80,100,20,10,0) || # color=red
ellipse(100,130,10,5,0)
circle(30,30,6)
"""

TEXTS = [
    "detector\ncircle(310,270,20)",
    "amplifier\ncircle(-290,270,20)",
    "amplifier\nbox(-290,270,20,30,10)",
    "detector\nbox(310,270,20,30,10)",
    'linear;circle(150.1,2.2,1")',
    'wcs;box(150.1,2.2,2",4",10)',
    'wcs0;circle(150.1,2.2,2")',
    'wcsa;circle(150.1,2.2,2")',
    'image\ncircle(100,100,2")',
    'image\nbox(100,100,2",4",10)',
    "image\nellipse(100,100,0.05',0.02',10)",
    'physical\ncircle(200,150,2")',
    "fk5\ncircle(150.1,2.2,20i)",
    "fk5\ncircle(150.1,2.2,20p)",
    "fk5\nbox(150.1,2.2,20i,40i,10)",
    "fk5\nbox(150.1,2.2,20p,40p,10)",
    "fk5\nellipse(150.1d,2.2d,20i,40i,10)",
    "fk5\nepanda(150.1,2.2,0,90,1,4i,2i,40i,20i,1,10)",
    "fk5;circle(100i,120i,20i)",
    "fk5;circle(200p,170p,20p)",
    "fk5;circle(100i,120i,0.0005)",
    'fk5;box(100i,120i,2",4",10)',
    'fk5;circle(10:00:24,+2:12:00,1.5")',
    'fk5;circle(10h00m24s,2d12m00s,1.5")',
    "image\nrotbox(100,120,50,60,30)",
    "image\ncpanda(50,50,0,90,1,0,20,1)",
    "image\npanda(50,50,0,90,3,5,20,2)",
    "image\npanda(50,50,300,400,1,5,20,1)",
    "image\npanda(50,50,0,360,1,0,20,1)",
    'fk5\npanda(150.1,2.2,0,90,1,0,2",1)',
    "image;circle(10,20,5)",
    "image;box(20,20,10,10,0)",
    "image;box(20,20,10,10,180)",
    "image;box(20.5,20.5,10,10)",
    "image;ellipse(20,20,5,10)",
    "image;annulus(20,20,5,10)",
    "image;annulus(20,20,3,5,10)",
    "image;annulus(20,20,0,10)",
    "image;annulus(20,20,5,10,n=3)",
    "image;box(20,20,10,10,20,20,0)",
    "image;ellipse(20,20,5,5,10,10,0)",
    "image;bpanda(20,20,0,90,1,10,10,20,20,1,0)",
    "image;epanda(20,20,0,90,1,5.7,5.7,10.7,10.7,1,40)",
    "image;polygon(15,15,25,15,25,25,15,25)",
    "image;polygon(15,15,25,25,25,15,15,25)",
    "image;circle(2,2,5)",
    "image;circle(50,50,0)",
    "circle(200,150,5)",
    "global include=0\nimage\ncircle(10,20,5)\n-circle(30,30,4)\n+circle(40,40,4)",
    "global include=0\nimage\ncircle(10,20,5)\ncircle(60,60,4) # include=1",
    "global include=0\nglobal color=red include=yes\nimage;circle(10,20,5)",
    "image;circle(10,20,5) # include=no\n-circle(30,30,5) # color=#f00 include=1 text={a;b}",
    "image;circle(10,20,5) # a comment; circle(30,30,5)",
    "image;circle(10,20,5) # color=red; circle(30,30,5)",
    "image;circle(10,20,5) # color=red and so on; circle(30,30,5)",
    "image;circle(10,20,5) # text={; circle(30,30,5)} tag={a # b}; circle(40,40,5)",
    "image # a comment; circle(30,30,5)\ncircle(10,20,5)",
    "image;circle(10,20,5)\\ncircle(30,30,5)",
    "# circle(9,9,5); circle(30,30,5)\nimage;circle(10,20,5)",
    "image;text(10,10,{a;b # c});circle(30,30,5)",
    "image;circle point 10 20;x point 30 30;circle 30 30 5",
    "image;CIRCLE(10 20 5);Box 30 30,6 8 0",
    "image;+ circle(10,20,5);- circle(30,30,5)",
    "tile 1\nimage\ncircle(10,20,5)",
    "# tile 1\nimage\ncircle(10,20,5)",
    'galactic;fk5;wcs;circle(150.1,2.2,2")',
    (
        "image;panda(50,50,0,90,2,0,20,1) # panda=(0 30 90)(0 20)\npanda(50,50,30,90,1,0,20,1) "
        "# panda=ignore"
    ),
]

_MEASURE = """set out [open {%s} w]
set areas {circle ellipse box polygon annulus ellipseannulus boxannulus panda epanda bpanda}
foreach id [$current(frame) get marker id all] {
  set sign [$current(frame) get marker $id property include]
  puts $out "MARK [$current(frame) get marker $id type] $sign"
  set found ""
  if {[lsearch $areas [$current(frame) get marker $id type]] >= 0} {
    catch {set found [$current(frame) get marker $id analysis stats image fk5]}
  }
  puts $out $found
}
close $out
"""


def header(name: str) -> fits.Header:
    """Make the header of an image."""
    matrix, more = HEADERS[name]
    cards: dict[str, str | float] = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
    }
    cards |= {"CRVAL1": 150.1, "CRVAL2": 2.2, "CRPIX1": 150.5, "CRPIX2": 150.5, "RADESYS": "ICRS"}
    cards |= {f"CD{i}_{j}": float(matrix[i - 1, j - 1]) for i in (1, 2) for j in (1, 2)}
    return fits.Header(cards | more)


def pixels() -> np.ndarray:
    """Make the pixels: whole numbers, seeded, whose sums over regions DS9 writes in full."""
    return np.random.default_rng(7).integers(1, 1000, (SIDE, SIDE)).astype(np.int32)


def call(*words: str, text: str = "") -> str:
    """Let an XPA command run, and return what it says."""
    done = subprocess.run(
        words, input=text, capture_output=True, text=True, check=False, timeout=20
    )
    return done.stdout + done.stderr


def answer(folder: Path, text: str) -> dict[str, object]:
    """Let DS9 read a region file, and return what it made of it."""
    call("xpaset", "-p", TITLE, "regions", "delete", "all")
    file, measured = folder / "asked.reg", folder / "measured.txt"
    file.write_text(text + "\n")
    said = call("xpaset", "-p", TITLE, "regions", "load", str(file))
    call("xpaset", "-p", TITLE, "regions", "selectall")
    call("xpaset", "-p", TITLE, "regions", "dissolve")
    call("xpaset", TITLE, "tcl", text=_MEASURE % measured)
    listed = call("xpaget", TITLE, "regions", "-format", "ds9", "-system", "image")
    found = [measure(part) for part in measured.read_text().split("MARK ")[1:]]
    return {
        "regions": found,
        "image": [line for line in listed.splitlines()[3:] if line],
        "error": re.sub(r" \(DS9:.*", "", said).strip(),
    }


def measure(part: str) -> list[object]:
    """Return shape, include, count of pixels and sum of pixels of one region."""
    head, _, body = part.partition("\n")
    shape, include = head.split()
    table = body.rpartition("npix")[2] if "npix" in body else ""
    rows = [line.split() for line in table.splitlines() if re.match(r"\d+\t", line)]
    return [shape, int(include), sum(int(r[2]) for r in rows), sum(int(float(r[1])) for r in rows)]


def written(text: str) -> dict[str, str]:
    """Let DS9 write regions in every system."""
    call("xpaset", "-p", TITLE, "regions", "delete", "all")
    call("xpaset", TITLE, "regions", text=text)
    return {
        name: call(
            *("xpaget", TITLE, "regions", "-format", "ds9", "-system", system),
            *("-sky", sky, "-skyformat", form),
        )
        for name, (system, sky, form) in WRITTEN.items()
    }


def main() -> None:
    """Ask DS9."""
    cases = []
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        os.environ.update(HOME=where, XPA_METHOD="local")
        for name in HEADERS:
            fits.PrimaryHDU(pixels(), header(name)).writeto(folder / f"{name}.fits")
        ds9 = subprocess.Popen(["ds9", "-title", TITLE, str(folder / "plain.fits")])
        try:
            while "8." not in (version := call("xpaget", TITLE, "version")):
                time.sleep(0.5)
            for name in HEADERS:
                call("xpaset", "-p", TITLE, "file", str(folder / f"{name}.fits"))
                own = {f"written {k}": v for k, v in written(SHAPES).items()}
                own |= {f"composite {k}": v for k, v in written(COMPOSITE).items()}
                own |= {text: text for text in TEXTS}
                for title, text in own.items():
                    found = answer(folder, text)
                    cases.append({"header": name, "title": title, "text": text, **found})
        finally:
            ds9.terminate()
    lines = ",\n".join(json.dumps(case) for case in cases)
    text = f'{{"version": {json.dumps(version.split()[-1])}, "cases": [\n{lines}\n]}}\n'
    (Path(__file__).parent / "answers.json").write_text(text)


if __name__ == "__main__":
    main()
