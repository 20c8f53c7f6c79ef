"""Every product names what made it, and says the same as the ledger."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from ledgers import entries
from rich_runs import run_recipe
from test_resolved_recipe import results, run_elsewhere

from tweakreg_steps import __version__
from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError
from tweakreg_steps.json_file import read_json
from tweakreg_steps.provenance.reading import read_statements
from tweakreg_steps.records.job_record import JobRecord
from tweakreg_steps.records.statement import (
    Statement,
    history_lines,
    parse_lines,
    statement_of,
)
from tweakreg_steps.steps import all_steps

WITHOUT = {
    "digests": "what was learnt of each input",
    "logs": "what the jobs said",
    ".tweakreg": "the ledger itself, and what is known of the code",
    ".snakemake": "Snakemake's own",
    "manifest.json": "the inputs, for steps that speak of all of them",
    "inputs.list": "the inputs of the complete recipe",
    "recipe.resolved.yaml": "the complete recipe, with the version in a comment",
    "tweakreg.log": "what all jobs said",
    ".tweakreg.lock": "empty but for a number of a process",
}
"""What a run writes beside its products."""


@pytest.fixture(scope="module")
def outdirs(
    updated_run: Path, sequence_run: Path, solved_run: Path, psf_built_run: Path
) -> list[Path]:
    """Return the output folders of runs in which between them every rule has a job."""
    sequence = sequence_run / "results" / "sequence"
    return [updated_run / "out", sequence, solved_run / "out", psf_built_run]


def products(outdir: Path) -> dict[str, JobRecord]:
    """Return every product that the ledger knows, with the record of its job."""
    found: dict[str, JobRecord] = {}
    for entry in entries(outdir).values():
        found |= dict.fromkeys(entry["products"], entry["record"])
    return found


def files(outdir: Path) -> Iterator[str]:
    """Yield every file of an output folder that should be a product."""
    for path in outdir.rglob("*"):
        name = path.relative_to(outdir)
        if path.is_file() and name.parts[0] not in WITHOUT:
            yield str(name)


def test_between_them_the_runs_have_a_job_of_every_rule(outdirs: list[Path]) -> None:
    rules = {record["rule"] for outdir in outdirs for record in products(outdir).values()}
    assert rules == set(all_steps())


def test_every_file_says_of_its_making_what_the_ledger_does(outdirs: list[Path]) -> None:
    for outdir in outdirs:
        records = products(outdir)
        assert set(files(outdir)) == set(records)
        for name, record in records.items():
            said = read_statements(outdir / name)[-1]
            if name.startswith("aligned/"):
                whole = statement_of(record)
                assert said == {key: whole[key] for key in ("version", "stamp", "recipe_digest")}
                continue
            assert said == statement_of(record), name
            assert said["version"] == __version__
            assert (said["upstream"], said["code"]) == (record["upstream"], record["code"])
            is_header = record["rule"] in {"update_header", "transfer_header"}
            kept = {"in_place", "decision"} if is_header else set()
            assert said["inputs"] == {
                key: value for key, value in record["inputs"].items() if key not in kept
            }
            assert flat(said["parameters"]) == {
                key: value
                for key, value in flat(record["parameters"]).items()
                if key.rpartition(".")[2] not in kept
            }


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the values of a tree by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= (
            flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
        )
    return found


def test_no_product_holds_a_path_of_the_machine(outdirs: list[Path]) -> None:
    for outdir in outdirs:
        for name in files(outdir):
            assert str(outdir.parent).encode() not in (outdir / name).read_bytes(), name


def test_a_copy_of_a_working_copy_says_what_made_either(outdirs: list[Path]) -> None:
    said = read_statements(outdirs[0] / "aligned" / "j94f052gq_flt.fits")
    record = read_json(outdirs[0] / "headers" / "j94f052gq_flt.fits.json")["provenance"]
    assert [one.get("rule") for one in said] == ["update_wcs", None]
    assert record["upstream"]["update_wcs"] == said[0]["stamp"]
    assert record["stamp"] == said[1]["stamp"]


def test_other_programs_read_the_products_as_before(outdirs: list[Path]) -> None:
    out = outdirs[0]
    table = Table.read(out / "fits" / "j94f052gq_flt.ecsv")
    assert table.meta["provenance"]["rule"] == "fit_alignment"
    shifts = Table.read(out / "shifts.txt", format="ascii.no_header")
    assert len(shifts) == 2
    catalog = out / "tweakreg" / "j94f052gq_flt_sci1_xy_catalog.coo"
    assert len(Table.read(catalog, format="ascii.no_header").columns) == 4
    with fits.open(out / "aligned" / "j94f052gq_flt.fits", checksum=True) as hdus:
        hdus.verify("exception")
        astropys = list(parse_lines(str(line) for line in hdus[0].header["HISTORY"]))
    assert astropys == read_statements(out / "aligned" / "j94f052gq_flt.fits")[:-1]


def test_the_recipe_digest_follows_its_own_part_of_the_recipe_as_in_a_fresh_run(
    outdirs: list[Path], jref: Path, tmp_path: Path
) -> None:
    shutil.copytree(outdirs[0].parent, tmp_path / "copy")
    recipe, out = tmp_path / "copy" / "recipe.yaml", tmp_path / "copy" / "out"
    before = {name: read_statements(out / name)[-1] for name in products(out)}
    recipe.write_text(recipe.read_text().replace("nclip: 2", "nclip: 4"))
    run_recipe(recipe)
    changed = {
        said.get("rule", "update_header")
        for name, said in before.items()
        if read_statements(out / name)[-1]["recipe_digest"] != said["recipe_digest"]
    }
    assert changed == {
        "fit_alignment",
        "write_headerlet",
        "update_header",
        "write_catalogs",
        "plot_residuals",
        "write_shiftfile",
        "compare_images",
        "summarize",
        "write_image_report",
        "write_report",
    }
    summary = Table.read(out / "summary.ecsv")
    assert summary.meta["recipe_digest"] == summary.meta["provenance"]["recipe_digest"]
    fresh = run_elsewhere(tmp_path / "copy", "out", tmp_path / "fresh", jref)
    assert results(fresh) == results(out)


def test_an_original_says_what_was_written_into_it(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", str(run_copy / "recipe.yaml")]) == 0
    capsys.readouterr()
    (said,) = read_statements(run_copy / "paint02q_flc.fits")
    (whole,) = read_statements(run_copy / "out" / "applied" / "paint02q_flc.fits.json")
    assert whole["rule"] == "update_header"
    assert said == {key: whole[key] for key in ("version", "stamp", "recipe_digest")}
    assert read_statements(run_copy / "out" / "aligned" / "paint02q_flc.fits") == [said]


RECORD: JobRecord = {
    "rule": "write_headerlet",
    "name": "a",
    "parameters": {"headerlet_creation": {"descrip": ""}},
    "inputs": {},
    "code": "c",
    "upstream": {},
    "upstream_jobs": {},
    "upstream_recipes": {},
}


def statement(text: str) -> Statement:
    """Return a statement with a text of the user's in it."""
    return statement_of({**RECORD, "parameters": {"headerlet_creation": {"descrip": text}}})


