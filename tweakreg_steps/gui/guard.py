"""Who is served: only who knows the token, and who asks from this machine's own pages.

The guard stands before everything else that the server does, the upgrade to a websocket included.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

_LOOPBACK = re.compile(r"^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$", re.IGNORECASE)
"""What a browser calls the server; behind a tunnel the port is another."""


def refusal(path: str, headers: HTTPHeaders, token: str) -> str:
    """Return why a request is refused, or nothing.

    Parameters
    ----------
    path
        What is asked for, as it stands in the request.
    headers
        The headers of the request.
    token
        The first part of every path that is served.
    """
    host = headers.get_list("Host")
    if len(host) != 1 or not _LOOPBACK.match(host[0]):
        return "the Host is not this machine"
    origins = headers.get_list("Origin")
    if any(origin.lower() != f"http://{host[0].lower()}" for origin in origins):
        return "the Origin is another page"
    start, _, rest = path.partition("/")
    given = re.split(r"[/?]", rest, maxsplit=1)[0]
    if start or not hmac.compare_digest(given.encode(), token.encode()):
        return "the address lacks the token that `tweakreg gui` printed"
    return ""


class Guard(HTTPServerConnectionDelegate):
    """Hands on to an application what `refusal` does not refuse."""

    def __init__(self, application: HTTPServerConnectionDelegate, token: str) -> None:
        self._application = application
        self._token = token

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Look at a request before anybody else does."""
        return _Looked(self._application, self._token, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Hand on that a connection is closed."""
        self._application.on_close(server_conn)


class _Looked(HTTPMessageDelegate):
    """One request."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        token: str,
        server_conn: object,
        request_conn: HTTPConnection,
    ) -> None:
        self._application = application
        self._token = token
        self._server_conn = server_conn
        self._request_conn = request_conn
        self._inner: HTTPMessageDelegate | None = None
        self._refusal = ""

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Decide."""
        path = start_line.path if isinstance(start_line, RequestStartLine) else ""
        self._refusal = refusal(path, headers, self._token)
        if self._refusal:
            return None
        self._inner = self._application.start_request(self._server_conn, self._request_conn)
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body."""
        return self._inner.data_received(chunk) if self._inner else None

    def finish(self) -> None:
        """Answer, or have it answered."""
        if self._inner:
            self._inner.finish()
            return
        body = f"refused: {self._refusal}\n".encode()
        headers = HTTPHeaders(
            {
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Length": str(len(body)),
                "Connection": "close",
            }
        )
        line = ResponseStartLine("HTTP/1.1", 403, "Forbidden")
        self._request_conn.write_headers(line, headers, body)
        self._request_conn.finish()

    def on_connection_close(self) -> None:
        """Hand on that the connection is gone."""
        if self._inner:
            self._inner.on_connection_close()
