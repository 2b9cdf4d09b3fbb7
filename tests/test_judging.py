"""What stages and local apps answer is judged: each kind of lie the stand-in could tell fails its test."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fauxscale import HtmlWith200, MissingField, MockServer, Settings
from fauxscale.client import AccountHandle
from tests.judging import JudgedClient, violations
from tests.local_app import open_local_app
from tests.pictures import picture
from tests.recordings import key_header, upscale
from tests.stages import Stage

ASK = "/fal-ai/ideogram/upscale"
MODEL = f"/fal/run{ASK}"
IMAGE = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
Lie = Callable[[httpx.Response], httpx.Response]


@pytest.fixture(scope="module")
def mock() -> Any:
    with MockServer(Settings(), listen=False) as running:
        yield running


def lying(mock: MockServer, lie: Lie) -> JudgedClient:
    """A judged client of a stand-in that lies."""
    inner = mock.transport()

    def answer(request: httpx.Request) -> httpx.Response:
        response = inner.handle_request(request)
        response.read()
        return lie(response)

    client = JudgedClient(transport=httpx.MockTransport(answer))
    client.control = mock.client
    return client


def call(
    mock: MockServer, http: httpx.Client, photo: bytes, account: AccountHandle | None = None
) -> httpx.Response:
    headers = key_header("ideogram", (account or mock.account()).api_key("ideogram"))
    return http.post(f"{mock.base_url('ideogram')}/upscale", headers=headers, **upscale(photo))


def told(response: httpx.Response, **change: Any) -> httpx.Response:
    """The response with parts of it replaced."""
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    words: dict[str, Any] = {
        "status_code": response.status_code,
        "headers": headers,
        "content": response.content,
    }
    return httpx.Response(**words | change)


def _item(response: httpx.Response, **change: Any) -> httpx.Response:
    body = response.json()
    body["data"][0] |= change
    return httpx.Response(200, json=body)


def _without(response: httpx.Response) -> httpx.Response:
    body = response.json()
    del body["data"][0]["resolution"]
    return httpx.Response(200, json=body)


LIES: dict[str, tuple[Lie, str]] = {
    "a dropped field": (_without, "/body/data/0/resolution: resolution is missing"),
    "a wrong type": (lambda response: _item(response, seed="12"), "/body/data/0/seed"),
    "an unknown field": (lambda response: _item(response, colour="red"), "colour is not a member"),
    "an undocumented status": (
        lambda response: told(response, status_code=207),
        "207 is not a recorded status",
    ),
    "a wrong header": (
        lambda response: told(response, headers={"content-type": "text/html"}),
        "/headers/content-type",
    ),
    "a wrong length": (
        lambda response: told(response, headers={**response.headers, "content-length": "1"}),
        "content-length",
    ),
    "no JSON": (lambda response: told(response, content=b"{"), "/body"),
}


@pytest.mark.parametrize(("lie", "says"), list(LIES.values()), ids=list(LIES))
def test_a_planted_lie_fails_the_test_that_hears_it(
    mock: MockServer, photo: bytes, lie: Lie, says: str
) -> None:
    with lying(mock, lie) as http, pytest.raises(AssertionError, match=r"20[07] POST") as caught:
        call(mock, http, photo)
    assert says in str(caught.value)


def test_a_lie_about_a_picture_is_heard_too(mock: MockServer, photo: bytes) -> None:
    with lying(mock, lambda response: response) as http:
        url = call(mock, http, photo).json()["data"][0]["url"]
    with (
        lying(mock, lambda response: told(response, content=b"<html>")) as http,
        pytest.raises(AssertionError),
    ):
        http.get(url)


def test_the_truth_passes(mock: MockServer, photo: bytes) -> None:
    with lying(mock, lambda response: response) as http:
        assert call(mock, http, photo).status_code == 200


def test_a_lie_that_was_ordered_passes_and_the_next_one_does_not(mock: MockServer, photo: bytes) -> None:
    account = mock.account()
    account.faults.add(MissingField("/data"), on="ideogram.upscale", times=1)
    with lying(mock, lambda response: response) as http:
        assert "data" not in call(mock, http, photo, account).json()
    empty: Lie = lambda response: httpx.Response(200, json=response.json() | {"data": 0})  # noqa: E731  # one line beside its fellows
    with lying(mock, empty) as http, pytest.raises(AssertionError):
        call(mock, http, photo, account)


def test_every_stage_judges_downloads_and_knows_what_was_ordered(stage: Stage, photo: bytes) -> None:
    account = stage.account()
    account.faults.add(HtmlWith200(), on="ideogram.download")
    assert isinstance(stage.http, JudgedClient)
    response = call(stage.mock, stage.http, photo, account)
    assert "<title>" in stage.http.get(response.json()["data"][0]["url"]).text


def test_a_local_app_judges_what_it_answers_and_knows_what_was_configured() -> None:
    for local in open_local_app():
        order = {"image_url": IMAGE, "prompt": "fauxscale:418"}
        assert local.ask("POST", MODEL, json=order).status_code == 418
        liar = httpx.MockTransport(lambda request: httpx.Response(207, json={}))
        local.http = httpx.AsyncClient(transport=liar, base_url="http://localhost")
        with pytest.raises(AssertionError, match="207 is not a recorded status"):
            local.ask("POST", MODEL, json=order)


@pytest.mark.parametrize(("host", "departs"), [("queue.fal.run", False), ("fal.run:443", True)])
def test_an_answer_is_judged_by_the_operation_at_the_real_host_it_was_asked_of(
    host: str, departs: bool
) -> None:
    for local in open_local_app():
        queued = local.ask("POST", f"/fal/queue{ASK}", json={"image_url": IMAGE})
        queued.request = httpx.Request(
            "POST", f"http://localhost{ASK}", headers={"host": host}, json={"image_url": IMAGE}
        )
        assert bool(violations(queued)) is departs


@pytest.mark.parametrize("path", ["/", "/nowhere", "/__fauxscale/api/openapi.json"])
def test_what_is_no_operation_of_a_service_is_not_judged(stage: Stage, path: str) -> None:
    assert stage.http.get(stage.url + path).status_code in (200, 307, 404)
