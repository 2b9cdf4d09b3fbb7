"""A recording of any origin is made ready to be told again: what cannot be told is left out, and said."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from starlette.requests import Request

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.dispatch.routing import Match, Routes
from fauxscale.providers import PROVIDERS
from fauxscale.recordings.index import question
from tests.pictures import picture
from tests.recordings import Through, key_header

MODELS = "https://api.aigateway.sh/v1/models"
IMAGES = "https://api.aigateway.sh/v1/images/generations"
DEEP = "[" * 100_000
PHOTO = picture(width=64, height=48)


def entry(url: Any = MODELS, method: Any = "GET", sent: object = None, **answered: Any) -> dict[str, Any]:
    """A call as a browser writes it down; members of the response as given."""
    request: dict[str, Any] = {"method": method, "url": url, "headers": []}
    if sent is not None:
        request["postData"] = sent
    content = {"mimeType": "application/json", "text": '{"told": true}'}
    return {"request": request, "response": {"status": 200, "headers": [], "content": content} | answered}


def without(made: dict[str, Any], side: str, name: str) -> dict[str, Any]:
    return {**made, side: {one: value for one, value in made[side].items() if one != name}}


def keep(folder: Path, *entries: dict[str, Any], name: str = "page.har") -> Path:
    (folder / name).write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}))
    return folder


def test_what_is_accepted_tells_apart_what_a_picture_endpoint_was_asked() -> None:
    routes = Routes(PROVIDERS)
    scope = {"type": "http", "method": "GET", "path": "/ideogram/upscale", "query_string": b"", "headers": []}
    match = routes.find(Request(scope | {"method": "POST"}))
    assert match is not None
    assert match.route is not None
    pictured = replace(
        match, route=replace(match.route, endpoint=replace(match.route.endpoint, answers="picture"))
    )

    def asked(accept: str, of: Match) -> str:
        return question(of, "", "", b"", accept)

    assert asked("image/*", pictured) != asked("application/json", pictured)
    assert asked("image/*", match) == asked("application/json", match)


@dataclass
class Teller:
    """A stand-in on a socket that answers from a recording, an account, and its client."""

    mock: MockServer
    account: AccountHandle
    http: httpx.Client

    def ask(
        self, url: str = MODELS, headers: Mapping[str, str] = {}, method: str = "GET", **options: Any
    ) -> httpx.Response:
        path = url.removeprefix("https://api.aigateway.sh")
        key = key_header("aigateway", self.account.api_key("aigateway"))
        return self.http.request(
            method, f"{self.mock.url}/aigateway{path}", headers={**key, **headers}, **options
        )

    @property
    def left_out(self) -> list[str]:
        assert self.mock.app.replay is not None
        return self.mock.app.replay.summary()[1:]


@contextmanager
def telling(folder: Path, **terms: Any) -> Generator[Teller]:
    with MockServer(Settings(replay=str(folder))) as mock, httpx.Client(timeout=30) as http:
        yield Teller(mock, mock.account(**terms), http)


def told(response: httpx.Response) -> bool:
    return "x-fauxscale-replayed" in response.headers


ODD = {
    "no body": (entry(method="HEAD"), "what answers a HEAD has no body to tell"),
    "aborted": (entry(status=0), "it has no answer: its status is 0"),
    "no status there is": (entry(status=1234), "its status is 1234"),
    "informational": (entry(status=101), "its status is 101"),
    "status in words": (entry(status="ok"), "its status is 0"),
    "status true": (entry(status=True), "its status is 0"),
    "no status": (without(entry(), "response", "status"), "its status is 0"),
    "no method": (without(entry(), "request", "method"), "its request has no method"),
    "method 7": (entry(method=7), "its request has no method"),
    "no address": (without(entry(), "request", "url"), "its request has no address"),
    "no such address": (entry("http://[::1/v1/models"), "http://[::1/v1/models is not an address"),
    "answer not base64": (
        entry(content={"encoding": "base64", "text": "Zg"}),
        "is called base64, and is not",
    ),
    "form not base64": (entry(sent={"_encoding": "base64", "text": "é"}), "is called base64, and is not"),
}


@pytest.mark.parametrize("case", ODD)
def test_what_cannot_be_told_again_is_left_out_and_said_and_the_stand_in_answers(
    tmp_path: Path, case: str
) -> None:
    made, reason = ODD[case]
    with telling(keep(tmp_path, made)) as teller:
        (line,) = teller.left_out
        assert "page.har: " in line
        assert reason in line
        reply = teller.ask()
        assert (reply.status_code, told(reply)) == (200, False)


def test_the_rest_of_a_recording_is_told_whatever_is_left_out(tmp_path: Path) -> None:
    with telling(keep(tmp_path, *(made for made, _ in ODD.values()), entry())) as teller:
        assert teller.ask().json() == {"told": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (":status", "200"),
        ("", "x"),
        ("two words", "x"),
        ("näme", "x"),
        ("x-lines", "one\ntwo"),
        ("x-lines", "one\r\nSet-Cookie: a=b"),
        ("x-null", "a\0b"),
        ("x-letters", "ä"),
    ],
)
def test_a_header_that_no_server_may_send_is_dropped_and_the_answer_told(
    tmp_path: Path, name: str, value: str
) -> None:
    headers = [{"name": name, "value": value}, {"name": "X-Kept", "value": " as it is\t"}]
    with telling(keep(tmp_path, entry(headers=headers))) as teller:
        reply = teller.ask()
        assert reply.json() == {"told": True}
        assert reply.headers["x-kept"] == "as it is"
        assert not {name.lower(), "set-cookie"} & set(reply.headers)


@pytest.mark.parametrize("headers", [None, {}, [1], [{"name": "x"}], [{"value": "x"}]])
def test_an_answer_is_told_however_its_headers_were_written_down(tmp_path: Path, headers: object) -> None:
    with telling(keep(tmp_path, entry(headers=headers))) as teller:
        assert teller.ask().json() == {"told": True}


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_can_have_no_body_is_told_without_one(tmp_path: Path, status: int) -> None:
    with telling(keep(tmp_path, entry(status=status))) as teller:
        for _ in range(2):
            reply = teller.ask()
            assert (reply.status_code, reply.content, told(reply)) == (status, b"", True)


def test_json_of_any_depth_is_told_and_asked_for_without_a_stumble(tmp_path: Path) -> None:
    asked = {"mimeType": "application/json", "text": DEEP}
    content = {"mimeType": "application/json", "text": DEEP}
    with telling(keep(tmp_path, entry(IMAGES, "POST", asked, content=content))) as teller:
        kind = {"Content-Type": "application/json"}
        assert teller.ask(IMAGES, kind, "POST", content=DEEP).text == DEEP
        other = teller.ask(IMAGES, kind, "POST", content=DEEP + "[")
        assert (other.status_code, told(other)) == (400, False)


def test_a_form_without_a_boundary_is_a_question_as_any(tmp_path: Path) -> None:
    kind = "multipart/form-data"
    with telling(keep(tmp_path, entry(IMAGES, "POST", {"mimeType": kind, "text": "--x"}))) as teller:
        assert told(teller.ask(IMAGES, {"Content-Type": kind}, "POST", content="--x"))
        assert not told(teller.ask(IMAGES, {"Content-Type": kind}, "POST", content="--y"))


@pytest.mark.parametrize(
    "text", [r'"https://api.aigateway.sh/\q"', '"https://a\nb"', '"https://[::1"', r'"https://x/\ud800"']
)
def test_what_looks_like_an_address_and_is_none_is_told_as_it_stands(tmp_path: Path, text: str) -> None:
    with telling(keep(tmp_path, entry(content={"mimeType": "text/plain", "text": text}))) as teller:
        assert teller.left_out == []
        assert teller.ask().text == text


def test_what_a_browser_did_elsewhere_is_one_line_of_plain_text_without_secrets(tmp_path: Path) -> None:
    elsewhere = [
        entry("https://example.org/page?token=0123456789abcdef&x=\x1b[31m" + "x" * 5000),
        *(entry(f"https://example.org/{number}") for number in range(300)),
    ]
    with telling(keep(tmp_path, entry(), *elsewhere)) as teller:
        (line,) = teller.left_out
        assert "page.har: no provider answers 301 of its calls, such as GET https://example.org/page" in line
        assert "0123456789abcdef" not in line
        assert line.isprintable()
        assert len(line) < 300


def test_a_recording_of_any_name_says_where_an_answer_came_from(tmp_path: Path) -> None:
    with telling(keep(tmp_path, entry(), name="страница (1) [26-10].har")) as teller:
        name = teller.ask().headers["x-fauxscale-replayed"]
        assert httpx.URL(f"http://x/{name}").path == "/страница (1) [26-10].har"
        assert teller.account.calls.last.reason == "replayed from страница (1) [26-10].har"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_look_at_a_picture_does_not_take_the_place_of_the_picture(tmp_path: Path, method: str) -> None:
    url = "https://media.aigateway.sh/img/abc123.png"
    asked = {"mimeType": "application/json", "text": '{"prompt": "a cat"}'}
    answer = {"mimeType": "application/json", "text": json.dumps({"data": [{"url": url}]})}
    shown = {"mimeType": "image/png", "encoding": "base64", "text": base64.b64encode(PHOTO).decode()}
    entries = [entry(IMAGES, "POST", asked, content=answer), entry(url, content=shown)]
    with telling(keep(tmp_path, *entries, entry(url, method, content={}))) as teller:
        link = teller.ask(IMAGES, method="POST", json={"prompt": "a cat"}).json()["data"][0]["url"]
        assert teller.http.get(link).content == PHOTO


# What it costs


def edited(base_url: str, key: str, ask: Any, query: str, **texts: str) -> httpx.Response:
    reply: httpx.Response = ask(
        "POST",
        f"{base_url}/images/edits{query}",
        headers=key_header("lumenfall", key),
        data={"model": "ideogram-upscale", **texts},
        files={"image": ("a.png", PHOTO, "image/png")},
    )
    return reply


@pytest.mark.parametrize(
    ("query", "texts", "images"),
    [
        ("?dryRun=true", {"n": "2"}, 0),
        ("", {}, 1),
        ("", {"n": "3"}, 3),
        ("", {"n": "3", "response_format": "b64_json"}, 3),
        ("", {"prompt": "fauxscale:unsafe-200", "n": "2"}, 2),
        ("", {"prompt": "fauxscale:400"}, 0),
    ],
    ids=["a dry run", "one", "three links", "three in base64", "two withheld", "a refusal"],
)
def test_an_answer_told_again_costs_what_it_cost_then(
    tmp_path: Path, query: str, texts: dict[str, str], images: int
) -> None:
    with MockServer() as mock:
        account = mock.account()
        through = Through(mock.base_url("lumenfall"), tmp_path)
        then = edited("", account.api_key("lumenfall"), through.ask, query, **texts)
        assert account.spend == pytest.approx(0.06 * images)
    with telling(tmp_path, balance=0.06 * images + 0.01) as teller:
        base, key = teller.account.base_url("lumenfall"), teller.account.api_key("lumenfall")
        now = edited(base, key, teller.http.request, query, **texts)
        assert (now.status_code, told(now)) == (then.status_code, True)
        assert teller.account.spend == pytest.approx(0.06 * images)
        assert teller.account.calls.last.cost == 60_000 * images


@pytest.mark.parametrize(("cents", "spend"), [("0", 0), ("6", 0.06), ("?", 0.06)])
def test_what_its_answer_says_cost_nothing_costs_nothing_again(
    tmp_path: Path, cents: str, spend: float
) -> None:
    asked = {"mimeType": "application/json", "text": '{"prompt": "a cat"}'}
    headers = [{"name": "X-Cost-Cents", "value": cents}]
    with telling(keep(tmp_path, entry(IMAGES, "POST", asked, headers=headers))) as teller:
        assert told(teller.ask(IMAGES, method="POST", json={"prompt": "a cat"}))
        assert teller.account.spend == pytest.approx(spend)
