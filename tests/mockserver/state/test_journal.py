"""The journal keeps what happened, in order, within its bounds; its totals outlive what it forgets."""

from __future__ import annotations

import asyncio

from fauxscale.state.journal import LIVE_CALL, Entry, Journal
from fauxscale.state.scope import Scope
from fauxscale.state.store import Store


def journal(scope: Scope, most: int = 100, most_bytes: int = 10**6) -> Journal:
    return Journal(scope, most=most, most_bytes=most_bytes)


def test_an_entry_survives_its_json() -> None:
    entry = Entry(
        n=1, id="call_1", status=None, params={"a": [1]}, request_headers=[("a", "b")], reply="ü\ud800"
    )
    again = Entry.from_json(entry.to_json())
    assert again.params == {"a": [1]}
    assert [tuple(pair) for pair in again.request_headers] == [("a", "b")]
    assert (again.status, again.reply) == (None, "ü\ud800")


def test_entries_come_in_the_order_of_their_numbers_however_they_ended(scope: Scope) -> None:
    async def numbers() -> list[int]:
        book = journal(scope)
        for n in (3, 1, 2):
            await book.write(Entry(n=n))
        return [entry.n for entry in await book.entries()]

    assert asyncio.run(numbers()) == [1, 2, 3]


def test_the_oldest_are_forgotten_by_count_and_by_bytes_and_totals_are_not(store: Store) -> None:
    async def kept(book: Journal) -> tuple[list[int], dict[str, int]]:
        for n in range(10):
            await book.write(Entry(n=n, reply="x" * 1000))
        await book.write(Entry(n=10, kind="download"))
        await book.write(Entry(n=11, rule=LIVE_CALL))
        return [entry.n for entry in await book.entries()], await book.totals()

    assert asyncio.run(kept(journal(Scope(store, "acct_1"), most=3))) == (
        [9, 10, 11],
        {"calls": 10, "refused": 1},
    )
    few, _ = asyncio.run(kept(journal(Scope(store, "acct_2"), most_bytes=5000)))
    assert 2 <= len(few) <= 5
    assert few[-1] == 11
