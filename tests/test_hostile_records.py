"""Records that a stranger wrote, or that were damaged, are refused by name and lead nowhere."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ledgers import as_notes
from skies import Scene
from tiny import copy_tiny

from tweakreg_steps.cli import main
from tweakreg_steps.errors import InputError, TweakRegError
from tweakreg_steps.json_file import read_json, recall_json
from tweakreg_steps.records.ledger_file import read_entry
from tweakreg_steps.records.manifest import read_files, read_manifest, read_refimage
from tweakreg_steps.records.review_file import read_reviews
from tweakreg_steps.records.undo_record import read_record
from tweakreg_steps.resources import user_cache
from tweakreg_steps.teal.cfg_files import read_cfg
from tweakreg_steps.teal.importing import import_cfgs
from tweakreg_steps.workflow.code_digest import code_digests
from tweakreg_steps.yaml_source import parse_yaml

N_MUTATIONS = int(os.environ.get("TWEAKREG_FUZZ", "300"))
"""Of each record, by the ordinary suite."""


@pytest.fixture(scope="module")
def applied(tiny_exposures: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run whose solutions are applied; read only."""
    folder = tmp_path_factory.mktemp("applied")
    recipe = copy_tiny(tiny_exposures, folder, number=2)
    assert main(["run", str(recipe)]) == 0
    assert main(["apply", str(recipe)]) == 0
    return folder


@pytest.fixture
def folder(applied: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    shutil.copytree(applied, tmp_path / "copy")
    return tmp_path / "copy"


RECORD = "out/applied/paint02q_flc.fits.json"


def forge(folder: Path, **changes: object) -> None:
    """Change the record of an original."""
    path = folder / RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_record_leads_to_no_file_but_an_input(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere" / "paint02q_flc.fits"
    elsewhere.parent.mkdir()
    shutil.copyfile(folder / "paint02q_flc.fits", elsewhere)
    before = elsewhere.read_bytes()
    forge(folder, path="../../elsewhere/paint02q_flc.fits")
    assert main(["restore", str(folder / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    assert f"{elsewhere}: is no input of the recipe" in said
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 2), ("", 2)])
def test_the_user_may_say_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("*_flc.fits", "paint01q_flc.fits"))
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["restore", str(recipe)]) == status


def test_only_fits_files_are_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import hashlib

    recipe = folder / "recipe.yaml"
    target = folder / "paint02q_flc.fits"
    target.write_text("no FITS")
    digest = hashlib.sha256(b"no FITS").hexdigest()
    content = {"sha256": digest, "size": 7, "digest": digest}
    forge(folder, applied=content)
    assert main(["restore", str(recipe)]) == 2
    assert f"{target}: is no FITS file" in capsys.readouterr().err
    assert target.read_text() == "no FITS"


def test_an_original_that_is_no_fits_is_not_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    before = (folder / "paint02q_flc.fits").read_bytes()
    (folder / "out/applied/paint02q_flc.fits.undo").write_bytes(b"echo planted")
    digest = hashlib.sha256(b"echo planted").hexdigest()
    segments = [{"kept": True, "offset": 0, "size": 12}]
    forge(folder, original={"sha256": digest, "size": 12, "digest": digest}, segments=segments)
    assert main(["restore", str(folder / "recipe.yaml")]) == 1
    assert "does not give the original" in capsys.readouterr().err
    assert (folder / "paint02q_flc.fits").read_bytes() == before


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  any JSON value
    """Yield the path of everything in a JSON value."""
    yield path
    children = dict(enumerate(value)) if isinstance(value, list) else value
    for key, child in children.items() if isinstance(children, dict) else ():
        yield from leaves(child, (*path, key))


STRANGE: list[Any] = [
    None, True, -1, 2**70, 0.5, "", "x", "../../x", "/etc/passwd", "a\0b", [], {}, [[]], {"a": 1},
]  # fmt: skip


