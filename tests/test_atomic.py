"""Products are complete or absent."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tweakreg_steps.atomic import (
    atomic_path,
    find_leftovers,
    is_temporary_name,
    remove_leftovers,
    temporary_name,
    write_bytes_atomically,
    write_text_atomically,
)
from tweakreg_steps.errors import JobFailedError


def write_half_and_raise(final: Path, error: BaseException) -> None:
    with atomic_path(final) as temporary:
        temporary.write_text("half")
        raise error


def test_text_and_bytes_arrive_unchanged_and_alone(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "a.txt", "é\r\n")
    write_bytes_atomically(tmp_path / "b.bin", b"\x00\x01")
    assert (tmp_path / "a.txt").read_bytes() == "é\r\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\x01"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.bin"]


def test_nothing_stands_under_the_final_name_while_it_is_written(tmp_path: Path) -> None:
    final = tmp_path / "catalog.ecsv"
    with atomic_path(final) as temporary:
        temporary.write_text("half")
        assert not final.exists()
        assert re.fullmatch(r"\.catalog\.ecsv\.[0-9a-f]{24}\.tmp\.ecsv", temporary.name)
    assert final.read_text() == "half"


@pytest.mark.parametrize("interruption", [ValueError(), KeyboardInterrupt()])
def test_an_interrupted_write_keeps_the_old_product(
    tmp_path: Path, interruption: BaseException
) -> None:
    final = tmp_path / "a.txt"
    final.write_text("old")
    with pytest.raises(type(interruption)):
        write_half_and_raise(final, interruption)
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_missing_folders_are_made_and_new_files_obey_the_umask(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "er" / "a.txt"
    write_text_atomically(final, "")
    plain = tmp_path / "plain"
    plain.touch()
    assert final.stat().st_mode == plain.stat().st_mode


def test_a_full_disk_is_said_with_the_way_out(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(JobFailedError, match=r"a\.fits: No space left.*; free space"):
        write_half_and_raise(tmp_path / "a.fits", full)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_where_a_library_has_other_words_for_it(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
        except OSError:
            raise OSError("Not enough space on disk: requested 9, available 8.")  # noqa: B904

    with (
        pytest.raises(JobFailedError, match=r"a\.fits: No space left.*; free space"),
        atomic_path(tmp_path / "a.fits") as temporary,
    ):
        write(temporary)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(JobFailedError, match=r"out/a\.txt: .*; a file stands where the folder"):
        write_text_atomically(tmp_path / "out" / "a.txt", "")


def test_a_folder_in_the_way_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(JobFailedError, match="a folder stands where the file should be"):
        write_text_atomically(tmp_path / "a.txt", "")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_without_permission_is_said() -> None:
    message = "Permission denied; change the permissions"
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o500)
        with unprivileged(), pytest.raises(JobFailedError, match=message):
            write_text_atomically(Path(folder) / "a.txt", "")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while where this is root, whom no permission stops."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_failed_read_inside_the_block_is_not_called_a_failed_write(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()


def test_leftovers_are_what_this_program_names_so_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    left = [
        tmp_path / temporary_name("a.ecsv", ".ecsv"),
        tmp_path / "sub" / temporary_name("noend", ""),
    ]
    others = ["a.tmp.ecsv", ".hidden", ".tmp.x", ".x.123.tmp", ".x.0123456789abcdef01234567.tmp"]
    for path in [*left, *(tmp_path / name for name in others)]:
        path.touch()
    folder = tmp_path / temporary_name("b", "")
    folder.mkdir()
    (folder / "b.fits").touch()
    assert find_leftovers(tmp_path) == tuple(sorted([*left, folder]))
    remove_leftovers(tmp_path)
    assert find_leftovers(tmp_path) == ()
    assert all((tmp_path / name).exists() for name in others)


def test_leftovers_of_another_output_folder_are_left_to_it(tmp_path: Path) -> None:
    inner = tmp_path / "results" / "a"
    inner.mkdir(parents=True)
    for folder in (tmp_path, inner):
        (folder / "lock").touch()
        (folder / temporary_name("a.fits", ".fits")).touch()
    assert [path.parent for path in find_leftovers(tmp_path, lock="lock")] == [tmp_path]


def test_leftovers_are_not_sought_through_links(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    there = tmp_path / "elsewhere" / temporary_name("a.fits", ".fits")
    there.touch()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    remove_leftovers(tmp_path / "out")
    assert there.exists()


@pytest.mark.parametrize("name", ["a" * 240 + ".fits", "é" * 120 + ".fits", "a." + "b" * 200])
def test_names_as_long_as_the_disk_takes_them(tmp_path: Path, name: str) -> None:
    final = tmp_path / name
    with atomic_path(final) as temporary:
        temporary.write_text("x")
        assert is_temporary_name(temporary.name, of=name)
        assert not is_temporary_name(temporary.name, of=f"{name[:-6]}c{name[-5:]}")
    assert final.read_text() == "x"


def test_a_link_under_the_temporary_name_is_never_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    tokens = iter(["0" * 12, "1" * 12])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(tokens))
    planted = tmp_path / temporary_name("a.txt", ".txt")
    planted.symlink_to(victim)
    tokens = iter(["0" * 12, "1" * 12])
    write_text_atomically(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert victim.read_text() == "mine"
    assert planted.is_symlink()


def test_a_temporary_file_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")

    def exchange() -> None:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.unlink()
            temporary.symlink_to(victim)

    with pytest.raises(JobFailedError, match="was replaced by something of another user"):
        exchange()
    assert not (tmp_path / "a.txt").exists()
