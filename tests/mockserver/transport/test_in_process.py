"""One transport without a socket, for both libraries, that lets go of whoever lets go."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import httpx2
import openai
import pytest
import trio

from fauxscale import Hang, MockServer
from fauxscale.client import AccountHandle
from tests.pictures import picture

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
FORM = {"image_file": ("a.png", picture(), "image/png"), "image_request": (None, "{}", "application/json")}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(listen=False) as server:
        yield server


@pytest.fixture
def slow(mock: MockServer) -> AccountHandle:
    """An account whose calls are never answered."""
    account = mock.account(in_flight=100)
    account.faults.add(Hang(), times=None)
    return account


def send(client: Any, account: AccountHandle) -> Any:
    url = f"{account.base_url('ideogram')}/upscale"
    return client.post(url, headers={"Api-Key": account.api_key("ideogram")}, files=FORM)


@LIBRARIES
def test_the_transport_serves_clients_of_both_libraries(mock: MockServer, library: Any) -> None:
    account = mock.account()
    with library.Client(transport=mock.transport()) as client:
        reply = send(client, account)
        assert isinstance(reply, library.Response)
        assert client.get(reply.json()["data"][0]["url"]).status_code == 200

    async def again() -> Any:
        async with library.AsyncClient(transport=mock.transport()) as client:
            return await send(client, account)

    assert asyncio.run(again()).status_code == 200
    assert trio.run(again).status_code == 200


def test_an_sdk_takes_the_transport(mock: MockServer) -> None:
    account = mock.account()
    without_socket: Any = mock.transport()
    http = openai.DefaultHttpxClient(transport=without_socket)
    url, key = account.base_url("lumenfall"), account.api_key("lumenfall")
    with openai.OpenAI(base_url=url, api_key=key, http_client=http) as client:
        assert client.images.edit(model="ideogram-upscale", image=picture(), prompt="sharper").data


@LIBRARIES
def test_a_read_time_out_is_the_library_s_own(mock: MockServer, slow: AccountHandle, library: Any) -> None:
    with (
        library.Client(transport=mock.transport(), timeout=0.05) as client,
        pytest.raises(library.ReadTimeout),
    ):
        send(client, slow)


async def give_up_asyncio(call: Callable[[], Any]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(), 0.05)


async def give_up_trio(call: Callable[[], Any]) -> None:
    with trio.move_on_after(0.05) as scope:
        await call()
    assert scope.cancelled_caught


@LIBRARIES
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_call_ends_at_once_for_both_sides(
    mock: MockServer, slow: AccountHandle, library: Any, backend: str
) -> None:
    async def call() -> None:
        async with library.AsyncClient(transport=mock.transport(), timeout=None) as client:
            await send(client, slow)

    if backend == "asyncio":
        asyncio.run(give_up_asyncio(call))
    else:
        trio.run(give_up_trio, call)
    slow.calls.wait_for(1, timeout=60)
    assert slow.calls.last.reason == "the client went away before it was answered"


@LIBRARIES
def test_as_many_calls_as_you_like_wait_without_a_thread_and_hold_up_nobody(
    mock: MockServer, slow: AccountHandle, library: Any
) -> None:
    async def run(start: Any, sleep: Any) -> None:
        async with library.AsyncClient(transport=mock.transport(), timeout=60) as client:
            waiting = [start(send, client, slow) for _ in range(60)]
            while slow.faults.list()[0].applied < len(waiting):
                await sleep(0)
            assert (await client.get(f"{mock.url}/__fauxscale/api/health")).status_code == 200
            await anyio.to_thread.run_sync(time.sleep, 0)
            for one in waiting:
                one.cancel()

    async def on_asyncio() -> None:
        tasks: list[asyncio.Task[Any]] = []

        def start(work: Any, *words: Any) -> asyncio.Task[Any]:
            tasks.append(asyncio.create_task(work(*words)))
            return tasks[-1]

        await run(start, asyncio.sleep)
        await asyncio.gather(*tasks, return_exceptions=True)

    before = set(threading.enumerate())
    asyncio.run(on_asyncio())
    assert len(set(threading.enumerate()) - before) <= 5


@LIBRARIES
@pytest.mark.parametrize("begin", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_a_time_out_of_an_asynchronous_client_counts_and_what_came_is_read(
    mock: MockServer, slow: AccountHandle, library: Any, begin: Any
) -> None:
    async def run() -> int:
        async with library.AsyncClient(transport=mock.transport(), timeout=30) as client:
            client.timeout = 0.2
            with pytest.raises(library.ReadTimeout):
                await send(client, slow)
            client.timeout = 30
            return int((await send(client, mock.account())).status_code)

    assert begin(run() if begin is asyncio.run else run) == 200


@LIBRARIES
def test_behind_a_stopped_server_nobody_answers(library: Any) -> None:
    with MockServer(listen=False) as mock:
        transport, url = mock.transport(), mock.url
    with library.Client(transport=transport) as client, pytest.raises(library.ConnectError, match="stopped"):
        client.get(url)

    async def ask() -> None:
        async with library.AsyncClient(transport=transport) as client:
            await client.get(url)

    with pytest.raises(library.ConnectError, match="stopped"):
        asyncio.run(ask())


@LIBRARIES
def test_a_wake_of_a_message_already_taken_is_no_time_out(
    mock: MockServer, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late:
        """Lets the reader run between a message and its wake, as the interpreter may."""

        def __init__(self) -> None:
            self._queue: queue.SimpleQueue[Any] = made()
            self.get, self.empty = self._queue.get, self._queue.empty

        def put(self, message: object) -> None:
            self._queue.put(message)
            time.sleep(0.003)

    made = queue.SimpleQueue
    monkeypatch.setattr(queue, "SimpleQueue", Late)

    async def run() -> set[int]:
        async with library.AsyncClient(transport=mock.transport(), timeout=30) as client:
            return {(await client.get(f"{mock.url}/__fauxscale/api/health")).status_code for _ in range(100)}

    assert asyncio.run(run()) == {200}


def served_by(mock: MockServer) -> list[threading.Thread]:
    """The threads that calls are answered in, from now on."""
    threads: list[threading.Thread] = []

    async def noted(scope: Any, receive: Any, send: Any, app: Any = mock.app) -> None:
        threads.append(threading.current_thread())
        await app(scope, receive, send)

    mock._app = noted  # type: ignore[assignment]  # around the application, which has no such hook
    return threads


@LIBRARIES
def test_a_call_that_waits_for_nothing_is_answered_in_the_caller_s_thread(
    mock: MockServer, library: Any
) -> None:
    account = mock.account()
    threads = served_by(mock)
    with library.Client(transport=mock.transport()) as client:
        url = f"{account.base_url('lumenfall')}/models"
        headers = {"authorization": f"Bearer {account.api_key('lumenfall')}"}
        replies = [client.get(url, headers=headers) for _ in range(50)]
    assert {reply.json()["object"] for reply in replies} == {"list"}
    # Any other found the loop busy, and was answered there.
    assert threads.count(threading.current_thread()) > 25


def test_a_call_that_waits_is_answered_by_the_server_s_thread(mock: MockServer) -> None:
    account = mock.account(latency=0.01)
    with httpx.Client(transport=mock.transport()) as client:
        reply = send(client, account)
        assert reply.status_code == 200
        assert client.get(reply.json()["data"][0]["url"]).headers["content-type"] == "image/png"
    assert account.calls[0].status == 200


def test_a_synchronous_call_in_an_event_loop_is_answered_elsewhere(mock: MockServer) -> None:
    account = mock.account()
    threads = served_by(mock)

    async def call() -> Any:
        with httpx.Client(transport=mock.transport()) as client:
            return send(client, account)

    assert asyncio.run(call()).status_code == 200
    assert trio.run(call).status_code == 200
    assert threading.current_thread() not in threads
