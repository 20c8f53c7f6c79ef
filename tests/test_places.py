"""Inputs and output folder stand where they like: read-only, behind links, on other disks."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from small_disk import small_disk

from tweakreg_steps.cli import main

IMAGE = "paint02q_flc"


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have nobody write into a folder: its disk is read-only, or it where nothing is mounted."""
    is_mounted = os.path.ismount(folder)
    if is_mounted:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    for path in () if is_mounted else (*folder.iterdir(), folder):
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path == folder else 0))
    try:
        yield
    finally:
        if not is_mounted:
            folder.chmod(stat.S_IRWXU)


def test_links_to_a_read_only_disk_and_an_outdir_on_another(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "archive") as archive, small_disk(tmp_path / "scratch") as scratch:
        (tmp_path / "work").mkdir()
        for path in tiny_run.glob("*_flc.fits"):
            shutil.copyfile(path, archive.folder / path.name)
            (tmp_path / "work" / path.name).symlink_to(archive.folder / path.name)
        out = shutil.copytree(tiny_run / "out", scratch.folder / "out")
        values = yaml.safe_load((tiny_run / "recipe.yaml").read_text()) | {"outdir": str(out)}
        recipe = tmp_path / "work" / "recipe.yaml"
        with read_only(archive.folder):
            recipe.write_text(yaml.safe_dump(values))
            # the pixels are read again, and copies of the files are written
            for folder in ("masks", "aligned"):
                (out / folder / f"{IMAGE}.fits").unlink()
            assert main(["run", str(recipe), "-j", "2", "-q"]) == 0, capsys.readouterr().err
        for folder in ("masks", "aligned", "fits"):
            for path in (tiny_run / "out" / folder).iterdir():
                assert (out / folder / path.name).read_bytes() == path.read_bytes()
        names = {path.name for path in (tmp_path / "work").iterdir()}
        assert names == {path.name for path in archive.folder.iterdir()} | {"recipe.yaml"}
