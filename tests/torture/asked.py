"""Asks an application on the loop it runs on, without a socket, as a client that leaves when it is made to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock
from urllib.parse import unquote

import h11
from starlette.types import ASGIApp, Message, Scope

from fauxscale import clock
from fauxscale.transport.connection import attach

PATIENCE = 0.3
_GIVES_UP = 5.0
# Who listens for the client only may be held open for good, or may be at work in a thread meanwhile.
_LISTENS_ONLY = 1.5

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. `target` is path and query as they stand on the request line; header names are in lower case."""

    method: str
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """The last value under this name, b"" where there is none."""
        return dict(self.headers).get(name, b"")

    def having(self, name: bytes, value: bytes) -> Ask:
        """This request with one header of that name."""
        kept = [header for header in self.headers if header[0] != name]
        return Ask(self.method, self.target, (*kept, (name, value)), self.body)


@dataclass(slots=True)
class Answer:
    """What came back. `ended` is how, where it is no whole answer: "cut", or "left" by the client."""

    status: int | None = None
    headers: list[Header] = field(default_factory=list[Header])
    body: bytes = b""
    ended: str = ""
    waited: bool = False
    """Whether the application meant to wait when the client left."""
    wrong: str = ""
    """What no application may do, if it did."""

    def header(self, name: bytes) -> str:
        """The last value under this name, "" where there is none."""
        return dict(self.headers).get(name, b"").decode("latin-1")


class Client:
    """Asks one application, one request at a time."""

    def __init__(self, app: ASGIApp, *, patience: float = PATIENCE) -> None:
        self._app, self._patience = app, patience
        self._waits = 0

    @contextmanager
    def noting_waits(self) -> Generator[None]:
        """Know, meanwhile, when the application waits because it was asked to: all of its waits are `clock.wait`."""
        real = clock.wait

        async def wait(seconds: float) -> None:
            self._waits += 1
            try:
                await real(seconds)
            finally:
                self._waits -= 1

        with mock.patch("fauxscale.clock.wait", wait):
            yield

    async def ask(self, ask: Ask) -> Answer:
        """Ask, and leave after a moment if the application waits for something, or much later if it does not say so."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        exchange, answer = _Exchange(ask), Answer()
        begun = loop.time()

        timers: list[asyncio.TimerHandle] = []

        def tire() -> None:
            waited = loop.time() - begun
            answer.waited = self._waits > 0 or (exchange.listens > 0 and waited >= _LISTENS_ONLY)
            if answer.waited or waited >= _GIVES_UP:
                answer.ended = "left"
                exchange.leave()
                task.cancel()
            else:
                timers.append(loop.call_later(self._patience, tire))

        timers.append(loop.call_later(self._patience, tire))
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            if answer.ended != "left":
                raise
        except Exception as error:
            answer.wrong = f"raises {error!r}"
        finally:
            timers[-1].cancel()
            if answer.ended == "left":
                task.uncancel()
        answer.status, answer.headers, answer.body = (
            exchange.status,
            exchange.headers,
            b"".join(exchange.body),
        )
        if exchange.cut:
            answer.ended = answer.ended or "cut"
        answer.wrong = answer.wrong or exchange.wrong
        if not answer.ended and not answer.wrong:
            answer.wrong = "does not answer" if not exchange.whole else _unsendable(ask, answer)
        return answer


class _Exchange:
    """One request, and what the application sends back. It is the connection too."""

    def __init__(self, ask: Ask) -> None:
        raw, _, query = ask.target.partition(b"?")
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": ask.method,
            "scheme": "http",
            "path": unquote(raw.decode("latin-1")),
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": [*ask.headers, *([(b"content-length", b"%d" % len(ask.body))] if ask.body else ())],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 50_000),
            "state": attach({}, self),
        }
        self._unread: bytes | None = ask.body
        self._left = asyncio.Event()
        self.listens = 0
        self.held_open = False
        self.status: int | None = None
        self.headers: list[Header] = []
        self.body: list[bytes] = []
        self.whole = self.cut = False
        self.wrong = ""

    async def receive(self) -> Message:
        if self._unread is not None:
            body, self._unread = self._unread, None
            return {"type": "http.request", "body": body, "more_body": False}
        self.listens += 1
        try:
            await self._left.wait()
        finally:
            self.listens -= 1
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.cut:
            return
        if (message["type"] == "http.response.start") == (self.status is not None):
            self.wrong = "begins two answers, or none"
        elif message["type"] == "http.response.start":
            self.status, self.headers = int(message["status"]), list(message.get("headers", []))
        else:
            self.body.append(bytes(message.get("body", b"")))
            self.whole = not message.get("more_body", False)

    def leave(self) -> None:
        self._left.set()

    @property
    def gone(self) -> bool:
        return self._left.is_set()

    def reset(self) -> None:
        self.cut = True
        self._left.set()

    def close(self) -> None:
        self.reset()

    def write(self, raw: bytes) -> None:
        self.reset()


def _unsendable(ask: Ask, answer: Answer) -> str:
    """Why a server could not send this answer; "" where it could."""
    try:
        h11.Response(status_code=answer.status or 0, headers=answer.headers)
    except h11.LocalProtocolError as error:
        return f"answers what no server can send: {error}"
    length = answer.header(b"content-length")
    bare = ask.method == "HEAD" or answer.status in (204, 304)
    if length and not bare and int(length) != len(answer.body):
        return f"says {length} bytes and sends {len(answer.body)}"
    return ""
