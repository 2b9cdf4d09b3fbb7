"""An HTTP client's transport that runs the app without a socket, on the server's loop.

Replies stream as they are produced, time-outs count, and a cut connection raises the client library's own error, as
over a socket. The loop is the server's, never the caller's: otherwise a synchronous call inside an asynchronous
test would wait for itself.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from starlette.types import ASGIApp, Message, Scope

from .in_process_exchange import Broken, Exchange, ServerStopped

if TYPE_CHECKING:
    import ssl

    from .side_port import SidePort


class AppTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for the `Client` and the `AsyncClient` of httpx and httpx2 alike (asyncio and trio)."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def open_port(self, context: ssl.SSLContext | None = None) -> SidePort:
        """Serve on a port of 127.0.0.1 as well, with TLS if a `context` is given, for clients that need a socket."""
        from .side_port import SidePort

        return SidePort(self._app, self._loop, context)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = self._begin(request, request.read())
        if (whole := body.exchange.whole()) is not None:
            return body.whole(*whole)
        with body.errors():
            return body.response(body.exchange.next(body.timeout))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = self._begin(request, await request.aread())
        with body.errors():
            return body.response(await body.exchange.anext(body.timeout))

    def _begin(self, request: httpx.Request, sent: bytes) -> _Body:
        kind: Any = type(request)
        library = _library(kind)
        try:
            exchange = Exchange(self._app, self._loop, scope_of(request), sent)
        except ServerStopped:
            text = "the server behind this transport was stopped"
            raise library.ConnectError(text, request=request) from None
        return _body_for(library)(exchange, request)


def scope_of(request: httpx.Request) -> Scope:
    """The ASGI scope of a client's request."""
    raw_path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
    }


@cache
def _library(kind: type[object]) -> Any:
    """The library of the client that sends such requests: httpx, or httpx2, which has the same names."""
    homes = [one.__module__.partition(".")[0] for one in kind.__mro__]
    return sys.modules["httpx2" if "httpx2" in homes else "httpx"]


@cache
def _body_for(library: ModuleType) -> type[_Body]:
    """Make a response body for the library: each accepts only bodies of its own type."""
    return type("Body", (_Body, library.SyncByteStream, library.AsyncByteStream), {"library": library})


class _Body:
    """The reply's body as it arrives; raises the errors of the client's library."""

    library: ClassVar[Any]

    def __init__(self, exchange: Exchange, request: httpx.Request) -> None:
        self.exchange = exchange
        self._request = request
        self.timeout: float | None = request.extensions.get("timeout", {}).get("read")

    def response(self, start: Message | None) -> httpx.Response:
        if start is None:
            raise Broken(reset=False)
        made: httpx.Response = self.library.Response(
            start["status"], headers=start.get("headers", []), stream=self
        )
        return made

    def whole(self, head: Message, data: bytes) -> httpx.Response:
        made: httpx.Response = self.library.Response(
            head["status"], headers=head.get("headers", []), stream=self.library.ByteStream(data)
        )
        return made

    def __iter__(self) -> Iterator[bytes]:
        with self.errors():
            while (message := self.exchange.next(self.timeout)) is not None:
                yield message.get("body", b"")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self.errors():
            while (message := await self.exchange.anext(self.timeout)) is not None:
                yield message.get("body", b"")

    def close(self) -> None:
        self.exchange.abandon()

    async def aclose(self) -> None:
        self.exchange.abandon()

    @contextmanager
    def errors(self) -> Generator[None]:
        """Raise an exchange's errors as the client's library would over a socket."""
        try:
            yield
        except TimeoutError:
            self.exchange.abandon()
            raise self.library.ReadTimeout("timed out", request=self._request) from None
        except Broken as broken:
            self.exchange.abandon()
            if broken.reset:
                text = "[Errno 104] Connection reset by peer"
                raise self.library.ReadError(text, request=self._request) from None
            raise self.library.RemoteProtocolError(str(broken), request=self._request) from None
        except BaseException:
            self.exchange.abandon()
            raise
