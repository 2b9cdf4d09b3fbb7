"""Control calls over HTTP and straight to a server of the same process are answered alike."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import closing

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.client import FauxscaleClient, InvalidRequest, NotFound, Refused, ServerGone


@pytest.fixture
def mock() -> Generator[MockServer]:
    with MockServer() as made:
        yield made


def test_both_ways_say_the_same(mock: MockServer) -> None:
    account = mock.account(label="a grün one")
    calls: list[tuple[str, str, object]] = [
        ("GET", "/health", None),
        ("GET", f"/accounts/{account.id}/calls?status=200&wait=0", None),
        ("GET", f"/accounts/{account.id}/links", None),
        ("PATCH", f"/accounts/{account.id}/settings", {"rate_limit": 3}),
        ("GET", "/nosuch", None),
        ("PUT", "/accounts", None),
        ("POST", "/accounts", {"terms": {"balance": "much"}}),
        ("GET", "/accounts/acct_77", None),
    ]
    with closing(FauxscaleClient(mock.url)) as far:
        for method, path, arguments in calls:
            assert _said(mock.client, method, path, arguments) == _said(far, method, path, arguments)


def _said(client: FauxscaleClient, method: str, path: str, arguments: object) -> object:
    try:
        return client.call(method, path, arguments)
    except Refused as refused:
        return type(refused), str(refused)


def test_what_is_refused_raises_its_kind(mock: MockServer) -> None:
    with pytest.raises(InvalidRequest, match="balance"):
        mock.client.call("POST", "/accounts", {"terms": {"balance": "much"}})
    with pytest.raises(NotFound, match="no account 'acct_77'"):
        mock.client.call("GET", "/accounts/acct_77")


def test_a_server_that_was_stopped_is_gone(mock: MockServer) -> None:
    client = mock.client
    mock.stop()
    with pytest.raises(ServerGone, match="it was stopped"):
        client.call("GET", "/health")


def test_a_call_that_waits_ends_with_the_server(mock: MockServer) -> None:
    client, account, ended = mock.client, mock.account(), threading.Event()

    def wait() -> None:
        with pytest.raises(ServerGone, match="it was stopped"):
            client.call("GET", f"/accounts/{account.id}/calls?wait=1&timeout=300")
        ended.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    mock.stop()
    assert ended.wait(30)


def test_the_server_does_not_wait_for_itself(mock: MockServer) -> None:
    client, loop = mock.client, mock._running().loop

    async def ask() -> None:
        client.call("GET", "/health")

    with pytest.raises(RuntimeError, match="the event loop of its own server"):
        asyncio.run_coroutine_threadsafe(ask(), loop).result(30)


def test_a_call_that_waits_for_nothing_is_answered_in_the_caller_s_thread(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, threads, answer = mock.client, list[threading.Thread](), mock.app.control

    async def noted(base: str, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        threads.append(threading.current_thread())
        return await answer(base, method, target, body)

    monkeypatch.setattr(client._line, "_answer", noted)
    for _ in range(50):
        assert len(mock.account().calls) == 0
    assert threads.count(threading.current_thread()) > 25


def test_a_call_that_waits_is_answered_when_there_is_an_answer(mock: MockServer) -> None:
    account, found = mock.account(), list[int]()
    waiting = threading.Thread(target=lambda: found.append(len(account.calls.wait_for(1, timeout=60))))
    waiting.start()
    httpx.get(
        f"{account.base_url('lumenfall')}/models",
        headers={"authorization": f"Bearer {account.api_key('lumenfall')}"},
    )
    waiting.join(60)
    assert found == [1]
