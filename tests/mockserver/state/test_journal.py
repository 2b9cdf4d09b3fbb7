"""The journal keeps what happened, in order, within its bounds; its totals outlive what it forgets."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

import fauxscale
from fauxscale.state.journal import LIVE_CALL, Entry, Journal, places
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


KEY = "Zt9-no-shape-of-its-own"


def raw_entry(number: int) -> Entry:
    """A call as the pipeline leaves it: with its key wherever one can be pasted."""
    return Entry(
        n=number,
        id=f"call_{number}",
        method=f"PUT{KEY}",
        path=f"/{KEY}?token=of-a-client",
        reason=f"not {KEY!r}",
        reply=f'{{"error": "{KEY}"}}',
        params={"prompt": [{KEY: f"a {KEY}"}], "password": "of-a-client"},
        parts=[{"name": "api_key", "text": "of-a-client"}, {"name": KEY, "filename": KEY, "text": KEY}],
        configured=[{"fault": "Fail", "message": KEY}],
        request_headers=[("x-stability-key", "of-a-client"), ("x-note", KEY), (KEY, "1")],
        reply_headers=[("x-request-id", KEY)],
        secret=KEY,
        raw=True,
    )


def test_whatever_leaves_the_journal_is_masked_however_it_leaves(store: Store) -> None:
    async def left(scope: Scope) -> list[Entry]:
        book = journal(scope)
        await book.write(raw_entry(1))
        await book.leave("call_1")
        return [*await book.rows(1), *await book.rows(), *await book.entries()]

    for entry in asyncio.run(left(Scope(store, "acct_1"))):
        assert (entry.raw, entry.secret, entry.arrived) == (False, "", False)
        for said in (entry.to_json().decode(), repr(entry)):
            assert KEY[4:] not in said
            assert "-a-client" not in said
            assert "Zt9-" in said


def test_an_entry_is_masked_before_it_is_encoded() -> None:
    said = raw_entry(1).to_json().decode()
    assert KEY[4:] not in said
    assert "-a-client" not in said
    assert "raw" not in Entry.from_json(said).to_members()


def test_entries_leave_by_one_function() -> None:
    """Nobody else reads the list they are kept in, nor unmasks or copies what is not masked yet."""
    home = Path(fauxscale.__file__).parent
    reads, masks, raws = set[str](), set[str](), set[str]()
    for file in home.rglob("*.py"):
        for owner in [
            node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, FUNCTIONS)
        ]:
            where = f"{file.relative_to(home).with_suffix('')}.{owner.name}"
            for node in ast.walk(owner):
                if isinstance(node, ast.Call) and "Entry" in map(ast.unparse, node.args):
                    reads.add(where)
                if isinstance(node, ast.Attribute) and node.attr == "masked" and not node_is_of_a_call(node):
                    masks.add(where)
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr == "raw"
                    and ast.unparse(node.value) in OWNERS
                ):
                    raws.add(where)
    assert reads == {"state/journal.rows", "state/journal.extent"}, "the second gives two numbers"
    assert masks == {"state/journal.rows", "state/journal.to_members"}
    assert raws == {"state/journal.masked"}


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OWNERS = ("self", "entry", "one", "call.entry")


def node_is_of_a_call(node: ast.Attribute) -> bool:
    """Whether this is `call.masked`, which masks a text."""
    return ast.unparse(node.value) == "call"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({}, []),
        ({"a": 1, "b": {"c": None}}, ["/a", "/b", "/b/c"]),
        ({"items": [{"x": 1}, {"y": 2}, 3]}, ["/items", "/items/*/y", "/items/*/x"]),
        ({"a/b": 1, "m~n": 2}, ["/a~1b", "/m~0n"]),
        ([], []),
        ("text", []),
    ],
)
def test_places_name_each_member_once(value: object, named: list[str]) -> None:
    assert sorted(places(value)) == sorted(named)


def test_places_are_bounded_in_number_and_length() -> None:
    assert len(places({str(number): [[[number]]] for number in range(5_000)})) <= 2_000
    assert max(map(len, places({"x" * 10_000: 1}))) < 300
