"""How control calls reach a server: over HTTP, or on the event loop of one in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextvars import Context
from typing import Any, Protocol, TypeVar

import httpx

from fauxscale.errors import FauxscaleError
from fauxscale.transport.server_loop import ServerLoop

T = TypeVar("T")

API = "/__fauxscale/api"
# Seconds: the longest wait for a call that the server takes part in is five minutes.
_PATIENCE = httpx.Timeout(310).as_dict()
# Seconds between checks that the loop which is to answer still exists.
_LOOK = 1.0


class LineDown(FauxscaleError, ConnectionError):
    """The server cannot be reached any more."""


class Line(Protocol):
    """The way to the control API of one server, for any thread."""

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Make one call; returns the status and the body of its reply. `path` is below the API's own."""
        ...

    def close(self) -> None: ...


class HttpLine:
    """Calls over HTTP."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url + API
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        # A transport instead of an httpx.Client, which takes proxies from the environment, to which it would show the
        # token, and logs every call among those of the program under test. verify=False saves 20 ms of loading
        # certificates that a loopback call does not need.
        self._transport = httpx.HTTPTransport(verify=False, trust_env=False)

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Raises httpx.TransportError."""
        typed = {"content-type": "application/json"} if body else {}
        request = httpx.Request(
            method,
            self._url + path,
            headers={**self._headers, **typed},
            content=body,
            extensions={"timeout": _PATIENCE},
        )
        reply = self._transport.handle_request(request)
        try:
            return reply.status_code, reply.read()
        finally:
            reply.close()

    def close(self) -> None:
        self._transport.close()


class DirectLine:
    """Calls to a server of this process, on its loop: a quarter of the time of a socket and HTTP. Most wait for
    nothing, and are answered in the caller's thread.

    `answer` gets the server's URL, the method, the path and the body; it returns the status and the body.
    """

    def __init__(
        self,
        answer: Callable[[str, str, str, bytes], Awaitable[tuple[int, bytes]]],
        url: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._answer = answer
        self._url = url
        self._loop = loop

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Raises LineDown, and RuntimeError within a call that the server answers, which would wait for itself."""
        if asyncio._get_running_loop() is self._loop:
            raise RuntimeError(
                "the control API was called on the event loop of its own server, which would wait for itself"
            )

        async def answer() -> tuple[int, bytes]:
            return await self._answer(self._url, method, API + path, body)

        begun: list[asyncio.Task[tuple[int, bytes]]] = []
        loop = self._loop
        if isinstance(loop, ServerLoop) and loop.take_turn(lambda: begun.append(loop.start(answer()))):
            if begun[0].done():
                return begun[0].result()
            return self._wait(_outcome(begun[0]))
        return self._wait(answer())

    def _wait(self, answering: Coroutine[Any, Any, tuple[int, bytes]]) -> tuple[int, bytes]:
        """Wait for the answer in the loop's thread."""
        try:
            # A context of its own: the caller's names the caller's event loop, and trio's would mislead anyio.
            asked = Context().run(asyncio.run_coroutine_threadsafe, answering, self._loop)
        except RuntimeError:  # the loop is closed
            answering.close()
            raise LineDown("it was stopped") from None
        try:
            while True:
                try:
                    return asked.result(_LOOK)
                except TimeoutError:
                    if asked.done():
                        raise
                    if self._loop.is_closed():
                        raise LineDown("it was stopped") from None
        except CancelledError:
            raise LineDown("it was stopped") from None
        finally:
            asked.cancel()

    def close(self) -> None:
        pass


async def _outcome(task: asyncio.Task[T]) -> T:
    return await task
