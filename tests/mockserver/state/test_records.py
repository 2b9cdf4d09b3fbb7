"""What a provider remembers of an account: by table and name, bounded, and gone with a reset."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import Struct

from fauxscale.errors import ApiError, Problem
from fauxscale.state.batch import Batch
from fauxscale.state.records import Records
from fauxscale.state.scope import Scope
from fauxscale.state.store import BLOB_LIFE
from tests.mockserver.state.moved_clock import Wall


class Note(Struct, frozen=True):
    """Any provider's value."""

    text: str
    size: int = 0


def test_values_are_found_by_table_and_name_oldest_first(scope: Scope) -> None:
    async def found() -> object:
        records = Records(scope)
        for table, name in (("a", "2"), ("a", "1"), ("b", "1")):
            assert await records.put(table, name, Note(f"{table}{name}"))
        return (
            await records.get("a", "1", Note),
            await records.get("b", "2", Note),
            await records.all("a", Note),
            await records.all("c", Note),
        )

    assert asyncio.run(found()) == (Note("a1"), None, [Note("a2"), Note("a1")], [])


def test_a_table_takes_so_many_and_no_more_however_many_come_at_once(scope: Scope) -> None:
    async def taken() -> tuple[int, int]:
        records = Records(scope)
        told = await asyncio.gather(
            *(records.put("a", str(number), Note("x"), most=3) for number in range(9))
        )
        return sum(told), len(await records.all("a", Note))

    assert asyncio.run(taken()) == (3, 3)


def test_bytes_are_kept_with_the_value_that_names_them_and_not_without(scope: Scope, wall: Wall) -> None:
    async def kept() -> list[bytes | None]:
        records = Records(scope)
        keys = [scope.key("blobs", name) for name in ("one", "two")]
        for key in keys:
            await scope.store.put_blob(key, b"x")
        told = [await records.put("a", key, Note("x"), blob=key, most=1) for key in keys]
        assert told == [True, False]
        wall.now += BLOB_LIFE
        return [await scope.store.get_blob(key) for key in keys]

    assert asyncio.run(kept()) == [b"x", None]


def test_bytes_that_are_gone_refuse_the_value(scope: Scope) -> None:
    async def refusal() -> tuple[Problem, object]:
        records = Records(scope)
        with pytest.raises(ApiError) as caught:
            await records.put("a", "1", Note("x"), blob=scope.key("blobs", "gone"), most=1)
        return caught.value.problem, await records.get("a", "1", Note)

    assert asyncio.run(refusal()) == (Problem.UNAVAILABLE, None)


def test_a_reset_forgets_values_and_counts(scope: Scope) -> None:
    async def again() -> object:
        records = Records(scope)
        await records.put("a", "1", Note("x"), most=1)
        batch = Batch()
        records.add_reset(batch)
        await scope.store.run(batch)
        return await records.all("a", Note), await records.put("a", "2", Note("x"), most=1)

    assert asyncio.run(again()) == ([], True)
