"""``tweakreg why``: from a product back to the user's own files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from ledgers import as_notes, change_entry

from tweakreg_steps.cli import main
from tweakreg_steps.json_file import read_json, write_json

Said = pytest.CaptureFixture[str]
IMAGE = "paint02q_flc"


def why(path: Path, capsys: Said) -> list[str]:
    """Return the lines of ``tweakreg why`` below the verdict about the image."""
    capsys.readouterr()
    assert main(["why", str(path)]) == 0
    verdict, _, made = capsys.readouterr().out.rpartition("\n\n")
    assert verdict.startswith(f"{IMAGE}: aligned") or not verdict
    return [line.strip() for line in made.splitlines()]


def tree(path: Path, capsys: Said) -> dict[str, Any]:
    """Return what ``tweakreg why --json`` says of the making."""
    capsys.readouterr()
    assert main(["why", str(path), "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    made: dict[str, Any] = told["made_by"]
    return made


def jobs(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a job and its ancestors, each as it is described first."""
    if "described_before" in made:
        return []
    return [made, *(job for child in made["upstream"] for job in jobs(child))]


def states(path: Path, capsys: Said) -> dict[tuple[str, str], str]:
    """Return the state of everything that was read, by the file and what it was."""
    return {
        (Path(read["paths"][0]).name if len(read["paths"]) == 1 else "", read["what"]): read[
            "state"
        ]
        for job in jobs(tree(path, capsys))
        for read in job["inputs"]
    }


def test_a_fit_comes_from_the_exposures_by_way_of_every_job(
    finished_run: Path, capsys: Said
) -> None:
    made = tree(finished_run / "out" / "fits" / f"{IMAGE}.json", capsys)
    names = [(job["rule"], job["job"]) for job in jobs(made)]
    assert set(names) == {
        ("fit_alignment", IMAGE),
        ("match_sources", IMAGE),
        ("build_reference", "all"),
        ("build_reference_plane", "all"),
        *(
            (rule, image)
            for rule in ("undistort_sources", "find_sources", "make_masks")
            for image in (IMAGE, "paint01q_flc")
        ),
    }
    assert len(names) == len(set(names))
    assert made["parameters"]["catalog_fitting"]["nclip"] == 3
    assert made["versions"].keys() >= {"tweakreg-steps", "Python", "numpy", "astropy"}
    found = states(finished_run / "out" / "fits" / f"{IMAGE}.json", capsys)
    assert found[f"{IMAGE}.fits", "pixels"] == "current"
    assert set(found.values()) == {"current"}


def test_the_text_describes_each_ancestor_once(finished_run: Path, capsys: Said) -> None:
    lines = why(finished_run / "out" / "summary.ecsv", capsys)
    assert lines[0] == "summary.ecsv"
    assert len([line for line in lines if line.startswith("made by build_reference_plane")]) == 1
    assert lines.count("reference/wcs.fits: see above") > 3
    read = [line for line in lines if line.startswith(f"read pixels of ../{IMAGE}.fits")]
    assert len(read) == 1
    assert read[0].endswith(": current")
    assert "parameter imagefindpars.threshold: 100.0" in lines
    assert lines[-1].startswith("made with ")


def test_what_the_user_s_files_are_like_now_is_said(run_copy: Path, capsys: Said) -> None:
    product = run_copy / "out" / "summary.ecsv"
    (run_copy / "paint01q_flc.fits").touch()
    with fits.open(run_copy / f"{IMAGE}.fits", mode="update") as hdus:
        hdus["SCI", 1].data[:] += 1.0
    (run_copy / "paint03q_flc.fits").unlink()
    found = states(product, capsys)
    assert found["paint01q_flc.fits", "pixels"] == "current"
    assert found[f"{IMAGE}.fits", "pixels"] == "changed"
    assert found[f"{IMAGE}.fits", "wcs"] == "current"
    assert found["paint03q_flc.fits", "pixels"] == "missing"
    assert found["", "wcs"] == "missing"
    (run_copy / f"{IMAGE}.fits").write_bytes(b"SIMPLE")
    assert states(product, capsys)[f"{IMAGE}.fits", "wcs"] == "changed"


def test_an_original_with_its_solution_is_what_was_measured(run_copy: Path, capsys: Said) -> None:
    assert main(["apply", str(run_copy / "recipe.yaml")]) == 0
    assert set(states(run_copy / "out" / "summary.ecsv", capsys).values()) == {"current"}


def test_regions_and_catalogs_count_by_their_content(
    sequence_run: Path, tmp_path: Path, capsys: Said
) -> None:
    folder = shutil.copytree(sequence_run, tmp_path / "copy")
    product = folder / "results" / "sequence" / "fits" / f"{IMAGE}.json"
    assert set(states(product, capsys).values()) == {"current"}
    (folder / "one.reg").write_text("image\n-circle(1,1,1)\n")
    catalog = f"{IMAGE}_sci2_xy_catalog.coo"
    (folder / "catalogs" / catalog).unlink()
    found = states(product, capsys)
    assert found["one.reg", "exclusions.1"] == "changed"
    assert found[catalog, "catalogs.2"] == "missing"
    assert found[f"{IMAGE}_sci1_xy_catalog.coo", "catalogs.1"] == "current"


