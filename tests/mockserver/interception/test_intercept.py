"""Real hosts are answered in this process, by both HTTP stacks and the SDKs on them; nothing gets past."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import anyio
import fal_client
import httpcore
import httpcore2
import httpx
import httpx2
import openai
import pytest
import respx
import trio
from starlette.responses import JSONResponse, Response, StreamingResponse

from fauxscale import Endpoint, LiveCallRefused, MockServer, Provider, intercept
from fauxscale.dispatch.provider import Call, Site
from fauxscale.interception.forward import Forward
from fauxscale.interception.intercept import policy_for, routed
from fauxscale.transport.connection import connection_of
from tests.pictures import doubled, opened, picture

PHOTO = picture(width=40, height=30)
UPSCALE = "https://api.ideogram.ai/upscale"
FORM = {"image_file": ("a.png", PHOTO, "image/png"), "image_request": (None, "{}", "application/json")}


# Every kind of client, as a function of the key: uploads to the real host, follows the link, returns the picture.


def sync_client(library: Any) -> Callable[[str], bytes]:
    def call(key: str) -> bytes:
        with library.Client() as client:
            reply = client.post(UPSCALE, headers={"Api-Key": key}, files=FORM)
            assert reply.status_code == 200, reply.text
            return bytes(client.get(reply.json()["data"][0]["url"]).content)

    return call


async def async_call(library: Any, key: str) -> bytes:
    async with library.AsyncClient() as client:
        reply = await client.post(UPSCALE, headers={"Api-Key": key}, files=FORM)
        assert reply.status_code == 200, reply.text
        return bytes((await client.get(reply.json()["data"][0]["url"])).content)


CLIENTS: dict[str, Callable[[str], bytes]] = {
    "httpx": sync_client(httpx),
    "httpx2": sync_client(httpx2),
    "httpx asyncio": lambda key: asyncio.run(async_call(httpx, key)),
    "httpx2 asyncio": lambda key: asyncio.run(async_call(httpx2, key)),
    "httpx trio": lambda key: trio.run(async_call, httpx, key),
    "httpx2 trio": lambda key: trio.run(async_call, httpx2, key),
}


@pytest.mark.usefixtures("interception")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reaches_the_stand_in_at_the_real_hosts(client: str, mock: MockServer) -> None:
    result = CLIENTS[client](mock.account().api_key("ideogram"))
    assert opened(result).tobytes() == doubled(PHOTO).tobytes()


def test_one_forward_serves_asyncio_and_trio(mock: MockServer) -> None:
    async def ask() -> int:
        async with httpx.AsyncClient(transport=there) as client:
            return (await client.get("https://api.ideogram.ai/nothing")).status_code

    with Forward(mock.url) as there:
        assert [asyncio.run(ask()), trio.run(ask), asyncio.run(ask())] == [404, 404, 404]


@pytest.mark.usefixtures("interception")
def test_the_openai_sdk_reaches_a_gateway(mock: MockServer) -> None:
    key = mock.account().api_key("lumenfall")
    with openai.OpenAI(base_url="https://api.lumenfall.ai/openai/v1", api_key=key) as client:
        reply = client.images.edit(model="ideogram-upscale", image=PHOTO, prompt="sharper")
    assert reply.data is not None
    assert (reply.data[0].url or "").startswith("https://media.lumenfall.ai/")


def test_the_asynchronous_openai_sdk_reaches_a_gateway(mock: MockServer) -> None:
    async def edit() -> openai.types.ImagesResponse:
        key = mock.account().api_key("aigateway")
        async with openai.AsyncOpenAI(base_url="https://api.aigateway.sh/v1", api_key=key) as client:
            return await client.images.edit(model="ideogram/ideogram-upscale", image=PHOTO, prompt="sharper")

    with intercept(mock):
        reply = asyncio.run(edit())
    assert reply.data is not None
    assert (reply.data[0].url or "").startswith("https://media.aigateway.sh/")


def test_fal_client_reaches_the_queue_and_its_result(mock: MockServer) -> None:
    client = fal_client.SyncClient(key=mock.account().api_key("fal"))
    with intercept(mock):
        image = fal_client.encode(PHOTO, "image/png")
        result = client.subscribe("fal-ai/ideogram/upscale", arguments={"image_url": image})
        got = httpx.get(result["images"][0]["url"])
    assert opened(got.content).size == (80, 60)


def test_a_call_that_blocks_an_event_loop_is_answered_all_the_same(mock: MockServer) -> None:
    async def block() -> bytes:
        return CLIENTS["httpx"](mock.account().api_key("ideogram"))

    with intercept(mock):
        assert opened(asyncio.run(block())).size == (80, 60)


# What a wire can do to a client, chosen by path from a provider of the test's own.

RELEASED = threading.Event()


async def drip(call: Call) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(RELEASED.wait, 10)
        yield b"last"

    return StreamingResponse(pieces())


async def cut(call: Call) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        connection = connection_of(call.request.scope)
        assert connection is not None
        if call.params["how"] == "reset":
            connection.reset()
        else:
            connection.close()
        yield b"never seen"

    return StreamingResponse(pieces())


async def hang(call: Call) -> Response:
    await asyncio.Event().wait()
    return JSONResponse({})


def odd_endpoint(path: str, handler: Callable[[Call], Awaitable[Response]]) -> Endpoint:
    return Endpoint(operation="odd.any", method="GET", path=path, handler=handler, needs_key=False)


ODD_SITE = Site(
    prefix="/odd",
    hosts=("api.odd.test",),
    endpoints=(odd_endpoint("/drip", drip), odd_endpoint("/cut/{how}", cut), odd_endpoint("/hang", hang)),
)
ODD = Provider(
    name="odd",
    sites=(ODD_SITE,),
    base="/odd",
    media=ODD_SITE,
    find_key=lambda request: None,
    mint_key=lambda drawn: drawn.hex(),
    word_error=lambda call, error: JSONResponse({"error": error.message}, error.status or 500),
    env={},
    link_life=60,
    fallbacks={"odd.test": "api.odd.test"},
)


@pytest.fixture
def odd() -> Iterator[MockServer]:
    RELEASED.clear()
    with intercept(providers=(ODD,)) as mock:
        yield mock
        RELEASED.set()


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_reply_streams_as_it_is_made(library: Any) -> None:
    with library.stream("GET", "https://api.odd.test/drip") as reply:
        pieces = reply.iter_raw()
        assert next(pieces) == b"first"
        RELEASED.set()
        assert b"".join(pieces) == b"last"


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_reply_streams_to_asynchronous_clients_too(backend: str, library: Any) -> None:
    async def read() -> None:
        async with (
            library.AsyncClient() as client,
            client.stream("GET", "https://api.odd.test/drip") as reply,
        ):
            pieces = reply.aiter_raw()
            assert await anext(pieces) == b"first"
            RELEASED.set()
            assert b"".join([piece async for piece in pieces]) == b"last"

    anyio.run(read, backend=backend)


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("path", "error"),
    [("/cut/reset", "ReadError"), ("/cut/close", "RemoteProtocolError"), ("/hang", "ReadTimeout")],
)
def test_a_broken_connection_is_the_library_s_own_error(library: Any, path: str, error: str) -> None:
    with pytest.raises(getattr(library, error)):
        library.get(f"https://api.odd.test{path}", timeout=1 if path == "/hang" else 30)


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_broken_connection_is_the_library_s_own_error_to_asynchronous_clients(library: Any) -> None:
    async def read() -> None:
        async with library.AsyncClient() as client:
            await client.get("https://api.odd.test/cut/reset")

    with pytest.raises(library.ReadError):
        asyncio.run(read())


# Nothing gets past.


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("host", ["example.com", "odd.test"])
def test_another_host_is_refused(odd: MockServer, library: Any, host: str) -> None:
    with pytest.raises(LiveCallRefused, match=f"a live call to {host} by httpx2? was refused"):
        library.get(f"https://{host}/")


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_loopback_is_reached_as_ever(mock: MockServer, library: Any) -> None:
    with intercept(providers=(ODD,)):
        reply = library.get(f"{mock.url}/__fauxscale/api/health")
    assert reply.json()["status"] == "ok"


def test_an_sdk_s_way_to_another_domain_is_refused_and_not_retried(mock: MockServer) -> None:
    calls: list[LiveCallRefused] = []
    client = fal_client.SyncClient(key="a:b")
    policy = policy_for(mock.providers, mock.url, routed=True)
    with (
        routed(Unreachable(), mock.providers, policy, calls.append, ports=mock.transport()),
        pytest.raises(LiveCallRefused),
    ):
        client.run("fal-ai/ideogram/upscale", arguments={})
    assert [call.refusal.host for call in calls] == ["falrun.com"]
    assert "SDKs fall back to this host when fal.run cannot be reached" in calls[0].refusal.fix


class Unreachable(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """What makes fal-client turn to its second domain."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to host")


