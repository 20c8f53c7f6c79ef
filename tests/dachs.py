"""A real TAP service on this machine: GAVO DaCHS with a table of ours, in a folder of its own.

Debian's packages python3-gavo, postgresql-q3c and postgresql-pgsphere are needed; no service of the
system is used or changed. It is up in about twenty seconds.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from astropy.table import Table

DACHS = Path("/usr/bin/dachs")
SCHEMA, TABLE = "gaiadr3", "gaia_source"
_PATIENCE = 300.0
_SETTINGS = """\
[general]
rootDir: {folder}/gavo
tempDir: {folder}/gavo/tmp
cacheDir: {folder}/gavo/cache
logDir: {folder}/gavo/logs
stateDir: {folder}/gavo/state
webDir: {folder}/gavo/web
configDir: {folder}/gavo/etc
inputsDir: {folder}/gavo/inputs
gavoGroup: {group}
group: {group}
[web]
serverPort: {port}
bindAddress: 127.0.0.1
serverURL: http://127.0.0.1:{port}
[ivoa]
authority: x-test
"""
_RESOURCE = """\
<resource schema="{schema}">
  <meta name="title">Stars</meta><meta name="description">Painted stars.</meta>
  <meta name="creationDate">2026-01-01T00:00:00Z</meta>
  <meta name="subject">stars</meta><meta name="creator">tests</meta>
  <table id="{table}" onDisk="True" adql="True" mixin="//scs#q3cindex">
    {columns}
  </table>
  <data id="import"><sources>stars.csv</sources><csvGrammar/><make table="{table}"/></data>
</resource>
"""
_UCDS = {
    "source_id": "meta.id;meta.main",
    "ra": "pos.eq.ra;meta.main",
    "dec": "pos.eq.dec;meta.main",
}


def what_lacks() -> str:
    """Return what has to be installed before a service can be started, or an empty text."""
    if not DACHS.exists():
        return "GAVO DaCHS (Debian: python3-gavo)"
    if _postgres() is None:
        return "PostgreSQL with q3c and pgsphere (Debian: postgresql-q3c postgresql-pgsphere)"
    return ""


def _postgres() -> Path | None:
    """Return the programs of the newest PostgreSQL that has what DaCHS needs."""
    for programs in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        extensions = Path("/usr/share/postgresql") / programs.parent.name / "extension"
        if all((extensions / f"{name}.control").exists() for name in ("q3c", "pg_sphere")):
            return programs
    return None


@contextmanager
def serve_table(table: Table, folder: Path) -> Iterator[str]:
    """Serve a table as ``gaiadr3.gaia_source``, and give the address of the service.

    Parameters
    ----------
    table : Table
        Its columns are whole or floating-point numbers; what is masked or nan is NULL.
    folder : Path
        An empty folder, which every user may enter; its path is short, as a socket has to be in it.
    """
    programs = _postgres()
    assert programs is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = grp.getgrgid(os.getgid()).gr_name
    settings = folder / "gavo.rc"
    settings.write_text(_SETTINGS.format(folder=folder, group=group, port=port))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": os.fspath(folder),
        "USER": pwd.getpwuid(os.getuid()).pw_name,
        "LC_ALL": "C.UTF-8",
        "GAVOSETTINGS": os.fspath(settings),
        "GAVOCUSTOM": os.fspath(folder / "none"),
    }

    def dachs(*words: str) -> None:
        _run([os.fspath(DACHS), *words], env=environment)

    with _database(programs, folder):
        (folder / "gavo").mkdir()
        dachs("init", "-d", f"host={folder} dbname=gavo user=postgres")
        _write_resource(table, folder / "gavo" / "inputs" / SCHEMA)
        dachs("imp", f"{SCHEMA}/q")
        server = subprocess.Popen(
            [os.fspath(DACHS), "serve", "debug"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/tap"
            _wait_for(f"{url}/availability", server)
            yield url
        finally:
            server.terminate()
            server.wait()


@contextmanager
def _database(programs: Path, folder: Path) -> Iterator[None]:
    """Run a PostgreSQL of our own that listens on a socket in the folder alone."""
    as_user = []
    if os.getuid() == 0:  # it does not run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data = os.fspath(folder / "pg")
    control = [*as_user, os.fspath(programs / "pg_ctl"), "-D", data, "-w"]
    listen = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    init = [os.fspath(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres"]
    _run([*as_user, *init, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
    _run([*control, "-o", listen, "-l", os.fspath(folder / "pg.log"), "start"])
    try:
        create = [os.fspath(programs / "createdb"), "-h", os.fspath(folder), "-U", "postgres"]
        _run([*create, "gavo"])
        yield
    finally:
        _run([*control, "-m", "immediate", "stop"])


def _run(words: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Run a program to its end."""
    done = subprocess.run(
        words,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, words


def _write_resource(table: Table, folder: Path) -> None:
    """Describe the table for DaCHS, and write its rows."""
    folder.mkdir(parents=True)
    columns = []
    for name in table.colnames:
        is_whole = table[name].dtype.kind == "i"
        kind = 'type="bigint" required="True"' if is_whole else 'type="double precision"'
        columns.append(f'<column name="{name}" {kind} ucd="{_UCDS.get(name, "")}"/>')
    text = _RESOURCE.format(schema=SCHEMA, table=TABLE, columns="\n    ".join(columns))
    (folder / "q.rd").write_text(text)
    table.write(folder / "stars.csv", format="ascii.csv")


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a service answers."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  our own server
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the service does not come up")
