"""Two hundred thousand requests as bytes over a real socket: bodies, chunks, framing, forms, heads, several at once.

Server and client run on one loop, so that what holds it is seen. What h11 makes of the bytes says what is to come: an
answer for each whole request, or an end; what is not whole waits for more, and its sender leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes

import h11
from starlette.types import Receive, Scope, Send

from fauxscale import create_app
from fauxscale.app import App
from fauxscale.transport.listener import Listener, listen

from .asked import Ask
from .harness import Limits, Outcome, perform, smaller_bytes
from .mutations import changed, some_body, some_bytes
from .pool import pool
from .requests import SETTINGS
from .results import Result
from .stories import EDIT, GENERATE, RUN, UPLOAD, Story, get
from .wire_reader import Expected, Replies, expect

COUNT = 200_000
_FORGET_EVERY = 500
_PATIENCE = 2.0
# A magic word in a prompt, perhaps in chunks: what it asks for is no breach.
_ASKS_FOR_A_FAULT = re.compile(
    rb"(?:\r\n[0-9a-f]+\r\n)?".join(re.escape(bytes([one])) for one in b"fauxscale:")
)
_PAST_HEAD = 0.5
_FRAMING = (
    b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 5, 5",
    b"Content-Length: 1e3", b"Content-Length: 99999999999999999999", b"Content-Length: ",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: xchunked", b"TE: trailers", b"Trailer: x",
    b"Expect: 100-continue", b"Expect: x", b"Connection: close", b"Connection: keep-alive", b"Connection: upgrade",
    b"Upgrade: h2c", b"Upgrade: websocket", b" folded: line", b"Host: other", b"Host:", b"X: " + b"a" * 20_000,
    b": empty", b"a b: c", b"X:\x00",
)  # fmt: skip
_CHUNKS = (
    b"0\r\n", b"5\r\nabc\r\n", b"-1\r\n", b"g\r\n", b"ffffffffffffffff\r\n", b"00000000000000000005\r\nabcde\r\n",
    b"5 \r\nabcde\r\n", b"5;ext=" + b"x" * 5_000 + b"\r\nabcde\r\n", b"5\nabcde\n", b"0x5\r\nabcde\r\n",
    b"0\r\nTrailer: x\r\n\r\n", b"\r\n", b"1\r\n\r\n\r\n",
)  # fmt: skip


def torture(seed: int, limits: Limits) -> Result:
    run = Raw([story for story in pool(seed, limits.kept) if len(story.asks) == 1])
    result = perform(run, seed, limits)
    if result.reached < _PAST_HEAD * result.count:
        result.failures.append(f"only {result.reached / result.count:.0%} came past the head")
        result.save(limits.kept)
    return result


class Raw:
    """The run: requests of a pool that stand alone, written out and changed."""

    name = "raw"
    count = COUNT
    promise = (
        "whatever bytes arrive on a connection, whole requests are answered below 500, all else is refused or waited "
        "for, in time, and nothing is logged as an error (reached a handler: came past the head)"
    )

    def __init__(self, stories: Sequence[Story]) -> None:
        asks = [story.last for story in stories if not _changes(story.last)]
        self._asks = [[UPLOAD, EDIT, GENERATE, RUN, get("/__fauxscale/api/health")], asks]

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Callable[[bytes], Awaitable[Outcome]]]:
        app = _Counted(create_app(SETTINGS))
        ready = asyncio.Event()
        listener = Listener(app, ready.set)
        # Ctrl-C is for the run, not for its server.
        listener.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        with listen("127.0.0.1", 0) as door:
            serving = asyncio.create_task(listener.serve(sockets=[door]))
            await ready.wait()
            yield _Attempts(app, door.getsockname()).attempt
            listener.end()
            await serving

    def make(self, dice: random.Random) -> bytes:
        while _ASKS_FOR_A_FAULT.search(given := self._made(dice)):
            pass
        return given

    def _made(self, dice: random.Random) -> bytes:
        how = dice.random()
        ask = dice.choice(dice.choice(self._asks))
        if how < 0.5:  # what a body holds, its framing sound
            ask = some_body(ask, dice) if dice.random() < 0.85 else ask
            return _written(ask, dice)
        if how < 0.7:
            return _misframed(ask, dice)
        if how < 0.8:
            head, end, body = _written(ask, dice).partition(b"\r\n\r\n")
            return some_bytes(head, dice, 3) + end + body
        if how < 0.9:
            return some_bytes(_written(ask, dice), dice)
        several = b"".join(
            _written(changed(dice.choice(dice.choice(self._asks)), dice), dice)
            for _ in range(dice.randint(1, 4))
        )
        return several if dice.random() < 0.6 else some_bytes(several, dice)

    def smaller(self, given: bytes) -> Iterator[bytes]:
        return smaller_bytes(given)

    def write(self, given: bytes) -> bytes:
        return given


class _Counted:
    """The application, which counts how often it is asked."""

    def __init__(self, app: App) -> None:
        self.app, self.asked = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += scope["type"] == "http"
        await self.app(scope, receive, send)


class _Attempts:
    """Tries bytes on one server, each on a connection of its own."""

    def __init__(self, app: _Counted, address: tuple[str, int]) -> None:
        self._app, self._address = app, address
        self._tried = 0

    async def attempt(self, given: bytes) -> Outcome:
        self._tried += 1
        if self._tried % _FORGET_EVERY == 0:
            await self._app.app.accounts.reset()
        expected, asked = expect(given), self._app.asked
        replies = Replies(expected)
        broken = await self._converse(given, expected, replies)
        statuses = replies.statuses
        if failed := [status for status in statuses if status >= 500]:
            broken = f"answers {failed[0]}: {replies.last[:200]!r}"
        elif (
            not broken and not expected.waits and not expected.wrong and len(statuses) < len(expected.methods)
        ):
            broken = f"answers {len(statuses)} of {len(expected.methods)} requests"
        told = "+".join(map(str, statuses)) or ("left" if expected.waits else "closed")
        return Outcome(
            told if len(statuses) < 3 else f"{len(statuses)} answers",
            reached=self._app.asked > asked,
            accepted=any(200 <= status < 300 for status in statuses),
            broken=broken,
        )

    async def _converse(self, given: bytes, expected: Expected, replies: Replies) -> str:
        """Send everything, read until what is expected has come or the server closes; what is wrong, if anything."""
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            # Reset when closed, from an address of its own: ports of ended connections are kept for a minute.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.bind((f"127.0.0.{2 + self._tried % 250}", 0))
            try:
                async with asyncio.timeout(_PATIENCE + 1):
                    await loop.sock_connect(sock, self._address)
                    with contextlib.suppress(ConnectionError):  # it was refused before all of it was sent
                        await loop.sock_sendall(sock, given)
                    if expected.waits:
                        with contextlib.suppress(OSError):
                            sock.shutdown(socket.SHUT_WR)
                    while not replies.add(await loop.sock_recv(sock, 262_144)):
                        pass
            except TimeoutError:
                return f"neither answers nor closes within {_PATIENCE + 1:.0f} s"
            except ConnectionError:
                return ""
            except h11.RemoteProtocolError as error:
                return f"answers what no client can read: {error}"
        return ""


def _changes(ask: Ask) -> bool:
    """Whether a request may change what others are answered, or be made to wait."""
    return (
        (b"__fauxscale" in unquote_to_bytes(ask.target) and ask.method != "GET")
        or b"wait" in ask.target
        or b"stream" in ask.target
    )


def _head(ask: Ask, *more: bytes) -> bytes:
    lines = [ask.method.encode() + b" " + ask.target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in ask.headers]
    return b"\r\n".join([*lines, *more, b"", b""])


def _written(ask: Ask, dice: random.Random) -> bytes:
    """The request as bytes, its body in one piece or in chunks."""
    if ask.body and dice.random() < 0.25:
        return _head(ask, b"transfer-encoding: chunked") + b"".join(_chunked(ask.body, dice)) + b"0\r\n\r\n"
    length = [b"content-length: %d" % len(ask.body)] if ask.body else []
    close = [b"connection: close"] if dice.random() < 0.1 else []
    return _head(ask, *length, *close) + ask.body


def _chunked(body: bytes, dice: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        size = dice.choice((1, 7, 100, 1000, len(body)))
        piece = body[at : at + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
        at += size


def _misframed(ask: Ask, dice: random.Random) -> bytes:
    """The request with what says where it ends damaged."""
    if dice.random() < 0.5:
        chunks = list(_chunked(ask.body, dice))
        for _ in range(dice.randint(1, 2)):
            at = dice.randrange(len(chunks) + 1)
            if chunks[at:] and dice.random() < 0.5:
                chunks[at] = some_bytes(chunks[at], dice, 2)
            else:
                chunks.insert(at, dice.choice(_CHUNKS))
        end = dice.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\n", b"", b"0\r\n\r\n\r\n"))
        return _head(ask, b"transfer-encoding: chunked") + b"".join(chunks) + end
    lengths = (
        len(ask.body),
        len(ask.body),
        max(0, len(ask.body) - 3),
        len(ask.body) + dice.choice((1, 1000, 10**9)),
    )
    return _head(ask, dice.choice(_FRAMING), b"content-length: %d" % dice.choice(lengths)) + ask.body
