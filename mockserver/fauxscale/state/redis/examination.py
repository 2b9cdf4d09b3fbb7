"""Examines a Redis for `fauxscale doctor`: whether it will do, how fast it answers, and what it keeps when it dies."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from redis import Redis

from fauxscale.clock import stopwatch, wall
from fauxscale.state.store import NoAddress, StoreUnavailable

from . import PATIENCE, open_store
from .encoding import DIRECTORY
from .problems import place_named, problem_with

_PINGS = 20
_SLOW = 0.005  # an upload waits for three answers
_SKEW = 1.0


def examine(url: str) -> Iterator[tuple[str, str]]:
    """List what was found, each line with a mark: "+" fine, "-" worth knowing, "!" trouble. No password is in them."""
    try:
        open_store(url, memory=0)
    except (NoAddress, StoreUnavailable) as trouble:
        yield "!", str(trouble)
        return
    place = place_named(url)
    servers: Any = Redis  # whose `from_url` has no types
    with servers.from_url(url, socket_timeout=PATIENCE, protocol=2) as client:
        try:
            yield from _examined(place, client)
        except Exception as error:
            yield "!", str(problem_with(place, error, PATIENCE))


def _examined(place: str, client: Any) -> Iterator[tuple[str, str]]:
    taken: list[float] = []
    for _ in range(_PINGS):
        begun = stopwatch()
        client.ping()
        taken.append(stopwatch() - begun)
    answers = statistics.median(taken)
    facts: dict[str, Any] = client.info()
    mark = "+" if answers < _SLOW else "-"
    yield mark, f"{place} is version {facts['redis_version']} and answers in {1_000 * answers:.1f} ms"
    if not facts.get("cluster_enabled"):  # there, another node may have the key
        client.set(f"{DIRECTORY}doctor", "was here", px=1_000)
        seconds, micros = client.time()
        if abs(ahead := wall() - seconds - micros / 1e6) > _SKEW:
            side = "ahead of" if ahead > 0 else "behind"
            yield "-", f"this machine's clock is {abs(ahead):.0f} s {side} that of Redis: set both by NTP"
    yield "+", "it accepts writes"
    yield _memory(facts)
    yield _persistence(client, facts)


def _memory(facts: dict[str, Any]) -> tuple[str, str]:
    most, policy = int(facts.get("maxmemory", 0)), str(facts.get("maxmemory_policy", "noeviction"))
    used = f"{int(facts['used_memory']) / 2**20:,.0f} MiB used"
    if not most:
        return "-", f"its memory has no limit ({used}): set maxmemory, and maxmemory-policy noeviction"
    said = f"{used} of {most / 2**20:,.0f}, maxmemory-policy {policy}"
    if policy != "noeviction":
        return "-", f"{said}: uploads that are not yet charged may be evicted; noeviction keeps them"
    return "+", said


def _persistence(client: Any, facts: dict[str, Any]) -> tuple[str, str]:
    if not int(facts.get("aof_enabled", 0)):
        return (
            "-",
            "it keeps no append-only file: if it crashes, calls and charges of its last minutes are lost",
        )
    sync = str(client.config_get("appendfsync").get("appendfsync", ""))
    if sync != "always":
        return (
            "-",
            f"appendfsync is {sync}: if it crashes, the last writes are lost, at most one second",
        )
    return "+", "appendfsync is always: what was acknowledged is on its disk"
