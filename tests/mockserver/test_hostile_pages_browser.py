"""A page of somebody else, in a real browser, does nothing to the server and reads nothing but links."""

from __future__ import annotations

import base64
import json
import queue
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from fauxscale import Fail, MockServer
from fauxscale.client import AccountHandle
from tests.calls.ideogram import upscale
from tests.pages import Target, targets
from tests.pictures import picture
from tests.stages import Stage
from tests.tools import needs, path_of

PAGE = (Path(__file__).parents[1] / "browser" / "attack.html").read_text(encoding="utf-8")
WAYS = 16


@contextmanager
def somebody_elses(plan: dict[str, Any]) -> Generator[tuple[int, queue.Queue[dict[str, Any]]]]:
    """A site of somebody else: its page, what that is to attack, and where it reports to."""
    reports: queue.Queue[dict[str, Any]] = queue.Queue()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = PAGE.replace("PICTURE)", f'"{base64.b64encode(picture()).decode()}")')
            body, kind = (
                (json.dumps(plan), "application/json") if self.path == "/targets" else (page, "text/html")
            )
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            reports.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # http.server's name
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port, reports
        server.shutdown()
        thread.join()


@contextmanager
def browsing(url: str, profile: Path) -> Generator[None]:
    """A browser on a page, in which names under evil.test lead to this machine, as their owner's resolver might say."""
    command = [
        path_of("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP *.evil.test 127.0.0.1", f"--user-data-dir={profile}",
        "--remote-debugging-port=0", url,
    ]  # fmt: skip
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        browser.terminate()
        try:
            browser.wait(20)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()


def state(mock: MockServer, account: AccountHandle) -> str:
    """Everything a page could have changed; calls of no account are written down, and are no change."""
    parts = ("", "/settings", "/totals", "/calls", "/faults", "/clock", "/ledger", "/jobs", "/links")
    told = [mock.client.call("GET", f"/accounts/{account.id}{part}") for part in parts]
    return json.dumps([mock.client.call("GET", "/accounts"), *told], sort_keys=True)


@needs("chromium")
@pytest.mark.parametrize(
    ("home", "at"),
    [
        ("127.0.0.1", "127.0.0.1"),  # another origin of the same site
        ("www.evil.test", "127.0.0.1"),  # another site
        ("www.evil.test", "www.evil.test"),  # a name that was made to lead here after the page was loaded
    ],
)
def test_a_page_of_another_origin_has_no_effect_and_reads_links_alone(
    home: str, at: str, tmp_path: Path
) -> None:
    with MockServer() as mock, httpx.Client() as http:
        account = mock.account(balance=10)
        account.clock.freeze(1_800_000_000)
        reply = upscale(Stage("socket", mock, http), key=account.api_key("ideogram"))
        account.faults.add(Fail(503), times=3)
        link = httpx.URL(reply.json()["data"][0]["url"]).raw_path.decode()
        routes = targets(mock.app, account.id)
        before = state(mock, account)
        plan = {"server": mock.url.replace("127.0.0.1", at), "targets": [asdict(one) for one in routes]}
        with somebody_elses(plan) as (port, reports), browsing(f"http://{home}:{port}/", tmp_path / "all"):
            told = reports.get(timeout=240)
        assert told["errors"] == []
        assert told["origin"] == f"http://{home}:{port}"
        assert told["leaked"] == []
        assert len(told["tried"]) == WAYS
        assert set(told["tried"].values()) == {len(routes)}, "every way was tried on every route"
        allowed = {one.path for one in routes if one.open} if at != "www.evil.test" else set[str]()
        fetched = {one["path"] for one in told["read"] if "GET" in one["way"]}
        assert fetched == allowed, "links are for pages everywhere"
        assert {one["path"] for one in told["read"]} == allowed, told["read"]
        assert state(mock, account) == before
        # The link itself, of which a fault is to come: a page that knows it may show it.
        account.faults.clear()
        plan["targets"] = [asdict(Target("GET", link, open=True))]
        with somebody_elses(plan) as (port, reports), browsing(f"http://{home}:{port}/", tmp_path / "link"):
            seen = {one["way"]: one["what"] for one in reports.get(timeout=120)["read"]}
        if at == "www.evil.test":
            assert seen == {}
        else:
            assert seen["img"] == "80x60"
            assert seen["GET"].startswith("200 ")