def mutated(value: Any, random: np.random.Generator) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value with something in it removed or exchanged."""
    value = copy.deepcopy(value)
    paths = [path for path in leaves(value) if path]
    *way, last = paths[random.integers(len(paths))]
    inner = value
    for key in way:
        inner = inner[key]
    if random.random() < 0.3:
        del inner[last]
    else:
        inner[last] = STRANGE[random.integers(len(STRANGE))]
    return value


def accept(read: Callable[[], object]) -> None:
    """Read, and accept nothing but an answer or an error of this package."""
    try:
        read()
    except TweakRegError as error:
        assert str(error)  # noqa: PT017  it is the one that is allowed


@pytest.mark.parametrize("seed", range(N_MUTATIONS // 100))
def test_no_damaged_undo_record_is_a_traceback(folder: Path, seed: int) -> None:
    random = np.random.default_rng([seed, 1])
    whole = json.loads((folder / RECORD).read_text())
    for _ in range(100):
        (folder / RECORD).write_text(json.dumps(mutated(whole, random)))
        accept(lambda: read_record(folder / "out", "paint02q_flc.fits"))


@pytest.mark.parametrize("command", ["restore", "plan", "apply"])
def test_commands_end_well_on_damaged_undo_records(folder: Path, command: str) -> None:
    random = np.random.default_rng(7)
    before = (folder / "paint02q_flc.fits").read_bytes()
    whole = json.loads((folder / RECORD).read_text())
    for _ in range(12):
        (folder / "paint02q_flc.fits").write_bytes(before)
        (folder / RECORD).write_text(json.dumps(mutated(whole, random)))
        assert main([command, str(folder / "recipe.yaml")]) in (0, 1, 2, 3)


def test_no_damaged_ledger_is_a_traceback(folder: Path) -> None:
    random = np.random.default_rng(2)
    entries = sorted(as_notes(folder / "out").items())
    for _ in range(N_MUTATIONS):
        key, path = entries[random.integers(len(entries))]
        whole = path.read_text()
        path.write_text(json.dumps(mutated(json.loads(whole), random)))
        accept(partial(read_entry, folder / "out", *key))
        path.write_text(whole)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_with_a_damaged_ledger_is_made(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    shutil.copytree(tiny_run, tmp_path / "copy")
    random = np.random.default_rng([seed, 3])
    for path in as_notes(tmp_path / "copy/out").values():
        path.write_text(json.dumps(mutated(json.loads(path.read_text()), random)))
    for path in (tmp_path / "copy/out/digests").glob("*.json"):
        path.write_text(json.dumps(mutated(json.loads(path.read_text()), random)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code_digests(["find_sources"], cache=user_cache() / "code.json")
    code = tmp_path / "cache/tweakreg-steps/code.json"
    code.write_text(json.dumps(mutated(json.loads(code.read_text()), random)))
    assert main(["plan", str(tmp_path / "copy/recipe.yaml")]) in (0, 2)


def test_no_damaged_manifest_is_a_traceback(tiny_run: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    whole = json.loads((tiny_run / "out/manifest.json").read_text())
    path = tmp_path / "manifest.json"
    for _ in range(N_MUTATIONS):
        path.write_text(json.dumps(mutated(whole, random)))
        for read in (read_manifest, read_refimage, read_files):
            accept(partial(read, path))


SIGNS = list(b"[]{}:,#\"'&*!|>%@-\n\t\\=\0")


def scrambled(text: bytes, random: np.random.Generator) -> bytes:
    """Return bytes with some of them removed, exchanged, doubled or put in."""
    content = bytearray(text)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(len(content) + 1))
        length = int(random.integers(1, 12))
        kind = random.integers(4)
        if kind == 0:
            del content[place : place + length]
        elif kind == 1:
            content[place:place] = content[place : place + 4 * length]
        elif kind == 2:
            content[place:place] = random.integers(256, size=length, dtype=np.uint8).tobytes()
        else:
            content[place:place] = (
                random.choice(list(b"[]{}:,#\"'&*!|>%@-\n\t\\=\0"), length)
                .astype(np.uint8)
                .tobytes()
            )
    return bytes(content)


REVIEW = b'paint02q_flc: {decision: accept, fit: "0f3a5e1c9b7d2468"}\n' * 1 + (
    b'"x y": {decision: reject, fit: "0f3a5e1c9b7d2468"}\n'
)
CFG = b"""\
_task_name_ = tweakreg
input = "*flt.fits"
refimage = ""
[UPDATE HEADER]
updatehdr = True
wcsname = "TWEAK"
[OBJECT MATCHING PARAMETERS]
minobj = 15
searchrad = 1.0
tolerance = INDEF
[CATALOG FITTING PARAMETERS]
sigma = 3.0, 2.0
"""
RECIPE = b"""\
input: ["a_flc.fits", "@list", "b.fits[sci,1], c*.fits"]
images: &x {a_flc: {imagefindpars: {threshold: 1e2, dqbits: "~4"}}}
imagefindpars: {threshold: 4.0, sextractor: {DETECT_MINAREA: 5}}
update_header: {updatehdr: true, wcsname: 'TWEAK'}
shiftfile_output:
  outshifts: shifts.txt
