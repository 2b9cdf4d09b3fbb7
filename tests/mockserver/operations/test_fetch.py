"""Fetching goes to allowed hosts, at public addresses, resolved once; it is bounded and follows nothing."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fauxscale import Settings
from fauxscale.errors import ApiError, Problem
from fauxscale.hosts import is_public
from fauxscale.operations.fetch import fetch
from tests import outbound
from tests.calls.fal import uri
from tests.local_app import open_local_app
from tests.pictures import picture
from tests.spellings import hosts, literals, tricks

seen: list[str] = []
given_up = threading.Event()  # the slow host goes on once the client has stopped waiting


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        seen.append(self.headers["host"])
        if self.path == "/away":
            self.send_response(302)
            self.send_header("location", "/cat.png")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        if self.path == "/slow":
            given_up.wait(60)
        self.wfile.write(b"p" * 100)

    def log_message(self, format: str, *args: Any) -> None:  # http.server's name
        return


@pytest.fixture
def port() -> Iterator[int]:
    seen.clear()
    given_up.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        given_up.set()
        server.shutdown()
        thread.join()


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def get(url: str, cap: int = 100, **options: Any) -> bytes:
    options = {"resolve": loopback, "is_public": lambda _: True} | options
    return asyncio.run(fetch(url, cap, ("pictures.test",), param="image_url", **options))


def refusal(url: str, cap: int = 100, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        get(url, cap, **options)
    return caught.value


def test_an_allowed_host_is_asked_by_its_name_at_the_address_resolved(port: int) -> None:
    assert get(f"http://pictures.test:{port}/cat.png") == b"p" * 100
    assert seen == [f"pictures.test:{port}"]


@pytest.mark.parametrize(
    "url", ["http://other.test:{}/x", "ftp://pictures.test:{}/x", "http://127.0.0.1:{}/"]
)
def test_other_hosts_and_schemes_are_refused_unasked(port: int, url: str) -> None:
    error = refusal(url.format(port))
    assert error.problem is Problem.DOWNLOAD_FAILED
    assert "--allow-fetch" in error.reason
    assert seen == []


@pytest.mark.parametrize("url", ["http://[::1/", "http://pictures.test:x/", ""])
def test_what_is_no_address_is_a_failed_download(url: str) -> None:
    assert refusal(url).problem is Problem.DOWNLOAD_FAILED


def test_a_picture_named_by_address_is_fetched_from_allowed_hosts_only() -> None:
    for local in open_local_app(Settings(allow_fetch=("localhost",))):
        asked = [
            local.ask(
                "POST", "/fal/run/fal-ai/ideogram/upscale", json={"image_url": f"http://{host}:9/cat.png"}
            )
            for host in ("localhost", "example.com")
        ]
        assert [reply.json()["detail"][0]["type"] for reply in asked] == ["file_download_error"] * 2
        # The first was allowed by name, and its name leads inside.
        assert "not public" in asked[0].headers["x-fauxscale-reason"]
        assert "--allow-fetch" in asked[1].headers["x-fauxscale-reason"]


def test_an_allowed_name_that_leads_inside_is_refused(port: int) -> None:
    error = refusal(f"http://pictures.test:{port}/", is_public=is_public)
    assert "not public" in error.reason
    assert seen == []


def test_redirects_are_not_followed(port: int) -> None:
    assert "302" in refusal(f"http://pictures.test:{port}/away").reason


def test_one_byte_too_many_is_too_many(port: int) -> None:
    error = refusal(f"http://pictures.test:{port}/cat.png", 99)
    assert (error.problem, error.details["limit"]) == (Problem.FILE_TOO_LARGE, 99)


def test_a_slow_host_is_given_up_on(port: int) -> None:
    assert refusal(f"http://pictures.test:{port}/slow", seconds=0.1).problem is Problem.DOWNLOAD_FAILED


def test_a_name_that_cannot_be_resolved_is_a_failed_download() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert "no such name" in refusal("http://pictures.test/", resolve=nowhere).reason


# Where nobody is to be led

FEW = hosts()[::4]  # each takes a connection to where it is redirected from


def attempted(url: str, allowed: tuple[str, ...], answer: list[str] | None = None) -> tuple[ApiError, int]:
    """The refusal of an address, and how often a resolver was asked before it."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        if answer is not None:
            return answer
        # As the system reads a host that is an address in some spelling.
        return [host] if ":" in host else [socket.inet_ntoa(socket.inet_aton(host.encode("idna").decode()))]

    with pytest.raises(ApiError) as caught:
        asyncio.run(fetch(url, 100, allowed, param="image_url", resolve=resolve))
    assert caught.value.problem is Problem.DOWNLOAD_FAILED, url
    return caught.value, len(asked)


