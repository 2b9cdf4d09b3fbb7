"""An exchange is made of what HTTP libraries hold, and survives a HAR file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import httpx2
import pytest
import requests
import requests.adapters

from fauxscale_contracts import Exchange, Reply, Request, load
from tests.contracts.calls import TINY, answered, upscale

REPLY = {"created": "2000-01-23 04:56:07+00:00", "data": []}
URL = "https://api.ideogram.ai/upscale"
FORM: dict[str, Any] = {
    "data": {"image_request": "{}"},
    "files": {"image_file": ("a.png", TINY, "image/png")},
    "headers": {"Api-Key": "abcdefgh"},
}


class _Canned(requests.adapters.BaseAdapter):
    """A transport of requests that answers without a network."""

    def send(self, request: requests.PreparedRequest, *args: object, **more: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, str(request.url)
        response.headers["content-type"] = "application/json"
        response._content = json.dumps(REPLY).encode()
        return response

    def close(self) -> None:
        """Nothing is open."""


def by_httpx(library: Any) -> object:
    transport = library.MockTransport(lambda request: library.Response(200, json=REPLY, request=request))
    with library.Client(transport=transport) as client:
        return client.post(URL, **FORM)


def by_requests() -> object:
    with requests.Session() as session:
        session.mount("https://", _Canned())
        return session.post(URL, **FORM)


@pytest.mark.parametrize(
    "response",
    [by_httpx(httpx), by_httpx(httpx2), by_requests()],
    ids=["httpx", "httpx2", "requests"],
)
def test_a_response_of_any_library_becomes_the_same_exchange(response: object) -> None:
    exchange = Exchange.of(response)
    assert (exchange.request.method, exchange.request.url) == ("POST", URL)
    assert exchange.request.header("API-key") == "abcdefgh"
    assert exchange.reply is not None
    assert json.loads(exchange.reply.body) == REPLY
    contract = load("ideogram")
    assert (contract.check_request(exchange), contract.check_response(exchange)) == ([], [])


@pytest.mark.parametrize(("body", "kept"), [(None, b""), ("é", "é".encode()), (bytearray(b"x"), b"x")])
def test_a_body_is_kept_as_bytes(body: object, kept: bytes) -> None:
    request = SimpleNamespace(method="GET", url="http://h/", headers={b"A": b"1"}, body=body)
    made = Exchange.of(SimpleNamespace(request=request, status_code=200, headers={}, content=b""))
    assert made.request.body == kept
    assert made.request.header("a") == "1"


def test_a_streamed_body_that_is_gone_is_said_to_be() -> None:
    request = SimpleNamespace(method="POST", url="http://h/", headers={}, body=iter([b"x"]))
    with pytest.raises(ValueError, match=r"was streamed from a \w+iterator and is gone; send bytes"):
        Exchange.of(SimpleNamespace(request=request, status_code=200, headers={}, content=b""))
    streamed = httpx.Request("POST", URL, content=(piece for piece in [b"x"]))
    assert list(cast("Iterable[bytes]", streamed.stream)) == [b"x"]
    with pytest.raises(ValueError, match="was streamed and is gone"):
        Exchange.of(SimpleNamespace(request=streamed, status_code=200, headers={}, content=b""))


def test_other_objects_are_refused() -> None:
    with pytest.raises(TypeError, match="str is not a response of httpx, httpx2 or requests"):
        Exchange.of("hello")


def test_an_exchange_survives_a_har_file() -> None:
    call = answered(upscale({"detail": 5}), 200, REPLY)
    there = Exchange(call.request, call.reply, "ideogram.upscale", 1_700_000_000.5, 0.25)
    back = Exchange.from_har(json.loads(json.dumps(there.to_har())))
    assert back.request.body == there.request.body
    assert (back.reply, back.operation, back.at, back.seconds) == (
        there.reply,
        there.operation,
        there.at,
        there.seconds,
    )
    assert load("ideogram").check_request(back) == []


def test_an_exchange_without_a_reply_survives_a_har_file() -> None:
    assert Exchange.from_har(upscale().to_har()).reply is None


def test_a_har_file_holds_no_secret() -> None:
    headers = (("Api-Key", "secret-key-0123456789"), ("Authorization", "Bearer sk-aig-0123456789"))
    call = Exchange(
        Request("POST", "https://h/a?sig=0123456789abcdef", headers, b'{"token": "0123456789abcdef"}'),
        Reply(
            200, (("set-cookie", "0123456789abcdef"),), b'{"url": "https://h/b?exp=1&sig=0123456789abcdef"}'
        ),
    )
    assert "0123456789" not in json.dumps(call.to_har())


def test_a_browsers_har_entry_is_read() -> None:
    entry = {
        "startedDateTime": "2026-04-01T12:00:00.000Z",
        "time": 12.5,
        "request": {"method": "GET", "url": URL, "headers": [{"name": "Accept", "value": "*/*"}]},
        "response": {"status": 200, "headers": [], "content": {"text": "iVBORw0=", "encoding": "base64"}},
    }
    made = Exchange.from_har(entry)
    assert made.reply is not None
    assert (made.reply.body, made.at, made.seconds) == (b"\x89PNG\r", 1775044800.0, 0.0125)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({}, "KeyError 'request'"),
        ({"request": [], "response": {}}, "not an entry of a HAR file"),
        (
            {
                "request": {"method": "POST", "url": "/", "headers": [], "postData": {"params": [1]}},
                "response": {"status": 0},
            },
            "keeps its form as params only",
        ),
    ],
)
def test_a_broken_har_entry_is_refused(entry: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Exchange.from_har(entry)
