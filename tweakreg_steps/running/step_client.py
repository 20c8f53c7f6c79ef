"""The command ``tweakreg-step``: one step of the workflow, with as little start-up as possible.

Where a run has a warm process (see `step_server`), the step is run by a fork of it; otherwise here.
This module imports nothing that takes time.
"""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
SOCKET_VARIABLE = "TWEAKREG_STEP_SOCKET"


def main() -> int:
    """Run the step that the command line asks for."""
    try:
        address = os.environ.get(SOCKET_VARIABLE)
        status = _ask_server(address, sys.argv[1:]) if address else None
        if status is None:
            from tweakreg_steps.running.step_run import run_step

            status = run_step(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _ask_server(address: str, arguments: list[str]) -> int | None:
    """Have the warm process run the step; None where there is none to ask."""
    import _socket  # half of the client's start-up would be the import of socket

    request = "\0".join([os.getcwd(), *arguments]).encode()  # noqa: PTH109  pathlib costs start-up
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(address.replace("@", "\0"))
    except OSError:
        return None
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (1, 2))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)
    try:
        connection.sendmsg([len(request).to_bytes(8, "big")], [rights])
        connection.sendall(request)
        answer = connection.recv(1)
    except OSError:
        answer = b""
    if answer:
        return answer[0]
    sys.stderr.write("ERROR: the process that ran this step ended before it was done\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
