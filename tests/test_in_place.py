"""An original is replaced by its copy with a solution and put back, bit for bit, or not touched."""

from __future__ import annotations

import errno
import gzip
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from astropy.io import fits
from dying import dies_before
from test_atomic import unprivileged

from tweakreg_steps.applying.in_place import apply_solution, restore_original
from tweakreg_steps.applying.original_file import hold_file
from tweakreg_steps.applying.restoring import restore_originals
from tweakreg_steps.errors import InputError, JobFailedError, LockedError
from tweakreg_steps.fits_files.digests import digest_content
from tweakreg_steps.fits_files.opening import open_quietly
from tweakreg_steps.fits_files.replaceable import link_note, replacement_problems
from tweakreg_steps.headers.header_update import WrittenHeader
from tweakreg_steps.records.statement import Statement
from tweakreg_steps.records.undo_record import record_path, undo_path


@dataclass(frozen=True)
class Workbench:
    """A file to write into, and the output folder of the run that measured it."""

    path: Path
    outdir: Path

    def apply(self, solution: str = "one", measured: str | None = None) -> WrittenHeader:
        """Write a solution into the file, as it was measured."""
        digest = measured or digest_content(self.path)["file"]
        return apply_solution(
            self.path,
            outdir=self.outdir,
            digest=digest,
            statement=said_of(solution),
            write=lambda destination: write(solution, self.path, destination),
        )

    def restore(self) -> bool:
        """Put the original back."""
        return restore_original(self.path, outdir=self.outdir)

    @property
    def solution(self) -> str:
        """The solution in the file."""
        with open_quietly(self.path) as hdus:
            return str(hdus[0].header["WCSNAME"])

    def neighbours(self) -> list[str]:
        """Return what stands in the folder of the file."""
        return sorted(path.name for path in self.path.parent.iterdir() if path.is_file())


def said_of(solution: str) -> Statement:
    """Return what a file with a solution says of its making."""
    return {
        "version": "1",
        "rule": "update_header",
        "job": "x",
        "stamp": solution,
        "recipe_digest": "",
        "code": "",
        "parameters": {},
        "inputs": {},
        "upstream": {},
    }


def write(solution: str, source: Path, destination: Path) -> WrittenHeader:
    """Write a copy with cards added in front and a table at the end."""
    with open_quietly(source) as hdus:
        hdus[0].header["WCSNAME"] = solution
        hdus["SCI"].header.update({f"KEY{i}": i for i in range(40)})
        hdus.append(fits.ImageHDU(np.arange(9.0), name="WCSCORR"))
        hdus.writeto(destination)
    return {
        "wcsname": solution,
        "archived": None,
        "cards": {},
        "rewritten": [],
        "deviation": 0.0,
    }


@pytest.fixture(params=["x.fits", "x.fits.gz"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Workbench:
    """Return a file of two images with a padding of its own and something behind its end."""
    hdus = fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.ImageHDU(np.random.default_rng(1).normal(size=(100, 90)), name="SCI"),
            fits.ImageHDU(np.arange(10, dtype=np.int16), name="DQ"),
        ]
    )
    (tmp_path / "data").mkdir()
    plain = tmp_path / "data" / "x.fits"
    hdus.writeto(plain)
    content = plain.read_bytes()[:-3] + b"pad" + b"what follows is nobody's"
    plain.unlink()
    path = tmp_path / "data" / str(request.param)
    path.write_bytes(content if path.suffix == ".fits" else gzip.compress(content))
    return Workbench(path, tmp_path / "out")


def test_a_solution_is_written_and_taken_back_bit_for_bit(bench: Workbench) -> None:
    before, time = bench.path.read_bytes(), bench.path.stat().st_mtime_ns
    assert bench.apply()["wcsname"] == "one"
    assert bench.solution == "one"
    assert bench.restore()
    assert bench.path.read_bytes() == before
    assert bench.path.stat().st_mtime_ns == time
    assert not bench.restore()
    assert bench.neighbours() == [bench.path.name]
    assert list((bench.outdir / "applied").iterdir()) == []


@pytest.mark.slow
def test_killed_at_any_moment_a_file_is_whole_and_the_work_can_be_finished(
    bench: Workbench,
) -> None:
    before, measured = bench.path.read_bytes(), digest_content(bench.path)["file"]
    for operation in count(1):
        killed = dies_before(operation, lambda: bench.apply(measured=measured))
        if bench.path.read_bytes() != before:
            assert bench.solution == "one"
        bench.apply(measured=measured)
        assert bench.neighbours() == [bench.path.name]
        if not killed:
            break
        assert bench.restore()
        assert bench.path.read_bytes() == before
    assert operation > 10
    for operation in count(1):
        killed = dies_before(operation, bench.restore)
        if bench.path.read_bytes() != before:
            assert bench.solution == "one"
        bench.restore()
        assert bench.path.read_bytes() == before
        assert bench.neighbours() == [bench.path.name]
        if not killed:
            break
        bench.apply(measured=measured)
    assert operation > 4


def test_pixels_are_not_kept_twice(bench: Workbench) -> None:
    size = bench.path.stat().st_size
    bench.apply()
    kept = undo_path(bench.outdir, bench.path.name).stat().st_size
    assert kept == size if bench.path.suffix == ".gz" else kept < size / 4


