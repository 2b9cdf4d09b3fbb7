"""fal-client for Python does its work against the stand-in: run, submit, subscribe, upload; sync and async."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fal_client
import fal_client.client
import httpx
import pytest

from fauxscale import MockServer
from fauxscale.cli.variables import variables
from fauxscale.providers import PROVIDERS
from fauxscale.transport.tls import trusting
from tests.conftest import FIXTURES
from tests.pictures import opened, picture

MODEL = "fal-ai/ideogram/upscale"
PHOTO = FIXTURES / "images" / "astronaut.png"
FAL = next(provider for provider in PROVIDERS if provider.name == "fal")
ARGUMENTS = {"image_url": fal_client.encode(picture(), "image/png")}


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """The client in this process, its four addresses swapped for the stand-in's; retries wait for nothing."""
    with MockServer() as mock:
        client = fal_client.client
        monkeypatch.setattr(client, "RUN_URL_FORMAT", f"{mock.url}/fal/run/")
        monkeypatch.setattr(client, "QUEUE_URL_FORMAT", f"{mock.url}/fal/queue/")
        monkeypatch.setattr(client, "REST_URL", f"{mock.url}/fal/rest")
        monkeypatch.setattr(client, "CDN_URL", f"{mock.url}/fal/media")
        yield mock


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client slept between attempts, had it slept."""
    slept: list[float] = []
    quick = SimpleNamespace(sleep=slept.append, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr(fal_client.client, "time", quick)
    return slept


Clients = Callable[..., fal_client.SyncClient]


@pytest.fixture
def client(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Makes a client with an account of its own: a wallet, and fal's options."""
    made: list[fal_client.SyncClient] = []
    uploaders: list[httpx.Client] = []
    open_one = fal_client.SyncClient._get_cdn_client

    def remember(client: fal_client.SyncClient) -> httpx.Client:
        uploaders.append(open_one(client))
        return uploaders[-1]

    monkeypatch.setattr(fal_client.SyncClient, "_get_cdn_client", remember)

    def make(balance: float = 10, **options: Any) -> fal_client.SyncClient:
        named = {f"fal.{name}": value for name, value in options.items()}
        account = mock.account(balance=balance, options=named)
        made.append(fal_client.SyncClient(key=account.api_key("fal")))
        return made[-1]

    yield make
    # fal-client 1.0.3 never closes what it opens.
    for http in [*uploaders, *(one._client for one in made)]:
        http.close()


def size_of(result: Any) -> tuple[int, int]:
    return opened(httpx.get(result["images"][0]["url"]).content).size


def refusal(client: fal_client.SyncClient, prompt: str) -> fal_client.FalClientHTTPError:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.run(MODEL, arguments=ARGUMENTS | {"prompt": prompt})
    return caught.value


def test_an_unchanged_application_is_pointed_here_by_its_environment(tmp_path: Path) -> None:
    with MockServer(tls=True) as mock:
        key = mock.account().api_key("fal")
        assert mock.ca is not None
        environment = os.environ | variables(FAL, mock.url, key) | {"SSL_CERT_FILE": str(mock.ca)}
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("fal_app.py")), str(PHOTO)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert set(said["results"]) == {
            "run", "submit", "subscribe", "run_async", "submit_async", "subscribe_async",
        }  # fmt: skip
        assert said["seen"][-1] == "Completed"
        with httpx.Client(verify=trusting(mock.ca)) as http:
            for result in said["results"].values():
                url = result["images"][0]["url"]
                assert url.startswith(f"{mock.url}/fal/media/")
                assert opened(http.get(url).content).size == (1024, 1024)


def test_an_uploaded_photo_comes_back_doubled(mock: MockServer, client: Clients) -> None:
    fal = client()
    url = fal.upload_file(PHOTO)
    assert url.startswith(f"{mock.url}/fal/media/files/")
    assert httpx.get(url).content == PHOTO.read_bytes()
    assert size_of(fal.run(MODEL, arguments={"image_url": url})) == (1024, 1024)