"""


def test_no_scrambled_review_is_a_traceback(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    path = tmp_path / "review.yaml"
    for _ in range(3 * N_MUTATIONS):
        path.write_bytes(scrambled(REVIEW, random))
        accept(lambda: read_reviews(path))


def test_no_scrambled_cfg_is_a_traceback(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    path = tmp_path / "tweakreg.cfg"
    for _ in range(N_MUTATIONS):
        path.write_bytes(scrambled(CFG, random))
        accept(lambda: import_cfgs([read_cfg(path)]))


def test_no_scrambled_recipe_is_a_traceback(tmp_path: Path) -> None:
    from tweakreg_steps.recipes.inputs import expand_inputs
    from tweakreg_steps.recipes.recipe import load_recipe

    random = np.random.default_rng(8)
    path = tmp_path / "recipe.yaml"

    def read() -> None:
        recipe = load_recipe(path)
        expand_inputs(recipe.values["input"], base=recipe.base)

    for _ in range(2 * N_MUTATIONS):
        path.write_bytes(scrambled(RECIPE, random))
        accept(read)


def test_no_scrambled_yaml_is_a_traceback() -> None:
    random = np.random.default_rng(9)
    for _ in range(3 * N_MUTATIONS):
        text = scrambled(RECIPE, random).decode(errors="replace")
        accept(partial(parse_yaml, text, name="x"))


@pytest.fixture(scope="module")
def association(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of an association table."""
    from astropy.io import fits

    rows = np.array(
        [("J8BT06NYQ", "EXP-DTH", True), ("J8BT06010", "PROD-DTH", True)],
        dtype=[("MEMNAME", "S14"), ("MEMTYPE", "S14"), ("MEMPRSNT", "?")],
    )
    path = tmp_path_factory.mktemp("asn") / "j8bt06010_asn.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(rows)]).writeto(path)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore")  # astropy says much of what is damaged
def test_no_scrambled_association_is_a_traceback(association: bytes, tmp_path: Path) -> None:
    from tweakreg_steps.recipes.association import association_members

    random = np.random.default_rng(10)
    path = tmp_path / "x_asn.fits"
    for number in range(N_MUTATIONS):
        damaged = scrambled(association, random)
        path.write_bytes(damaged[: random.integers(len(damaged))] if number % 3 == 0 else damaged)
        accept(lambda: association_members(path))


@pytest.mark.parametrize("name", [b"../x", b"/etc/passwd", b"a\x1b", b""])
def test_a_member_is_no_path(association: bytes, tmp_path: Path, name: bytes) -> None:
    from tweakreg_steps.recipes.association import association_members

    path = tmp_path / "x_asn.fits"
    path.write_bytes(association.replace(b"J8BT06NYQ".ljust(14, b"\0"), name.ljust(14, b"\0")))
    with pytest.raises(InputError, match=r"is no name of an exposure|names no exposure"):
        association_members(path)


def test_json_that_is_a_pipe_or_a_bomb_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "digits.json").write_text("9" * 10_000)
    for path in tmp_path.iterdir():
        assert recall_json(path) is None
        with pytest.raises(InputError, match="cannot be read as JSON"):
            read_json(path)


@pytest.mark.parametrize("name", ["cache.json", "run.json", "recipe.json", "story.js"])
def test_files_of_a_runs_own_that_are_no_text_are_written_again(
    tiny_run: Path, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    path = folder / "out/.tweakreg" / name
    before = path.read_bytes()
    path.write_bytes(b"\xff\xfe\0" + before)
    (folder / "out/shifts.txt").unlink()
    assert main(["run", str(folder / "recipe.yaml")]) == 0
    assert path.read_bytes() == before or name == "story.js"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("recipe.resolved.yaml", 2),
        ("tweakreg.log", 2),
        ("logs/write_shiftfile.log", 2),
        (".tweakreg/run.json", 0),
    ],
)
def test_nobody_waits_for_a_pipe_in_the_output_folder(
    tiny_run: Path, tmp_path: Path, name: str, status: int
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "out" / name).unlink()
    os.mkfifo(folder / "out" / name)
    (folder / "out/shifts.txt").unlink()
    assert main(["run", str(folder / "recipe.yaml")]) == status


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "1e999", "nan"])
def test_absurd_numbers_in_a_cfg_are_left_out_or_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "tweakreg.cfg"
    path.write_text(f"_task_name_ = tweakreg\n[OBJECT MATCHING PARAMETERS]\nminobj = {value}\n")
    imported = import_cfgs([read_cfg(path)])
    assert ("object_matching", "minobj") not in imported.values
    assert main(["import", str(path), "-o", str(tmp_path / "new.yaml")]) in (0, 2)


def test_a_cfg_that_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tweakreg.cfg")
    with pytest.raises(TweakRegError, match="pipe or a device"):
        read_cfg(tmp_path / "tweakreg.cfg")
