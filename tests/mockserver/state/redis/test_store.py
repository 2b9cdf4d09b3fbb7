"""RedisStore beyond what every store promises: round trips, a budget for pictures, and a cluster."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fauxscale import MockServer, SameSize, Settings
from fauxscale.client import AccountHandle
from fauxscale.state.batch import Batch
from fauxscale.state.redis import open_store
from fauxscale.state.redis.connections import Connections
from tests.pictures import picture
from tests.redis_server import RedisCluster, RedisServer
from tests.tools import needs

pytestmark = needs("redis-server")


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    redis_server.flush()
    return redis_server.url


def upload(mock: MockServer, account: AccountHandle, image: bytes) -> httpx.Response:
    reply = httpx.post(
        f"{mock.base_url('ideogram')}/upscale",
        files={"image_file": image, "image_request": b"{}"},
        headers={"Api-Key": account.api_key("ideogram")},
    )
    assert reply.status_code == 200, reply.text
    return reply


def link_of(reply: httpx.Response) -> str:
    link: str = reply.json()["data"][0]["url"]
    return link


def test_an_upload_is_three_round_trips_and_its_picture_a_download_and_a_list_are_two(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = 0
    ask = Connections.ask

    async def counted(self: Connections, work: Callable[[Any], Awaitable[Any]]) -> Any:
        nonlocal trips
        trips += 1
        return await ask(self, work)

    monkeypatch.setattr(Connections, "ask", counted)

    def taken(work: Callable[[], httpx.Response]) -> tuple[int, httpx.Response]:
        before = trips
        reply = work()
        assert reply.status_code == 200
        return trips - before, reply

    with MockServer(store=open_store(redis_url, memory=10**8, seconds=20)) as mock:
        account = mock.account(balance=10)
        headers = {"Authorization": f"Bearer {account.api_key('aigateway')}"}

        def models() -> httpx.Response:
            return httpx.get(f"{mock.base_url('aigateway')}/models", headers=headers)

        upload(mock, account, picture())
        models()
        uploaded, reply = taken(lambda: upload(mock, account, picture()))
        httpx.get(link_of(reply))
        downloaded = taken(lambda: httpx.get(link_of(reply)))[0]
        assert (uploaded, downloaded, taken(models)[0]) == (3 + 1, 2, 2), "to keep a picture is one more"
        account.faults.add(SameSize(), on="ideogram.upscale")
        assert [taken(lambda: upload(mock, account, picture()))[0] for _ in range(2)] == [4 + 1, 3 + 1]


def test_the_oldest_pictures_of_an_account_give_way_and_answer_as_purged(redis_url: str) -> None:
    images = [picture("PNG", 64 + number, 64) for number in range(4)]
    memory = sum(map(len, images[1:]))
    settings = Settings(rendition_memory=1)
    with MockServer(settings, store=open_store(redis_url, memory=memory, seconds=20)) as mock:
        account, other = mock.account(), mock.account()
        untouched = link_of(upload(mock, other, images[0]))
        links = [link_of(upload(mock, account, image)) for image in images]
        assert [httpx.get(link).status_code for link in (*links, untouched)] == [404, 200, 200, 200, 200]
        assert "purged" in httpx.get(links[0]).headers["x-fauxscale-reason"]
        upload(mock, account, images[0])
        once, *others, again = (charge.fingerprint for charge in account.ledger)
        assert (again, len({once, *others})) == (once, 4), "what was sent twice is known still"


def test_pictures_nobody_named_are_not_heaped_up(redis_server: RedisServer, redis_url: str) -> None:
    async def put() -> None:
        store = open_store(redis_url, memory=100, seconds=20)
        for number in range(20):
            key = f"{{a}}:1:blobs/{number}"
            await store.put_blob(key, b"x" * 30)
            batch = Batch()
            batch.name_blob(key)
            if number % 2:
                await store.run(batch)
            if number % 4 == 1:
                batch = Batch()
                batch.delete(key)
                await store.run(batch)
        await store.close()

    asyncio.run(put())
    redis_server.age(61)
    kept = {key for key in redis_server.stored() if "/*" in key}
    assert kept == {f"fauxscale:{{a}}:1:blobs/*{number}" for number in (11, 15, 19)}
    with redis_server.client() as client:
        assert client.get("fauxscale:{a}:1:blobs/|bytes") == b"90"
        assert client.llen("fauxscale:{a}:1:blobs/|kept") <= 6


@pytest.fixture
def cluster(redis_cluster: RedisCluster) -> RedisCluster:
    redis_cluster.flush()
    return redis_cluster


def test_from_upload_to_download_on_a_cluster_by_any_server(cluster: RedisCluster, photo: bytes) -> None:
    settings = Settings(token="t0ken")
    servers = [
        MockServer(settings, store=open_store(node.url, memory=10**8, seconds=20)) for node in cluster.nodes
    ]
    with servers[0] as one, servers[1] as two, servers[2] as three:
        accounts = [one.account(balance=1, label=f"test {number}") for number in range(6)]
        links = [link_of(upload(two, account, photo)) for account in accounts]
        assert {node for node in cluster.nodes if any("blobs/*" in key for key in node.stored())} == set(
            cluster.nodes
        ), "accounts are spread over the nodes"
        asked = [link.replace(two.url, three.url) for link in links]
        digests = {hashlib.sha256(httpx.get(link).content).hexdigest() for link in (*asked, links[0])}
        assert len(digests) == 1
        for account in accounts:
            ledger = three.client.call("GET", f"/accounts/{account.id}/ledger")
            assert ledger["balance"] == 940_000
            account.delete()
        assert [httpx.get(link).status_code for link in links] == [404] * len(links)
        three.reset()
    left = [key for node in cluster.nodes for key in node.stored()]
    assert [key for key in left if "{directory}" not in key and "acct_0" not in key] == []


def test_machines_whose_clocks_differ_have_the_time_of_redis(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, photo: bytes
) -> None:
    real = time.time
    with MockServer(store=redis_url) as right, right.account() as account:
        early = link_of(upload(right, account, photo))
        account.clock.advance(seconds=60)
        monkeypatch.setattr(time, "time", lambda: real() + 1_000_000)  # links live a day
        with MockServer(store=redis_url) as wrong:
            there = AccountHandle(wrong.client, account.id, {"ideogram": account.api_key("ideogram")})
            assert there.clock.now() == pytest.approx(real() + 60, abs=30)
            assert httpx.get(early.replace(right.url, wrong.url)).status_code == 200
            late = link_of(upload(wrong, there, photo)).replace(wrong.url, right.url)
            monkeypatch.setattr(time, "time", real)
            assert httpx.get(late).status_code == 200
            monkeypatch.setattr(time, "time", lambda: real() + 1_000_000)
            there.clock.set(1_900_000_000)
        monkeypatch.setattr(time, "time", real)
        assert account.clock.now() == pytest.approx(1_900_000_000, abs=30)


def test_the_time_of_one_machine_does_not_jump_by_how_long_redis_takes(redis_url: str) -> None:
    async def work() -> set[float]:
        store = open_store(redis_url, memory=100)
        try:
            seen: set[float] = set()
            for _ in range(50):
                batch = Batch()
                batch.get("{acct}:0:test/key", str)
                await store.run(batch)
                seen.add(store.skew)
            return seen
        finally:
            await store.close()

    assert asyncio.run(work()) == {0.0}


def test_the_script_is_shipped_with_the_package() -> None:
    assert Path(open_store.__code__.co_filename).with_name("batch.lua").is_file()
