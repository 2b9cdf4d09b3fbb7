"""The stream of events tells an open page what is new, and nobody pays for a page that is not open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from fauxscale import Fail, MockServer, Settings
from fauxscale.control.inspector import events
from fauxscale.control.inspector.events import News
from fauxscale.control.overview import Overview
from fauxscale.state.accounts import Accounts
from fauxscale.state.journal import Entry
from fauxscale.state.store import Changes, MemoryStore, StoreUnavailable
from tests import event_stream
from tests.calls.ideogram import upscale
from tests.stages import Stage

EVENTS = "/__fauxscale/api/inspector/events"


@contextmanager
def listening(
    mock: MockServer, headers: dict[str, str] | None = None
) -> Generator[Callable[[], dict[str, Any]]]:
    """An open page: each call waits for the next event."""
    with httpx.stream("GET", mock.url + EVENTS, headers=headers, timeout=30) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = event_stream.told(reply)
        yield lambda: next(events)


def until(
    following: Callable[[], dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    for _ in range(50):
        told = following()
        if wanted(told):
            return told
    raise AssertionError("fifty events went by")


def test_a_page_is_told_what_there_is_and_then_each_new_call_once() -> None:
    with MockServer() as mock, httpx.Client() as http:
        stage = Stage("socket", mock, http)
        upscale(stage, key="my-key")
        with listening(mock) as following:
            first = following()
            assert (first["fresh"], first["total"], first["spent"]) == (True, 1, 60_000)
            assert [call["n"] for call in first["calls"]] == [1]
            rows: list[int] = []
            total = 0
            for _ in range(3):
                upscale(stage, key="my-key")
            while len(rows) < 3:
                told = following()
                assert not told["fresh"]
                rows += [call["n"] for call in told["calls"]]
                total = told["total"]
            assert sorted(rows) == [2, 3, 4]
            assert total == 4


def test_a_page_is_told_what_is_armed_and_when_it_is_used_up() -> None:
    with MockServer() as mock, httpx.Client() as http:
        account = mock.account(label="mine")
        with listening(mock) as following:
            following()
            account.faults.add(Fail(429), on="ideogram.upscale", times=2)
            armed = until(following, lambda told: bool(told["armed"]))["armed"]
            assert [(one["account"], one["label"]) for one in armed] == [(account.id, "mine")]
            (rule,) = armed[0]["faults"]
            assert (rule["script"], rule["on"], rule["left"]) == (
                [{"fault": "Fail", "status": 429}],
                "ideogram.upscale",
                2,
            )
            upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
            assert until(following, lambda told: told["armed"][0]["faults"][0]["left"] == 1)
            upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
            assert until(following, lambda told: not told["armed"])["armed_accounts"] == 0
            account.clock.advance(hours=1)
            (one,) = until(following, lambda told: bool(told["armed"]))["armed"]
            assert (one["ahead"], one["frozen"], one["terms"]) == (3600, False, {})
            account.reset("clock")
            assert until(following, lambda told: not told["armed"])
            account.settings(balance=0)
            (one,) = until(following, lambda told: bool(told["armed"]))["armed"]
            assert one["terms"] == {"balance": 0}


def test_after_a_reset_everything_is_told_anew() -> None:
    with MockServer() as mock, httpx.Client() as http:
        account = mock.account()
        upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
        with listening(mock) as following:
            assert following()["total"] == 1
            account.reset("calls")
            told = until(following, lambda told: told["total"] == 0)
            assert (told["fresh"], told["calls"]) == (True, [])
            upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
            assert len(until(following, lambda told: bool(told["calls"]))["calls"]) == 1


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_foreign_page_hears_of_anything(headers: dict[str, str]) -> None:
    with MockServer() as mock:
        assert httpx.get(mock.url + EVENTS, headers=headers).status_code == 403


def test_with_a_token_the_stream_needs_it() -> None:
    with MockServer(Settings(token="the-token")) as mock:
        assert httpx.get(mock.url + EVENTS).status_code == 401
        with listening(mock, {"authorization": "Bearer the-token"}) as following:
            assert following()["fresh"]


def test_of_too_many_pages_the_last_is_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fauxscale.control.inspector._MOST_PAGES", 1)
    with MockServer() as mock:
        with listening(mock) as following:
            following()
            assert httpx.get(mock.url + EVENTS).status_code == 503
        # A page that was closed makes room, once the server has noticed.
        assert any(open_again(mock) for _ in range(100))


def open_again(mock: MockServer) -> bool:
    with httpx.stream("GET", mock.url + EVENTS, timeout=30) as reply:
        return reply.status_code == 200


def test_a_server_stops_while_a_page_is_open() -> None:
    mock = MockServer()
    mock.start()
    with listening(mock) as following:
        following()
        mock.stop()


# What one page is told, without a server.


class AskedStore(MemoryStore):
    """Counts what is asked of it."""

    asked = 0

    async def changes(self, since: int | None) -> Changes:
        self.asked += 1
        return await super().changes(since)


async def wrote(accounts: Accounts, key: str, count: int, ended: float = 0.0) -> None:
    account = await accounts.of_key(key, "ideogram")
    for _ in range(count):
        number = await account.number_call()
        when = ended or 1_800_000_000.0 + number
        await account.journal.write(Entry(n=number, id=f"call_{number}", started=when, ended=when))


def told(steps: Callable[[Accounts, News], AsyncIterator[Any]]) -> list[Any]:
    async def run() -> list[Any]:
        accounts = Accounts(Settings(journal_entries=20_000), AskedStore())
        news = News(accounts, Overview(accounts), 300)
        found = [one async for one in steps(accounts, news)]
        await accounts.close()
        return found

    return asyncio.run(run())


def test_where_nothing_happened_nothing_is_read_and_nothing_told() -> None:
    async def steps(accounts: Accounts, news: News) -> AsyncIterator[Any]:
        await wrote(accounts, "a", 3)
        yield await news.next()
        before = accounts.store.batches
        yield await news.next()
        assert accounts.store.batches == before

    first, second = told(steps)
    assert len(first["calls"]) == 3
    assert second is None


def test_a_call_that_is_written_down_after_one_that_ended_later_is_told_too() -> None:
    async def steps(accounts: Accounts, news: News) -> AsyncIterator[Any]:
        await wrote(accounts, "a", 1, ended=1000.0)
        await news.next()
        await wrote(accounts, "b", 1, ended=999.0)
        yield await news.next()

    (second,) = told(steps)
    assert [call["ended"] for call in second["calls"]] == [999.0]


def test_a_page_that_missed_too_much_is_told_the_newest_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_MOST_NEW", 5)

    async def steps(accounts: Accounts, news: News) -> AsyncIterator[Any]:
        await wrote(accounts, "a", 1)
        yield await news.next()
        await wrote(accounts, "a", 4)
        yield await news.next()
        await wrote(accounts, "a", 6)
        yield await news.next()

    found = told(steps)
    assert [one["fresh"] for one in found] == [True, False, True]
    assert [len(one["calls"]) for one in found] == [1, 4, 11]


def test_nobody_asks_the_store_what_has_changed_while_no_page_is_open() -> None:
    store = AskedStore()
    with MockServer(listen=False, store=store) as mock, httpx.Client(transport=mock.transport()) as http:
        for _ in range(5):
            upscale(Stage("in-process", mock, http), key=mock.account().api_key("ideogram"))
    assert store.asked == 0


def test_a_stream_ends_where_the_store_is_lost() -> None:
    async def lost() -> None:
        raise StoreUnavailable("gone", lost=True)

    async def run() -> list[str]:
        sent: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message["type"])

        async def receive() -> Any:
            await asyncio.Event().wait()

        counted: list[int] = []
        await events.EventStream(lost, counted.append)({"type": "http", "extensions": {}}, receive, send)
        assert counted == [1, -1]
        return sent

    assert asyncio.run(run()) == ["http.response.start", "http.response.body"]
