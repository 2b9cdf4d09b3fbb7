"""OpenAI's Python client, 3.x and 1.x, sync and async: a photo comes back doubled, errors are its own, retries too."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops

from fauxscale import Fail, MockServer
from fauxscale.faults import Rule
from fauxscale.state.account import Account
from tests.clients.environments import folder_with, isolated
from tests.conftest import FIXTURES
from tests.pictures import doubled, opened

PHOTO = FIXTURES / "images" / "coffee.jpg"
SCRIPT = Path(__file__).with_name("openai_script.py")
GATEWAYS = ("aigateway", "lumenfall")
CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "APIStatusError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "InternalServerError",
}
RETRIED = {408, 409, 429, 500, 502, 503}


class Run:
    """One run of the script against a server, and what both sides saw."""

    def __init__(self, mock: MockServer, major: str) -> None:
        self.mock, self.major, self.key = mock, major, f"lmnfl_{major[0]}.key"
        for provider in GATEWAYS:
            self._order(f"{self.key}-{provider}-late", Rule("", (Fail(429, retry_after=121),), times=None))
            self._order(f"{self.key}-{provider}-twice", Rule("", (Fail(503),), times=2))
        task = {"key": self.key, "photo": str(PHOTO)} | {name: mock.base_url(name) for name in GATEWAYS}
        python, environment = [sys.executable], dict(os.environ)
        if major == "1.x":
            python, environment = [sys.executable, "-S"], isolated(folder_with("openai==1.109.1", "openai1"))
        done = subprocess.run(
            [*python, "-W", "error", str(SCRIPT)],
            input=json.dumps(task), capture_output=True, text=True, timeout=120, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        self.seen: dict[str, Any] = json.loads(done.stdout)

    def account(self, key: str) -> Account:
        return asyncio.run(self.mock.app.accounts.of_key(key, "*"))

    def statuses(self, key: str) -> list[int | None]:
        """What the calls of one key were answered, in order."""
        return [entry.status for entry in asyncio.run(self.account(key).journal.entries())]

    def _order(self, key: str, rule: Rule) -> None:
        asyncio.run(self.account(key).faults.add(rule))


@pytest.fixture(scope="module", params=["3.x", "1.x"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with MockServer() as mock:
        yield Run(mock, request.param)


def picture_at(url: str) -> Image.Image:
    return opened(httpx.get(url).raise_for_status().content)


def test_the_major_version_is_the_one_meant(run: Run) -> None:
    assert run.seen["version"].startswith(run.major[:2])


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_real_photo_comes_back_exactly_doubled_in_whatever_shape_it_was_sent(
    run: Run, gateway: str
) -> None:
    links = run.seen[gateway]
    assert set(links) == {"file", "path", "bytes", "BytesIO", "wrong name", "list", "async"}
    expected = doubled(PHOTO.read_bytes())
    for url in links.values():
        assert url.startswith(f"{run.mock.url}/{gateway}/")
        assert ImageChops.difference(picture_at(url), expected).getbbox() is None


def test_generations_models_base64_and_extra_parameters_reach_the_client(run: Run) -> None:
    seen = run.seen["others"]
    assert picture_at(seen["drawn"]).size == (256, 256)
    assert seen["request_id"].startswith("req_")
    assert seen["models"] == ["ideogram/ideogram-upscale"]
    assert seen["model"] == "ideogram"
    width, height = doubled(PHOTO.read_bytes()).size
    assert opened(base64.b64decode(seen["b64_json"])).size == (width * 3 // 4, height * 3 // 4)
    assert seen["metadata"]["cost"] == 0.06
    assert seen["dry"] == 60_000


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("status", CLASSES)
def test_a_status_is_the_clients_own_exception_after_its_own_number_of_calls(
    run: Run, gateway: str, status: int
) -> None:
    seen = run.seen["attempts"][f"{gateway} {status}"]
    assert (seen["class"], seen["status"]) == (CLASSES[status], status)
    assert seen["type"]
    assert seen["code"]
    calls = run.statuses(f"{run.key}-{gateway}-{status}")
    assert calls == [status] * (3 if status in RETRIED else 1)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_wait_of_two_minutes_is_not_obeyed(run: Run, gateway: str) -> None:
    """3.x gives up at once over 120 s; 1.x ignores what is over 60 s and backs off as by default."""
    assert run.seen["attempts"][f"{gateway} late"]["class"] == "RateLimitError"
    calls = run.statuses(f"{run.key}-{gateway}-late")
    assert calls == [429] * (1 if run.major == "3.x" else 3)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_two_failures_are_overcome_and_paid_for_once(run: Run, gateway: str) -> None:
    assert run.seen["attempts"][f"{gateway} twice"]["class"] == "fine"
    key = f"{run.key}-{gateway}-twice"
    assert run.statuses(key) == [503, 503, 200]
    assert asyncio.run(run.account(key).ledger.spent()) == 60_000
