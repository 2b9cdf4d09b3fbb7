"""Notices go to loopback, signed, until they are taken or given up; tests configure how they go wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fauxscale.client import AccountHandle
from fauxscale.errors import ApiError
from fauxscale.faults import DuplicateWebhook, Fault, LateWebhook, LoseReply, SlowDrip, SwapWebhooks
from fauxscale.state.webhooks import Delivery, Key, Signature, check_address
from tests.calls.fal import MODEL, uri
from tests.local_app import LocalApp, open_local_app
from tests.pictures import noise, picture
from tests.stages import Stage
from tests.webhook_receiver import Receiver, open_receiver

SUBMIT = f"/fal/queue{MODEL}"
UPSCALE = {"image_url": uri(picture())}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from open_receiver()


@pytest.fixture
def local() -> Any:
    yield from open_local_app()


def ids(receiver: Receiver) -> list[str]:
    return [json.loads(body)["request_id"] for _, body in receiver.notices]


def times(receiver: Receiver) -> list[int]:
    return [int(headers["x-fal-webhook-timestamp"]) for headers, _ in receiver.notices]


def submit(local: LocalApp, receiver: Receiver, body: object = UPSCALE) -> dict[str, Any]:
    reply = local.ask("POST", SUBMIT, params={"fal_webhook": receiver.url}, json=body)
    assert reply.status_code == 200
    job: dict[str, Any] = reply.json()
    return job


def verify(jwks: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
    """As fal's documentation tells receivers to (read 2026-08)."""
    names = ("request-id", "user-id", "timestamp")
    lines = [headers[f"x-fal-webhook-{name}"] for name in names] + [hashlib.sha256(body).hexdigest()]
    (key,) = jwks["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    x = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
    signature = bytes.fromhex(headers["x-fal-webhook-signature"])
    Ed25519PublicKey.from_public_bytes(x).verify(signature, "\n".join(lines).encode())


def test_a_notice_is_signed_as_receivers_are_told_to_verify_it(stage: Stage, receiver: Receiver) -> None:
    headers = {"authorization": f"Key {stage.account().api_key('fal')}"}
    reply = stage.http.post(
        stage.url + SUBMIT, params={"fal_webhook": receiver.url}, json=UPSCALE, headers=headers
    )
    job = reply.json()
    assert job["gateway_request_id"] == job["request_id"]
    assert receiver.wait(1)
    got, body = receiver.notices[0]
    jwks = stage.http.get(f"{stage.url}/fal/rest/.well-known/jwks.json").json()
    verify(jwks, got, body)
    with pytest.raises(InvalidSignature):
        verify(jwks, got, body + b" ")
    told = json.loads(body)
    assert body == json.dumps(told, sort_keys=True).encode()
    assert (told["status"], told["error"], told["request_id"]) == ("OK", None, job["request_id"])
    assert told["payload"] == stage.http.get(job["response_url"], headers=headers).json()
    assert got["content-type"] == "application/json"


def test_sync_mode_puts_the_picture_into_the_notice_and_the_link_of_one_too_large_to_be_kept(
    local: LocalApp, receiver: Receiver
) -> None:
    submit(local, receiver, UPSCALE | {"sync_mode": True})
    packed = base64.b64encode(noise()).decode()
    large = submit(local, receiver, {"image_url": f"data:image/png;base64,{packed}", "sync_mode": True})
    told = [json.loads(body)["payload"]["images"][0]["url"] for _, body in receiver.notices]
    assert told[0].startswith("data:image/png;base64,")
    assert told[1].startswith("http://localhost/fal/media/")
    assert len(local.ask("GET", told[1]).content) > 2_000_000
    inline = local.ask("GET", large["response_url"]).json()["images"][0]["url"]
    assert base64.b64decode(inline.partition(",")[2]) == local.ask("GET", told[1]).content


def test_a_failure_is_told_with_the_error_as_payload(local: LocalApp, receiver: Receiver) -> None:
    submit(local, receiver, {})
    told = json.loads(receiver.notices[0][1])
    assert (told["status"], told["error"]) == ("ERROR", "Invalid status code: 422")
    assert told["payload"]["detail"][0]["type"] == "missing"


def test_a_notice_waits_for_the_work(local: LocalApp, receiver: Receiver) -> None:
    local.terms(run_seconds=10)
    now = local.freeze()
    submit(local, receiver)
    local.catch_up()
    assert receiver.notices == []
    local.advance(10)
    local.catch_up()
    local.catch_up()
    assert times(receiver) == [int(now + 10)]


def test_a_look_that_finds_the_work_done_sends_the_notice(local: LocalApp, receiver: Receiver) -> None:
    local.terms(run_seconds=10)
    local.freeze()
    job = submit(local, receiver)
    local.advance(10)
    local.ask("GET", job["status_url"])
    assert ids(receiver) == [job["request_id"]]


def test_a_look_that_finds_the_work_failed_sends_the_notice(local: LocalApp, receiver: Receiver) -> None:
    local.terms(run_seconds=10)
    local.freeze()
    job = submit(local, receiver, {})
    local.advance(10)
    assert local.ask("GET", job["response_url"]).status_code == 422
    assert ids(receiver) == [job["request_id"]]
    assert local.ask("GET", job["response_url"]).status_code == 422
    assert len(receiver.notices) == 1


def test_a_cancellation_that_comes_too_late_sends_the_notice(local: LocalApp, receiver: Receiver) -> None:
    local.terms(run_seconds=10)
    local.freeze()
    job = submit(local, receiver)
    local.advance(10)
    assert local.ask("PUT", job["cancel_url"]).status_code == 400
    assert ids(receiver) == [job["request_id"]]
    assert len(local.charges()) == 1


def test_a_stream_that_finds_the_work_done_sends_the_notice(stage: Stage, receiver: Receiver) -> None:
    account = stage.mock.account(options={"fal.polls": 1})
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    hook = {"fal_webhook": receiver.url}
    job = stage.http.post(stage.url + SUBMIT, params=hook, json=UPSCALE, headers=headers).json()
    assert receiver.notices == []
    assert '"COMPLETED"' in stage.http.get(f"{job['status_url']}/stream", headers=headers).text
    assert receiver.wait(1)
    assert ids(receiver) == [job["request_id"]]


def test_a_stream_sends_what_falls_due_while_it_runs(stage: Stage, receiver: Receiver) -> None:
    account = stage.mock.account(options={"fal.run_seconds": 0.2})
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    hook = {"fal_webhook": receiver.url}
    job = stage.http.post(stage.url + SUBMIT, params=hook, json=UPSCALE, headers=headers).json()
    assert '"COMPLETED"' in stage.http.get(f"{job['status_url']}/stream", headers=headers).text
    assert receiver.wait(1)


@pytest.mark.parametrize("fault", [LoseReply("close"), LoseReply("reset", at=5), SlowDrip(0.01)], ids=repr)
def test_a_reply_that_is_lost_or_slow_keeps_no_notice_back(
    stage: Stage, receiver: Receiver, fault: Fault
) -> None:
    account = stage.mock.account()
    account.faults.add(fault, on="fal.submit")
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    hook = {"fal_webhook": receiver.url}
    with contextlib.suppress(httpx.TransportError):
        stage.http.post(stage.url + SUBMIT, params=hook, json=UPSCALE, headers=headers)
    assert receiver.wait(1)


def test_a_cancelled_request_sends_none(local: LocalApp, receiver: Receiver) -> None:
    local.terms(run_seconds=10)
    local.freeze()
    job = submit(local, receiver)
    local.ask("PUT", job["cancel_url"])
    local.advance(100)
    local.catch_up()
    assert receiver.notices == []


def test_an_untaken_notice_is_sent_ten_times_more_within_two_hours(
    local: LocalApp, receiver: Receiver
) -> None:
    now = local.freeze()
    receiver.status = 500
    submit(local, receiver)
    assert len(receiver.notices) == 1
    local.advance(7)
    local.catch_up()
    assert len(receiver.notices) == 2
    local.advance(24 * 3600)
    local.catch_up()
    assert len(receiver.notices) == 11
    assert times(receiver) == sorted(times(receiver))
    assert times(receiver)[-1] <= now + 2 * 3600
    (delivery,) = local.run(local.account.webhooks.all())
    assert not delivery.open
    assert {attempt.status for attempt in delivery.attempts} == {500}


def test_a_notice_taken_at_last_is_sent_no_more(local: LocalApp, receiver: Receiver) -> None:
    local.freeze()
    receiver.status = 503
    submit(local, receiver)
    receiver.status = 204
    local.advance(24 * 3600)
    local.catch_up()
    local.catch_up()
    assert len(receiver.notices) == 2


def test_a_receiver_that_is_not_there_is_tried_again(local: LocalApp) -> None:
    local.freeze()
    local.ask("POST", SUBMIT, params={"fal_webhook": "http://127.0.0.1:9/hook"}, json=UPSCALE)
    (delivery,) = local.run(local.account.webhooks.all())
    assert delivery.open
    assert delivery.attempts[0].status is None
    assert "Connect" in delivery.attempts[0].problem


def test_a_duplicate_can_be_configured(local: LocalApp, receiver: Receiver) -> None:
    local.add_fault(DuplicateWebhook(copies=3), "fal.submit")
    job = submit(local, receiver)
    assert ids(receiver) == [job["request_id"]] * 3
    assert len({body for _, body in receiver.notices}) == 1


def test_a_late_notice_can_be_configured(local: LocalApp, receiver: Receiver) -> None:
    local.freeze()
    local.add_fault(LateWebhook(60), "fal.submit")
    submit(local, receiver)
    local.advance(59)
    local.catch_up()
    assert receiver.notices == []
    local.advance(1)
    local.catch_up()
    assert len(receiver.notices) == 1


def test_notices_can_be_configured_to_swap(local: LocalApp, receiver: Receiver) -> None:
    local.add_fault(SwapWebhooks(), "fal.submit")
    first, second = submit(local, receiver), submit(local, receiver)
    assert ids(receiver) == [second["request_id"], first["request_id"]]
    third = submit(local, receiver)
    assert ids(receiver)[2:] == [third["request_id"]]


def test_a_submission_without_a_webhook_leaves_the_order_for_the_next(
    local: LocalApp, receiver: Receiver
) -> None:
    local.add_fault(DuplicateWebhook(), "fal.submit")
    local.ask("POST", SUBMIT, json=UPSCALE)
    submit(local, receiver)
    assert len(receiver.notices) == 2


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://localhost/x", "https://app.localhost:8000", "http://[::1]:9/", "http://127.9.9.9"]
)  # fmt: skip
def test_loopback_addresses_may_be_told(url: str) -> None:
    check_address(url, "fal_webhook")


