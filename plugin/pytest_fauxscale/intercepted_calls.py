"""What interception sees of a test's calls: where they are made, and client time-outs, which end silences at once."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from fauxscale.clock import stopwatch

if TYPE_CHECKING:
    from fauxscale.client import AccountHandle
    from fauxscale.interception.respx_router import Target


class InterceptedCalls:
    """The calls of one account that interception answers, in the transport's place of every client."""

    def __init__(self, target: Target, account: AccountHandle, root: Path | None = None) -> None:
        self._target, self._account, self._root = target, account, root
        self.callers: list[str] = []
        """The place in the user's project, whose folder is `root`, that each call is made from."""
        self.timeouts: list[tuple[float, float | None]] = []
        """The time-outs that ended silence: when, and after how many seconds, None where the client has none."""
        self.silent = False
        """While it is, a reply that breaks off is one that never comes: the client's time-out is over, and nobody has
        waited for it. A client that has none gets the same error, or it would wait for ever."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.callers.append(_caller(self._root))
        with self.timed(request):
            return self._watched(self._target.handle_request(request), request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.callers.append(_caller(self._root))
        with self.timed(request):
            return self._watched(await self._target.handle_async_request(request), request)

    def _watched(self, response: httpx.Response, request: httpx.Request) -> httpx.Response:
        if self.silent:
            response.stream = _Stream(response.stream, request, self)
        return response

    @contextmanager
    def timed(self, request: httpx.Request) -> Generator[None]:
        """Raise the client's time-out where a silent reply breaks off."""
        try:
            yield
        except (httpx.RemoteProtocolError, httpx.ReadError):
            if not self.silent:
                raise
            seconds: float | None = request.extensions.get("timeout", {}).get("read")
            self.timeouts.append((stopwatch(), seconds))
            with suppress(LookupError, RuntimeError, ValueError, OSError):  # the account may be gone by now
                self._account.clock.advance(seconds=seconds or 0.0)
            raise httpx.ReadTimeout("timed out", request=request) from None


@dataclass(frozen=True, slots=True)
class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    stream: httpx.SyncByteStream | httpx.AsyncByteStream
    request: httpx.Request
    calls: InterceptedCalls

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self.stream, httpx.SyncByteStream)
        with self.calls.timed(self.request):
            yield from self.stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self.stream, httpx.AsyncByteStream)
        with self.calls.timed(self.request):
            async for piece in self.stream:
                yield piece

    def close(self) -> None:
        assert isinstance(self.stream, httpx.SyncByteStream)
        self.stream.close()

    async def aclose(self) -> None:
        assert isinstance(self.stream, httpx.AsyncByteStream)
        await self.stream.aclose()


def _caller(root: Path | None) -> str:
    """The innermost place of the project on the stack, as a file, a function and a line; "" for none."""
    if root is None:
        return ""
    from fauxscale_contracts.explore.ending import is_own

    frame = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if is_own(Path(code.co_filename), root):
            return f"{code.co_filename}:{code.co_qualname}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
