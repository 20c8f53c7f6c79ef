"""The workflow as a module of a Snakefile of the user's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from plain_snakemake import plain_snakemake
from skies import Scene
from test_docs import examples
from tiny import LEAN, copy_tiny

from tweakreg_steps.cli import main

WORDS = ("-c2", "--scheduler", "greedy", "--quiet")

SNAKEFILE = """\
from tweakreg_steps.resources import workflow_folder

configfile: "config.yaml"

module tweakreg:
    snakefile:
        workflow_folder() / "Snakefile"
    config:
        {config}
    {prefix}

use rule * from tweakreg as tweakreg_*

rule count_images:
    default_target: True
    input:
        aligned=rules.tweakreg_all.input,
        summary="out/summary.ecsv",
        aligned_copy="out/aligned/paint02q_flc.fits",
    output:
        "n_images.txt",
    shell:
        "grep -c '^paint' {{input.summary}} > {{output}}"
"""


def test_the_snakefile_of_the_documentation_is_the_one_tested_here() -> None:
    shown = examples("module.md", "python")[0].partition("rule drizzle")[0]
    tested = SNAKEFILE.format(config='config["alignment"]', prefix="").partition("rule count")[0]
    assert shown.split() == tested.split()


def snakemake(folder: Path, *, config: str, prefix: str = "") -> subprocess.CompletedProcess[str]:
    """Run a user's Snakefile that has the workflow as a module."""
    text = SNAKEFILE.format(config=config, prefix=prefix)
    (folder / "Snakefile").write_text(text)
    return plain_snakemake(folder, *WORDS)


def products(outdir: Path) -> dict[str, bytes]:
    """Return the products of a run, by their names."""
    paths = (path.relative_to(outdir) for path in outdir.rglob("*") if path.is_file())
    return {
        str(path): (outdir / path).read_bytes()
        for path in paths
        if path.parts[0] not in ("logs", "digests", "tweakreg.log")
        and not path.parts[0].startswith(".")
    }


