"""Sixty-four clients at once: on the loop of the application, without a socket; or in threads, each with a socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import threading
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from fauxscale import MockServer, create_app
from fauxscale.app import App
from fauxscale.control import API
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.store import BLOB_LIFE, MemoryStore
from tests.asgi import answer, http_scope

CLIENTS = 64


@dataclass(frozen=True, slots=True)
class Call:
    """A request. Its Host is the server's own."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.body))


class Way(Protocol):
    """A server, and clients that reach it."""

    @property
    def name(self) -> str: ...

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        """Make all of these calls, CLIENTS at a time; their replies, in no order."""
        ...


def control(way: Way, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Make one call of the control API. Raises AssertionError where it is refused."""
    sent = b"" if body is None else json.dumps(body).encode()
    (reply,) = way.send([Call(method, f"{API}{path}", {}, sent)])
    assert 200 <= reply.status < 300, f"{method} {path}: {reply.status} {reply.body[:200]!r}"
    return reply.json()


class YieldingStore(MemoryStore):
    """Lets others go on before and after each of its operations, as a store in a network does: by the dice of a seed.

    In memory an operation is over before anybody else has a turn, and few races can be lost.
    """

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice

    async def run(self, batch: Batch) -> BatchOutcome:
        await self._yield()
        outcome = await super().run(batch)
        await self._yield()
        return outcome

    async def put_blob(self, key: str, data: bytes, *, life: float | None = BLOB_LIFE) -> None:
        await self._yield()
        await super().put_blob(key, data, life=life)

    async def _yield(self) -> None:
        for _ in range(self._dice.choice((0, 1, 1, 2, 5))):
            await asyncio.sleep(0)


class InProcess:
    """The application on a loop of its own; its clients are tasks beside it."""

    name = "in process"

    def __init__(self, app: App, runner: asyncio.Runner) -> None:
        self._app, self._runner = app, runner

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        return self._runner.run(self._send(deque(calls)))

    async def _send(self, left: deque[Call]) -> list[Reply]:
        replies: list[Reply] = []

        async def client() -> None:
            while left:
                call = left.popleft()
                path, _, query = call.path.partition("?")
                headers = {"host": "localhost", **call.headers}
                scope = http_scope(call.method, path.encode(), query.encode(), headers)
                said = await answer(self._app, scope, call.body)
                replies.append(Reply(said.status, said.body))

        await asyncio.gather(*(client() for _ in range(min(CLIENTS, len(left)))))
        return replies


class OverSockets:
    """The application in a thread of its own; its clients are threads with a kept connection each."""

    def __init__(
        self, url: str, pool: ThreadPoolExecutor, name: str = "over sockets", patience: float = 60
    ) -> None:
        self.name, self._patience = name, patience
        self._address, self._pool = url.partition("//")[2], pool
        self._kept = threading.local()
        self._lock = threading.Lock()
        self._all: list[http.client.HTTPConnection] = []

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        return list(self._pool.map(self._one, calls))

    def _one(self, call: Call) -> Reply:
        connection = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = http.client.HTTPConnection(
                self._address, timeout=self._patience
            )
            with self._lock:
                self._all.append(connection)
        try:
            connection.request(call.method, call.path, body=call.body, headers=dict(call.headers))
            reply = connection.getresponse()
            return Reply(reply.status, reply.read())
        except BaseException:
            connection.close()  # the next call opens it again
            raise

    def close(self) -> None:
        for connection in self._all:
            connection.close()


@contextmanager
def in_process(dice: random.Random) -> Generator[InProcess]:
    with asyncio.Runner() as runner:
        app = create_app(store=YieldingStore(dice))
        yield InProcess(app, runner)
        runner.run(app.accounts.close())


@contextmanager
def over_sockets(dice: random.Random) -> Generator[OverSockets]:
    with (
        MockServer(store=YieldingStore(dice)) as mock,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        way = OverSockets(mock.url, pool)
        yield way
        way.close()
