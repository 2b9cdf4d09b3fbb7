"""The app without a socket: an HTTP client's transport that runs it on a loop in another thread.

Replies stream as they are produced, time-outs count, and a cut connection raises the client library's own
error, just as over a socket. The loop is the server's, never the caller's: a synchronous call made inside
an asynchronous test would wait for itself otherwise.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future

import anyio
import httpx
from starlette.types import ASGIApp, Message, Scope

from .wire import attach

_End = BaseException | None


class Broken(Exception):
    """The connection ended before the reply did. `reset` tells a reset from an orderly end."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection reset" if reset else "connection closed before the reply was complete")
        self.reset = reset


class Exchange:
    """One request to the app and what comes back, as messages in a queue. Also its connection."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, scope: Scope, body: bytes) -> None:
        self._messages: queue.SimpleQueue[Message | _End] = queue.SimpleQueue()
        self._body: bytes | None = body
        self._loop = loop
        self._gone = asyncio.Event()
        self._cut = False
        self._head = scope["method"] == "HEAD"
        scope["state"] = attach({}, self)
        self._task: Future[None] = asyncio.run_coroutine_threadsafe(self._run(app, scope), loop)

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
            self._messages.put(None)
        except BaseException as error:  # whatever it is belongs to the client's thread
            self._messages.put(error)

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
            self._messages.put(message)

    def next(self, timeout: float | None) -> Message | None:
        """The next message, None at the end. Raises TimeoutError, Broken, or what the app raised."""
        try:
            message = self._messages.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(message, BaseException):
            raise message
        return message

    def abandon(self) -> None:
        """The client lost interest: the app sees a disconnect."""
        if not self._task.done():
            self._loop.call_soon_threadsafe(self._gone.set)
            self._task.cancel()

    def reset(self) -> None:
        self._end(Broken(reset=True))

    def close(self) -> None:
        self._end(Broken(reset=False))

    def write(self, raw: bytes) -> None:
        # Raw bytes break HTTP framing by intention: to a client they are a protocol error.
        self._end(Broken(reset=False))

    def _end(self, error: Broken) -> None:
        if not self._cut:
            self._cut = True
            self._messages.put(error)
        self._gone.set()


class AppTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for `httpx.Client` and `httpx.AsyncClient` alike (asyncio and trio)."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        exchange = Exchange(self._app, self._loop, scope_of(request), request.read())
        timeout = request.extensions.get("timeout", {}).get("read")
        with _mapped(request, exchange):
            start = exchange.next(timeout)
        return _response(start, _Body(exchange, request, timeout))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = Exchange(self._app, self._loop, scope_of(request), await request.aread())
        timeout = request.extensions.get("timeout", {}).get("read")
        with _mapped(request, exchange):
            start = await anyio.to_thread.run_sync(exchange.next, timeout)
        return _response(start, _AsyncBody(exchange, request, timeout))


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


def _response(start: Message | None, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    if start is None:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
    return httpx.Response(start["status"], headers=start.get("headers", []), stream=stream)


class _mapped:  # noqa: N801  # used as a with-statement word
    """Turns what an exchange raises into the errors of the client's library."""

    def __init__(self, request: httpx.Request, exchange: Exchange) -> None:
        self._request = request
        self._exchange = exchange

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        self._exchange.abandon()
        if isinstance(error, TimeoutError):
            raise httpx.ReadTimeout("timed out", request=self._request) from None
        if isinstance(error, Broken):
            if error.reset:
                raise httpx.ReadError("[Errno 104] Connection reset by peer", request=self._request) from None
            raise httpx.RemoteProtocolError(str(error), request=self._request) from None


class _Body(httpx.SyncByteStream):
    def __init__(self, exchange: Exchange, request: httpx.Request, timeout: float | None) -> None:
        self._exchange = exchange
        self._request = request
        self._timeout = timeout

    def __iter__(self) -> Iterator[bytes]:
        with _mapped(self._request, self._exchange):
            while (message := self._exchange.next(self._timeout)) is not None:
                yield message.get("body", b"")

    def close(self) -> None:
        self._exchange.abandon()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, exchange: Exchange, request: httpx.Request, timeout: float | None) -> None:
        self._exchange = exchange
        self._request = request
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _mapped(self._request, self._exchange):
            while (message := await anyio.to_thread.run_sync(self._exchange.next, self._timeout)) is not None:
                yield message.get("body", b"")

    async def aclose(self) -> None:
        self._exchange.abandon()

