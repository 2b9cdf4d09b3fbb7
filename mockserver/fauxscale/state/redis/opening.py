"""Opens a store on Redis, and checks once that the server is suitable."""

from __future__ import annotations

import secrets
from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from fauxscale.state.store import NoAddress, StoreUnavailable

from .encoding import DIRECTORY
from .problems import place_named, problem_with
from .store import RedisStore

# The first version whose scripts declare flags, so that a full or read-only server refuses them before they begin.
OLDEST = (7, 0)
_SECRET = f"{DIRECTORY}secret"


def connect(url: str, memory: int, seconds: float) -> RedisStore:
    """Make a store of the server at an address: see `open_store`."""
    servers: Any = Redis  # whose `from_url` and `info` have no types
    how: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    try:
        place = place_named(url)
        client = servers.from_url(url, **how)
    except ValueError:
        raise NoAddress(
            "the store's address must be like redis://127.0.0.1:6379/0 (or rediss:// or unix://)"
        ) from None
    try:
        with client:
            facts: dict[str, Any] = client.info()
        _judge(place, facts)
        clustered = bool(facts.get("cluster_enabled"))
        with RedisCluster.from_url(url, **how) if clustered else client as keeper:
            secret = _secret(keeper)
    except StoreUnavailable:
        raise
    except Exception as error:
        raise problem_with(place, error, seconds) from None
    return RedisStore(url, memory=memory, clustered=clustered, secret=secret, seconds=seconds)


def _judge(place: str, facts: dict[str, Any]) -> None:
    """Raise StoreUnavailable for an unsuitable server."""
    version = str(facts.get("redis_version", "0"))
    oldest = ".".join(map(str, OLDEST))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise StoreUnavailable(
            f"{place} is version {version}: {oldest} or newer is needed, which refuses a script as a whole "
            "before it begins where it is full or read-only"
        )
    if facts.get("role") == "slave":
        raise StoreUnavailable(f"{place} is a replica: use the address of the primary")
    most = int(facts.get("maxmemory", 0))
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    if most and policy.startswith("allkeys"):
        raise StoreUnavailable(
            f"{place} evicts keys when it is full (maxmemory-policy {policy}), charges and limits included: "
            "set maxmemory-policy to noeviction"
        )
    if most and int(facts.get("used_memory", 0)) >= most:
        raise StoreUnavailable(f"{place} is full: raise its maxmemory of {most:,} bytes, or delete accounts")


def _secret(client: Any) -> bytes:
    """Read the shared signing secret; the first process creates it."""
    found = client.get(_SECRET)
    if found is None:
        client.set(_SECRET, secrets.token_hex(32), nx=True)
        found = client.get(_SECRET)
    return bytes.fromhex(found.decode())
