"""What a client asks of the warm process: one step, and where its output is to go."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tweakreg_steps.running.step_client import LENGTH, framed


@dataclass(frozen=True)
class Request:
    """A step that is asked for.

    Attributes
    ----------
    client
        The connection to whom asks for it.
    streams
        Descriptors of open files for what the step writes to its standard output and error.
    folder
        The working directory of the step.
    arguments
        What ``tweakreg-step`` would be called with.
    """

    client: socket.socket
    streams: tuple[int, int]
    folder: str
    arguments: tuple[str, ...]

    @property
    def rule(self) -> str | None:
        """The rule whose step is asked for."""
        return self.arguments[1] if len(self.arguments) > 1 else None

    def pass_on(self, channel: socket.socket) -> bool:
        """Send it to another process; tell whether that was possible."""
        text = "\0".join([self.folder, *self.arguments]).encode()
        try:
            socket.send_fds(channel, [framed(text)], [self.client.fileno(), *self.streams])
        except OSError:
            return False
        return True

    def close_streams(self) -> None:
        """Give up the files for the step's output."""
        _close(self.streams)


def receive_request(client: socket.socket) -> Request | None:
    """Read the request of a client; None where it went away."""
    text, streams = _receive(client, 2)
    return _request(client, streams, text) if len(streams) == 2 else None  # noqa: PLR2004  as asked


def take_request(channel: socket.socket) -> Request | None:
    """Wait for the request that `Request.pass_on` sends; None at the end of the channel."""
    text, files = _receive(channel, 3)
    if not files:
        return None
    client, *streams = files
    return _request(socket.socket(fileno=client), streams, text)


def _request(client: socket.socket, streams: Sequence[int], text: str) -> Request:
    """Return the request that a text words."""
    output, error = streams
    folder, *arguments = text.split("\0")
    return Request(client, (output, error), folder, tuple(arguments))


def _receive(connection: socket.socket, count: int) -> tuple[str, list[int]]:
    """Read a framed text, and the descriptors that come with it."""
    begin, files, _, _ = socket.recv_fds(connection, LENGTH, count)
    length = int.from_bytes(begin, "big")
    text = b""
    while len(text) < length:
        part = connection.recv(length - len(text))
        if not part:
            _close(files)
            return "", []
        text += part
    return text.decode(), files


def _close(files: Sequence[int]) -> None:
    """Close open files, given as descriptors."""
    for file in files:
        with contextlib.suppress(OSError):
            os.close(file)
