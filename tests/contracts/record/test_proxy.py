"""The recorder passes calls on untouched, keeps them without secrets, and says what it could not keep."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fauxscale import ExtraFields, MockServer
from fauxscale.recordings.har import Recording, body_of
from fauxscale_contracts import Exchange, load
from fauxscale_contracts.cli import main
from fauxscale_contracts.record.secrets import scan
from tests.pictures import opened, picture
from tests.recordings import Through, key_header, upscale

PHOTO = picture(width=64, height=48)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


def test_the_client_gets_what_the_service_said(mock: MockServer, tmp_path: Path) -> None:
    account = mock.account()
    headers = key_header("ideogram", account.api_key("ideogram"))
    response = Through(mock.base_url("ideogram"), tmp_path).ask(
        "POST", "/upscale", headers=headers, **upscale(PHOTO)
    )
    assert response.status_code == 200
    assert response.json()["data"][0]["upscaled_resolution"] == "128x96"
    call = account.calls.last
    assert (call.status, call.image and call.image.size) == (200, (64, 48))


def test_an_exchange_and_the_picture_it_leads_to_are_kept(mock: MockServer, tmp_path: Path) -> None:
    headers = key_header("ideogram", mock.account().api_key("ideogram"))
    through = Through(mock.base_url("ideogram"), tmp_path)
    response = through.ask("POST", "/upscale", headers=headers, **upscale(PHOTO))
    entries = Recording(tmp_path).entries()
    assert [entry["_operation"] for entry in entries] == ["ideogram.upscale", "ideogram.download"]
    exchange = Exchange.from_har(entries[0])
    assert exchange.reply is not None
    assert re.sub(rb"sig=\w+", b"sig=\xe2\x80\xa6", response.content) == exchange.reply.body
    assert load("ideogram").check_request(exchange) == []
    assert opened(body_of(entries[1]["response"]["content"])).size == (128, 96)


@pytest.mark.parametrize("provider", ["ideogram", "aigateway", "lumenfall", "fal"])
def test_no_key_is_left_in_a_recording(mock: MockServer, tmp_path: Path, provider: str) -> None:
    key = mock.account().api_key(provider)
    path = {"fal": "/fal-ai/ideogram/upscale", "ideogram": "/upscale"}.get(provider, "/images/edits")
    body = {"image_url": f"https://example.com/a.png?token={key}", "note": key}
    Through(mock.base_url(provider), tmp_path).ask("POST", path, headers=key_header(provider, key), json=body)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert key.encode() not in kept
    assert scan(tmp_path) == []


def test_what_departs_from_the_contract_is_said_at_once(mock: MockServer, tmp_path: Path) -> None:
    account = mock.account()
    account.faults.add(ExtraFields({"request_id": "Kx4Vw9dRQ4"}), on="ideogram.upscale")
    headers = key_header("ideogram", account.api_key("ideogram"))
    through = Through(mock.base_url("ideogram"), tmp_path)
    through.ask("POST", "/upscale", headers=headers, **upscale(PHOTO, '{"resemblence": 50}'))
    warnings = [line for line in through.lines if "warning" in line]
    assert any("did you mean resemblance?" in line for line in warnings)
    assert any("/body/request_id" in line for line in warnings)
    assert len(Recording(tmp_path).files()) == 2


async def _moved(request: Request) -> Response:
    return RedirectResponse("https://www.example.com/upscale?token=topsecret12")


async def _silent(request: Request) -> Response:
    await request.body()
    while not await request.is_disconnected():
        pass
    return Response()


@contextmanager
def service(handler: object) -> Generator[str]:
    """A service that answers every call by `handler`, on a socket."""
    import threading

    import uvicorn

    app = Starlette(routes=[Route("/{path:path}", handler, methods=["GET", "HEAD", "POST"])])  # type: ignore[arg-type]  # any handler will do
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, ws="none", timeout_graceful_shutdown=1, server_header=False, date_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    sock.close()


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (_moved, "was redirected to https://www.example.com/upscale"),
        (_silent, "gave no complete reply within 2 s"),
    ],
)
def test_a_service_that_cannot_be_recorded_is_named_and_nothing_kept(
    tmp_path: Path, handler: object, says: str
) -> None:
    with service(handler) as url:
        through = Through(url, tmp_path / "to", timeout=2 if handler is _silent else 30)
        response = through.ask("POST", "/upscale", content=b"{}")
    assert response.status_code == 502
    assert says in response.json()["message"]
    assert says in through.lines[0]
    assert "topsecret12" not in through.lines[0]
    assert through.failures == 1
    assert not (tmp_path / "to").exists()


def test_a_service_that_is_not_there_is_named(tmp_path: Path) -> None:
    through = Through("http://127.0.0.1:1", tmp_path)
    assert through.ask("GET", "/upscale").status_code == 502
    assert "GET http://127.0.0.1:1/upscale failed" in through.lines[0]


def test_a_picture_that_cannot_be_had_does_not_cost_the_exchange(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return JSONResponse({"data": [{"url": "http://127.0.0.1:1/api/images/ephemeral/x.png?sig=abc"}]})

    with service(handler) as url:
        through = Through(url, tmp_path)
        assert through.ask("POST", "/upscale").status_code == 200
    assert "its picture was not recorded" in through.lines[-1]
    assert len(Recording(tmp_path).files()) == 1


def test_links_in_what_a_picture_s_link_answers_are_not_followed(tmp_path: Path) -> None:
    async def everywhere(request: Request) -> Response:
        return JSONResponse(
            {"data": [{"url": f"{request.base_url}api/images/ephemeral/{os.urandom(4).hex()}.png"}]}
        )

    with service(everywhere) as url:
        through = Through(url, tmp_path)
        assert through.ask("POST", "/upscale").status_code == 200
        assert through.ask("GET", "/api/images/ephemeral/x.png").status_code == 200
    operations = [entry["_operation"] for entry in Recording(tmp_path).entries()]
    assert operations == ["ideogram.upscale", "ideogram.download", "ideogram.download"]
    assert through.failures == 0


def test_an_answer_nested_without_end_is_passed_on_and_kept(tmp_path: Path) -> None:
    async def nested(request: Request) -> Response:
        return Response("[" * 200_000, media_type="application/json")

    with service(nested) as url:
        response = Through(url, tmp_path).ask("POST", "/upscale")
    assert (response.status_code, len(response.content)) == (200, 200_000)
    (entry,) = Recording(tmp_path).entries()
    assert len(body_of(entry["response"]["content"])) == 200_000


def test_the_key_of_a_call_is_not_told_wherever_it_stands(mock: MockServer, tmp_path: Path) -> None:
    key = mock.account().api_key("ideogram")
    through = Through(mock.base_url("ideogram"), tmp_path)
    through.ask("GET", f"/accounts/{key}/upscale", headers={"Api-Key": key})
    lost = Through("http://127.0.0.1:1", tmp_path / "to")
    lost.ask("GET", f"/accounts/{key}/upscale", headers={"Api-Key": key})
    assert through.lines[0].startswith("404 GET ")
    assert lost.lines[0].startswith("not recorded: ")
    assert key not in "".join([*through.lines, *lost.lines])


def recording_process(*words: str) -> subprocess.Popen[str]:
    program = "from fauxscale_contracts.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "record", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.parametrize(
    ("sign", "upstream", "code"), [(signal.SIGINT, None, 0), (signal.SIGTERM, "http://127.0.0.1:1", 2)]
)
def test_the_command_records_until_it_is_ended(
    mock: MockServer, tmp_path: Path, sign: signal.Signals, upstream: str | None, code: int
) -> None:
    to = tmp_path / "to"
    process = recording_process("--upstream", upstream or mock.base_url("ideogram"), "--to", str(to))
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split(" at ")[1].split()[0]
        headers = key_header("ideogram", mock.account().api_key("ideogram"))
        httpx.post(f"{url}/upscale", headers=headers, **upscale(PHOTO))
        process.send_signal(sign)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == code, told
    assert ("could not be recorded" in told) == (code == 2)
    assert "Traceback" not in told
    assert to.exists() == (code == 0)


def test_headers_arrive_once_and_as_the_service_sent_them(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        given = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Server": "theirs", "Content-Length": "4096"}
        return Response(b"" if request.method == "HEAD" else b"a" * 4096, headers=given)

    with service(handler) as url:
        process = recording_process("--upstream", url, "--to", str(tmp_path / "to"))
        assert process.stdout is not None
        try:
            at = process.stdout.readline().split(" at ")[1].split()[0]
            answers = [httpx.request(method, f"{at}/upscale") for method in ("GET", "HEAD")]
        finally:
            process.kill()
            process.communicate()
    for answer in answers:
        assert answer.headers.get_list("content-length") == ["4096"]
        assert answer.headers.get_list("server") == ["theirs"]
        assert answer.headers.get_list("date") == ["Thu, 01 Jan 2026 00:00:00 GMT"]


def test_where_the_service_names_no_length_for_head_none_is_made_up(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        response = Response()
        del response.headers["content-length"]
        return response

    with service(handler) as url:
        assert "content-length" not in Through(url, tmp_path).ask("HEAD", "/upscale").headers


@pytest.mark.parametrize(
    "upstream", ["ftp://example.com", "example.com", "https://", "http://a:b:c", "https://a?b=c"]
)
def test_an_upstream_that_is_no_origin_is_a_usage_error(tmp_path: Path, upstream: str) -> None:
    result = CliRunner().invoke(main, ["record", "--upstream", upstream, "--to", str(tmp_path)])
    assert result.exit_code == 2
    assert repr(upstream) in result.output


@pytest.mark.parametrize(
    "words", [("--port", "-1"), ("--port", "65536"), ("--timeout", "nan"), ("--timeout", "0")]
)
def test_a_port_or_a_time_that_cannot_be_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(
        main, ["record", "--upstream", "http://127.0.0.1:1", "--to", str(tmp_path), *words]
    )
    assert result.exit_code == 2
    assert f"Invalid value for '{words[0]}': " in result.stderr
