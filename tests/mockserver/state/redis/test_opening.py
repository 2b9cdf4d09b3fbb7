"""Opening a store on Redis: one that will not do is refused with a sentence that says what to do, and no password."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import redis

from fauxscale.extras import MissingExtra
from fauxscale.state.redis import open_store
from fauxscale.state.store import StoreUnavailable
from tests.redis_server import RedisServer, free_port
from tests.tools import needs

MEMORY = 10**8


def refusal(url: str) -> str:
    with pytest.raises(StoreUnavailable) as found:
        open_store(url, memory=MEMORY)
    return found.value.reason


@needs("redis-server")
def test_all_who_open_a_store_sign_with_the_same_secret(redis_server: RedisServer) -> None:
    redis_server.flush()
    secrets = {open_store(redis_server.url, memory=MEMORY).secret for _ in range(3)}
    redis_server.flush()
    secrets.add(open_store(redis_server.url, memory=MEMORY).secret)
    assert [len(one or b"") for one in secrets] == [32, 32]


@needs("redis-server")
def test_of_two_who_open_a_store_at_once_the_first_makes_the_secret(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.flush()
    first = open_store(redis_server.url, memory=MEMORY).secret
    get: Callable[..., Any] = redis.Redis.get
    seen: list[object] = []

    def at_once(self: redis.Redis, name: str) -> Any:
        seen.append(name)
        return None if len(seen) == 1 else get(self, name)

    monkeypatch.setattr(redis.Redis, "get", at_once)
    assert open_store(redis_server.url, memory=MEMORY).secret == first


@pytest.mark.parametrize(
    "url", ["127.0.0.1:6379", "http://me:s3cret@127.0.0.1/", "redis://:s3cret@127.0.0.1:x/0", ""]
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be like redis://127\.0\.0\.1:6379/0") as found:
        open_store(url, memory=MEMORY)
    assert "s3cret" not in str(found.value)


def test_where_no_server_is_the_place_is_named_and_no_password() -> None:
    port = free_port()
    assert refusal(f"redis://me:s3cret@127.0.0.1:{port}/0") == f"Redis at 127.0.0.1:{port} cannot be reached"
    assert refusal("unix:///no/such/socket") == "Redis at /no/such/socket cannot be reached"


@needs("redis-server")
def test_a_password_is_asked_for_and_a_wrong_one_refused() -> None:
    with RedisServer({"requirepass": "s3cret"}) as server:
        open_store(server.url.replace("//", "//:s3cret@"), memory=MEMORY)
        place = f"Redis at 127.0.0.1:{server.port}"
        assert refusal(server.url) == f"{place} requires a password, but the store's address has none"
        wrong = refusal(server.url.replace("//", "//:wr0ng@"))
        assert wrong == f"{place} rejects the user name or password in the store's address"


@needs("redis-server")
def test_a_replica_and_a_server_that_is_full_or_throws_away_are_refused() -> None:
    with RedisServer() as server:

        def found(*commands: str) -> str:
            with server.client() as client:
                for command in commands:
                    client.execute_command(*command.split())
            return refusal(server.url)

        place = f"Redis at 127.0.0.1:{server.port}"
        assert found("CONFIG SET maxmemory 1000") == (
            f"{place} is full: raise its maxmemory of 1,000 bytes, or delete accounts"
        )
        assert found("CONFIG SET maxmemory-policy allkeys-lru") == (
            f"{place} evicts keys when it is full (maxmemory-policy allkeys-lru), charges and limits "
            "included: set maxmemory-policy to noeviction"
        )
        assert found("CONFIG SET maxmemory 0", f"REPLICAOF 127.0.0.1 {free_port()}") == (
            f"{place} is a replica: use the address of the primary"
        )


@needs("redis-server")
def test_an_old_server_is_refused_with_the_version_needed_and_why(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    info: Callable[..., Any] = redis.Redis.info
    monkeypatch.setattr(redis.Redis, "info", lambda self: {**info(self), "redis_version": "6.2.14"})
    assert refusal(redis_server.url) == (
        f"Redis at 127.0.0.1:{redis_server.port} is version 6.2.14: 7.0 or newer is needed, which refuses a script "
        "as a whole before it begins where it is full or read-only"
    )


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith(("redis.", "fauxscale.state.redis."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtra) as missing:
        open_store("redis://127.0.0.1:1/0", memory=1)
    assert str(missing.value) == "a store on Redis needs redis: pip install 'fauxscale[redis]'"
