"""A warm process that runs steps in forks of itself, so that each starts in a millisecond.

Importing astropy, scipy and matplotlib costs a step more than most steps do. The server imports
them once, in the order in which a run needs them, and answers requests in between. Its standard
input is a pipe from the run that started it: a line names the rules whose steps will be asked for;
at its end the server ends, too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import select
import signal
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from subprocess import DEVNULL, PIPE, Popen

from tweakreg_steps.running.step_client import INTERRUPTED, SOCKET_VARIABLE

_FIRST = (
    "numpy",
    "tweakreg_steps.running.step_run",
    "tweakreg_steps.tables.ecsv",
    "astropy.io.fits",
    "astropy.wcs",
    "tweakreg_steps.fits_files.exposure",
)
"""What most steps need, in the order in which a run needs it."""
_PLANE = "tweakreg_steps.astrometry.reference_plane"
_DRAWING = (
    "tweakreg_steps.products.plots",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.style",
    *(f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Ppm", "Png")),
)
_MATCHING = ("tweakreg_steps.matching.matching", _PLANE, "scipy.special", "shapely")
_FITTING = (
    "tweakreg_steps.alignment.fitted_image",
    "tweakreg_steps.matching.fitting",
    "tweakreg_steps.matching.acceptance",
    "tweakreg_steps.matching.geometry_choice",
    _PLANE,
    "scipy.special",
    "shapely",
)
_HEADERS = ("tweakreg_steps.fits_files.header_update", _PLANE, "stwcs.wcsutil.wcscorr")
_NEEDED = {
    "make_masks": ("tweakreg_steps.masking.image_masks",),
    "find_sources": ("tweakreg_steps.finding.daofind", "tweakreg_steps.finding.narrowness"),
    "undistort_sources": ("tweakreg_steps.astrometry.undistortion",),
    "build_reference_plane": (_PLANE, "stwcs.wcsutil"),
    "match_sources": ("tweakreg_steps.alignment.match_table", *_MATCHING),
    "fit_alignment": _FITTING,
    "align": ("tweakreg_steps.alignment.sequence", *_MATCHING, *_FITTING),
    "write_headerlet": _HEADERS,
    "update_header": (*_HEADERS, "tweakreg_steps.fits_files.wcscorr_table"),
    "write_catalogs": ("tweakreg_steps.products.text_products", _PLANE),
    "write_shiftfile": ("tweakreg_steps.products.shiftfile",),
    "summarize": ("tweakreg_steps.products.summary",),
    "plot_offsets": _DRAWING,
    "plot_residuals": _DRAWING,
}
"""What the steps of a rule import while they work."""
_BACKLOG = 256


_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


Prepare = Callable[[Iterable[str]], None]
"""Tells the warm process which rules will run, in their order."""


@contextmanager
def warm_steps() -> Iterator[Prepare]:
    """Keep a warm process for the steps of a run; without one, each step starts by itself.

    It starts at once; what it needs to import is told it when the run knows.

    The socket has a name that is no file (an abstract one, which Linux alone has), so that a killed
    run leaves nothing behind; the server answers its own user only.
    """
    if not sys.platform.startswith("linux"):
        yield lambda _rules: None
        return
    address = f"@tweakreg-{os.getpid()}-{secrets.token_hex(8)}"
    # -P: modules of the working directory are none of the run's
    command = [sys.executable, "-P", "-m", "tweakreg_steps.running.step_server", address]
    with Popen(command, stdin=PIPE, stdout=DEVNULL) as server:
        os.environ[SOCKET_VARIABLE] = address

        def prepare(rules: Iterable[str]) -> None:
            assert server.stdin  # noqa: S101  it is a pipe
            with contextlib.suppress(BrokenPipeError):
                server.stdin.write(f"{' '.join(rules)}\n".encode())
                server.stdin.flush()

        try:
            yield prepare
        finally:
            del os.environ[SOCKET_VARIABLE]
            server.terminate()


def serve(address: str) -> None:
    """Answer requests at `address` until the standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.listen(_BACKLOG)
        pending = deque(_FIRST)
        warm = False
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [], None if warm else 0)
            if sys.stdin in ready:
                rules = sys.stdin.readline().split()
                if not rules:
                    return
                pending.extend(_modules_for(rules))
                warm = False
            elif listener in ready:
                connection, _ = listener.accept()
                if _is_own(connection):
                    _fork(connection, listener)
                else:
                    connection.close()
            elif pending:
                import_module(pending.popleft())
            else:
                _be_warm()
                warm = True


def _modules_for(rules: Iterable[str]) -> Iterator[str]:
    """Yield the modules that the steps of some rules import."""
    for rule in rules:
        yield f"tweakreg_steps.steps.{rule}"
        yield from _NEEDED.get(rule, ())


def _be_warm() -> None:
    """Do once what each step would do again, and keep the collector from touching the modules."""
    from tweakreg_steps.planning.library_versions import library_versions

    library_versions()
    gc.freeze()


def _is_own(connection: socket.socket) -> bool:
    """Tell whether a request comes from this process's user."""
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == os.getuid())


def _end_with_parent() -> None:
    """Have the kernel end this process when the server ends: the run is over."""
    import ctypes

    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _fork(connection: socket.socket, listener: socket.socket) -> None:
    """Run one request in a fork."""
    with connection:
        if os.fork():
            return
        _end_with_parent()
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        status = 1
        try:
            status = _answer(connection)
        finally:
            with contextlib.suppress(OSError):
                connection.sendall(bytes([status]))
            os._exit(status)


def _answer(connection: socket.socket) -> int:
    """Read one request and run its step."""
    from tweakreg_steps.running.step_run import run_step

    header, descriptors, _, _ = socket.recv_fds(connection, 8, 2)
    for target, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    length = int.from_bytes(header, "big")
    request = b""
    while len(request) < length:
        part = connection.recv(length - len(request))
        if not part:
            return INTERRUPTED
        request += part
    folder, *arguments = request.decode().split("\0")
    os.chdir(folder)
    threading.Thread(target=_end_with_client, args=(connection,), daemon=True).start()
    try:
        return run_step(arguments)
    except BaseException:  # noqa: BLE001  whatever it was, it belongs in the job's log
        import traceback

        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
        sys.stdout.flush()


def _end_with_client(connection: socket.socket) -> None:
    """End this process when the client goes away: its job was killed."""
    with contextlib.suppress(OSError):
        if not connection.recv(1):
            os._exit(INTERRUPTED)


if __name__ == "__main__":
    serve(sys.argv[1])
