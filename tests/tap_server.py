"""A TAP service on this machine that replays recorded answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_JOB = """<?xml version="1.0"?>
<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
 version="1.1"><uws:jobId>7</uws:jobId><uws:phase>{phase}</uws:phase>
<uws:executionDuration>0</uws:executionDuration>
<uws:parameters/><uws:results>
<uws:result id="result" xlink:href="{base}/async/7/results/result"/></uws:results></uws:job>"""


@dataclass
class Replay:
    """What the service answers: ``quick`` at once, ``slow`` to jobs; what it was asked."""

    quick: bytes
    slow: bytes = b""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    phase: str = "PENDING"
    url: str = ""


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a service has many ways
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _send(self, body: bytes, *, status: int = 200, location: str | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-votable+xml")
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def _job(self) -> None:
            self._send(_JOB.format(phase=replay.phase, base=replay.url).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = parse_qs(body)
            if "QUERY" in form:
                replay.asked.append(form["QUERY"][0])
            if self.path.endswith("/sync"):
                self._send(replay.quick, status=replay.status)
            elif self.path.endswith("/async"):
                self._send(b"", status=303, location=f"{replay.url}/async/7")
            elif self.path.endswith("/phase"):
                replay.phase = "COMPLETED"
                self._send(b"", status=303, location=f"{replay.url}/async/7")
            else:
                self._job()

        def do_DELETE(self) -> None:
            self._send(b"")

        def do_GET(self) -> None:
            if "result" in self.path:
                self._send(replay.slow)
            else:
                self._job()

    return Handler


@contextmanager
def serve(replay: Replay) -> Iterator[Replay]:
    """Serve recorded answers on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(replay))
    replay.url = f"http://127.0.0.1:{server.server_address[1]}/tap"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