@pytest.mark.parametrize(
    "url",
    ["https://example.com/x", "http://10.0.0.1/", "http://localhost.example.com", "ftp://127.0.0.1", "x", "http://["],
)  # fmt: skip
def test_no_other_address_may(local: LocalApp, url: str) -> None:
    with pytest.raises(ApiError, match="not allowed"):
        check_address(url, "fal_webhook")
    reply = local.ask("POST", SUBMIT, params={"fal_webhook": url}, json=UPSCALE)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "bad_request")
    assert "loopback" in reply.headers["x-fauxscale-reason"]
    assert local.charges() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1:0/x",
        "http://127.0.0.1:abc/x",
        "http://ü:p@127.0.0.1:1/x",
        "http://127.0.0.1:1/\x01",
    ],
    ids=lambda url: url[:40],
)
def test_an_address_nothing_can_be_sent_to_is_refused_when_it_is_given(local: LocalApp, url: str) -> None:
    with pytest.raises(ApiError, match="not allowed"):
        check_address(url, "fal_webhook")
    reply = local.ask("POST", SUBMIT, params={"fal_webhook": url}, json=UPSCALE)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "bad_request")
    assert "webhooks cannot be sent" in reply.headers["x-fauxscale-reason"]
    assert local.charges() == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/x", "http://127.0.0.1:abc/", "http://127.0.0.1/\x01"]
)
def test_a_notice_that_cannot_be_sent_is_an_attempt_that_failed(local: LocalApp, url: str) -> None:
    now = local.freeze()
    notice = Delivery(id="d", url=url, body="{}", signature=Signature.named("fal"), user="u", due=now)
    local.run(local.account.webhooks.add(notice))
    local.catch_up()
    (delivery,) = local.run(local.account.webhooks.all())
    assert [attempt.status for attempt in delivery.attempts] == [None]
    assert delivery.attempts[0].problem
    assert delivery.open


