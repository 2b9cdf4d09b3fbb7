"""No paid call gets out, whatever library makes it."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2
import pytest
import requests
import trio
import urllib3
from requests.adapters import HTTPAdapter

from fauxscale.interception.guard import LiveCallRefused, NetworkPolicy, Refusal, guard

HOST = "api.ideogram.ai"
BASE = "http://127.0.0.1:2160/ideogram"
POLICY = NetworkPolicy(
    covered={HOST: BASE}, fallbacks={"falrun.com": "fal.run"}, reachable=frozenset({"db.test"})
)


@pytest.fixture
def refusals() -> Iterator[list[Refusal]]:
    """Every refusal of a guard that is on for this test."""
    seen: list[Refusal] = []
    with guard(POLICY, lambda refused: seen.append(refused.refusal)):
        yield seen


async def ask_with_aiohttp() -> None:
    async with aiohttp.ClientSession() as session:
        await session.get(f"https://{HOST}/")


async def ask_with_asyncio() -> None:
    await asyncio.open_connection(HOST, 443)


async def ask_with_trio() -> None:
    await trio.open_tcp_stream(HOST, 443)


class Own(httpx.BaseTransport):
    """A transport of somebody's own, built on something else."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = urllib3.request(request.method, str(request.url))
        return httpx.Response(reply.status, content=reply.data)


WAYS: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "requests": (lambda: requests.get(f"https://{HOST}/", timeout=5), ("requests", "urllib3")),
    "urllib3": (lambda: urllib3.PoolManager().request("GET", f"http://{HOST}/"), ("urllib3",)),
    "urllib": (lambda: urllib.request.urlopen(f"http://{HOST}/"), ("urllib", "http")),
    "aiohttp": (lambda: asyncio.run(ask_with_aiohttp()), ("aiohttp",)),
    "asyncio": (lambda: asyncio.run(ask_with_asyncio()), ()),
    "trio": (lambda: trio.run(ask_with_trio), ("trio",)),
    "httpx": (lambda: httpx.get(f"https://{HOST}/"), ("httpx", "httpcore")),
    "httpx2": (lambda: httpx2.get(f"https://{HOST}/"), ("httpx2", "httpcore2")),
    "own transport": (
        lambda: httpx.Client(transport=Own()).get(f"https://{HOST}/"),
        ("urllib3",),  # what stands behind the user's own code
    ),
    "socket": (lambda: socket.create_connection((HOST, 443)), ()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_covered_host_is_refused_to_every_library_by_name(way: str, refusals: list[Refusal]) -> None:
    call, libraries = WAYS[way]
    with pytest.raises(LiveCallRefused) as refused:
        call()
    assert [(one.host, one.libraries) for one in refusals] == [(HOST, libraries)]
    assert str(refused.value) == str(refusals[0])
    assert HOST in str(refused.value)
    assert BASE in str(refused.value)


@pytest.mark.parametrize(
    "resolve",
    [
        lambda: socket.getaddrinfo(HOST, 443),
        lambda: socket.getaddrinfo(HOST.encode(), 443),
        lambda: socket.getaddrinfo(f"{HOST.upper()}.", 443),
        lambda: socket.gethostbyname(HOST),
        lambda: socket.gethostbyname_ex(HOST),
    ],
    ids=["text", "bytes", "fully qualified", "gethostbyname", "gethostbyname_ex"],
)
def test_no_resolver_function_is_a_way_around(resolve: Callable[[], object], refusals: list[Refusal]) -> None:
    with pytest.raises(LiveCallRefused):
        resolve()
    assert [one.host for one in refusals] == [HOST]


@pytest.mark.parametrize("address", ["192.0.2.7", HOST, "::ffff:192.0.2.7"])
@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_connecting_without_resolving_is_no_way_around(method: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        guard(POLICY),
        socket.socket(family, socket.SOCK_STREAM) as sock,
        pytest.raises(LiveCallRefused, match=address),
    ):
        getattr(sock, method)((address, 443))


def test_a_refusal_is_not_retried(refusals: list[Refusal]) -> None:
    session = requests.Session()
    patient = urllib3.Retry(total=5, backoff_factor=0)
    session.mount("https://", HTTPAdapter(max_retries=patient))
    with pytest.raises(LiveCallRefused):
        session.get(f"https://{HOST}/", timeout=5)
    assert len(refusals) == 1


@pytest.mark.parametrize(
    ("policy", "host", "fix"),
    [
        (POLICY, "falrun.com", "SDKs fall back to this host when fal.run cannot be reached"),
        (POLICY, "example.com", "fauxscale_reachable, or allow every host with fauxscale_network"),
        (POLICY, HOST, f"use the fixture fauxscale_intercept, or set the client's base URL to {BASE}"),
        (NetworkPolicy(covered={HOST: BASE}, routed=True), HOST, "bypassed Python's socket module"),
    ],
)
def test_the_fix_fits_the_case(policy: NetworkPolicy, host: str, fix: str) -> None:
    assert fix in str(policy.refuse(host))


def test_loopback_may_be_reached(refusals: list[Refusal]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port), timeout=5).close()
    assert refusals == []


