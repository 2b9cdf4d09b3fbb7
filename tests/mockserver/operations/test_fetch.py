"""Fetching goes to allowed hosts, at public addresses, resolved once; it is bounded and follows nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fauxscale import Settings
from fauxscale.errors import ApiError, Problem
from fauxscale.hosts import is_public
from fauxscale.operations.fetch import fetch
from tests.local_app import open_local_app

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