def test_what_comes_before_the_host_of_an_address_is_no_host(local: LocalApp, receiver: Receiver) -> None:
    url = receiver.url.replace("//", "//user:secret@")
    local.ask("POST", SUBMIT, params={"fal_webhook": url}, json=UPSCALE)
    headers = receiver.notices[0][0]
    assert f"http://{headers['host']}/hook" == receiver.url
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"user:secret"


def test_a_localhost_name_is_reached_without_a_resolver(local: LocalApp, receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "app.localhost")
    local.ask("POST", SUBMIT, params={"fal_webhook": url}, json=UPSCALE)
    assert receiver.notices[0][0]["host"].startswith("app.localhost:")


def test_without_the_extra_a_webhook_is_refused_by_name(
    local: LocalApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    reply = local.ask("POST", SUBMIT, params={"fal_webhook": "http://127.0.0.1:1/"}, json=UPSCALE)
    assert reply.status_code == 503
    assert "fauxscale[tls]" in reply.headers["x-fauxscale-reason"]


def test_a_provider_says_what_its_headers_are_and_what_it_signs() -> None:
    own = Signature({"X-Mine": "{id} of {user}", "X-Mine-Sig": "v1={signature}"}, "{timestamp}.{id}.{sha256}")
    key = Key(b"1" * 32)
    headers = key.headers(Delivery(id="d", url="", body="{}", signature=own, user="u", due=0), 12.7)
    assert headers["X-Mine"] == "d of u"
    signed = f"12.d.{hashlib.sha256(b'{}').hexdigest()}".encode()
    public = Ed25519PublicKey.from_public_bytes(key.public)
    public.verify(bytes.fromhex(headers["X-Mine-Sig"].removeprefix("v1=")), signed)


def test_the_same_secret_makes_the_same_key() -> None:
    assert Key(b"1" * 32).public == Key(b"1" * 32).public != Key(b"2" * 32).public


def test_reset_forgets_notices(local: LocalApp, receiver: Receiver) -> None:
    local.freeze()
    receiver.status = 500
    submit(local, receiver)
    local.run(local.account.reset(("jobs",)))
    local.advance(3600)
    local.catch_up()
    assert len(receiver.notices) == 1


def ideogram(
    stage: Stage, address: str, version: str, fault: Fault | None = None
) -> tuple[Any, AccountHandle]:
    """A call to Ideogram that names a webhook: its reply, and the account it was made with."""
    account = stage.mock.account(options={"ideogram.api_version": version})
    if fault is not None:
        account.faults.add(fault, on="ideogram.*")
    reply = stage.http.post(
        f"{stage.base_url('ideogram')}/v1/ideogram-v3/generate?webhook_url={address}",
        files={"prompt": (None, "a cat")},
        headers={"Api-Key": account.api_key("ideogram")},
    )
    return reply, account


def test_a_call_to_ideogram_that_names_a_webhook_is_answered_without_its_results(
    stage: Stage, receiver: Receiver
) -> None:
    reply, account = ideogram(stage, receiver.url, "2026-10")
    assert (reply.status_code, set(reply.json())) == (200, {"created", "request_id"})
    assert receiver.wait(1)
    headers, body = receiver.notices[0]
    told = json.loads(body)
    assert set(told) == {"generation_id", "created", "data"}
    assert told["generation_id"] == reply.json()["request_id"]
    assert stage.http.get(told["data"][0]["url"]).status_code == 200
    assert account.spend == 0.06

    def header(name: str) -> str:
        return headers[f"x-ideogram-webhook-{name}"]

    assert header("generation-id") == told["generation_id"]
    (key,) = stage.http.get(f"{stage.base_url('ideogram')}/v1/.well-known/jwks.json").json()["keys"]
    assert {**key, "x": ""} == {
        "alg": "EdDSA", "crv": "Ed25519", "kid": header("key-id"), "kty": "OKP", "use": "sig", "x": "",
    }  # fmt: skip
    digest = hashlib.sha256(body).hexdigest()
    signed = "\n".join((header("generation-id"), header("user-id"), header("timestamp"), digest))
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public.verify(bytes.fromhex(header("signature")), signed.encode())


def test_the_notice_of_ideogram_can_come_twice(stage: Stage, receiver: Receiver) -> None:
    ideogram(stage, receiver.url, "2026-10", DuplicateWebhook(copies=2))
    assert receiver.wait(2)
    assert receiver.notices[0][1] == receiver.notices[1][1]


def test_ideogram_of_2026_04_knows_no_webhook(stage: Stage, receiver: Receiver) -> None:
    reply, _ = ideogram(stage, receiver.url, "2026-04")
    assert set(reply.json()) == {"created", "data"}
    assert receiver.notices == []


def test_a_webhook_that_leads_elsewhere_is_refused_before_anything_is_done(stage: Stage) -> None:
    reply, account = ideogram(stage, "https://example.com/hook", "2026-10")
    assert reply.status_code == 400
    assert account.spend == 0