@given(st.text(max_size=400))
def test_lines_are_joined_again_whatever_a_text_holds(text: str) -> None:
    said = statement(text)
    lines = history_lines(said)
    assert max(map(len, lines)) <= 72
    assert all(line.isascii() and line.isprintable() for line in lines)
    # as FITS does, blanks at the ends are lost; other lines stand around
    read = parse_lines(["before", *(line.rstrip() for line in lines), "> after", *lines])
    assert list(read) == [said, said]


@pytest.mark.parametrize("content", [b"", b"plain text", b"{}", b"[1]", b"\xff\0"])
def test_files_of_others_say_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_statements(tmp_path / "file") == []


@pytest.mark.parametrize(
    "content", [b"SIMPLE", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08", b"# %ECSV 1.0\n"]
)
def test_a_broken_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(InputError, match="broken"):
        read_statements(tmp_path / "broken")


def test_a_damaged_statement_is_named(tmp_path: Path) -> None:
    lines = [f"# {line}" for line in history_lines(statement("text"))]
    (tmp_path / "a.coo").write_text("\n".join(lines[:-1]))
    with pytest.raises(InputError, match=r"a\.coo: what it says of its making is damaged"):
        read_statements(tmp_path / "a.coo")


def test_json_is_canonical() -> None:
    pieces = history_lines(statement("é"))[1:]
    text = "".join(piece[1:] for piece in pieces)
    assert json.loads(text)["parameters"]["headerlet_creation"]["descrip"] == "é"
    assert "\\u00e9" in text
