"""The app without a socket behaves to a client as it does over one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import trio

from fauxscale import MockServer
from tests.mockserver.providers.test_ideogram import upscale
from tests.stages import Stage


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(listen=False) as mock:
        yield mock


def test_a_read_time_out_is_the_clients_own_error(mock: MockServer) -> None:
    with httpx.Client(transport=mock.transport(), timeout=0.1) as http:
        stage = Stage("in-process", mock, http)
        key = stage.mock.account().api_key("ideogram")
        with pytest.raises(httpx.ReadTimeout):
            upscale(stage, request={"prompt": "fauxscale:slow=5"}, key=key)


def test_a_call_that_was_given_up_does_not_hold_the_server(mock: MockServer) -> None:
    with httpx.Client(transport=mock.transport(), timeout=0.1) as http:
        with pytest.raises(httpx.ReadTimeout):
            upscale(Stage("in-process", mock, http), request={"prompt": "fauxscale:slow=30"}, key="k")
    started = time.perf_counter()
    mock.stop()
    assert time.perf_counter() - started < 2
    assert "fauxscale" not in {thread.name for thread in threading.enumerate()}


def test_trio_is_served_like_asyncio(mock: MockServer) -> None:
    async def call() -> int:
        async with httpx.AsyncClient(transport=mock.transport()) as http:
            return (await http.post(mock.url + "/upscale", headers={"Api-Key": "k"})).status_code

    assert trio.run(call) == 400


def test_a_mistake_in_a_handler_surfaces_in_the_caller(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("fauxscale.app.Routes.find", broken)
    with httpx.Client(transport=mock.transport()) as http, pytest.raises(RuntimeError, match="a bug of ours"):
        http.get(mock.url + "/upscale")
