"""The pipeline's promises: who may call, in which order things are judged, what is written down."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from fauxscale import Delay, MockServer, Settings
from fauxscale.app import App
from fauxscale.state.journal import Entry
from tests.calls.ideogram import upscale
from tests.holding import delays_held
from tests.journals import entries
from tests.pictures import picture
from tests.stages import Stage

pytestmark = pytest.mark.every_mode


def app_of(stage: Stage) -> App:
    return stage.mock.app


HOSTS_IN = [
    "localhost",
    "LOCALHOST:99",
    "127.0.0.1",
    "127.9.9.9:1",
    "[::1]:2160",
    "a.localhost",
    "192.168.1.9",
]
HOSTS_OUT = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "api.ideogram.ai.evil",
    "[::1",
    "a b",
]


@pytest.mark.parametrize("host", HOSTS_IN)
def test_local_names_and_literal_addresses_are_answered(stage: Stage, host: str) -> None:
    assert stage.http.get(f"{stage.url}/ideogram/x", headers={"Host": host}).status_code == 404


def test_a_host_is_allowed_however_its_name_is_spelt() -> None:
    with MockServer(Settings(allow_hosts=("MyBox",))) as mock:
        statuses = {
            httpx.get(f"{mock.url}/ideogram/x", headers={"Host": name}).status_code
            for name in ("mybox", "MYBOX:80")
        }
    assert statuses == {404}


@pytest.mark.parametrize("host", HOSTS_OUT)
def test_any_other_host_is_refused_with_the_flag_that_would_allow_it(stage: Stage, host: str) -> None:
    for path in ("/ideogram/x", "/__fauxscale/api/health", "/"):
        reply = stage.http.get(stage.url + path, headers={"Host": host})
        assert reply.status_code == 403
        assert "--allow-host" in reply.json()["reason"]


def test_a_real_host_name_leads_to_its_provider_and_its_links_to_its_media_host(stage: Stage) -> None:
    key = stage.account().api_key("ideogram")
    reply = stage.http.post(
        f"{stage.url}/upscale",
        files={"image_request": (None, "{}"), "image_file": ("a", picture())},
        headers={"Api-Key": key, "Host": "api.ideogram.ai"},
    )
    url = httpx.URL(reply.json()["data"][0]["url"])
    assert (url.scheme, url.host) == ("https", "ideogram.ai")
    got = stage.http.get(stage.url + url.raw_path.decode(), headers={"Host": "ideogram.ai"})
    assert got.status_code == 200


def test_an_address_of_no_provider_is_told_what_there_is(stage: Stage) -> None:
    reply = stage.http.get(f"{stage.url}/upscales")
    assert reply.status_code == 404
    assert reply.json()["base_urls"]["ideogram"] == "/ideogram"


def test_the_order_of_refusals_is_key_then_limit_then_form_then_parameters_then_picture_then_wallet(
    stage: Stage,
) -> None:
    everything_wrong = {"request": {"detail": 0}, "image": b"no picture"}
    assert upscale(stage, key="", **everything_wrong).status_code == 403  # type: ignore[arg-type]  # passed through by name
    limited = stage.account(rate_limit=0, balance=0).api_key("ideogram")
    assert upscale(stage, key=limited, **everything_wrong).status_code == 429  # type: ignore[arg-type]  # passed through by name
    poor = stage.account(balance=0).api_key("ideogram")
    assert "detail" in upscale(stage, key=poor, **everything_wrong).json()["error"]  # type: ignore[arg-type]  # passed through by name
    assert upscale(stage, b"no picture", key=poor).status_code == 400
    assert upscale(stage, request={"prompt": "fauxscale:unsafe"}, key=poor).status_code == 422
    assert upscale(stage, key=poor).status_code == 402


def test_more_than_ten_in_flight_is_a_429(stage: Stage) -> None:
    from concurrent.futures import ThreadPoolExecutor

    key = stage.account().api_key("ideogram")
    with ThreadPoolExecutor(12) as pool:
        slow = {"prompt": "fauxscale:slow=0.5"}
        statuses = list(pool.map(lambda _: upscale(stage, request=slow, key=key).status_code, range(12)))
    assert statuses.count(200) >= 10
    assert statuses.count(429) == 12 - statuses.count(200) > 0
    assert upscale(stage, key=key).status_code == 200, "places come free again"


def test_each_call_is_journalled_without_its_secrets(stage: Stage) -> None:
    account = stage.account()
    key = account.api_key("ideogram")
    reply = upscale(stage, key=key, request={"resemblance": 55})
    url = reply.json()["data"][0]["url"]
    stage.http.get(url)
    upscale(stage, b"GIF89a", key=key)
    first, read, refused = entries(stage, account.id)
    assert (first.operation, first.status, first.cost) == ("ideogram.upscale", 200, 60_000)
    assert first.params["resemblance"] == 55
    assert first.image is not None
    assert (first.image["width"], first.image["height"]) == (40, 30)
    assert [part["name"] for part in first.parts] == ["image_request", "image_file"]
    assert (read.kind, read.operation, read.status) == ("download", "ideogram.download", 200)
    assert (refused.status, refused.rule) == (400, "unsupported_format")
    assert "GIF" in refused.reason
    kept = b"".join(entry.to_json() for entry in (first, read, refused)).decode()
    assert key not in kept
    assert url.partition("sig=")[2] not in kept


def test_the_journal_is_bounded_by_count() -> None:
    with (
        MockServer(Settings(journal_entries=5), listen=False) as mock,
        httpx.Client(transport=mock.transport()) as http,
    ):
        stage = Stage("in-process", mock, http)
        account = stage.account()
        for _ in range(9):
            upscale(stage, b"x", key=account.api_key("ideogram"))
        assert [entry.n for entry in entries(stage, account.id)] == [5, 6, 7, 8, 9]


def test_a_client_that_leaves_mid_upload_is_journalled_and_harms_no_other() -> None:
    with MockServer() as mock, httpx.Client() as http:
        stage = Stage("socket", mock, http)
        account = stage.account()
        host, port = mock.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as sock:
            key = account.api_key("ideogram")
            sock.sendall(
                f"POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: {key}\r\nContent-Length: 1000\r\n"
                "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b".encode()
            )
        found: list[Entry] = []
        for _ in range(100):
            found = found or entries(stage, account.id)
            http.get(f"{mock.url}/ideogram/x")
        assert found[0].status is None
        assert "went away" in found[0].reason
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 200


@pytest.fixture
def raw() -> Iterator[tuple[MockServer, str]]:
    with MockServer() as mock:
        yield mock, mock.url.removeprefix("http://")


HEAD = "POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: k\r\nConnection: close\r\n"
FORM = "Content-Type: multipart/form-data; boundary=b\r\n"


@pytest.mark.parametrize(
    "message",
    [
        HEAD + FORM + "Content-Length: 5\r\n\r\n--b--",
        HEAD + FORM + "Content-Length: 0\r\n\r\n",
        HEAD + "Content-Length: 2\r\n\r\n{}",
        HEAD + "Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + FORM + "Transfer-Encoding: chunked\r\n\r\n3\r\n--b\r\n0\r\n\r\n",
        HEAD + FORM.replace("=b", "=" + "b" * 300) + "Content-Length: 2\r\n\r\n{}",
        HEAD
        + FORM
        + 'Content-Length: 54\r\n\r\n--b\r\nContent-Disposition: form-data; name="a\x00"\r\n\r\nx\r\n--b',
        "POST /upscale HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\n12345",
        "GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\r\n\r\njunk\r\n\r\n",
        "BREW /upscale HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "POST /ideogram/%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        HEAD + FORM + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n--b--x",
    ],
)
def test_odd_messages_get_a_polite_refusal_and_never_a_500(raw: tuple[MockServer, str], message: str) -> None:
    mock, address = raw
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(message.encode("latin-1"))
        reply = b""
        while piece := sock.recv(65536):
            reply += piece
    assert reply[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405")
    with httpx.Client() as http:
        assert upscale(Stage("socket", mock, http), key="k").status_code == 200


def test_ten_thousand_parts_are_refused(stage: Stage) -> None:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="p%d"\r\n\r\nx\r\n' % number for number in range(10_000)
    )
    reply = stage.http.post(
        f"{stage.url}/upscale",
        content=body + b"--b--\r\n",
        headers={"Api-Key": "k", "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert reply.status_code == 400
    assert "parts" in reply.headers["x-fauxscale-reason"]


def test_what_waits_holds_its_place_in_flight(stage: Stage) -> None:
    from concurrent.futures import ThreadPoolExecutor

    account = stage.account(in_flight=3)
    account.faults.add(Delay(1), times=3)
    key = account.api_key("ideogram")
    with ThreadPoolExecutor(3) as pool, delays_held() as release:
        waiting = [pool.submit(upscale, stage, key=key) for _ in range(3)]
        while account.faults.list()[0].applied < 3:
            pass
        assert upscale(stage, key=key).status_code == 429
        release()
        assert [one.result().status_code for one in waiting] == [200] * 3
    assert upscale(stage, key=key).status_code == 200


@pytest.mark.parametrize(
    ("headers", "provider"),
    [
        ({"Api-Key": "k"}, "ideogram"),
        ({"Authorization": "Bearer sk-aig-abc"}, "aigateway"),
        ({"Authorization": "Bearer lmnfl_a.b"}, "lumenfall"),
        ({"Authorization": "Key a:b"}, "fal"),
    ],
)
def test_an_unknown_root_path_is_refused_in_the_words_its_key_speaks(
    stage: Stage, headers: dict[str, str], provider: str
) -> None:
    reply = stage.http.post(f"{stage.url}/v1/images/variations", headers=headers)
    prefix = stage.base_url(provider).removesuffix("/v1")
    same = stage.http.post(f"{prefix}/nothing/like/it", headers=headers)
    assert reply.status_code == same.status_code == 404
    assert set(reply.json()) == set(same.json())
    assert provider in reply.headers["x-fauxscale-reason"]


def test_a_call_to_a_path_of_no_provider_is_journalled() -> None:
    with (
        MockServer(listen=False) as mock,
        httpx.Client(transport=mock.transport()) as http,
    ):
        http.get(f"{mock.url}/nowhere?token=secret-thing")
        stage = Stage("in-process", mock, http)

        async def read() -> list[Entry]:
            return await stage.mock.app.accounts.unassigned().journal.entries()

        import asyncio

        (entry,) = asyncio.run(read())
        assert (entry.operation, entry.status) == ("unmatched", 404)
        assert "secret-thing" not in entry.to_json().decode()


def test_a_mistake_of_ours_is_told_as_such_in_the_providers_envelope_and_journalled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("fauxscale.operations.performing.link", broken)
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        stage = Stage("in-process", mock, http)
        account = stage.account()
        reply = upscale(stage, key=account.api_key("ideogram"))
        assert reply.status_code == 500
        assert set(reply.json()) == {"error", "message"}
        assert "a bug in fauxscale" in reply.headers["x-fauxscale-reason"]
        (entry,) = entries(stage, account.id)
        assert entry.status == 500
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ("fauxscale.operations.performing.link", "/ideogram/upscale"),
        ("fauxscale.dispatch.routing.Routes.find", "/ideogram/upscale"),
        ("fauxscale.state.accounts.Accounts.cards", "/__fauxscale/api/accounts"),
    ],
)
def test_a_mistake_of_ours_is_logged_once_a_minute_however_often_it_is_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str, path: str
) -> None:
    def mistake(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        stage = Stage("in-process", mock, http)
        key = stage.account().api_key("ideogram")
        monkeypatch.setattr(broken, mistake)
        for number in range(20):
            control = path.startswith("/__")
            reply = http.get(f"{mock.url}{path}?x={number}") if control else upscale(stage, key=key)
            assert reply.status_code == 500
        monkeypatch.undo()
    assert caplog.text.count("ZeroDivisionError: a bug") == 1
    assert len(caplog.records) == 1


def test_a_calls_own_key_is_masked_wherever_it_was_pasted(stage: Stage) -> None:
    account = stage.account()
    key = account.api_key("ideogram")
    stage.http.post(
        f"{stage.url}/upscale?note={key}",
        files={
            "image_request": (None, json.dumps({"prompt": f"my key is {key}"})),
            "image_file": ("a", picture()),
        },
        headers={"Api-Key": key, "X-Note": key},
    )
    (entry,) = entries(stage, account.id)
    assert entry.status == 200
    assert key not in entry.to_json().decode()
