"""What is said of images that are not aligned: the cure, applied as printed, aligns them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from failing import BLANK, FAINT, FAR, KEPT, ROLLED, TRUNCATED
from skies import Scene, rms_to_truth

from tweakreg_steps.cli import main
from tweakreg_steps.curing.advice import GATES_OF, Found, advise
from tweakreg_steps.curing.cure import images_block, round_down, round_up
from tweakreg_steps.curing.fit_trials import fit_changes
from tweakreg_steps.curing.match_trials import match_changes
from tweakreg_steps.curing.reason_help import REASON_HELP
from tweakreg_steps.errors import Reason
from tweakreg_steps.recipes.recipe import complete
from tweakreg_steps.reporting.summary_file import read_summary

Said = pytest.CaptureFixture[str]
DOCS = Path(__file__).resolve().parent.parent / "docs"


@dataclass(frozen=True)
class Failed:
    """A run after which five of nine images are not aligned."""

    folder: Path
    scene: Scene

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the summary, by image."""
        rows = read_summary(self.folder / "out" / "summary.ecsv").rows
        return {row["image"]: dict(row) for row in rows}


@pytest.fixture
def failed(failing_run: tuple[Path, Scene], tmp_path: Path) -> Failed:
    folder, scene = failing_run
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    return Failed(copy, scene)


def shown(folder: Path, capsys: Said) -> str:
    """Return what ``tweakreg show`` prints."""
    capsys.readouterr()
    assert main(["show", str(folder / "out")]) == 3
    return capsys.readouterr().out


def test_the_cures_as_printed_align_the_images(failed: Failed, capsys: Said) -> None:
    before = failed.rows
    reasons = {name: row["reason"] for name, row in before.items() if row["reason"]}
    assert set(reasons) == {FAR, FAINT, ROLLED, BLANK, TRUNCATED}
    assert len(set(reasons.values())) >= 4
    text = shown(failed.folder, capsys)
    for name in reasons:
        assert before[name]["cure"] in text
        assert before[name]["detail"] in text
    for name in (BLANK, TRUNCATED):
        assert before[name]["cure"].startswith("nothing in the recipe can align it")
    assert "fetch the file again, or take it out of input" in before[TRUNCATED]["cure"]
    block = text[text.index("\nimages:\n") :]
    assert set(yaml.safe_load(block)["images"]) == {FAR, FAINT, ROLLED}
    recipe = failed.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text() + block)
    shutil.copy(failed.folder / KEPT / f"{TRUNCATED}.fits", failed.folder)
    assert main(["run", str(recipe), "-j", "2"]) == 3
    after = failed.rows
    assert [name for name, row in after.items() if row["reason"]] == [BLANK]
    for name, row in after.items():
        if row["status"] == "aligned":
            copy = failed.folder / "out" / "aligned" / f"{name}.fits"
            assert rms_to_truth(copy, failed.scene) < (5.0 if name == FAINT else 1.0)
            assert row["cure"] == row["detail"] == ""
            assert 0.0 < row["error_x"] < row["rms_ra"]


def test_what_a_run_says_at_its_end(failed: Failed, capsys: Said) -> None:
    capsys.readouterr()
    assert main(["run", str(failed.folder / "recipe.yaml"), "-j", "1"]) == 3
    said = capsys.readouterr().err
    assert "9 images: 4 aligned (1 as the reference), 5 not aligned, 0 waiting" in said
    assert "/out/aligned; the input files are untouched" in said
    assert f"next: tweakreg suggest {failed.folder / 'recipe.yaml'}" in said


def test_why_begins_with_the_verdict(
    failed: Failed, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(failed.folder)
    for name in (FAR, f"out/plots/hist2d_{FAR}.png"):
        capsys.readouterr()
        assert main(["why", name]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(f"{FAR}: not aligned (no_significant_offset)")
        assert lines[2].startswith("  cure:  set object_matching.searchrad: ")


def test_suggest_measures_and_writes_only_if_asked(failed: Failed, capsys: Said) -> None:
    recipe = failed.folder / "recipe.yaml"
    before = recipe.read_text()
    capsys.readouterr()
    assert main(["suggest", str(recipe), FAR]) == 0
    said = capsys.readouterr().out
    assert "searchrad: 15" in said
    assert "aligned: 1" in said
    assert FAINT not in said
    assert recipe.read_text() == before
    assert main(["suggest", str(recipe), FAR, BLANK, "--write"]) == 3
    after = recipe.read_text()
    assert after.startswith(before)
    own = yaml.safe_load(after)["images"]
    assert own == {FAR: {"object_matching": {"searchrad": 15.0}}}
    assert main(["suggest", str(recipe), "paint3q_flc"]) == 2
    assert f"did you mean {FAR}?" in capsys.readouterr().err


def test_params_explains_a_reason(capsys: Said) -> None:
    capsys.readouterr()
    assert main(["params", "no_significant_offset"]) == 0
    assert "object_matching.searchrad" in capsys.readouterr().out


def test_every_reason_has_its_help_and_its_place_on_the_page() -> None:
    page = (DOCS / "reasons.md").read_text()
    assert set(REASON_HELP) == set(Reason)
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == list(Reason)


VALUES = complete({"input": "a.fits"}, source=None, file=Path("recipe.yaml")).values


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_cure(reason: Reason) -> None:
    nothing = advise(reason, Found(), {})
    assert nothing.text
    gates = {name: 5 if name.startswith("min") else 1.0 for name in GATES_OF.values()}
    present = {**VALUES, "acceptance": {**gates, "never_worse": True}}
    found = Found(
        n_sources=9,
        lower=[[100.0, 3], [50.0, 90]],
        failed=[reason],
        measured=dict.fromkeys(gates, 3.0),
    )
    cure = advise(reason, found, present)
    for section, own in cure.changes.items():
        for name, value in own.items():
            assert present[section][name] != value
            assert f"{section}.{name}" in cure.text


def test_what_is_set_is_never_tried() -> None:
    matching: Any = {**VALUES["object_matching"], "fallback": "triangles", "minobj": 4}
    for own in match_changes(matching, reach=100.0):
        assert all(matching[name] != value for name, value in own.items())
        assert "fallback" not in own
    simplest = {"fitgeometry": "shift", "nclip": 10, "sigma": 2.0, "weights": "errors"}
    fitting: Any = {**VALUES["catalog_fitting"], **simplest}
    for reason in Reason:
        assert [*fit_changes(reason, fitting)] == []


def test_a_gate_is_opened_no_wider_than_the_fit_needs() -> None:
    found = Found(
        measured={"max_rms": 33.3, "min_matches": 7},
        failed=[Reason.FEW_KEPT, Reason.LARGE_RMS],
    )
    cure = advise(Reason.FEW_KEPT, found, VALUES)
    assert cure.changes == {"acceptance": {"min_matches": 7, "max_rms": 35.0}}


@pytest.mark.parametrize("value", [1.0, 0.0123, 9.96, 151.0, 3e-7])
def test_rounded_numbers_are_short_and_on_the_right_side(value: float) -> None:
    assert value <= round_up(value) <= value * 1.1
    assert value * 0.9 <= round_down(value) <= value


def test_the_block_is_yaml_for_any_name() -> None:
    names = ["paint01q_flc", "1e5", "no", "a b: c", "*", "-x"]
    block = images_block({name: {"object_matching": {"searchrad": 15.0}} for name in names})
    assert list(yaml.safe_load(block)["images"]) == names
    assert images_block({"a": {}}) == ""
