"""The program SExtractor: where it is, what it knows, and one run of it."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.finding import sextractor_options as options_of

log = logging.getLogger(__name__)

NAMES = ("source-extractor", "sex", "sextractor")
"""How the program may be called."""

_VERSION = re.compile(r"version\s+(\S+)")
_OPTION = re.compile(r"^([A-Z][A-Z0-9_]*)\s", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")
_TELLING = re.compile(r"WARNING|ERROR", re.IGNORECASE)
_IMAGE = "image.fits"
_CONFIGURATION = "run.sex"


@dataclass(frozen=True)
class Program:
    """An installed SExtractor: its path and its version."""

    path: str
    version: str


@cache
def find_program() -> Program:
    """Return the installed program.

    Raises
    ------
    InputError
        There is none.
    """
    for name in NAMES:
        path = shutil.which(name)
        found = _VERSION.search(_output(path, "--version")) if path else None
        if path and found:
            return Program(path, found[1])
    raise InputError(
        f"finder: sextractor needs the program {NAMES[0]} (also looked for: "
        f"{', '.join(NAMES[1:])}), which is not installed; install it (Debian and Ubuntu: apt "
        "install source-extractor), or set finder: daofind"
    )


@cache
def known_options(program: Program) -> frozenset[str]:
    """Return the names of all options that the program knows."""
    return frozenset(_OPTION.findall(_output(program.path, "-dd")))


def _output(path: str, argument: str) -> str:
    """Return what the program says when called with one argument."""
    done = subprocess.run([path, argument], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def run_program(
    program: Program,
    folder: Path,
    *,
    pixels: Any,  # noqa: ANN401  an array
    weights: Any,  # noqa: ANN401  an array, or None
    filter_text: str,
    options: Mapping[str, str],
) -> dict[str, Any]:
    """Run the program on one image, in a folder that holds nothing else.

    No configuration of the user's home or working folder is read.

    Parameters
    ----------
    program
        The program.
    folder
        An empty folder.
    pixels
        Shape (ny, nx), all finite.
    weights
        The weight map, shape (ny, nx), or None.
    filter_text
        The convolution filter.
    options
        From `tweakreg_steps.finding.sextractor_options.configuration`.

    Returns
    -------
    dict of str to ndarray
        The columns of its catalog.

    Raises
    ------
    JobFailedError
        The program failed; with what it said.
    """
    from astropy.io import fits

    fits.writeto(folder / _IMAGE, pixels)
    if weights is not None:
        fits.writeto(folder / options_of.WEIGHTS, weights)
    (folder / options_of.FILTER).write_text(filter_text, encoding="utf-8")
    (folder / options_of.PARAMETERS).write_text("\n".join(options_of.COLUMNS) + "\n", "utf-8")
    lines = "".join(f"{name} {value}\n" for name, value in options.items())
    (folder / _CONFIGURATION).write_text(lines, encoding="utf-8")
    done = subprocess.run(
        [program.path, _IMAGE, "-c", _CONFIGURATION],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = _telling_lines(done.stdout + done.stderr)
    catalog = folder / options_of.CATALOG
    if done.returncode or not catalog.is_file():
        raise JobFailedError(
            f"{program.path} failed (status {done.returncode}):"
            f" {_failure(done.stdout + done.stderr, options)}"
        )
    for line in said:
        log.warning("%s", line)
    with fits.open(catalog) as hdus:
        table = hdus[1].data
        return {name: table[name].copy() for name in options_of.COLUMNS}


def _failure(text: str, options: Mapping[str, str]) -> str:
    """Return why the program failed: what it said last, and the option that it named."""
    lines = [line.strip(" >") for line in _ESCAPES.sub("\n", text).splitlines()]
    said = [line for line in lines if line]
    told = _telling_lines(text) or said[-1:]
    named = [name for name in options if any(re.search(rf"\b{name}\b", each) for each in told)]
    way_out = (
        "; ".join(f"correct sextractor.{name}, which is {options[name]}" for name in named)
        or "correct the options in the section sextractor"
    )
    return f"{' '.join(told) or 'it said nothing'}; {way_out}"


def _telling_lines(text: str) -> list[str]:
    """Return the warnings and errors among what the program said."""
    lines = [line.strip(" >") for line in _ESCAPES.sub("\n", text).splitlines()]
    return [line for line in lines if _TELLING.search(line)]