def test_a_module_makes_the_same_files(tiny_exposures: Scene, tmp_path: Path) -> None:
    few = {**LEAN, "shiftfile_output": {}}
    recipe = copy_tiny(tiny_exposures, tmp_path / "plain", number=2, **few)
    assert main(["run", str(recipe), "-j", "2"]) == 0
    user = copy_tiny(tiny_exposures, tmp_path / "user", number=2, **few)
    config = {"mine": 1, "alignment": yaml.safe_load(user.read_text())}
    (user.parent / "config.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(user.parent, config='config["alignment"]')
    assert done.returncode == 0, done.stderr
    assert products(user.parent / "out") == products(recipe.parent / "out")
    assert (user.parent / "n_images.txt").read_text() == "2\n"


TWICE = """\
from tweakreg_steps.resources import workflow_folder

configfile: "config.yaml"

{modules}
rule both:
    default_target: True
    input:
        "a/aligned/paint02q_flc.fits",
        "b/aligned/paint02q_flc.fits",
    output:
        "both.txt",
    shell:
        "ls {{input}} > {{output}}; pwd >> {{output}}"
"""


def test_the_two_modules_of_the_documentation_in_one_snakefile(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    few = {**LEAN, "shiftfile_output": {}}
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2, **few)
    given = yaml.safe_load(recipe.read_text())
    other = {"catalog_fitting": {"fitgeometry": "shift"}}
    config = {"short": given | {"outdir": "a"}, "long": given | {"outdir": "b"} | other}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    modules = examples("module.md", "python")[1]
    (tmp_path / "Snakefile").write_text(TWICE.format(modules=modules))
    done = plain_snakemake(tmp_path, *WORDS)
    assert done.returncode == 0, done.stderr
    *listed, folder = (tmp_path / "both.txt").read_text().split()
    assert listed == ["a/aligned/paint02q_flc.fits", "b/aligned/paint02q_flc.fits"]
    assert Path(folder) == tmp_path
    copies = [(tmp_path / name).read_bytes() for name in listed]
    assert copies[0] != copies[1]
    again = plain_snakemake(tmp_path, *WORDS, "-n")
    again.check_returncode()
    assert "match_sources" not in again.stdout + again.stderr


def test_two_modules_with_one_outdir_are_refused(tiny_exposures: Scene, tmp_path: Path) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    given = yaml.safe_load(recipe.read_text())
    config = {"short": given, "long": given | {"input": "paint02q_flc.fits"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    modules = examples("module.md", "python")[1]
    (tmp_path / "Snakefile").write_text(TWICE.format(modules=modules))
    done = plain_snakemake(tmp_path, *WORDS)
    assert done.returncode != 0
    assert f"{tmp_path / 'out'}: another module of this Snakefile" in done.stdout + done.stderr


@pytest.mark.parametrize("named", ["link", "{folder}/out", "{folder}/link"])
def test_products_of_a_module_are_called_by_its_outdir_as_it_is_named(
    tiny_run: Path, tmp_path: Path, named: str
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "link").symlink_to("out")
    outdir = named.format(folder=folder)
    config = yaml.safe_load((folder / "recipe.yaml").read_text()) | {"outdir": outdir}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "Snakefile").write_text(SNAKEFILE.format(config="config", prefix=""))
    wanted = f"{outdir}/aligned/paint02q_flc.fits"
    done = plain_snakemake(folder, "-n", wanted)
    assert "Nothing to be done" in done.stdout + done.stderr
    (folder / wanted).unlink()
    done = plain_snakemake(folder, *WORDS, "--", wanted)
    assert done.returncode == 0, done.stderr
    assert (folder / wanted).is_file()


def test_values_laid_over_a_section_leave_its_paths(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    config = {"alignment": yaml.safe_load((folder / "recipe.yaml").read_text())}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    text = SNAKEFILE.format(config='config["alignment"]', prefix="")
    (folder / "Snakefile").write_text(text)
    (folder / "site").mkdir()
    (folder / "site/site.yaml").write_text("alignment: {imagefindpars: {conv_width: 3.6}}\n")
    words = ("-n", "--configfile", "site/site.yaml", "--", "out/catalogs/paint02q_flc.fits")
    done = plain_snakemake(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "find_sources" in done.stdout + done.stderr


@pytest.mark.parametrize("outdir", ["a {b}", "a <b>"])
def test_an_outdir_that_snakemake_would_take_for_a_pattern_is_refused(
    tiny_run: Path, tmp_path: Path, outdir: str
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    config = yaml.safe_load((folder / "recipe.yaml").read_text()) | {"outdir": outdir}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, config="config")
    assert done.returncode != 0
    assert f"outdir: {outdir}: a module's products" in done.stdout + done.stderr


def test_a_number_of_a_recipe_that_the_snakefile_builds_is_one(
    tiny_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    text = (folder / "recipe.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("threshold: 100", "threshold: 1e2"))
    built = '{key: config[key] for key in config if key != "shiftfile_output"}'
    text = SNAKEFILE.format(config=built, prefix="")
    (folder / "Snakefile").write_text(text)
    done = plain_snakemake(folder, "-n", "out/catalogs/paint02q_flc.fits")
    assert "Nothing to be done" in done.stdout + done.stderr


def test_what_a_module_does_not_make_any_more_is_removed(tiny_run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.copyfile(folder / "recipe.yaml", folder / "config.yaml")
    (folder / "paint03q_flc.fits").unlink()
    obsolete = folder / "out/aligned/paint03q_flc.fits"
    text = SNAKEFILE.format(config="config", prefix="")
    (folder / "Snakefile").write_text(text)
    for words in (("-n",), ("--summary",), ("--touch",), ("--dag",)):
        plain_snakemake(folder, *WORDS, *words)
        assert obsolete.exists()
    done = plain_snakemake(folder, *WORDS)
    assert done.returncode == 0, done.stderr
    assert not obsolete.exists()
    assert "remove aligned/paint03q_flc.fits" in done.stderr


@pytest.mark.parametrize("prefix", ['prefix: "moved"', 'replace_prefix: {"fits/": "moved/"}'])
def test_a_module_whose_products_are_moved_is_refused(
    tiny_exposures: Scene, tmp_path: Path, prefix: str
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    recipe.rename(tmp_path / "config.yaml")
    done = snakemake(tmp_path, config="config", prefix=prefix)
    assert done.returncode != 0
    assert "set outdir in its config instead" in done.stdout + done.stderr
    assert not (tmp_path / "moved").exists()


def test_a_problem_in_a_section_is_told_with_its_line(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, number=2)
    given = yaml.safe_load(recipe.read_text()) | {"fitgeometri": "shift"}
    text = yaml.safe_dump({"alignment": given}, sort_keys=True)
    (tmp_path / "config.yaml").write_text(text)
    line = 1 + next(i for i, row in enumerate(text.splitlines()) if "fitgeometri" in row)
    done = snakemake(tmp_path, config='config["alignment"]')
    assert done.returncode != 0
    assert f"config.yaml:{line}:3: fitgeometri: is not" in done.stdout + done.stderr
