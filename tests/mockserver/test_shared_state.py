"""Two servers on one store are one: whatever a test does at one of them, the other knows.

Each story changes the server from call to call, as a balancer might.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fauxscale import Fail, MockServer, Settings
from fauxscale.client import AccountHandle, NotFound
from tests import event_stream
from tests.calls.fal import MODEL, uri
from tests.pictures import picture
from tests.redis_server import RedisServer
from tests.tools import needs

pytestmark = needs("redis-server")


@dataclass
class Pair:
    """Two servers, and one account as each of them shows it."""

    servers: tuple[MockServer, MockServer]
    http: httpx.Client

    def account(self, **terms: object) -> tuple[AccountHandle, AccountHandle]:
        one, other = self.servers
        opened = one.account(**terms)  # type: ignore[arg-type]  # the tests below give good ones
        return opened, AccountHandle(other.client, opened.id, opened._keys)

    def upscale(self, at: int, key: str, image: bytes | None = None) -> httpx.Response:
        files: dict[str, Any] = {"image_request": (None, "{}"), "image_file": ("a.png", image or picture())}
        return self.http.post(
            f"{self.servers[at].base_url('ideogram')}/upscale", files=files, headers={"Api-Key": key}
        )

    def at(self, at: int, url: str) -> str:
        """An address at the other server, as a balancer would lead there."""
        return url.replace(self.servers[1 - at].url, self.servers[at].url)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def pair(redis: RedisServer) -> Iterator[Pair]:
    settings = Settings(token="one for both")
    with (
        MockServer(settings, store=redis.url) as one,
        MockServer(settings, store=redis.url) as other,
        httpx.Client(timeout=60) as http,
    ):
        yield Pair((one, other), http)


def test_an_account_of_one_calls_the_other_and_its_link_is_read_at_both(pair: Pair) -> None:
    account, elsewhere = pair.account()
    key = account.api_key("ideogram")
    image = picture("PNG", 10, 6)
    url = pair.upscale(1, key, image).json()["data"][0]["url"]
    results = [pair.http.get(pair.at(at, url)) for at in (0, 1)]
    assert [one.status_code for one in results] == [200, 200]
    assert results[0].content == results[1].content
    assert account.upload(account.calls[0].id) == elsewhere.upload(account.calls[0].id) == image


def test_a_fault_configured_at_one_applies_at_the_other_once(pair: Pair) -> None:
    account, elsewhere = pair.account()
    key = account.api_key("ideogram")
    assert [pair.upscale(at, key).status_code for at in (1, 0)] == [200, 200]
    account.faults.add(Fail(503), on="ideogram.upscale", times=2)
    assert [pair.upscale(at, key).status_code for at in (1, 0, 1, 0)] == [503, 503, 200, 200]
    assert [rule.applied for rule in elsewhere.faults.list()] == [2]


def test_a_clock_moved_at_one_moves_at_the_other(pair: Pair) -> None:
    account, elsewhere = pair.account(link_ttl=60)
    url = pair.upscale(0, account.api_key("ideogram")).json()["data"][0]["url"]
    assert pair.http.get(pair.at(1, url)).status_code == 200
    account.clock.freeze()
    elsewhere.clock.advance(seconds=61)
    assert account.clock.now() == elsewhere.clock.now()
    assert [pair.http.get(pair.at(at, url)).status_code for at in (0, 1)] == [403, 403]


def test_one_wallet_pays_at_both(pair: Pair) -> None:
    account, elsewhere = pair.account(balance=0.18)
    key = account.api_key("ideogram")
    assert [pair.upscale(at, key).status_code for at in (0, 1, 0, 1, 0)] == [200, 200, 200, 402, 402]
    assert account.balance == elsewhere.balance == 0
    assert [one.id for one in account.ledger] == [one.id for one in elsewhere.ledger]


def test_one_limit_counts_at_both(pair: Pair) -> None:
    account, _ = pair.account(rate_limit=3)
    key = account.api_key("ideogram")
    assert [pair.upscale(at, key).status_code for at in (0, 1, 0, 1, 0)] == [200, 200, 200, 429, 429]


def test_a_job_begun_at_one_is_finished_at_the_other_and_charged_once(pair: Pair) -> None:
    account, elsewhere = pair.account(options={"fal.run_seconds": 30})
    account.clock.freeze()
    key = {"authorization": f"Key {account.api_key('fal')}"}
    queue = f"{pair.servers[0].url}/fal/queue{MODEL}"
    begun = pair.http.post(queue, json={"image_url": uri(picture())}, headers=key).json()
    asked = [pair.at(1, begun["status_url"]), begun["status_url"]]
    assert {pair.http.get(one, headers=key).json()["status"] for one in asked} == {"IN_PROGRESS"}
    assert len(elsewhere.ledger) == 0
    account.clock.advance(seconds=31)
    done = [pair.http.get(pair.at(at, begun["response_url"]), headers=key).json() for at in (1, 0)]
    images = [pair.http.get(one["images"][0]["url"]) for one in done]
    assert [one.status_code for one in images] == [200, 200]
    assert images[0].content == images[1].content
    assert len(account.ledger) == len(elsewhere.ledger) == 1


def test_both_show_one_journal_and_one_answer_to_what_was_paid_twice(pair: Pair) -> None:
    account, elsewhere = pair.account()
    key = account.api_key("ideogram")
    first, second = picture("PNG", 9, 7), picture("PNG", 7, 9)
    pair.upscale(0, key, first)
    pair.upscale(1, key, second)
    assert [(one.id, one.status) for one in account.calls] == [
        (one.id, one.status) for one in elsewhere.calls
    ]
    assert [one.n for one in account.calls] == [1, 2]
    account.assert_billed_once()
    elsewhere.assert_billed_once()
    pair.upscale(1, key, first)
    for one in (account, elsewhere):
        with pytest.raises(AssertionError):
            one.assert_billed_once()


def test_both_show_one_inspector(pair: Pair) -> None:
    account, _ = pair.account()
    pair.upscale(1, account.api_key("ideogram"))
    headers = {"authorization": "Bearer one for both"}
    pages = [
        pair.http.get(f"{one.url}/__fauxscale/api/inspector/calls", headers=headers) for one in pair.servers
    ]
    assert pages[0].json() == pages[1].json()
    assert pages[0].json()["calls"][0]["account"] == account.id


def test_a_page_at_one_hears_of_calls_and_faults_at_the_other(pair: Pair) -> None:
    account, elsewhere = pair.account()
    headers = {"authorization": "Bearer one for both"}
    url = f"{pair.servers[0].url}/__fauxscale/api/inspector/events"
    with pair.http.stream("GET", url, headers=headers, timeout=60) as reply:
        told = event_stream.told(reply)
        assert next(told)["fresh"]
        pair.upscale(1, account.api_key("ideogram"))
        (row,) = next(rows for one in told if (rows := of(account, one["calls"])))
        assert row["n"] == 1
        elsewhere.faults.add(Fail(503))
        (armed,) = next(found for one in told if (found := of(account, one["armed"])))
        assert armed["faults"][0]["script"] == [{"fault": "Fail", "status": 503}]


def of(account: AccountHandle, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in found if one["account"] == account.id]


def test_who_waits_at_one_for_a_call_hears_of_it_from_the_other(pair: Pair) -> None:
    account, elsewhere = pair.account()
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(len(account.calls.wait_for(1, timeout=60))))
    waiting.start()
    pair.upscale(1, elsewhere.api_key("ideogram"))
    waiting.join(60)
    assert found == [1]


def test_a_reset_at_one_is_a_reset_at_the_other(pair: Pair) -> None:
    account, elsewhere = pair.account(balance=0.06)
    key = account.api_key("ideogram")
    url = pair.upscale(1, key).json()["data"][0]["url"]
    assert pair.http.get(pair.at(1, url)).status_code == 200
    account.reset()
    assert pair.http.get(pair.at(1, url)).status_code == 404
    assert len(elsewhere.calls) == 0
    assert pair.upscale(1, key).status_code == 200
    elsewhere.delete()
    for one in (account, elsewhere):
        with pytest.raises(NotFound):
            one.balance  # it asks the server