def test_the_same_solution_is_not_written_twice_and_another_takes_its_place(
    bench: Workbench,
) -> None:
    before, measured = bench.path.read_bytes(), digest_content(bench.path)["file"]
    bench.apply(measured=measured)
    inode = bench.path.stat().st_ino
    assert bench.apply(measured=measured)["wcsname"] == "one"
    assert bench.path.stat().st_ino == inode
    bench.apply("two", measured=measured)
    assert bench.solution == "two"
    bench.restore()
    assert bench.path.read_bytes() == before


def test_a_file_that_was_not_measured_is_left_alone(bench: Workbench) -> None:
    before = bench.path.read_bytes()
    with pytest.raises(InputError, match="is not the file that was measured"):
        bench.apply(measured="another")
    assert bench.path.read_bytes() == before
    assert bench.neighbours() == [bench.path.name]


def test_a_file_edited_since_is_not_restored(bench: Workbench) -> None:
    bench.apply()
    with fits.open(bench.path, mode="update") as hdus:
        hdus["SCI"].header["EDITED"] = True
    edited = bench.path.read_bytes()
    with pytest.raises(InputError, match=r"was changed since.*remove .*x\.fits.*json"):
        list(restore_originals(bench.outdir, only=None))
    with pytest.raises(InputError, match="was changed since"):
        bench.restore()
    assert bench.path.read_bytes() == edited


def test_two_runs_that_wrote_into_one_file_are_taken_back_in_turn(
    bench: Workbench, tmp_path: Path
) -> None:
    before = bench.path.read_bytes()
    later = Workbench(bench.path, tmp_path / "later")
    bench.apply("one")
    later.apply("two")
    with pytest.raises(InputError, match="another recipe was applied since, restore that one"):
        bench.restore()
    assert later.restore()
    assert bench.solution == "one"
    assert bench.restore()
    assert bench.path.read_bytes() == before


def test_another_file_of_the_name_does_not_cost_the_way_back(
    bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "else").mkdir()
    other = Workbench(tmp_path / "else" / bench.path.name, bench.outdir)
    other.path.write_bytes(bench.path.read_bytes())
    bench.apply()
    with pytest.raises(InputError, match="holds the way back of another file of this name"):
        other.apply()


def test_a_link_stays_a_link_and_the_permissions_stay(bench: Workbench, tmp_path: Path) -> None:
    before = bench.path.read_bytes()
    link = Workbench(tmp_path / bench.path.name, bench.outdir)
    link.path.symlink_to(bench.path)
    bench.path.chmod(0o640)
    link.apply()
    assert link.path.is_symlink()
    assert bench.solution == "one"
    assert bench.path.stat().st_mode & 0o777 == 0o640
    link.restore()
    assert bench.path.read_bytes() == before
    assert bench.path.stat().st_mode & 0o777 == 0o640


def test_output_folder_and_files_may_move_together(bench: Workbench, tmp_path: Path) -> None:
    before = bench.path.read_bytes()
    bench.apply()
    (tmp_path / "new").mkdir()
    for name in ("data", "out"):
        (tmp_path / name).rename(tmp_path / "new" / name)
    (restored,) = restore_originals(tmp_path / "new" / "out", only=None)
    assert restored.was_applied
    assert restored.path.read_bytes() == before


def test_a_full_disk_costs_nothing(bench: Workbench) -> None:
    before = bench.path.read_bytes()

    def fill_the_disk(destination: Path) -> WrittenHeader:
        destination.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(JobFailedError, match=r"No space left.*free space.*itself is whole"):
        apply_solution(
            bench.path,
            outdir=bench.outdir,
            digest=digest_content(bench.path)["file"],
            statement=said_of("one"),
            write=fill_the_disk,
        )
    assert bench.path.read_bytes() == before
    assert bench.neighbours() == [bench.path.name]


def test_a_damaged_way_back_is_said_and_the_file_stays(bench: Workbench) -> None:
    bench.apply()
    applied = bench.path.read_bytes()
    kept = undo_path(bench.outdir, bench.path.name)
    for damaged in (b"\0" * kept.stat().st_size, b"short"):
        kept.write_bytes(damaged)
        with pytest.raises(JobFailedError, match=r"does not give the original|is damaged"):
            bench.restore()
    record_path(bench.outdir, bench.path.name).write_text("{}")
    with pytest.raises(InputError, match="cannot be read as an undo record"):
        bench.restore()
    assert bench.path.read_bytes() == applied


def test_two_at_once_are_one_too_many(bench: Workbench) -> None:
    with hold_file(bench.path), pytest.raises(LockedError, match="another run is replacing"):
        bench.apply()


def test_what_forbids_replacing_a_file_is_all_said(bench: Workbench, tmp_path: Path) -> None:
    protected, missing = tmp_path / "protected.fits", tmp_path / "missing.fits"
    protected.touch(0o444)
    again = tmp_path / "again.fits"
    again.symlink_to(bench.path)
    found = list(replacement_problems([bench.path, protected, missing, tmp_path, again]))
    words = ("write-protected", "is not there", "is not a file", "is the same file")
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_files_of_others_and_closed_folders_are_left_alone() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.fits"
        path.touch()
        path.chmod(0o666)
        path.parent.chmod(0o555)
        with unprivileged():
            found = " ".join(replacement_problems([path]))
        path.parent.chmod(0o755)
    assert "is not writable" in found
    if os.geteuid() == 0:
        assert "belongs to another user" in found


def test_hard_links_are_noted(bench: Workbench, tmp_path: Path) -> None:
    assert link_note(bench.path) == ""
    (tmp_path / "other.fits").hardlink_to(bench.path)
    assert "1 more hard link(s)" in link_note(bench.path)
