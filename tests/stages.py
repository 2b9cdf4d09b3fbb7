"""One suite, every way to run: a stage is a running stand-in and a client that reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Unpack

import httpx

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.client.arguments import TermArguments
from fauxscale.state.disk import open_folder
from fauxscale.state.disk.store import DiskStore
from fauxscale.state.redis import open_store
from fauxscale.state.store import MemoryStore, Store
from fauxscale.transport.tls import trusting
from tests.judging import JudgedClient
from tests.redis_server import RedisServer
from tests.tools import demand

Mode = Literal["socket", "in-process", "tls", "redis", "disk"]
MODES: tuple[Mode, ...] = ("socket", "in-process", "tls")
# Those of `make modes`: with a store on Redis and with one in a folder, too, over a socket.
EVERY_MODE: tuple[Mode, ...] = (*MODES, "redis", "disk")
# Seconds after which a test's client gives up on what never comes: far more than a busy machine needs for what does.
PATIENCE = 2.0


@dataclass(frozen=True)
class Stage:
    """A server in one mode. `account()` opens an account of its own.

    `http` reaches it, links included, and holds every answer against the contracts: see tests/judging.py.
    """

    mode: Mode
    mock: MockServer
    http: httpx.Client
    redis: RedisServer | None = None

    def stored(self) -> list[str]:
        """Whatever is stored, by its key."""
        if self.redis is not None:
            return self.redis.stored()
        store = self.mock.app.accounts.store.store
        assert isinstance(store, MemoryStore | DiskStore)
        return store.keys()

    @property
    def url(self) -> str:
        return self.mock.url

    def base_url(self, provider: str) -> str:
        return self.mock.base_url(provider)

    def account(self, **terms: Unpack[TermArguments]) -> AccountHandle:
        return self.mock.account(options=None, label="", **terms)


def open_stage(mode: Mode, settings: Settings | None = None) -> Iterator[Stage]:
    """A stage of its own, for tests that need other settings: `yield from open_stage(mode, Settings(...))`."""
    settings = settings or Settings()
    with ExitStack() as opened:
        redis = opened.enter_context(_redis()) if mode == "redis" else None
        store: Store | None = (
            open_store(redis.url, memory=settings.upload_memory, seconds=20) if redis else None
        )
        if mode == "disk":
            store = open_folder(Path(opened.enter_context(TemporaryDirectory())))
        mock = opened.enter_context(
            MockServer(settings, store=store, listen=mode != "in-process", tls=mode == "tls")
        )
        transport = mock.transport() if mode == "in-process" else None
        verify = trusting(mock.ca) if mock.ca else False
        with JudgedClient(transport=transport, verify=verify, timeout=30) as http:
            http.control = mock.client
            yield Stage(mode, mock, http, redis)


def _redis() -> RedisServer:
    demand("redis-server")
    return RedisServer()
