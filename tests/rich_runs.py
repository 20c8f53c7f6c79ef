"""Runs in which between them every rule has a job, and every kind of input is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from associations import write_association
from raw_exposures import raw_acs_scene
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.cli import main

UPDATED = """\
input: "*_flt.fits"
outdir: out
updatewcs: true
exclusions: regions/exclusions.txt
imagefindpars: {threshold: 100, dqbits: 0}
catalog_fitting: {residplot: both, nclip: 2}
update_header: {updatehdr: true}
headerlet_creation: {headerlet: true, attach: true, history: history.txt, author: A. Stronomer}
shiftfile_output: {shiftfile: true}
"""
SEQUENCE = """\
input: "@exposures.list"
outdir: results/sequence
refimage: "reference/paint01q_flc.fits[sci,1]"
expand_refcat: true
refimagefindpars: {threshold: 200}
exclusions: exclusions.txt
update_header: {updatehdr: true, wcsname: SEQ}
catalog_fitting: {residplot: vector}
"""
ASSOCIATION = """\
input: j8bt06010_asn.fits
outdir: out
reference_catalog: {refcat: FOLDER/sky.cat, refxcol: 1, refycol: 2, rfluxcol: 3, rfluxunits: cps}
imagefindpars: {threshold: 100}
catalog_fitting: {fitgeometry: shift}
shiftfile_output: {shiftfile: true, outshifts: moved.txt, outwcs: plane.fits}
writecat: false
"""
REGION = "image\n-circle(300,200,40)\n"


def run_recipe(path: Path) -> None:
    """Run a recipe, in which every image is aligned."""
    assert main(["run", str(path), "-j", "2"]) == 0


def make_updated(folder: Path) -> Path:
    """Run exposures of the pipeline with all that can be switched on; return the recipe.

    The environment variable ``jref`` names the folder of the reference files.
    """
    raw_acs_scene(folder)
    (folder / "regions").mkdir()
    (folder / "regions" / "exclusions.txt").write_text("j94f052gq_flt.fits one.reg two.reg\n")
    for name in ("one.reg", "two.reg"):
        (folder / "regions" / name).write_text(REGION)
    (folder / "history.txt").write_text("All that is known\nof this solution.\n")
    (folder / "recipe.yaml").write_text(UPDATED)
    run_recipe(folder / "recipe.yaml")
    return folder / "recipe.yaml"


def make_sequence(folder: Path, finished: Path) -> Path:
    """Run exposures one after the other, from the text catalogs of a run; return the recipe."""
    (folder / "reference").mkdir()
    (folder / "catalogs").mkdir()
    shutil.copyfile(finished / "paint01q_flc.fits", folder / "reference" / "paint01q_flc.fits")
    lines = []
    for name in ("paint02q_flc", "paint03q_flc"):
        shutil.copyfile(finished / f"{name}.fits", folder / f"{name}.fits")
        catalogs = [f"{name}_sci{chip}_xy_catalog.coo" for chip in (1, 2)]
        for catalog in catalogs:
            shutil.copyfile(finished / "out" / "tweakreg" / catalog, folder / "catalogs" / catalog)
        lines.append(" ".join([f"{name}.fits", *(f"catalogs/{catalog}" for catalog in catalogs)]))
    (folder / "exposures.list").write_text("\n".join(lines) + "\n")
    (folder / "exclusions.txt").write_text("paint02q_flc.fits one.reg\n")
    (folder / "one.reg").write_text(REGION)
    (folder / "recipe.yaml").write_text(SEQUENCE)
    run_recipe(folder / "recipe.yaml")
    return folder / "recipe.yaml"


def make_association(folder: Path, scene: Scene) -> Path:
    """Run the exposures of an association against a catalog; return the recipe."""
    for path in scene.paths[:2]:
        shutil.copyfile(path, folder / path.name)
    rows = [(path.name.removesuffix("_flc.fits"), "EXP-DTH", True) for path in scene.paths[:2]]
    write_association(folder, [*rows, ("j8bt06010", "PROD-DTH", True)])
    stars = zip(scene.ra, scene.dec, scene.flux, strict=True)
    (folder / "sky.cat").write_text("".join(f"{ra} {dec} {flux}\n" for ra, dec, flux in stars))
    (folder / "recipe.yaml").write_text(ASSOCIATION.replace("FOLDER", str(folder)))
    run_recipe(folder / "recipe.yaml")
    return folder / "recipe.yaml"


def make_solved(folder: Path, scene: Scene) -> Path:
    """Solve tiny exposures together, with the true sky as the catalog; return the recipe."""
    recipe = copy_tiny(
        scene,
        folder,
        reference_catalog={"refcat": "stars.cat", "rfluxcol": 3},
        solution={"method": "simultaneous"},
        writecat=False,
    )
    write_catalog(scene, folder)
    run_recipe(recipe)
    return recipe


def write_catalog(scene: Scene, folder: Path) -> None:
    """Write the true sky as ``stars.cat``: ra, dec (deg), magnitude."""
    rows = np.column_stack([scene.ra, scene.dec, -2.5 * np.log10(scene.flux)])
    np.savetxt(folder / "stars.cat", rows, fmt="%.12f")