def test_an_upload_and_a_run_without_blocking(mock: MockServer) -> None:
    async def work() -> Any:
        client = fal_client.AsyncClient(key=mock.account().api_key("fal"))
        url = await client.upload(PHOTO.read_bytes(), "image/png", "cat.png")
        result = await client.subscribe(MODEL, arguments={"image_url": url})
        await (await client._client).aclose()
        return result

    assert size_of(asyncio.run(work())) == (1024, 1024)


def test_the_client_falls_back_to_a_signed_place(
    mock: MockServer, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fal_client.client, "CDN_URL", f"{mock.url}/fal/media/nowhere")
    url = client().upload(picture(), "image/png", "cat.png")
    assert httpx.get(url).content == picture()


def test_a_large_file_is_uploaded_in_parts(client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fal_client.client, "MULTIPART_THRESHOLD", 100_000)
    monkeypatch.setattr(fal_client.client, "MULTIPART_CHUNK_SIZE", 100_000)
    url = client().upload_file(PHOTO)
    assert httpx.get(url).content == PHOTO.read_bytes()


def test_a_lifetime_is_understood(client: Clients) -> None:
    url = client().upload(picture(), "image/png", lifecycle=fal_client.StorageSettings(expires_in="1h"))
    assert httpx.get(url).status_code == 200


def test_progress_is_told_as_the_client_parses_it(client: Clients) -> None:
    handle = client(polls=2).submit(MODEL, arguments=ARGUMENTS)
    seen = list(handle.iter_events(with_logs=True, interval=0))
    assert [type(one) for one in seen] == [fal_client.Queued, fal_client.InProgress, fal_client.Completed]
    assert size_of(handle.get()) == (80, 60)


def test_a_handle_made_of_the_requests_id_works(client: Clients) -> None:
    fal = client()
    made = fal.submit(MODEL, arguments=ARGUMENTS)
    assert isinstance(fal.status(MODEL, made.request_id), fal_client.Completed)
    assert size_of(fal.result(MODEL, made.request_id)) == (80, 60)


def test_a_request_can_be_cancelled(client: Clients) -> None:
    handle = client(queue_seconds=100.0).submit(MODEL, arguments=ARGUMENTS)
    handle.cancel()
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"


@pytest.mark.parametrize(
    ("prompt", "status", "kind"),
    [
        ("fauxscale:400", 400, "bad_request"),
        ("fauxscale:401", 401, None),
        ("fauxscale:403", 403, None),
        ("fauxscale:404", 404, None),
        ("fauxscale:422", 422, "content_policy_violation"),
        ("fauxscale:500", 500, "internal_error"),
        ("fauxscale:503", 503, "runner_scheduling_failure"),
    ],
)
def test_each_refusal_is_the_clients_own_error_and_not_retried(
    client: Clients, naps: list[float], prompt: str, status: int, kind: str | None
) -> None:
    error = refusal(client(), prompt)
    assert (error.status_code, error.error_type) == (status, kind)
    assert error.message
    assert naps == []


def test_a_validation_error_keeps_its_list(client: Clients) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client().run(MODEL, arguments={"detail": 0})
    detail: Any = caught.value.message
    assert [error["type"] for error in detail] == ["missing", "greater_than_equal"]


def test_an_error_of_the_model_arrives_with_the_result(client: Clients) -> None:
    handle = client().submit(MODEL, arguments={"image_url": "https://example.com/cat.png"})
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get()
    assert (caught.value.status_code, caught.value.error_type) == (422, "file_download_error")


def test_an_empty_wallet_is_a_403(client: Clients) -> None:
    error = refusal(client(balance=0.01), "")
    assert error.status_code == 403
    assert error.message.startswith("User is locked.")


def test_a_limit_is_met_with_ten_attempts(client: Clients, naps: list[float]) -> None:
    assert refusal(client(), "fauxscale:429").status_code == 429
    assert len(naps) == 9