def test_there_are_over_four_hundred_spellings() -> None:
    assert len({*hosts(), *literals(), *tricks("pictures.test")}) > 400


def test_no_spelling_of_an_address_inside_is_asked_because_a_host_is_allowed() -> None:
    outbound.begun.clear()
    for url in [*(f"http://{host}/a.png" for host in hosts()), *tricks("pictures.test")]:
        _, times = attempted(url, ("pictures.test",), ["127.0.0.1"])
        # Before its host, an address has a name in it, whatever that looks like.
        assert times == ("%23@pictures.test/" in url or "%5c@pictures.test/" in url), url
    assert list(outbound.begun) == []


def test_no_spelling_of_an_address_inside_is_asked_though_it_was_allowed_itself() -> None:
    outbound.begun.clear()
    for host in hosts():
        allowed = tuple(dict.fromkeys([host, host.strip("[]"), host.lower(), host.strip("[]").lower()]))
        attempted(f"http://{host}/a.png", allowed)
    assert list(outbound.begun) == []


def test_an_allowed_name_is_not_asked_at_any_address_inside_nor_where_only_one_of_its_addresses_is() -> None:
    outbound.begun.clear()
    for literal in literals():
        for answer in (
            [literal],
            ["93.184.216.34", literal],
            [literal, "93.184.216.34"],
            [f"{literal}%eth0"],
        ):
            error, times = attempted("http://pictures.test/a.png", ("pictures.test",), answer)
            assert ("not public" in error.reason, times) == (True, 1), answer
    assert list(outbound.begun) == []


def test_a_redirect_to_any_address_inside_is_not_followed() -> None:
    async def away() -> int:
        target = iter([f"http://{host}/a.png" for host in FEW])
        asked = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            to = next(target).encode()
            writer.write(b"HTTP/1.1 307 Away\r\nlocation: " + to + b"\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        outbound.begun.clear()
        async with server:
            for _ in FEW:
                with pytest.raises(ApiError, match="Failed to download"):
                    await fetch(
                        f"http://pictures.test:{port}/", 100, ("pictures.test",), param="image_url",
                        resolve=loopback, is_public=lambda _: True,
                    )  # fmt: skip
                asked += 1
        assert set(outbound.begun) == {("127.0.0.1", port)}
        return asked

    assert asyncio.run(away()) == len(FEW)


def test_a_name_that_is_rebound_after_it_was_looked_up_is_asked_where_it_was_then(port: int) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    outbound.begun.clear()
    assert get(f"http://pictures.test:{port}/cat.png", resolve=rebinding) == b"p" * 100
    assert list(outbound.begun) == [("127.0.0.1", port)]
    assert next(answers) == ["10.0.0.1"], "nobody asked a second time"


def test_a_packed_body_is_not_unpacked() -> None:
    async def packed() -> ApiError:
        body = gzip.compress(b"\0" * 10_000_000)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"accept-encoding: identity" in head.lower()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ApiError) as caught:
                await fetch(
                    f"http://pictures.test:{port}/", 10**9, ("pictures.test",), param="image_url",
                    resolve=loopback, is_public=lambda _: True,
                )  # fmt: skip
            return caught.value

    assert "coding 'gzip'" in asyncio.run(packed()).reason


def test_no_log_tells_the_address_of_a_picture_or_of_a_notice(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Zt9-a-signature-of-somebody"
    get(f"http://me:{secret}@pictures.test:{port}/cat.png?sig={secret}")
    for local in open_local_app():
        hook = f"http://{secret}@127.0.0.1:{port}/?sig={secret}"
        local.ask(
            "POST", "/fal/queue/fal-ai/ideogram/upscale", params={"fal_webhook": hook},
            json={"image_url": uri(picture())},
        )  # fmt: skip
    server = [one for one in caplog.records if "fal/queue" not in one.getMessage()]
    assert [one.getMessage() for one in server if secret in caplog.handler.format(one)] == []
    assert seen[0] == f"pictures.test:{port}"