def test_what_the_last_run_does_not_name_any_more_is_unknown(run_copy: Path, capsys: Said) -> None:
    manifest = read_json(run_copy / "out" / "manifest.json")
    del manifest["images"][1]
    write_json(run_copy / "out" / "manifest.json", manifest)
    lines = why(run_copy / "out" / "catalogs" / f"{IMAGE}.fits", capsys)
    (read,) = [line for line in lines if line.startswith("read pixels of")]
    assert read.startswith("read pixels of a file that no recipe names any more (SCI,1 ")
    assert read.endswith("): unknown")


@pytest.mark.parametrize("content", ["", "{", '{"images": [], "refimage": null}'])
def test_a_list_of_images_that_was_lost_costs_their_names(
    tiny_run: Path, tmp_path: Path, capsys: Said, content: str
) -> None:
    out = shutil.copytree(tiny_run / "out", tmp_path / "out")
    (out / "manifest.json").write_text(content)
    lines = why(out / "summary.ecsv", capsys)
    assert "read wcs of a file that no recipe names any more" in "\n".join(lines)


def test_reference_files_of_the_distortion_are_named(updated_run: Path, capsys: Said) -> None:
    found = states(updated_run / "out" / "reference" / "wcs.fits", capsys)
    assert found["0461802ej_idc.fits", "reference_files.IDCTAB"] == "current"


def test_a_product_edited_by_hand_or_removed_is_known_for_it(run_copy: Path, capsys: Said) -> None:
    table = run_copy / "out" / "fits" / f"{IMAGE}.ecsv"
    with table.open("a") as stream:
        stream.write("\n")
    assert why(table, capsys)[0] == f"fits/{IMAGE}.ecsv, changed since it was made"
    (run_copy / "out" / "sky" / f"{IMAGE}.fits").unlink()
    lines = why(run_copy / "out" / "matches" / f"{IMAGE}.ecsv", capsys)
    gone = f"sky/{IMAGE}.fits, not there any more"
    assert any(gone in line for line in lines)
    assert why(run_copy / "out" / "sky" / f"{IMAGE}.fits", capsys)[1].startswith(
        "made by undistort"
    )


def test_an_ancestor_that_was_made_again_is_told(run_copy: Path, capsys: Said) -> None:
    another = {"code": "another"}
    change_entry(run_copy / "out", "match_sources", IMAGE, lambda e: e["record"].update(another))
    product = run_copy / "out" / "fits" / f"{IMAGE}.json"
    assert "match_sources was run again since" in why(product, capsys)


def test_a_ledger_of_a_former_version_is_followed_as_well(run_copy: Path, capsys: Said) -> None:
    product = run_copy / "out" / "aligned" / f"{IMAGE}.fits"
    names = {(job["rule"], job["job"]) for job in jobs(tree(product, capsys))}
    for path in as_notes(run_copy / "out").values():
        entry = read_json(path)
        for key in ("upstream_jobs", "upstream_recipes"):
            del entry["record"][key]
        del entry["version"]
        write_json(path, entry)
    manifest = read_json(run_copy / "out" / "manifest.json")
    for part in (manifest, *manifest["images"]):
        del part["files"]
    write_json(run_copy / "out" / "manifest.json", manifest)
    old = tree(product, capsys)
    assert {(job["rule"], job["job"]) for job in jobs(old)} >= names - {
        (rule, "paint01q_flc") for rule in ("undistort_sources", "find_sources", "make_masks")
    }
    assert old["recipe_digest"] is None


def test_a_copy_outside_tells_what_it_says_itself(
    finished_run: Path, tmp_path: Path, capsys: Said
) -> None:
    copy = tmp_path / "renamed.dat"
    shutil.copyfile(finished_run / "out" / "aligned" / f"{IMAGE}.fits", copy)
    lines = why(copy, capsys)
    assert lines[0].startswith("made by tweakreg-steps ")
    capsys.readouterr()
    assert main(["why", str(copy), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["statements"]
    record = read_json(finished_run / "out" / "headers" / f"{IMAGE}.fits.json")["provenance"]
    assert said == {key: record[key] for key in ("version", "stamp", "recipe_digest")}


def test_the_folder_alone_is_enough(finished_run: Path, tmp_path: Path, capsys: Said) -> None:
    shutil.copytree(finished_run / "out", tmp_path / "out")
    found = states(tmp_path / "out" / "summary.ecsv", capsys)
    assert set(found.values()) == {"missing"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{IMAGE}.fits", "no job made it"),
        ("out/manifest.json", "name a product of a run"),
        ("nothing.fits", "cannot be read (No such file or directory)"),
    ],
)
def test_what_no_job_made_is_refused(
    finished_run: Path, name: str, message: str, capsys: Said
) -> None:
    capsys.readouterr()
    assert main(["why", str(finished_run / name)]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
