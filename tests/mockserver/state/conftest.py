"""What the tests of state share: a store, of every kind there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fauxscale.state.disk import open_folder
from fauxscale.state.redis import open_store
from fauxscale.state.redis.store import RedisStore
from fauxscale.state.scope import Scope
from fauxscale.state.store import MemoryStore, Store
from tests.mockserver.state.encoding_store import EncodingStore
from tests.mockserver.state.moved_clock import Wall
from tests.redis_server import RedisCluster, RedisServer
from tests.tools import needs

MEMORY = 64 * 1024 * 1024


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server that tests leave as they found it, but for what is stored on it."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """The same with three servers."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(
    params=[
        "memory",
        "encoding",
        "disk",
        pytest.param("redis_server", marks=needs("redis-server")),
        pytest.param("redis_cluster", marks=needs("redis-server")),
    ]
)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param.startswith("redis"):
        server: RedisServer | RedisCluster = request.getfixturevalue(request.param)
        server.flush()
        made: Store = open_store(server.url, memory=MEMORY, seconds=20)
        yield made
        asyncio.run(made.close())
    elif request.param == "disk":
        kept = open_folder(request.getfixturevalue("tmp_path") / "state")
        yield kept
        asyncio.run(kept.close())
    else:
        yield {"memory": MemoryStore, "encoding": EncodingStore}[request.param]()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Wall:
    """The clock of `store`, or of whatever store in memory a test makes."""
    store: Store | None = request.getfixturevalue("store") if "store" in request.fixturenames else None
    if not isinstance(store, RedisStore):
        return Wall(monkeypatch, None, None)
    name = "redis_cluster" if store.clustered else "redis_server"
    return Wall(monkeypatch, store, request.getfixturevalue(name))


@pytest.fixture
def scope(store: Store) -> Scope:
    """Where the rooms of one account keep their state."""
    return Scope(store, "acct_1")
