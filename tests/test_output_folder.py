"""An output folder that cannot serve is refused before any job; odd names do no harm."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from forked_run import import_everything
from skies import Scene
from small_disk import small_disk
from tiny import LEAN, copy_tiny
from whole_runs import World

from tweakreg_steps.cli import main

DENIED = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
"""What makes root obey the permissions of files."""


@pytest.mark.parametrize("name", ["catalogs", "logs", ".snakemake", "logs/find_sources"])
def test_a_file_where_a_folder_belongs(
    tiny_exposures: Scene, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path)
    blocking = tmp_path / "out" / name
    blocking.parent.mkdir(parents=True)
    blocking.write_text("the user's")
    assert main(["run", str(recipe)]) == 2
    assert f"{blocking}: is a file, and a folder of that name is needed" in capsys.readouterr().err
    assert blocking.read_text() == "the user's"


@pytest.mark.parametrize("name", ["summary.ecsv", "fits/paint02q_flc.json"])
def test_a_folder_where_a_file_belongs(
    tiny_exposures: Scene, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path)
    blocking = tmp_path / "out" / name
    blocking.mkdir(parents=True)
    assert main(["run", str(recipe)]) == 2
    assert f"{blocking}: is a folder, and a file of that name" in capsys.readouterr().err
    assert blocking.is_dir()


def test_a_disk_mounted_read_only(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path)
    with small_disk(tmp_path / "out") as disk:
        if disk.mounted:
            subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True)
            assert main(["run", str(recipe)]) == 2
            assert f"{disk.folder}: is not writable" in capsys.readouterr().err
        assert not list(disk.folder.iterdir())


def run_denied(world: World) -> tuple[int, str]:
    """Run as one whom permissions stop, also where this is root."""
    words = DENIED if os.geteuid() == 0 else []
    done = subprocess.run(
        [*words, *world.command()],
        cwd=world.folder,
        env=world.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_folder_without_permission(tiny_exposures: Scene, tmp_path: Path) -> None:
    copy_tiny(tiny_exposures, tmp_path)
    (tmp_path / "out").mkdir(mode=0o555)
    status, said = run_denied(World(tmp_path))
    assert status == 2
    assert f"{tmp_path / 'out'}: is not writable; choose a folder you may write" in said
    assert not list((tmp_path / "out").iterdir())


def test_permission_lost_on_the_way(tiny_exposures: Scene, tiny_run: Path, tmp_path: Path) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path)
    words = DENIED if os.geteuid() == 0 else []
    with world.start(before=words) as run:
        assert run.stderr
        assert run.stderr.readline().startswith("[ 1/")
        folders = [world.out, *(path for path in world.out.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        said = run.stderr.read()
    for folder in folders:
        folder.chmod(0o755)
    assert run.returncode == 1
    assert "Permission denied" in said
    assert "Traceback" not in said
    assert world.living() == []
    import_everything()
    assert world.finish_fork()[0] == 0
    assert world.contents() == World(tiny_run).contents()


@pytest.mark.parametrize("folder", ["a[b] {c}", "{image} 'q\" $x;&*"])
def test_any_name_of_the_working_folder_will_do(
    tiny_exposures: Scene, tmp_path: Path, folder: str
) -> None:
    import_everything()
    world = World(tmp_path / folder)
    copy_tiny(tiny_exposures, world.folder, number=2, **LEAN)
    (world.folder / "json.py").write_text("raise RuntimeError\n")
    status, said = world.finish_fork()
    assert status == 0, said
    assert len(list((world.out / "aligned").iterdir())) == 2


def test_braces_that_snakemake_would_take_for_its_own_are_refused(
    tiny_exposures: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = copy_tiny(tiny_exposures, tmp_path, input="*.fits, {old}/*.fits")
    (tmp_path / "paint01q_flc.fits").rename(tmp_path / "paint{1}q_flc.fits")
    (tmp_path / "{old}").mkdir()
    shutil.copyfile(tiny_exposures.paths[0], tmp_path / "{old}" / "other_flc.fits")
    assert main(["run", str(recipe)]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/{{old}}/other_flc.fits: Snakemake takes braces" in said
    assert f"{tmp_path}/paint{{1}}q_flc.fits: Snakemake takes braces" in said


def test_the_warm_process_imports_no_module_of_the_working_folder(
    tiny_exposures: Scene, tmp_path: Path
) -> None:
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path, number=2, **LEAN)
    for name in ("json.py", "numpy.py"):
        (tmp_path / name).write_text("raise RuntimeError('imported')\n")
    status, said = world.finish(flags=["-P"])
    assert (status, "imported" in said) == (0, False)


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return inode, size and time of everything in a folder, and of itself."""
    paths = [folder, *sorted(folder.rglob("*"))]
    return {str(p): (s.st_ino, s.st_size, s.st_mtime_ns) for p in paths for s in [p.stat()]}


def test_a_second_run_in_the_folder_touches_nothing(
    tiny_run: Path, tmp_path: Path, edit: Callable[[Path, str, str], None]
) -> None:
    import_everything()
    world = World(tmp_path / "run")
    shutil.copytree(tiny_run, world.folder)
    edit(world.folder / "recipe.yaml", "threshold: 100", "threshold: 90")
    from tweakreg_steps.running.locking import hold_outdir

    with hold_outdir(world.out):
        before = listing(world.out)
        status, said = world.finish_fork()
        assert listing(world.out) == before
    assert status == 4
    assert f"another run (process {os.getpid()}) holds this folder" in said


def test_two_recipes_run_side_by_side_over_the_same_inputs(
    tiny_exposures: Scene, tiny_run: Path, tmp_path: Path
) -> None:
    import_everything()
    world = World(tmp_path)
    copy_tiny(tiny_exposures, tmp_path, outdir="second")
    (tmp_path / "recipe.yaml").rename(tmp_path / "second.yaml")
    copy_tiny(tiny_exposures, tmp_path)
    first = world.fork()
    second = world.fork("run", "second.yaml", "-j", "2")
    for process in (first, second):
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    alone = World(tiny_run).contents()
    assert world.contents() == alone
    (tmp_path / "out").rename(tmp_path / "first")
    (tmp_path / "second").rename(tmp_path / "out")
    different = {k for k, v in world.contents().items() if v != alone[k]}
    # the name of the recipe stands in three of them
    assert different <= {
        "summary.ecsv",
        "recipe.resolved.yaml",
        ".tweakreg/recipe.json",
        ".tweakreg/ledger.sqlite summarize all",
    }