def test_a_reachable_host_may_be_resolved_and_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[object] = []

    def resolve(*_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 5432))]

    def connect(_: socket.socket, address: object) -> None:
        reached.append(address)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with guard(POLICY):
        socket.create_connection(("db.test", 5432)).close()
    assert reached == [("192.0.2.7", 5432)]


def test_with_others_allowed_only_imitated_services_are_refused() -> None:
    policy = NetworkPolicy(covered={HOST: BASE}, fallbacks={"falrun.com": "fal.run"}, others=True)
    assert policy.permits("example.com")
    assert not policy.permits(HOST)
    assert not policy.permits("falrun.com")


@pytest.mark.tries_to_leave
def test_datagrams_pass_because_connecting_one_reaches_nobody(refusals: list[Refusal]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.7", 9))
        except OSError:
            pass  # a machine without a route says so itself
    assert refusals == []


def test_a_proxy_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet.test")
    with guard(POLICY), pytest.raises(LiveCallRefused):
        requests.get(f"https://{HOST}/", timeout=5)
    assert "no_proxy" not in os.environ
    assert os.environ["NO_PROXY"] == "intranet.test"


@pytest.mark.parametrize("spelling", ["NO_PROXY", "no_proxy"])
def test_a_proxy_set_meanwhile_stands_before_neither_services_nor_the_stand_in(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(spelling, "intranet.test")
    policy = NetworkPolicy(covered={HOST: "http://mock.test:2160/ideogram"})
    with guard(policy), guard(policy):
        monkeypatch.setenv("ALL_PROXY", "http://proxy.test:1")
        direct = {"intranet.test", "localhost", "127.0.0.1", "::1", "mock.test", HOST}
        for name in ("no_proxy", "NO_PROXY"):
            hosts = os.environ[name].split(",")
            assert (set(hosts), len(hosts)) == (direct, len(direct))
        with httpx.Client() as client, pytest.raises(LiveCallRefused, match=HOST):
            client.get(f"https://{HOST}/")
    assert os.environ[spelling] == "intranet.test"
    assert len({"no_proxy", "NO_PROXY"} & set(os.environ)) == 1


def proxied(way: str, proxy: str) -> None:
    """Call the covered host through an explicit proxy."""

    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(f"https://{HOST}/", proxy=proxy)

    if way == "requests":
        requests.get(f"https://{HOST}/", proxies={"https": proxy}, timeout=5)
    elif way == "requests without TLS":
        requests.get(f"http://{HOST}/", proxies={"http": proxy}, timeout=5)
    elif way == "urllib3":
        urllib3.ProxyManager(proxy).request("GET", f"https://{HOST}/")
    elif way == "http.client":
        with closing(http.client.HTTPSConnection(urlsplit(proxy).netloc, timeout=5)) as connection:
            connection.set_tunnel(HOST)
            connection.request("GET", "/")
    elif way == "httpx":
        httpx.get(f"https://{HOST}/", proxy=proxy)
    else:
        asyncio.run(ask())


@pytest.mark.parametrize(
    "way", ["requests", "requests without TLS", "urllib3", "http.client", "httpx", "aiohttp"]
)
def test_a_proxy_that_the_client_names_is_asked_for_nothing(way: str) -> None:
    refusals: list[Refusal] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        with (
            guard(POLICY, lambda refused: refusals.append(refused.refusal)),
            pytest.raises(LiveCallRefused, match="configure no proxy for the client"),
        ):
            proxied(way, address)
        proxy.setblocking(False)
        arrived = b""
        with suppress(BlockingIOError):
            asked, _ = proxy.accept()
            with asked:
                arrived = asked.recv(100)
    assert arrived == b""
    assert [one.host for one in refusals] == [HOST]


@pytest.mark.parametrize("pieces", [[b"CONNECT api.ideogram.ai:443 HTTP/1.1\r\n", b"\r\n"], []])
@pytest.mark.parametrize("way", ["sendmsg", "writelines"])
def test_what_leaves_in_pieces_is_looked_at_as_well(
    way: str, pieces: list[bytes], refusals: list[Refusal]
) -> None:
    async def write(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.writelines(pieces)
        finally:
            writer.close()
            await writer.wait_closed()

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        refusal: AbstractContextManager[object] = nullcontext()
        if pieces:
            refusal = pytest.raises(LiveCallRefused, match="configure no proxy for the client")
        with refusal:
            if way == "sendmsg":
                with socket.create_connection(proxy.getsockname(), timeout=5) as client:
                    client.sendmsg(pieces)
            else:
                asyncio.run(write(proxy.getsockname()[1]))
    assert len(refusals) == bool(pieces)


def test_other_hosts_are_the_proxy_s_own_business(refusals: list[Refusal]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        with socket.create_connection(proxy.getsockname(), timeout=5) as client:
            client.sendall(b"CONNECT db.test:443 HTTP/1.1\r\n\r\n")
            asked, _ = proxy.accept()
            with asked:
                assert asked.recv(7) == b"CONNECT"
    assert refusals == []


@pytest.mark.parametrize("wrap", ["wrap_socket", "wrap_bio"])
def test_a_tunnel_or_a_name_that_was_resolved_elsewhere_is_refused_when_tls_begins(
    wrap: str, refusals: list[Refusal]
) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_server(("127.0.0.1", 0)) as tunnel,
        socket.create_connection(tunnel.getsockname()) as sock,
        pytest.raises(LiveCallRefused, match=HOST),
    ):
        if wrap == "wrap_socket":
            context.wrap_socket(sock, server_hostname=HOST)
        else:
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False, HOST)
    assert len(refusals) == 1


@pytest.mark.parametrize("runner", ["pytest_asyncio.plugin", "_pytest.python", "__main__"])
def test_who_runs_the_tests_is_not_named_as_a_caller(runner: str, refusals: list[Refusal]) -> None:
    outer = {"__name__": "celery.worker"}
    between = {"__name__": runner, "socket": socket}
    where = f"{os.sep}site-packages{os.sep}some.py"
    exec(compile("def run(ask): ask()", where, "exec"), outer)
    exec(compile(f"def ask(): socket.getaddrinfo({HOST!r}, 443)", where, "exec"), between)
    with pytest.raises(LiveCallRefused):
        outer["run"](between["ask"])  # type: ignore[operator]  # what exec left there
    assert refusals[0].libraries == ()


def test_nothing_is_left_when_a_guard_goes_off() -> None:
    def patched() -> list[object]:
        return [
            socket.getaddrinfo,
            socket.gethostbyname,
            socket.gethostbyname_ex,
            socket.socket.connect,
            socket.socket.connect_ex,
            socket.socket.send,
            socket.socket.sendall,
            "connect" in vars(socket.socket),
            ssl.SSLContext.wrap_socket,
            ssl.SSLContext.wrap_bio,
            ssl.SSLSocket.send,
            ssl.SSLObject.write,
            asyncio.selector_events._SelectorSocketTransport.write,  # type: ignore[attr-defined]
            asyncio.base_events.BaseEventLoop.getaddrinfo,
        ]

    before = patched()
    with guard(POLICY):
        with guard(POLICY):
            pass
        assert all(now is not then for now, then in zip(patched(), before, strict=True))
    assert patched() == before
