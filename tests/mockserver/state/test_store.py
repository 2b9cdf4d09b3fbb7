"""What every store promises: all of a batch or nothing, bounds, lifetimes, leases, windows, generations, waiters."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct, field

from fauxscale.state.batch import Batch, BatchOutcome, Ref, WindowState
from fauxscale.state.disk.store import DiskStore
from fauxscale.state.redis.store import RedisStore
from fauxscale.state.scope import Scope
from fauxscale.state.store import MemoryStore, Store
from tests.mockserver.state.encoding_store import EncodingStore
from tests.mockserver.state.moved_clock import Wall

T = TypeVar("T")
MINUTE = 60


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def key(name: str, account: str = "a") -> str:
    return f"{{{account}}}:1:room/{name}"


def did(store: Store, *fill: Callable[[Batch], object]) -> BatchOutcome:
    """What came of a batch of these operations."""
    batch = Batch()
    for one in fill:
        one(batch)
    return run(store.run(batch))


def result(store: Store, one: Callable[[Batch], Ref[T]]) -> T:
    batch = Batch()
    ref = one(batch)
    outcome = run(store.run(batch))
    assert outcome.refusal is None
    return outcome.of(ref)


def in_memory(store: Store) -> MemoryStore:
    """The store in memory that a store is, or stands on."""
    if isinstance(store, MemoryStore):
        return store
    assert isinstance(store, EncodingStore | DiskStore)
    return store._notices if isinstance(store, DiskStore) else store._store


def value(store: Store, name: str) -> int | None:
    return result(store, lambda batch: batch.get(key(name), int))


# All or nothing


def test_a_batch_happens_as_a_whole_and_every_operation_tells_what_came_of_it(store: Store) -> None:
    batch = Batch()
    batch.put(key("v"), 1)
    seen, counted = batch.get(key("v"), int), batch.add(key("n"), 5)
    outcome = run(store.run(batch))
    assert (outcome.of(seen), outcome.of(counted), outcome.refusal) == (1, 5, None)


CHANGES: dict[str, Callable[[Batch], object]] = {
    "put": lambda batch: batch.put(key("value"), 2),
    "put anew": lambda batch: batch.put(key("other"), 2),
    "delete": lambda batch: batch.delete(key("value"), key("list"), key("table"), key("blob")),
    "drop": lambda batch: batch.drop("{a}:1:room"),
    "add": lambda batch: batch.add(key("count"), 1),
    "window": lambda batch: batch.window(key("window"), now=5, span=60, most=9),
    "rolling": lambda batch: batch.window(key("rolling"), now=5, span=60, most=9, rolling=True),
    "lease": lambda batch: batch.lease(key("lease"), "other", life=9),
    "renewal": lambda batch: batch.lease(key("lease"), "holder", life=99),
    "release": lambda batch: batch.release(key("lease"), "holder"),
    "append": lambda batch: batch.append(key("list"), 3, most=2),
    "set a field": lambda batch: batch.set_field(key("table"), "one", 9),
    "set a new field": lambda batch: batch.set_field(key("table"), "three", 3, most=2),
    "delete a field": lambda batch: batch.delete_field(key("table"), "one"),
    "directory": lambda batch: batch.put("link/x", 1),
}


def everything(store: Store) -> list[object]:
    batch = Batch()
    refs: list[Ref[Any]] = [
        batch.get(key("value"), int),
        batch.get(key("other"), int),
        batch.count(key("count")),
        batch.items(key("list"), int),
        batch.fields(key("table"), int),
        batch.get("link/x", int),
    ]
    outcome = run(store.run(batch))
    # How full windows and leases are, only a further use tells; refused, it leaves no trace.
    uses: list[Callable[[Batch], Ref[Any]]] = [
        lambda batch: batch.window(key("window"), now=5, span=60, most=99),
        lambda batch: batch.window(key("rolling"), now=5, span=60, most=99, rolling=True),
        lambda batch: batch.lease(key("lease"), "prober", life=1),
    ]
    found: list[object] = [outcome.of(ref) for ref in refs]
    for use in uses:
        batch = Batch()
        ref = use(batch)
        batch.expect(key("never"), 1)
        found.append(run(store.run(batch)).of(ref))
    return [*found, run(store.get_blob(key("blob")))]


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_batch_that_is_refused_changes_nothing(store: Store, change: Callable[[Batch], object]) -> None:
    did(
        store,
        lambda batch: batch.put(key("value"), 1),
        lambda batch: batch.add(key("count"), 1),
        lambda batch: batch.window(key("window"), now=5, span=60, most=9),
        lambda batch: batch.window(key("rolling"), now=5, span=60, most=9, rolling=True),
        lambda batch: batch.lease(key("lease"), "holder", life=50),
        lambda batch: batch.append(key("list"), 1, most=2),
        lambda batch: batch.append(key("list"), 2, most=2),
        lambda batch: batch.set_field(key("table"), "one", 1),
        lambda batch: batch.set_field(key("table"), "two", 2),
    )
    run(store.put_blob(key("blob"), b"blob", life=None))
    before = everything(store)
    outcome = did(store, change, lambda batch: batch.expect(key("value"), 77))
    assert outcome.refusal is not None
    if change is CHANGES["directory"] and isinstance(store, RedisStore) and store.clustered:
        return  # it is in another slot: what was written there stays, and leads nowhere
    assert everything(store) == before
    if change is not CHANGES["renewal"]:
        did(store, change)
        assert everything(store) != before


def test_a_refusal_says_which_operation_it_was_and_what_that_found(store: Store) -> None:
    did(store, lambda batch: batch.put(key("v"), 3), lambda batch: batch.add(key("n"), 3))
    batch = Batch()
    first = batch.expect(key("v"), 3)
    full = batch.add(key("n"), 1, most=3)
    never = batch.add(key("m"), 1)
    outcome = run(store.run(batch))
    assert outcome.refusal is not None
    assert (outcome.refused(first), outcome.refused(full), outcome.refused(never)) == (False, True, False)
    assert outcome.refusal.found == 3


def test_what_counts_nevertheless_goes_on_counting_when_a_later_operation_refuses(store: Store) -> None:
    def enter(most: int) -> BatchOutcome:
        return did(
            store,
            lambda batch: batch.add(key("calls"), 1, counts=True),
            lambda batch: batch.put(key("progress"), most, counts=True),
            lambda batch: batch.window(key("minute"), now=0, span=60, most=3, counts=True),
            lambda batch: batch.add(key("else"), 1),
            lambda batch: batch.lease(key("flight"), f"{most}", life=9, most=most),
            lambda batch: batch.add(key("after"), 1, counts=True),
        )

    assert [enter(most).refusal is None for most in (0, 0, 1)] == [False, False, True]
    full = enter(9)
    assert full.refusal is not None
    assert (full.refusal.index, full.refusal.found) == (2, WindowState(3, 60.0))
    counts = [value(store, name) for name in ("calls", "progress", "else", "after")]
    assert counts == [4, 9, 1, 1]


def test_a_batch_touches_one_account_and_the_directory() -> None:
    batch = Batch()
    batch.put("link/x", 1)
    batch.put(key("v", "a"), 1)
    with pytest.raises(ValueError, match=r"a batch of \{a\} cannot touch \{b\}"):
        batch.put(key("v", "b"), 1)


# Values


class Versioned(Struct, frozen=True):
    version: int
    names: tuple[str, ...] = ()
    more: dict[str, object] = field(default_factory=dict[str, object])


def test_a_value_comes_back_as_it_was_put(store: Store) -> None:
    put = Versioned(1, ("a", "ü\ud800"), {"nested": [1, None, {"x": 1.5}]})
    did(store, lambda batch: batch.put(key("v"), put))
    assert result(store, lambda batch: batch.get(key("v"), Versioned)) == put
    did(store, lambda batch: batch.delete(key("v")))
    assert result(store, lambda batch: batch.get(key("v"), Versioned)) is None


def test_an_expectation_is_of_a_value_or_of_a_member_of_it_and_tells_what_there_is(store: Store) -> None:
    did(store, lambda batch: batch.put(key("v"), Versioned(2)))
    assert did(store, lambda batch: batch.expect(key("v"), 2, member="version")).refusal is None
    stale = did(store, lambda batch: batch.expect(key("v"), 1, member="version", kind=Versioned))
    absent = did(store, lambda batch: batch.expect(key("v"), None, kind=Versioned))
    assert [one.refusal.found for one in (stale, absent) if one.refusal] == [Versioned(2)] * 2
    nothing = did(store, lambda batch: batch.expect(key("never"), 1, member="version"))
    assert nothing.refusal is not None
    assert nothing.refusal.found is None


def test_only_one_of_many_threads_claims(store: Store) -> None:
    def claim(number: int) -> bool:
        outcome = did(
            store, lambda batch: batch.expect(key("k"), None), lambda batch: batch.put(key("k"), number)
        )
        return outcome.refusal is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(50))) == 1


def test_a_value_dies_with_its_lifetime(store: Store, wall: Wall) -> None:
    did(store, lambda batch: batch.put(key("k"), 1, ttl=10))
    wall.now += 5
    assert value(store, "k") == 1
    wall.now += 5.1
    assert value(store, "k") is None
    assert did(store, lambda batch: batch.expect(key("k"), None)).refusal is None


def test_a_value_put_anew_lives_as_long_as_it_was_put_for_then(store: Store, wall: Wall) -> None:
    did(store, lambda batch: batch.put(key("k"), 1, ttl=10))
    did(store, lambda batch: batch.put(key("k"), 2))
    wall.now += 100
    assert value(store, "k") == 2


# Counters


def test_a_counter_never_leaves_its_bounds_and_says_when_it_would(store: Store) -> None:
    def add(amount: int, **bounds: Any) -> int | None:
        batch = Batch()
        ref = batch.add(key("c"), amount, **bounds)
        outcome = run(store.run(batch))
        return None if outcome.refusal else outcome.of(ref)

    assert [add(2, most=5) for _ in range(3)] == [2, 4, None]
    assert add(-5, least=0) is None
    assert add(9, most=5, else_="skip") is None
    assert value(store, "c") == 4
    assert result(store, lambda batch: batch.count(key("never"))) is None


def test_a_bound_may_stop_the_batch_or_skip_the_operation(store: Store) -> None:
    def add(else_: Any) -> BatchOutcome:
        return did(
            store,
            lambda batch: batch.add(key("full"), 1, most=0, else_=else_),
            lambda batch: batch.add(key("next"), 1),
        )

    assert add("skip").results == (None, 1)
    assert add("stop").refusal is not None
    assert value(store, "next") == 1


def test_a_counter_begins_where_it_is_told_to_and_goes_on_from_there(store: Store) -> None:
    def pay(start: int) -> BatchOutcome:
        return did(store, lambda batch: batch.add(key("left"), -60, least=0, start=start))

    assert [pay(100).results, pay(1000).refusal is not None] == [(40,), True]
    assert value(store, "left") == 40


def test_threads_cannot_spend_the_same_cent(store: Store) -> None:
    def spend(_: int) -> bool:
        return did(store, lambda batch: batch.add(key("c"), -1, least=0, start=60)).refusal is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(200))) == 60


def test_counters_with_a_lifetime_are_not_heaped_up(wall: Wall) -> None:
    store = MemoryStore()
    for minute in range(1_000):
        did(store, partial(Batch.add, key=key(f"minute:{minute}"), amount=1, ttl=3600))
        wall.now += MINUTE
    assert len(store.keys()) <= 3600 / MINUTE + 1


def test_a_counter_s_lifetime_begins_with_it(store: Store, wall: Wall) -> None:
    for _ in range(3):
        did(store, lambda batch: batch.add(key("n"), 1, ttl=10))
        wall.now += 4
    assert value(store, "n") is None


# Windows


def used(store: Store, now: float, most: int = 3, **how: Any) -> WindowState | str:
    batch = Batch()
    ref = batch.window(key("w"), now=now, span=MINUTE, most=most, **how)
    outcome = run(store.run(batch))
    if outcome.refusal is None:
        return outcome.of(ref)
    assert isinstance(outcome.refusal.found, WindowState)
    return f"full with {outcome.refusal.found.used}, opens in {outcome.refusal.found.reset:g}"


def test_fixed_windows_follow_one_another_from_the_first_use(store: Store) -> None:
    assert [used(store, now) for now in (100, 159)] == [WindowState(1, 60), WindowState(2, 1)]
    assert [used(store, 159, units=units) for units in (2, 1)] == [
        "full with 2, opens in 1",
        WindowState(3, 1),
    ]
    assert used(store, 160) == WindowState(1, 60)


def test_a_fixed_window_may_begin_elsewhere(store: Store) -> None:
    assert used(store, 110, since=100) == WindowState(1, 50)


def test_a_clock_moved_back_finds_the_fixed_window_it_had_then(store: Store) -> None:
    assert [used(store, now) for now in (100, 100, 1000)][-1] == WindowState(1, 60)
    assert [used(store, 100), used(store, 100)] == [WindowState(3, 60), "full with 3, opens in 60"]


def test_a_rolling_window_is_the_span_up_to_now(store: Store) -> None:
    for now in (100, 120, 140):
        used(store, now, rolling=True)
    assert used(store, 150, rolling=True) == "full with 3, opens in 10"
    assert used(store, 150, rolling=True, units=2) == "full with 3, opens in 30"
    assert used(store, 159.9, rolling=True) == f"full with 3, opens in {160 - 159.9:g}"
    assert used(store, 160, rolling=True) == WindowState(3, 20)


def test_a_rolling_window_survives_a_clock_moved_back(store: Store) -> None:
    for _ in range(3):
        used(store, 1000, rolling=True)
    assert used(store, 900, rolling=True) == WindowState(1, 60)
    assert used(store, 1000, rolling=True) == "full with 3, opens in 60"
    assert used(store, 5000, rolling=True) == WindowState(1, 60)
    assert used(store, 1001, rolling=True) == "full with 3, opens in 59"


def test_windows_are_not_heaped_up(wall: Wall) -> None:
    store = MemoryStore()
    for minute in range(3_000):
        used(store, minute * MINUTE)
        used_rolling = Batch()
        used_rolling.window(key("r"), now=minute * MINUTE, span=MINUTE, most=3, rolling=True)
        run(store.run(used_rolling))
        wall.now += MINUTE
    rows = store._tables._rows
    assert len(rows[key("w")].value.used) <= 1_000  # type: ignore[attr-defined]  # the table's own
    assert len(rows[key("r")].value.events) <= 3600 / MINUTE + 3  # type: ignore[attr-defined]  # the table's own


# Leases


def taken(store: Store, holder: str, most: int | None = 2, life: float = 30) -> int | str:
    batch = Batch()
    ref = batch.lease(key("l"), holder, life=life, most=most)
    outcome = run(store.run(batch))
    return f"full with {outcome.refusal.found}" if outcome.refusal else outcome.of(ref)


def test_there_are_so_many_places_and_one_is_free_once_released(store: Store) -> None:
    assert [taken(store, holder) for holder in ("a", "b", "c", "a")] == [1, 2, "full with 2", 2]
    did(store, lambda batch: batch.release(key("l"), "a"))
    assert [taken(store, "c"), taken(store, "a")] == [2, "full with 2"]
    assert taken(store, "d", most=None) == 3


def test_a_lease_of_a_dead_worker_is_freed_and_one_that_is_renewed_never(store: Store, wall: Wall) -> None:
    taken(store, "living")
    taken(store, "dead")
    for _ in range(30):
        wall.now += 10
        taken(store, "living", most=None)
    assert taken(store, "new") == 2
    assert taken(store, "one more") == "full with 2"


def test_a_renewal_counts_from_when_it_was_made(store: Store, wall: Wall) -> None:
    taken(store, "living")
    wall.now += 20
    taken(store, "living")
    wall.now += 20
    assert [taken(store, holder) for holder in ("a", "b")] == [2, "full with 2"]


# Lists and tables


def items(store: Store, name: str) -> list[int]:
    return result(store, lambda batch: batch.items(key(name), int))


def test_a_list_keeps_its_newest_by_count_and_by_size(store: Store) -> None:
    for number in range(10):
        did(
            store,
            partial(Batch.append, key=key("few"), value=number, most=3),
            partial(Batch.append, key=key("small"), value=number, most=100, most_bytes=4, size=1),
        )
    assert items(store, "few") == [7, 8, 9]
    assert items(store, "small") == [6, 7, 8, 9]
    did(store, lambda batch: batch.append(key("small"), 10, most=100, most_bytes=4, size=99))
    assert items(store, "small") == [10], "the newest always stays"


def test_a_table_keeps_its_order_and_its_newest(store: Store) -> None:
    for number in (3, 1, 2, 3):
        did(
            store,
            partial(
                Batch.set_field, key=key("t"), name=f"n{number}", value=Versioned(number, ("x",)), most=3
            ),
        )

    def found() -> dict[str, Versioned]:
        return result(store, lambda batch: batch.fields(key("t"), Versioned))

    assert list(found()) == ["n3", "n1", "n2"]
    did(store, lambda batch: batch.set_field(key("t"), "n4", Versioned(4), most=3))
    did(store, lambda batch: batch.delete_field(key("t"), "n1"))
    assert found() == {"n2": Versioned(2, ("x",)), "n4": Versioned(4)}
    assert result(store, lambda batch: batch.get_field(key("t"), "n4", Versioned)) == Versioned(4)
    assert result(store, lambda batch: batch.get_field(key("t"), "n1", Versioned)) is None


def test_what_was_read_does_not_change_with_what_is_written_later(store: Store) -> None:
    did(
        store,
        lambda batch: batch.append(key("list"), 1, most=9),
        lambda batch: batch.set_field(key("table"), "one", 1),
    )
    seen = items(store, "list"), result(store, lambda batch: batch.fields(key("table"), int))
    did(
        store,
        lambda batch: batch.append(key("list"), 2, most=9),
        lambda batch: batch.set_field(key("table"), "two", 2),
    )
    assert seen == ([1], {"one": 1})


def test_a_group_is_dropped_as_a_whole_and_nothing_else_with_it(store: Store) -> None:
    for group in ("{a}:1:room", "{a}:1:rooms", "{a}:2:room", "link"):
        did(
            store,
            partial(Batch.put, key=f"{group}/v", value=1),
            partial(Batch.add, key=f"{group}/n", amount=1),
        )
        run(store.put_blob(f"{group}/b", b"b", life=None))
    did(store, lambda batch: batch.drop("{a}:1:room"))
    for group, left in (("{a}:1:room", None), ("{a}:1:rooms", 1), ("{a}:2:room", 1), ("link", 1)):
        assert result(store, partial(Batch.get, key=f"{group}/v", kind=int)) == left
        assert result(store, partial(Batch.count, key=f"{group}/n")) == left
        assert (run(store.get_blob(f"{group}/b")) is not None) is (left is not None)


# Blobs


def test_a_blob_is_gone_after_its_life_unless_a_batch_names_it(store: Store, wall: Wall) -> None:
    for name in ("named", "unnamed"):
        run(store.put_blob(key(name), b"data", life=60))
    assert did(store, lambda batch: batch.name_blob(key("named"))).refusal is None
    wall.now += 50
    assert run(store.get_blob(key("unnamed"))) == b"data"
    wall.now += 11
    assert run(store.get_blob(key("unnamed"))) is None
    assert run(store.get_blob(key("named"))) == b"data"
    late = did(store, lambda batch: batch.put(key("v"), 1), lambda batch: batch.name_blob(key("unnamed")))
    assert late.refusal is not None
    assert value(store, "v") is None


def test_a_refused_batch_names_and_forgets_no_blob(store: Store, wall: Wall) -> None:
    for name in ("a", "b"):
        run(store.put_blob(key(name), b"data", life=60))
    did(
        store,
        lambda batch: batch.name_blob(key("a")),
        lambda batch: batch.delete(key("b")),
        lambda batch: batch.expect(key("never"), 1),
    )
    assert run(store.get_blob(key("b"))) == b"data"
    wall.now += 61
    assert run(store.get_blob(key("a"))) is None


def test_what_a_blob_hashes_to_is_told_until_it_is_deleted(store: Store) -> None:
    large = bytes(range(256)) * 1_000
    for name, data in (("a", b"data"), ("b", b"data"), ("large", large)):
        run(store.put_blob(key(name), data, life=None))
    told = {key("a"): hashlib.sha256(b"data").hexdigest(), key("large"): hashlib.sha256(large).hexdigest()}
    did(store, lambda batch: batch.delete(key("b")))
    assert run(store.digests([key("a"), key("b"), key("large"), key("never")])) == told
    did(store, lambda batch: batch.drop("{a}:1:room"))
    assert run(store.digests([key("a"), key("large")])) == {}


def test_blobs_over_the_budget_go_to_disk_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # no other process writes there
    store = MemoryStore(memory=100)
    for number in range(10):
        run(store.put_blob(key(f"b{number}"), bytes([number]) * 60, life=None))
    found = [run(store.get_blob(key(f"b{number}"))) for number in range(10)]
    assert found == [bytes([number]) * 60 for number in range(10)]
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 9 + len(["lock"])
    did(store, lambda batch: batch.drop("{a}:1:room"))
    assert [file.name for file in folder.iterdir()] == ["lock"]
    assert run(store.get_blob(key("b0"))) is None
    run(store.close())
    assert not folder.exists()


def test_blobs_that_go_to_disk_together_share_a_file_until_the_last_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = MemoryStore(memory=10_000)
    blobs = {key(f"b{number}"): bytes([number]) * (200 + number) for number in range(200)}

    async def put_all() -> None:
        for name, blob in blobs.items():
            await store.put_blob(name, blob, life=None)

    run(put_all())
    spilling = store._blobs._spilling
    assert spilling is not None
    spilling.result(30)  # the last one runs in its own thread still
    (folder,) = tmp_path.iterdir()
    files = {file.name for file in folder.iterdir()} - {"lock"}
    assert 1 < len(files) < 100
    assert {name: run(store.get_blob(name)) for name in blobs} == blobs
    *gone, kept = [name for name in blobs if store._blobs._by_key[name].file is not None]
    did(store, lambda batch: batch.delete(*gone))
    assert {file.name for file in folder.iterdir()} - {"lock"} < files
    assert run(store.get_blob(gone[-1])) is None
    assert run(store.get_blob(kept)) == blobs[kept]
    did(store, lambda batch: batch.delete(kept))
    assert [file.name for file in folder.iterdir()] == ["lock"]
    run(store.close())


def test_equal_blobs_are_stored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = MemoryStore(memory=100)
    for number in range(10):
        run(store.put_blob(key(f"b{number}"), b"same" * 15, life=None))
    assert list(tmp_path.iterdir()) == []
    did(store, lambda batch: batch.delete(key("b0")))
    assert run(store.get_blob(key("b9"))) == b"same" * 15
    did(store, lambda batch: batch.drop("{a}:1:room"))
    assert store._blobs._bytes == 0
    run(store.close())


def test_blobs_that_agree_in_what_is_sampled_of_them_are_told_apart(tmp_path: Path) -> None:
    store = MemoryStore()
    blobs = [bytes(400) + bytes([number]) + bytes(1_000) for number in range(3)]
    for number, blob in enumerate(blobs):
        run(store.put_blob(key(f"b{number}"), blob, life=None))
    assert [run(store.get_blob(key(f"b{number}"))) for number in range(3)] == blobs
    run(store.close())


def test_who_leaves_while_blobs_wait_for_the_disk_takes_nothing_from_the_others() -> None:
    async def crowd() -> None:
        store, busy = MemoryStore(memory=10_000), threading.Event()
        store._blobs._disk = ThreadPoolExecutor(1)
        store._blobs._disk.submit(busy.wait)
        blobs = [bytes([number]) * 9_000 for number in range(8)]
        puts = [
            asyncio.create_task(store.put_blob(key(f"b{number}"), blob, life=None))
            for number, blob in enumerate(blobs)
        ]
        await asyncio.sleep(0)
        assert [one.done() for one in puts] == [True] + [False] * 7
        puts[3].cancel()
        await asyncio.wait([puts[3]])
        busy.set()
        await asyncio.gather(*(one for one in puts if one is not puts[3]))
        assert [await store.get_blob(key(f"b{number}")) for number in range(8)] == blobs
        await store.close()

    run(crowd())


def test_blobs_nobody_named_are_not_heaped_up(wall: Wall) -> None:
    store = MemoryStore()
    for number in range(10):
        run(store.put_blob(key(f"b{number}"), b"data", life=60))
        wall.now += 61
    assert len(store.keys()) == 1


# Generations


def test_what_is_written_for_a_generation_that_was_left_changes_nothing(store: Store) -> None:
    scope = Scope(store, "a", 1, guarded=True)

    class Head(Struct, frozen=True):
        generation: int

    def write() -> BatchOutcome | None:
        batch = scope.batch()
        batch.add(scope.key("room", "n"), 1)
        return run(scope.run_late(batch))

    assert write() is None
    did(store, lambda batch: batch.put(scope.lasting("head"), Head(1)))
    assert write() is not None
    did(
        store,
        lambda batch: batch.put(scope.lasting("head"), Head(2)),
        lambda batch: batch.drop(scope.group("room")),
    )
    assert write() is None
    assert value(store, "n") is None


# Waiters


def test_who_waits_is_woken_by_the_next_batch_that_writes_to_its_account(store: Store) -> None:
    async def wait() -> list[bool]:
        seen: list[bool] = []
        for account, write in (("a", True), ("b", True), ("a", False)):
            change = await store.changed("a")
            batch = Batch()
            if write:
                batch.put(key("v", account), 1)
            else:
                batch.get(key("v", account), int)
            await store.run(batch)
            # Whoever waits for a later change is woken later.
            later, batch = await store.changed("c"), Batch()
            batch.put(key("v", "c"), 1)
            await store.run(batch)
            await asyncio.wait_for(later, 20)
            seen.append(change.done())
            change.cancel()
        return seen

    assert run(wait()) == [True, False, False]


def test_a_waiter_on_another_thread_s_loop_is_woken_too(store: Store) -> None:
    async def wait() -> None:
        change = asyncio.ensure_future(asyncio.shield(await store.changed("a")))
        await asyncio.sleep(0)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(did, store, lambda batch: batch.put(key("v"), 1)).result()
        await asyncio.wait_for(change, 20)

    asyncio.run(wait(), debug=True)  # which finds out who calls a loop from another thread


def test_who_is_tired_of_waiting_leaves_nothing_behind(store: Store) -> None:
    async def wait() -> None:
        for _ in range(3):
            change = await store.changed("a")
            change.cancel()
            await asyncio.sleep(0)
        if isinstance(store, RedisStore):
            assert (await store._connections.here()).waiters._waiting == {}
        else:
            assert in_memory(store)._waiting == {}

    run(wait())


# Changes


def written(store: Store, account: str) -> None:
    did(store, lambda batch: batch.put(key("v", account), 1))


def test_a_store_tells_which_accounts_were_written_to_since_a_mark(store: Store) -> None:
    written(store, "a")
    begun = run(store.changes(None))
    assert begun.accounts is None, "who has no mark has to read everything"
    assert run(store.changes(begun.mark)).accounts == ()
    for account in ("b", "c", "b"):
        written(store, account)
    did(store, lambda batch: batch.get(key("v", "a"), int))
    changes = run(store.changes(begun.mark))
    assert changes.accounts == ("b", "c")
    assert run(store.changes(changes.mark)).accounts == ()
    assert run(store.changes(begun.mark)).accounts == ("b", "c"), "a mark is no reader's own"


def test_changes_are_not_heaped_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fauxscale.state.store.MOST_CHANGES", 2)
    mark = run(store.changes(None)).mark
    for account in ("a", "b"):
        written(store, account)
    assert run(store.changes(mark)).accounts == ("b", "a")
    written(store, "c")
    assert run(store.changes(mark)).accounts is None, "one of them is forgotten"
    if not isinstance(store, RedisStore):
        assert len(in_memory(store)._written) == 2
