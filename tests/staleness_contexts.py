"""Finished runs in which every parameter of a recipe has something to act on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from raw_exposures import raw_acs_scene
from skies import Scene
from tiny import copy_tiny

Changes = dict[str, Any]

SKY = {"skysigma": 2.0}
"""So that the noise need not be measured where a parameter says that it is not."""

BRIGHT = 5000.0
"""Electrons: what a star of a catalog has at least."""

CATALOG = {"refcat": "stars.cat", "rfluxcol": 3}


def context_of(parameter: str) -> str:
    """Return the context in which a parameter is changed."""
    section, _, name = parameter.partition(".")
    if name == "psf":
        return "refimage psf" if section == "refimagefindpars" else "psf"
    return {
        "refimage": "refimage",
        "refimagefindpars": "refimage",
        "coordinate_file": "catalogs",
        "reference_catalog": "catalog",
        "headerlet_creation": "headerlets",
        "enforce_user_order": "sequence",
        "updatewcs": "raw",
        "solution": "solved",
    }.get(section, "plain")


def make_context(name: str, scene: Scene, folder: Path) -> Path:
    """Write the exposures and the recipe of a context, and return the recipe."""
    changes = CONTEXTS[name](scene, folder)
    if name == "raw":
        (folder / "painted").mkdir()
        return copy_tiny(raw_acs_scene(folder / "painted"), folder, **changes)
    # most parameters act in these, which have an image beside the first and the changed one
    number = None if name in {"plain", "solved"} else 2
    return copy_tiny(scene, folder, number=number, **changes)


def _plain(_scene: Scene, _folder: Path) -> Changes:
    return {"imagefindpars": SKY}


def _reference_image(scene: Scene, folder: Path) -> Changes:
    """Bring an exposure of another folder as the reference, and another one of its name."""
    for place, path in (("reference", scene.paths[0]), ("another", scene.paths[1])):
        (folder / place).mkdir()
        shutil.copyfile(path, folder / place / "first_flc.fits")
    return {
        "refimage": "reference/first_flc.fits",
        "refimagefindpars": {"threshold": 100, **SKY},
    }


def _catalog(scene: Scene, folder: Path) -> Changes:
    """Bring the true sky as the reference, and a part of it beside."""
    rows = np.column_stack([scene.ra, scene.dec, -2.5 * np.log10(scene.flux)])
    (folder / "another").mkdir()
    np.savetxt(folder / "stars.cat", rows)
    np.savetxt(folder / "another" / "stars.cat", rows[::2])
    return {"reference_catalog": CATALOG}


def _catalogs(scene: Scene, folder: Path) -> Changes:
    """Bring a catalog for each chip: where its bright stars truly are, on it and on the sky."""
    for exposure in scene.exposures:
        for chip in exposure.chips:
            star = chip.star
            rows = np.column_stack(
                [chip.x, chip.y, scene.flux[star], scene.ra[star], scene.dec[star]]
            )
            bright = rows[rows[:, 2] > BRIGHT]
            np.savetxt(folder / f"{exposure.path.stem}_{chip.number}.coo", bright)
    names = [path.stem for path in scene.paths]
    lines = [f"{name}.fits {name}_1.coo {name}_2.coo" for name in names]
    (folder / "catfile.list").write_text("\n".join(lines) + "\n")
    return {"coordinate_file": {"catfile": "catfile.list", "fluxcol": 3}}


def _headerlets(_scene: Scene, folder: Path) -> Changes:
    (folder / "history.txt").write_text("aligned\n")
    return {"headerlet_creation": {"headerlet": True}}


def _sequence(_scene: Scene, _folder: Path) -> Changes:
    return {"expand_refcat": True}


def _solved(_scene: Scene, _folder: Path) -> Changes:
    return {"solution": {"method": "simultaneous"}}


def _raw(_scene: Scene, _folder: Path) -> Changes:
    return {"input": "*_flt.fits"}


MEASURED = {"centroid": "psf", "psf": "star.fits"}


def _psf(_scene: Scene, folder: Path) -> Changes:
    write_stars(folder)
    return {"imagefindpars": {**SKY, **MEASURED}}


def _psf_of_reference(scene: Scene, folder: Path) -> Changes:
    write_stars(folder)
    changes = _reference_image(scene, folder)
    return {**changes, "refimagefindpars": {**changes["refimagefindpars"], **MEASURED}}


def write_stars(folder: Path) -> None:
    """Write two PSFs, single images of Gaussians, for four samples a pixel."""
    step = np.arange(-32, 33) / 4.0
    square = step**2 + step[:, None] ** 2
    for name, sigma in (("star.fits", 0.9), ("other.fits", 1.0)):
        header = fits.Header({"OVERSAMP": 4})
        image = np.exp(-0.5 * square / sigma**2)
        fits.writeto(folder / name, image, header, overwrite=True)


CONTEXTS: dict[str, Callable[[Scene, Path], Changes]] = {
    "plain": _plain,
    "refimage": _reference_image,
    "catalog": _catalog,
    "catalogs": _catalogs,
    "headerlets": _headerlets,
    "sequence": _sequence,
    "raw": _raw,
    "solved": _solved,
    "psf": _psf,
    "refimage psf": _psf_of_reference,
}