def test_a_refusal_is_in_the_account_s_journal(mock: MockServer) -> None:
    with mock.account() as account:
        with intercept(mock, account=account), pytest.raises(LiveCallRefused) as refused:
            httpx2.get("https://example.com/")
        (entry,) = account.calls.refused
        assert (entry.path, entry.reason) == ("example.com", str(refused.value))
        assert list(account.calls) == []


def test_the_user_s_own_mocks_of_other_hosts_go_on(mock: MockServer) -> None:
    with intercept(mock), respx.mock(assert_all_called=False) as mine:
        mine.get("https://example.com/").respond(json={"mine": True})
        assert httpx.get("https://example.com/").json() == {"mine": True}
        assert opened(CLIENTS["httpx"](mock.account().api_key("ideogram"))).size == (80, 60)
        with pytest.raises(AssertionError):
            httpx.get("https://example.org/")
    with respx.mock() as mine, intercept(mock):
        mine.get("https://example.com/").respond(json={"mine": True})
        assert httpx.get("https://example.com/").json() == {"mine": True}
        assert opened(CLIENTS["httpx"](mock.account().api_key("ideogram"))).size == (80, 60)


def test_nothing_is_left_when_an_interception_ends() -> None:
    def patched() -> list[object]:
        return [
            core.__dict__[name].__dict__[method]
            for core in (httpcore, httpcore2)
            for name, method in (
                ("ConnectionPool", "handle_request"),
                ("AsyncConnectionPool", "handle_async_request"),
            )
        ]

    before = patched()
    threads = set(threading.enumerate())
    with intercept():
        assert all(now is not then for now, then in zip(patched(), before, strict=True))
    assert patched() == before
    assert set(threading.enumerate()) <= threads


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_stack_first_imported_meanwhile_is_no_way_around() -> None:
    done = run(
        "from fauxscale import intercept\n"
        "with intercept():\n"
        "    import httpx2\n"
        "    assert httpx2.get('https://api.ideogram.ai/').status_code == 404\n"
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_one_line_that_names_it() -> None:
    done = run(
        "import sys\nsys.modules['respx'] = None\nfrom fauxscale import intercept\nwith intercept():\n    pass\n"
    )
    assert (
        done.stderr.splitlines()[-1]
        == "fauxscale.extras.MissingExtra: intercept() needs respx: pip install 'fauxscale[pytest]'"
    )
