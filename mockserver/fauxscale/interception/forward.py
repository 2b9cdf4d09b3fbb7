"""A transport that sends requests for real hosts to a stand-in elsewhere, which reads the Host header."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

import anyio
import httpx

if TYPE_CHECKING:
    import ssl

    from .relay import Relay

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Forward(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client` and `httpx.AsyncClient` alike (asyncio and trio). Close it when done.

    One pool of connections serves all threads; asynchronous clients wait for it in a thread of their own.
    """

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self._pool = httpx.HTTPTransport(
            verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=20)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = self._url.copy_with(raw_path=request.url.raw_path)
        # The Host header stays: it is what the stand-in routes by.
        return self._pool.handle_request(
            httpx.Request(
                request.method,
                target,
                headers=request.headers,
                content=request.read(),
                extensions=request.extensions,
            )
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = await _in_thread(self.handle_request, request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _InThread(response.stream)
        return response

    def open_port(self, context: ssl.SSLContext | None = None) -> Relay:
        """A port of 127.0.0.1 that leads there, by TLS where a `context` is given, for clients that need a socket."""
        from .relay import Relay

        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        return Relay(self._url.host, port, context, tls=self._url.scheme == "https")

    def close(self) -> None:
        self._pool.close()


class _InThread(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self._stream)
        while (piece := await _in_thread(next, pieces, None)) is not None:
            yield piece

    async def aclose(self) -> None:
        await _in_thread(self._stream.close)


async def _in_thread(work: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
    # anyio's usual forty threads are for the caller's files and functions. A limiter belongs to the event loop it
    # was first used on, so there is one for each call.
    return await anyio.to_thread.run_sync(work, *arguments, limiter=anyio.CapacityLimiter(math.inf))
