"""Redis slow, gone, full, read-only: calls are told so in their provider's words, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.client import AccountHandle
from fauxscale.state.redis import open_store
from tests.pictures import picture
from tests.redis_server import RedisServer, free_port
from tests.tools import needs
from tests.waiting import until

pytestmark = needs("redis-server")
PRICE = 0.06


@dataclass(frozen=True)
class Scene:
    """A server on a Redis of its own, an account on it and one link it gave out."""

    redis: RedisServer
    mock: MockServer
    http: httpx.Client
    account: AccountHandle
    link: str

    def upload(self, provider: str = "ideogram") -> httpx.Response:
        return upload(self.http, self.mock, self.account, provider)


def upload(http: httpx.Client, mock: MockServer, account: AccountHandle, provider: str) -> httpx.Response:
    key, base = account.api_key(provider), mock.base_url(provider)
    bearer = {"Authorization": f"Bearer {key}"}
    if provider == "ideogram":
        form = {"image_file": picture(), "image_request": b"{}"}
        return http.post(f"{base}/upscale", files=form, headers={"Api-Key": key})
    if provider == "fal":
        return http.post(
            f"{base}/fal-ai/ideogram/upscale",
            json={"image_url": "x"},
            headers={"Authorization": f"Key {key}"},
        )
    return http.post(f"{base}/images/edits", json={}, headers=bearer)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with (
        RedisServer(durable=True) as redis,
        MockServer(store=open_store(redis.url, memory=10**8), listen=False) as mock,
        httpx.Client(transport=mock.transport(), timeout=20) as http,
    ):
        account = mock.account(balance=6)
        reply = upload(http, mock, account, "ideogram")
        yield Scene(redis, mock, http, account, reply.json()["data"][0]["url"])


def said(redis: RedisServer, *commands: str) -> None:
    with redis.client() as client:
        for command in commands:
            client.execute_command(*command.split())


@contextmanager
def paused(redis: RedisServer) -> Generator[None]:
    with redis.paused():
        yield


@contextmanager
def killed(redis: RedisServer) -> Generator[None]:
    redis.kill()
    yield
    redis.start()


@contextmanager
def full(redis: RedisServer) -> Generator[None]:
    said(redis, "CONFIG SET maxmemory 1")
    yield
    said(redis, "CONFIG SET maxmemory 0")


@contextmanager
def read_only(redis: RedisServer) -> Generator[None]:
    said(redis, f"REPLICAOF 127.0.0.1 {free_port()}", "CONFIG SET replica-serve-stale-data yes")
    yield
    said(redis, "REPLICAOF NO ONE")


@contextmanager
def locked(redis: RedisServer) -> Generator[None]:
    said(redis, "CONFIG SET requirepass s3cret", "CLIENT KILL TYPE normal")
    redis.settings["requirepass"] = "s3cret"
    yield
    with redis.client() as client:
        client.config_set("requirepass", "")
    del redis.settings["requirepass"]


Outage = Callable[[RedisServer], AbstractContextManager[None]]
OUTAGES: dict[str, tuple[Outage, str]] = {
    "paused": (paused, "did not answer within 1 s"),
    "killed": (killed, "cannot be reached"),
    "full": (full, "is full: raise its maxmemory"),
    "read-only": (read_only, "is a read-only replica: use the address of the primary"),
    "locked": (locked, "requires a password"),
}


@pytest.mark.parametrize(("outage", "reason"), OUTAGES.values(), ids=list(OUTAGES))
def test_an_outage_is_told_in_the_providers_words_and_over_when_it_is_over(
    scene: Scene, outage: Outage, reason: str
) -> None:
    with outage(scene.redis):
        for provider in ("ideogram", "aigateway", "lumenfall", "fal"):
            reply = scene.upload(provider)
            assert reply.status_code == 503, (provider, reply.text)
            assert reply.headers["retry-after"] == "1"
            assert reason in reply.headers["x-fauxscale-reason"]
            assert "store" not in reply.json()["error" if "error" in reply.json() else "detail"], (
                "its own words"
            )
            assert "s3cret" not in repr(reply.headers) + reply.text
        download = scene.http.get(scene.link)
        control = scene.http.post(f"{scene.mock.url}/__fauxscale/api/accounts", json={})
        lost = scene.http.get(f"{scene.mock.url}/nowhere")
        for reply in (download, control, lost):
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
            assert reason in reply.headers["x-fauxscale-reason"]
    until(lambda: scene.upload().status_code == 200)
    assert scene.http.get(scene.link).status_code == 200
    made = [
        call for call in scene.account.calls if call.operation == "ideogram.upscale" and call.status == 200
    ]
    assert scene.account.ledger.spend == pytest.approx(PRICE * len(made))
    assert len(made) == 2


def test_a_full_store_still_answers_questions_and_closes_accounts(scene: Scene) -> None:
    with full(scene.redis):
        assert len(scene.account.calls) == 1
        scene.account.delete()
    assert [key for key in scene.redis.stored() if scene.account.id in key] == []


def test_a_server_that_forgot_the_script_is_told_it_again(scene: Scene) -> None:
    said(scene.redis, "SCRIPT FLUSH")
    assert scene.upload().status_code == 200


def test_what_was_acknowledged_survives_a_server_killed_and_started_again(scene: Scene) -> None:
    before = scene.http.get(scene.link).content
    scene.redis.restart()
    assert scene.http.get(scene.link).content == before
    assert scene.account.ledger.spend == pytest.approx(PRICE)
