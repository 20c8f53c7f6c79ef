"""The server of the desk: on this machine alone, behind a token, until it is interrupted."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, StaticFileHandler

from tweakreg_steps.errors import InputError, RecipeError
from tweakreg_steps.gui.bench import Bench
from tweakreg_steps.gui.guard import Guard
from tweakreg_steps.gui.outcomes import SERVED

if TYPE_CHECKING:
    from panel.io.server import Server

ADDRESS = "127.0.0.1"
_SERVED = (".html", ".png", ".ecsv", ".json", ".js", ".css", ".txt", ".log", ".yaml", ".svg")
_BITS = 32


class _Results(StaticFileHandler):
    """Files of the output folder, read only; a page among them knows nothing of the desk."""

    def initialize(self, bench: Bench) -> None:  # type: ignore[override]
        """Take the folder as the recipe has it now."""
        self._bench = bench
        super().initialize(path=str(bench.outdir or ""))

    async def get(self, path: str, include_body: bool = True) -> None:
        """Serve a file as it is now."""
        if self._bench.outdir is None:
            raise HTTPError(404)
        await super().get(path, include_body=include_body)

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Serve only files of known kinds that lie in the folder themselves, whatever links say."""
        real, folder = Path(absolute_path).resolve(), Path(root).resolve()
        is_served = real.is_relative_to(folder) and real.suffix in _SERVED
        if not is_served or not self._bench.desk.folders.hold(real):
            raise HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002  the base class gives it
        """Let a page run its own scripts, cut off from the desk, which has the same address."""
        self.set_header("Content-Security-Policy", "sandbox allow-scripts allow-popups")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")


def make_server(bench: Bench, *, port: int, token: str | None = None) -> Server:
    """Return a server of the desk, which does not run yet.

    Parameters
    ----------
    bench
        What it shows.
    port
        Its port; 0 for any that is free.
    token
        The first part of every address that is served; None for a new one.

    Raises
    ------
    RecipeError
        If Panel is not installed.
    InputError
        If the port cannot be had.
    """
    try:
        import panel as pn
    except ImportError as error:
        raise RecipeError(
            "the page in the browser needs Panel: pip install 'tweakreg-steps[gui]'"
        ) from error
    from tweakreg_steps.gui.page import make_page

    # the guard refuses other origins and hosts; Bokeh would refuse the other end of a tunnel
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    token = token or secrets.token_urlsafe(_BITS)
    options: dict[str, Any] = {
        "address": ADDRESS,
        "port": port,
        "prefix": f"/{token}",
        "websocket_origin": "*",
        "extra_patterns": [(rf"/{SERVED}/(.*)", _Results, {"bench": bench})],
        "title": f"{bench.desk.path.name} - tweakreg",
    }
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())
    try:
        server = pn.io.server.get_server(
            lambda: make_page(bench), start=False, show=False, **options
        )
    except OSError as error:
        raise InputError(
            f"--port {port}: cannot be used ({error.strerror}); leave it out for any that is free"
        ) from error
    http = server._http  # noqa: SLF001  Bokeh gives no other way to what answers first
    http.request_callback = Guard(http.request_callback, token)
    return server


def address_of(server: Server) -> str:
    """Return the address to open."""
    return f"http://{ADDRESS}:{server.port}{server.prefix}/"


def serve(bench: Bench, *, port: int, opened: Any) -> None:  # noqa: ANN401  a callable
    """Serve the desk until it is interrupted; a run that is going on is interrupted, too."""
    server = make_server(bench, port=port)
    opened(address_of(server))
    try:
        server.start()
        server.io_loop.start()
    finally:
        server.stop()
        bench.close()
