"""What state relies on: atomic bounded counters, lifetimes, capped lists, blobs that survive their budget."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from fauxscale.state import store as store_module
from fauxscale.state.store import MemoryStore

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def test_a_counter_never_leaves_its_bounds_and_says_when_it_would() -> None:
    store = MemoryStore()
    assert [run(store.add("c", 2, most=5)) for _ in range(3)] == [2, 4, None]
    assert run(store.add("c", -5, least=0)) is None
    assert run(store.count("c")) == 4
    assert run(store.count("never")) is None


def test_threads_cannot_spend_the_same_cent() -> None:
    store = MemoryStore()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: run(store.add("c", 1, most=60)), range(200)))
    assert sorted(one for one in got if one is not None) == list(range(1, 61))


def test_only_one_claims() -> None:
    store = MemoryStore()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda n: run(store.claim("k", str(n).encode())), range(50))) == 1


def test_a_value_dies_with_its_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(store_module, "wall", lambda: now)
    store = MemoryStore()
    run(store.put("k", b"v", ttl=10))
    now = 1009.9
    assert run(store.get("k")) == b"v"
    now = 1010.0
    assert run(store.get("k")) is None
    assert run(store.claim("k", b"w"))


def test_a_list_keeps_its_newest_by_count_and_by_bytes() -> None:
    store = MemoryStore()
    for number in range(10):
        run(store.append("few", b"%d" % number, most=3, most_bytes=100))
        run(store.append("small", b"%d" % number, most=100, most_bytes=4))
    assert run(store.items("few")) == [b"7", b"8", b"9"]
    assert run(store.items("small")) == [b"6", b"7", b"8", b"9"]
    run(store.append("small", b"far too large", most=100, most_bytes=4))
    assert run(store.items("small")) == [b"far too large"], "the newest always stays"


def test_blobs_over_the_budget_go_to_disk_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # no other process writes there
    store = MemoryStore(memory=100)
    for number in range(10):
        run(store.put_blob(f"b{number}", bytes([number]) * 60))
    assert [run(store.get_blob(f"b{number}")) for number in range(10)] == [bytes([n]) * 60 for n in range(10)]
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 9
    run(store.clear("b"))
    assert list(folder.iterdir()) == []
    assert run(store.get_blob("b0")) is None
    run(store.close())
    assert not folder.exists()


def test_clear_takes_everything_with_the_prefix_and_nothing_else() -> None:
    store = MemoryStore()
    for key in ("a:1", "a:2", "b:1"):
        run(store.put(key, b"v"))
        run(store.add(f"{key}:n", 1))
        run(store.append(f"{key}:l", b"x", most=9, most_bytes=9))
        run(store.put_blob(f"{key}:b", b"x"))
    run(store.clear("a:"))
    for key, left in (("a:1", False), ("a:2", False), ("b:1", True)):
        assert (run(store.get(key)) is not None) is left
        assert (run(store.count(f"{key}:n")) is not None) is left
        assert bool(run(store.items(f"{key}:l"))) is left
        assert (run(store.get_blob(f"{key}:b")) is not None) is left
