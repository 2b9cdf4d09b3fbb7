"""An HTTP client's transport that runs the app without a socket, on a loop in another thread.

Replies stream as they are produced, time-outs count, and a cut connection raises the client library's own error, as
over a socket. The loop is the server's, never the caller's: otherwise a synchronous call inside an asynchronous
test would wait for itself.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from functools import cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import anyio.lowlevel
import httpx
from starlette.types import ASGIApp, Message, Scope

from .connection import attach

if TYPE_CHECKING:
    import ssl

    from .side_port import SidePort

_End = BaseException | None


class Broken(Exception):
    """The connection ended before the reply did. `reset`: by a reset instead of an orderly end."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection reset" if reset else "connection closed before the reply was complete")
        self.reset = reset


class ServerStopped(Exception):
    """The server has been stopped."""


class Exchange:
    """One request to the app and its reply, as messages in a queue. Also its connection.

    The messages of one turn of the loop come together: each wake of the caller's thread costs as much as a small
    call.
    """

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, scope: Scope, body: bytes) -> None:
        self._said: list[Message | _End] = []
        self._messages: queue.SimpleQueue[list[Message | _End]] = queue.SimpleQueue()
        self._arrived: deque[Message | _End] = deque()
        self._wake: Callable[[], None] | None = None
        self._body: bytes | None = body
        self._loop = loop
        self._gone = asyncio.Event()
        self.held_open = False
        self._cut = False
        self._head = scope["method"] == "HEAD"
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        scope["state"] = attach({}, self)
        try:
            # A context of its own: the caller's names the caller's event loop, and trio's would mislead anyio.
            loop.call_soon_threadsafe(self._begin, app, scope, context=Context())
        except RuntimeError:  # the loop is closed: the server was stopped
            raise ServerStopped from None

    def _begin(self, app: ASGIApp, scope: Scope) -> None:
        self._task = self._loop.create_task(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
            self._said.append(None)
        except BaseException as error:  # any error belongs to the client's thread
            self._said.append(error)
        self._ended = True
        self._flush()

    def _put(self, message: Message | _End) -> None:
        if not self._said:
            self._loop.call_soon(self._flush)
        self._said.append(message)

    def _flush(self) -> None:
        said, self._said = self._said, []
        if said:
            self._messages.put(said)
            if (wake := self._wake) is not None:
                wake()

    async def _receive(self) -> Message:
        if self._body is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        if not self._cut:
            self._put(message)

    def next(self, timeout: float | None) -> Message | None:
        """The next message, None at the end. Raises TimeoutError, Broken, or what the app raised."""
        try:
            if not self._arrived:
                self._arrived.extend(self._messages.get(timeout=timeout))
        except queue.Empty:
            raise TimeoutError from None
        message = self._arrived.popleft()
        if isinstance(message, BaseException):
            raise message
        return message

    async def anext(self, timeout: float | None) -> Message | None:
        """The same for a caller on an event loop, which stays free; no thread waits for it."""
        soon = _soon()
        try:
            with anyio.fail_after(timeout):
                await anyio.lowlevel.checkpoint()
                while True:
                    arrived = anyio.Event()
                    self._wake = partial(soon, arrived.set)
                    # Checked after the waiter is registered; a wake may be for a message that was taken already.
                    if self._arrived or not self._messages.empty():
                        return self.next(0)
                    await arrived.wait()
        finally:
            self._wake = None

    def abandon(self) -> None:
        """Abandon the request: the app sees a disconnect."""
        if not self._ended:
            with suppress(RuntimeError):  # the loop is closed, and nothing runs there any more
                self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._gone.set()
        if self._task is not None:
            self._task.cancel()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def reset(self) -> None:
        self._end(Broken(reset=True))

    def close(self) -> None:
        self._end(Broken(reset=False))

    def write(self, raw: bytes) -> None:
        # Raw bytes break HTTP framing on purpose: to a client they are a protocol error.
        self._end(Broken(reset=False))

    def _end(self, error: Broken) -> None:
        if not self._cut:
            self._cut = True
            self._put(error)
        self._gone.set()


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
        with body.errors():
            return body.response(body.exchange.next(body.timeout))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = self._begin(request, await request.aread())
        with body.errors():
            return body.response(await body.exchange.anext(body.timeout))

    def _begin(self, request: httpx.Request, sent: bytes) -> _Body:
        library = _library(request)
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


def _soon() -> Callable[[Callable[[], object]], None]:
    """Schedule a call on the caller's event loop, from any thread; do nothing if that loop is gone."""
    native: Any = anyio.lowlevel.current_token().native_token
    # asyncio's token is the loop itself; trio's method has another name.
    call = native.call_soon_threadsafe if hasattr(native, "call_soon_threadsafe") else native.run_sync_soon

    def soon(work: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # trio's RunFinishedError is one
            call(work)

    return soon


def _library(request: httpx.Request) -> Any:
    """The library of the client that sends: httpx, or httpx2, which has the same names."""
    homes = [kind.__module__.partition(".")[0] for kind in type(request).__mro__]
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
