"""Run the tutorial, and write what the program prints into its page, and its pictures.

``python docs/make_tutorial.py`` does what docs/start/tutorial.md tells a reader to do, command by
command, in a temporary folder. A block of ``yaml`` whose first line is ``# NAME`` is written to
that file; of a block of ``console`` each line behind ``$`` is run by a shell, and the lines below
are what went to standard output. A test does the same and compares.
"""  # noqa: INP001  a script beside the documentation, not a package

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PAGE = HERE / "start" / "tutorial.md"
IMAGES = HERE / "images"

PICTURES = {
    "tutorial_hist2d.png": "hist2d_demo2_flc.png",
    "tutorial_residuals.png": "residuals_demo2_flc.png",
    "tutorial_lost.png": "hist2d_demo12_flc.png",
    "tutorial_vector.png": "vector_demo12_flc.png",
}
"""The pictures of the page, and which plots of the run before them they are."""

_PIECE = re.compile(
    r"^```(?P<language>yaml|console)\n(?P<body>.*?)^```$|\(\.\./images/(?P<picture>\S+)\)",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"# (\S+\.\w+)$")


def run_line(
    line: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Have a shell run a command line."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def copy_picture(plot: Path, picture: Path) -> None:
    """Copy the pixels of a plot, but not the record of how it was made: that names the code."""
    with Image.open(plot) as pixels:
        pixels.info.clear()
        pixels.save(picture, optimize=True)


class Walk:
    """A reader who does what the page says, in a folder of its own."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        self.folder = folder
        self.pictures = pictures
        self.status = 0

    def follow(self, text: str) -> str:
        """Do what a page says; return it with what the program printed."""
        return _PIECE.sub(self._piece, text)

    def _piece(self, piece: re.Match[str]) -> str:
        """Write the file of a block, run its commands, or fetch a picture."""
        if piece["picture"]:
            plots = self.folder / "results" / "recipe" / "plots"
            copy_picture(plots / PICTURES[piece["picture"]], self.pictures / piece["picture"])
            return piece[0]
        body = piece["body"]
        named = _FILE.match(body.partition("\n")[0])
        if piece["language"] == "console":
            commands = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
            body = "".join(f"$ {command}\n{self._run(command)}" for command in commands)
        elif named:
            (self.folder / named[1]).write_text(body, encoding="utf-8")
        return f"```{piece['language']}\n{body}```"

    def _run(self, command: str) -> str:
        """Run a command line; return what it wrote to standard output."""
        if command.startswith("cd "):
            self.folder = (self.folder / command[3:]).resolve()
            return ""
        if command == "echo $?":
            return f"{self.status}\n"
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "120",
        }
        done = run_line(command, self.folder, environment)
        self.status = done.returncode
        if done.returncode not in (0, 3):
            raise SystemExit(f"{command}: status {done.returncode}\n{done.stderr}")
        return done.stdout


def main() -> None:
    """Write the page and its pictures anew."""
    with tempfile.TemporaryDirectory() as name:
        text = Walk(Path(name), IMAGES).follow(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
