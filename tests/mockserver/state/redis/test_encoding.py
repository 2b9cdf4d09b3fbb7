"""What reaches Redis is encoded in one place: no API key is in it, whichever way it came."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.state.redis import open_store
from tests.redis_server import RedisServer
from tests.secrets import Told, by_place, pasted
from tests.tools import needs

SECRET = "Zt9-of-no-shape-of-its-own-7Qx4"


@pytest.fixture
def served(redis_server: RedisServer) -> Iterator[tuple[MockServer, httpx.Client]]:
    redis_server.flush()
    store = open_store(redis_server.url, memory=10**8, seconds=20)
    with MockServer(store=store, listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        yield mock, http


@needs("redis-server")
def test_no_key_reaches_redis_wherever_it_was_pasted(
    served: tuple[MockServer, httpx.Client], redis_server: RedisServer
) -> None:
    mock, http = served
    calls = [*((SECRET, sent) for sent in pasted(SECRET)), *by_place("1")]
    for _, sent in calls:
        reply = http.request(sent.method, mock.url + sent.path, headers=dict(sent.headers), content=sent.body)
        for address in re.findall(r'"(http://[^"]*/(?:media|img|ideogram|lumenfall)/[^"]*)"', reply.text):
            http.get(address)
    told = Told()
    for key, value in redis_server.everything().items():
        # What is still to be delivered, a job's answer or a notice, says what its client wrote into it.
        if not key.endswith((":jobs/all", ":webhooks/all")):
            told.add(key, f"{key}\n{value.decode(errors='replace')}")
    assert len(told.texts) > 40
    assert {sent.place: places for secret, sent in calls if (places := told.places_of(secret))} == {}
