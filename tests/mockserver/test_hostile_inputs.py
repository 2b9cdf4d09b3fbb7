"""Inputs that once broke the server (2026-11-21): each gets an answer in the service's own words, and at once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fauxscale import MockServer, Settings
from fauxscale.bodies.reader import decode_data_uri
from fauxscale.bodies.strict_json import parse_json
from fauxscale.client import InvalidRequest
from fauxscale.clock import LATEST
from fauxscale.errors import ApiError
from fauxscale.redact import Mask
from fauxscale.state.journal import brief
from tests.pictures import picture

MIB = 1024 * 1024
API = "/__fauxscale/api"


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


def processor_seconds(work: Any) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def ratio(small: Any, large: Any) -> float:
    """How many times as long the large piece of work takes: the fastest of three, so that no clock is believed."""
    return min(processor_seconds(large) for _ in range(3)) / max(
        min(processor_seconds(small) for _ in range(3)), 1e-4
    )


# Masking


@pytest.mark.parametrize(
    ("key", "piece"),
    [
        ("a" * 13, "a" * 13 + " "),
        ("abcd1234abcd", "abcd1234abcd "),
        ("k" * 20, "%41 "),
        ("a" * 2_000, "a" * 12 + " "),
    ],
)
def test_masking_takes_time_by_the_length_of_the_text_and_not_by_its_square(key: str, piece: str) -> None:
    mask, least = Mask([key]), 20_000
    grown = ratio(lambda: mask.text(piece * least), lambda: mask.text(piece * least * 8))
    assert grown < 30, f"eight times the text took {grown:.0f} times as long"


def test_what_is_masked_piece_by_piece_is_masked_all_the_same() -> None:
    hidden = "https://host/?next=https%3A%2F%2Fother%2F%3Fapi_key%3Dabcdefghijkl%26x%3D1 and %41 %42"
    assert "abcdefghijkl" not in Mask().text(hidden)
    assert "%41 %42" in Mask().text(hidden)
    assert Mask(["a" * 13]).text("x" + "a" * 13 + " " + "a" * 12 + "b") == "xaaaa… aaaa…b"


def test_the_journal_keeps_of_a_value_what_people_read() -> None:
    value = {"prompt": "p" * MIB, "list": list(range(100_000)), "deep": [[["x" * MIB]]], "n": 1}
    kept = brief(value)
    assert len(json.dumps(kept)) < 100_000
    assert isinstance(kept, dict)
    assert str(kept["prompt"]).endswith(f"p… ({MIB:,} characters)")
    assert brief({"prompt": "short", "n": [1, None, True]}) == {"prompt": "short", "n": [1, None, True]}


def test_a_call_with_an_enormous_prompt_is_answered_and_journalled_in_brief(mock: MockServer) -> None:
    account, key = mock.account(), "a" * 13
    reply = httpx.post(
        f"{mock.url}/ideogram/upscale",
        headers={"Api-Key": account.api_key("ideogram"), "X-Api-Key": key},
        files={
            "image_request": (None, json.dumps({"prompt": (key + " ") * 4_000})),
            "image_file": ("a.png", picture()),
        },
    )
    assert reply.status_code == 200
    (call,) = account.calls
    shown = str(call.params["prompt"])
    assert key not in shown
    assert len(shown) <= 40_000


# JSON


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"[]," * 3_000_000 + b"[]]",
        b"{" + b",".join(b'"%d":0' % number for number in range(200_000)) + b"}",
        b"[" + b"0," * 4_000_000 + b"0]",
    ],
    ids=["lists", "keys", "numbers"],
)
def test_json_of_too_many_values_is_refused_before_one_is_made(data: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        parse_json(data)
    assert "more than 100,000 values" in refused.value.reason


def test_json_of_many_values_is_read() -> None:
    assert parse_json(json.dumps(list(range(50_000))).encode()) == list(range(50_000))
    text = "a, b: [c] {d} " * 20_000
    assert parse_json(json.dumps({"prompt": text}).encode()) == {"prompt": text}


def test_a_data_uri_of_escapes_is_refused_and_one_with_a_few_is_read() -> None:
    with pytest.raises(ApiError) as refused:
        decode_data_uri("data:," + "%41" * 4_000_000, 20 * MIB, param="image")
    assert "send base64" in refused.value.reason
    assert decode_data_uri("data:,a%20b", MIB) == ("text/plain", b"a b")


# Numbers


@pytest.mark.parametrize("how", ["set", "freeze"])
@pytest.mark.parametrize("at", ["1e400", "-1e400", "9" * 4_000, "NaN", "253402300799", "1e16", "-1e16"])
def test_a_clock_is_set_to_no_time_that_cannot_be_shown(mock: MockServer, how: str, at: str) -> None:
    account = mock.account()
    reply = httpx.post(f"{mock.url}{API}/accounts/{account.id}/clock/{how}", content=f'{{"at": {at}}}')
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_a_clock_at_the_end_of_time_goes_on_answering(mock: MockServer) -> None:
    """Set to a second before the year 10000 it showed none two seconds later, and the call was not journalled."""
    account = mock.account()
    account.clock.set("9998-12-31T23:59:59Z")
    with pytest.raises(InvalidRequest, match="outside the supported range"):
        account.clock.advance(days=365)
    shown = [account.clock.now()]
    while shown[-1] < LATEST:
        shown.append(account.clock.now())
    assert shown[-1] == LATEST
    for _ in range(2):
        reply = httpx.post(
            f"{mock.url}/ideogram/upscale",
            headers={"Api-Key": account.api_key("ideogram")},
            files={"image_request": (None, "{}"), "image_file": ("a.png", picture())},
        )
        assert reply.status_code == 200
    assert len(account.calls) == 2


@pytest.mark.parametrize("n", ["9" * 5_000, "-1", "1e3", "x"])
def test_the_inspector_has_no_call_of_a_number_that_is_none(mock: MockServer, n: str) -> None:
    for path in (
        f"/__fauxscale/api/inspector/calls/acct_0/{n}",
        f"/__fauxscale/api/inspector/pictures/acct_0/{n}/before",
    ):
        assert httpx.get(mock.url + path).status_code == 404


def test_a_part_number_of_many_digits_is_none(mock: MockServer) -> None:
    reply = httpx.put(f"{mock.url}/fal/media/files/b/a/x.png/multipart/u/{'9' * 5_000}", content=b"x")
    assert reply.status_code in {401, 403, 404}
    assert reply.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-fal-object-lifecycle-preference", "[" * 20_000),
        ("x-fal-object-lifecycle", "[" * 20_000),
        ("x-fal-object-lifecycle-preference", '{"expiration_duration_seconds": 1e400}'),
        ("x-fal-object-lifecycle-preference", '{"expiration_duration_seconds": Infinity}'),
        ("x-fal-object-lifecycle-preference", '{"expiration_duration_seconds": 1e300}'),
        ("x-fal-request-timeout", "-inf"),
        ("x-fal-request-timeout", "1e400"),
        ("x-fal-request-timeout", "nan"),
    ],
)
def test_headers_of_fal_that_hold_no_number_are_as_if_not_sent(
    mock: MockServer, header: str, value: str
) -> None:
    account = mock.account()
    key = {"authorization": f"Key {account.api_key('fal')}", header: value}
    image = httpx.post(
        f"{mock.url}/fal/queue/fal-ai/ideogram/upscale",
        headers=key,
        json={"image_url": "data:image/png;base64," + base64.b64encode(picture()).decode()},
    )
    assert image.status_code == 200, image.text
    jobs = httpx.get(f"{mock.url}{API}/accounts/{account.id}/jobs")
    assert jobs.status_code == 200
    result = httpx.get(image.json()["response_url"], headers={"authorization": key["authorization"]})
    assert result.status_code == 200
    assert httpx.get(result.json()["images"][0]["url"]).status_code == 200


def test_a_link_is_renewed_for_no_longer_than_calendars_go(mock: MockServer) -> None:
    account = mock.account()
    reply = httpx.post(f"{mock.url}{API}/accounts/{account.id}/links/renew", json={"seconds": 1e16})
    assert reply.status_code == 400
    assert "9999" in reply.json()["error"]


# Waiting


def test_who_leaves_while_waiting_for_calls_is_waited_for_no_longer(mock: MockServer) -> None:
    account = mock.account()
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(
            f"{mock.url}{API}/accounts/{account.id}/calls?wait=5&timeout=300",
            timeout=httpx.Timeout(60, read=0.2),
        )
    store = mock.app.accounts.store.store
    deadline = time.monotonic() + 30
    while store._waiting and time.monotonic() < deadline:  # type: ignore[attr-defined]  # the memory store's
        httpx.get(f"{mock.url}{API}/health")
    assert not store._waiting, "a wait is left whose client has gone"  # type: ignore[attr-defined]  # as above


# Secrets


def address_of_a_result(settings: Settings) -> tuple[str, str]:
    with MockServer(settings) as mock:
        account = mock.account()
        reply = httpx.post(
            f"{mock.url}/ideogram/upscale",
            headers={"Api-Key": account.api_key("ideogram")},
            files={"image_request": (None, "{}"), "image_file": ("a.png", picture())},
        )
        url = reply.json()["data"][0]["url"]
        return account.api_key("ideogram"), url.partition("sig=")[2]


def test_what_the_seed_tells_opens_no_door_that_somebody_is_kept_out_of() -> None:
    assert address_of_a_result(Settings())[0] == address_of_a_result(Settings())[0]
    for guarded in (Settings(token="t" * 20), Settings(keys=("the-only-key",))):
        (first_key, first_sig), (second_key, second_sig) = (address_of_a_result(guarded) for _ in range(2))
        assert first_key != second_key
        assert first_sig != second_sig


def test_ids_follow_from_the_seed_wherever_the_server_listens() -> None:
    def drawn(settings: Settings) -> str:
        with MockServer(settings) as mock:
            account = mock.account()
            httpx.post(
                f"{mock.url}/ideogram/upscale",
                headers={"Api-Key": account.api_key("ideogram")},
                files={"image_request": (None, "{}"), "image_file": ("a.png", picture())},
            )
            (charge,) = account.ledger
            return charge.id

    assert drawn(Settings()) == drawn(Settings(token="t" * 20))


def test_the_control_api_is_not_at_the_hosts_of_providers(mock: MockServer) -> None:
    reply = httpx.get(f"{mock.url}{API}/health", headers={"host": "api.ideogram.ai"})
    assert reply.status_code == 404
    assert httpx.get(f"{mock.url}{API}/health").status_code == 200
