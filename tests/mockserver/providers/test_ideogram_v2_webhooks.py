"""A webhook of Ideogram's tells of a generation with its own headers, signed with the key that everybody can read."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fauxscale import DuplicateWebhook, LateWebhook, UnsafeImage
from tests.calls.ideogram_v2 import Client
from tests.pictures import opened
from tests.stages import Stage
from tests.webhook_receiver import Receiver, open_receiver


@pytest.fixture
def client(stage: Stage) -> Client:
    return Client(stage)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from open_receiver()


def verify(client: Client, headers: dict[str, str], body: bytes) -> None:
    """As qmediat/ideogram-mcp verifies notices (2026-10): by the key set, the named key first."""
    keys = client.stage.http.get(f"{client.stage.base_url('ideogram')}/v1/.well-known/jwks.json").json()
    (key,) = keys["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert key["kid"] == headers["x-ideogram-webhook-key-id"]
    names = ("generation-id", "user-id", "timestamp")
    told = [headers[f"x-ideogram-webhook-{name}"] for name in names]
    signed = "\n".join([*told, hashlib.sha256(body).hexdigest()]).encode()
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public.verify(bytes.fromhex(headers["x-ideogram-webhook-signature"]), signed)


def test_a_notice_has_ideograms_headers_and_is_signed(client: Client, receiver: Receiver) -> None:
    begun = client.upscale(webhook_url=receiver.url).json()
    assert set(begun) == {"generation_id", "generation_kind", "seed", "width", "height"}
    assert receiver.wait(1)
    headers, body = receiver.notices[0]
    assert headers["x-ideogram-webhook-generation-id"] == begun["generation_id"]
    assert headers["x-ideogram-webhook-timestamp"] == str(int(client.account.clock.now()))
    verify(client, headers, body)
    with pytest.raises(InvalidSignature):
        verify(client, headers, body + b" ")


def test_a_notice_tells_what_a_poll_tells(client: Client, receiver: Receiver) -> None:
    generation = client.upscale(webhook_url=receiver.url).json()["generation_id"]
    assert receiver.wait(1)
    told = json.loads(receiver.notices[0][1])
    polled = client.poll(generation).json()
    assert told == {name: polled[name] for name in ("generation_id", "created", "data")}
    # Its link is signed, and lives from when the generation was done.
    assert opened(client.stage.http.get(told["data"][0]["url"]).content).size == (80, 60)


def test_a_notice_waits_for_the_work_and_its_link_lives_from_then(client: Client, receiver: Receiver) -> None:
    client.account.settings(options={"ideogram.run_seconds": 100}, link_ttl=50)
    generation = client.upscale(webhook_url=receiver.url).json()["generation_id"]
    assert receiver.notices == []
    client.account.clock.advance(seconds=100)
    assert client.poll(generation).json()["status"] == "completed"
    assert receiver.wait(1)
    url = json.loads(receiver.notices[0][1])["data"][0]["url"]
    client.account.clock.advance(seconds=49)
    assert client.stage.http.get(url).status_code == 200
    client.account.clock.advance(seconds=1)
    assert client.stage.http.get(url).status_code == 403


def test_a_failure_and_a_withheld_picture_are_told(client: Client, receiver: Receiver) -> None:
    client.account.settings(options={"ideogram.run_seconds": 10})
    failed = client.upscale(webhook_url=receiver.url).json()["generation_id"]
    client.account.jobs.fail(failed)
    assert receiver.wait(1)
    assert json.loads(receiver.notices[0][1])["failure_reason"] == "internal_error"
    client.account.faults.add(UnsafeImage(), on="ideogram.v2_upscale")
    withheld = client.upscale(webhook_url=receiver.url).json()["generation_id"]
    client.account.jobs.finish(withheld)
    assert receiver.wait(2)
    (item,) = json.loads(receiver.notices[1][1])["data"]
    assert (item["url"], item["is_image_safe"]) == (None, False)


def test_notices_can_come_twice_and_late(client: Client, receiver: Receiver) -> None:
    client.account.faults.add(DuplicateWebhook(), on="ideogram.v2_upscale")
    client.upscale(webhook_url=receiver.url)
    assert receiver.wait(2)
    client.account.faults.add(LateWebhook(60), on="ideogram.v2_upscale")
    client.upscale(webhook_url=receiver.url)
    client.account.clock.advance(seconds=60)
    assert receiver.wait(3)
    times = [int(headers["x-ideogram-webhook-timestamp"]) for headers, _ in receiver.notices]
    assert (times[1] - times[0], times[2] - times[0]) == (0, 60)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://169.254.169.254/latest",
        "ftp://127.0.0.1/",
        "hook",
        "http://127.0.0.1:1/" + "a" * 2_048,
    ],
    ids=lambda url: url[:30],
)
def test_an_address_that_no_notice_is_sent_to_is_refused_before_any_work(client: Client, url: str) -> None:
    reply = client.upscale(webhook_url=url)
    assert reply.status_code == 400
    assert client.spent == 0
    assert client.account.jobs.list() == []


def test_the_key_set_is_public(stage: Stage) -> None:
    reply = stage.http.get(f"{stage.base_url('ideogram')}/v1/.well-known/jwks.json")
    assert reply.status_code == 200
    assert "max-age=86400" in reply.headers["cache-control"]


def test_without_the_extra_that_signs_a_webhook_is_refused_by_name(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules: Any = sys.modules
    monkeypatch.setitem(modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    reply = client.upscale(webhook_url=receiver.url)
    assert reply.status_code == 503
    assert "fauxscale[tls]" in reply.headers["x-fauxscale-reason"]
    assert client.spent == 0
