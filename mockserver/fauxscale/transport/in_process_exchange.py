"""One request to the application in this process, and its reply as messages: between a caller and the server's loop."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
from starlette.types import ASGIApp, Message, Scope

from .connection import attach
from .server_loop import ServerLoop

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

    The caller takes the loop's turn to begin it, if that is free, and most calls end there and then. Else the messages
    of one turn of the loop come together: each wake of the caller's thread costs as much as a small call.
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
        self._ended = self._flushes = self._is_here = False
        scope["state"] = attach({}, self)
        if isinstance(loop, ServerLoop) and loop.take_turn(partial(self._begin_here, loop, app, scope)):
            return
        try:
            # A context of its own: the caller's names the caller's event loop, and trio's would mislead anyio.
            loop.call_soon_threadsafe(self._begin, app, scope, context=Context())
        except RuntimeError:  # the loop is closed: the server was stopped
            raise ServerStopped from None

    def _begin(self, app: ASGIApp, scope: Scope) -> None:
        self._task = self._loop.create_task(self._run(app, scope))

    def _begin_here(self, loop: ServerLoop, app: ASGIApp, scope: Scope) -> None:
        self._flushes = True  # below
        self._task = loop.start(self._run(app, scope))
        self._flush()
        self._is_here = (
            self._ended
        )  # told in the caller's thread: in the loop's, it ends before its messages are sent

    async def _run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
            self._said.append(None)
        except BaseException as error:  # any error belongs to the client's thread
            self._said.append(error)
        self._ended = True
        self._flush()

    def _put(self, message: Message | _End) -> None:
        if not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)
        self._said.append(message)

    def _flush(self) -> None:
        self._flushes = False
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

    def whole(self) -> tuple[Message, bytes] | None:
        """The head and the body of a reply that the caller's turn has ended, if it comes in one piece."""
        if not self._is_here:
            return None
        arrived = self._messages.get_nowait()
        if len(arrived) == 3:
            head, body, end = arrived
            if isinstance(head, dict) and isinstance(body, dict) and end is None:
                return head, body.get("body", b"")
        self._arrived.extend(arrived)
        return None

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


def _soon() -> Callable[[Callable[[], object]], None]:
    """Schedule a call on the caller's event loop, from any thread; do nothing if that loop is gone."""
    native: Any = anyio.lowlevel.current_token().native_token
    # asyncio's token is the loop itself; trio's method has another name.
    call = native.call_soon_threadsafe if hasattr(native, "call_soon_threadsafe") else native.run_sync_soon

    def soon(work: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # trio's RunFinishedError is one
            call(work)

    return soon
