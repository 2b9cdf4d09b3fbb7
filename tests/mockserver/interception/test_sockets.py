"""Real hosts are answered at the socket, to whatever connects by Python's own; all is as before when that ends."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import ssl
import sys
import threading
import types
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import trio
import urllib3

from fauxscale import Expire, LiveCallRefused, LoseReply, MockServer, Redirect, intercept
from fauxscale.interception.forward import Forward
from fauxscale.interception.guard import guard
from fauxscale.interception.intercept import policy_for, routed
from fauxscale.interception.sockets import ADDRESS
from tests import outbound
from tests.pictures import doubled, opened, picture

HOST = "api.ideogram.ai"
UPSCALE = f"https://{HOST}/upscale"
PHOTO = picture(width=40, height=30)
FORM: dict[str, Any] = {"image_file": ("a.png", PHOTO, "image/png"), "image_request": "{}"}
BODY, TYPE = urllib3.encode_multipart_formdata(FORM)


EACH_WAY = pytest.mark.parametrize(
    "interception", ["in-process", "elsewhere", "without the extra"], indirect=True
)


@pytest.fixture(autouse=True)
def nothing_leaves() -> Iterator[None]:
    """The audit hook of tests/outbound.py raises at whatever would lead out, and remembers it."""
    before = len(outbound.refused)
    yield
    assert outbound.refused[before:] == []


# Every kind of client, as a function of the key: uploads to the real host, follows the link, returns the picture.


def by_requests(key: str, session: requests.Session | None = None) -> bytes:
    with nullcontext(session) if session else requests.Session() as client:
        reply = client.post(UPSCALE, headers={"Api-Key": key}, files=FORM, timeout=30)
        assert reply.status_code == 200, reply.text
        return client.get(reply.json()["data"][0]["url"], timeout=30).content


def by_urllib3(key: str) -> bytes:
    with urllib3.PoolManager() as pool:
        reply = pool.request("POST", UPSCALE, headers={"Api-Key": key}, fields=FORM)
        assert reply.status == 200, reply.data
        return pool.request("GET", reply.json()["data"][0]["url"]).data


def by_http_client(key: str) -> bytes:
    with closing(http.client.HTTPSConnection(HOST, timeout=30)) as connection:
        connection.request("POST", "/upscale", BODY, {"Api-Key": key, "Content-Type": TYPE})
        reply = json.load(connection.getresponse())
    link = urlsplit(reply["data"][0]["url"])
    with closing(http.client.HTTPSConnection(link.netloc, timeout=30)) as connection:
        connection.request("GET", f"{link.path}?{link.query}")
        return connection.getresponse().read()


def by_urllib(key: str) -> bytes:
    request = urllib.request.Request(UPSCALE, BODY, {"Api-Key": key, "Content-Type": TYPE})
    with urllib.request.urlopen(request, timeout=30) as reply:
        link = json.load(reply)["data"][0]["url"]
    with urllib.request.urlopen(link, timeout=30) as reply:
        got: bytes = reply.read()
    return got


async def upscaled(session: aiohttp.ClientSession, key: str) -> bytes:
    form = aiohttp.FormData({"image_request": "{}"})
    form.add_field("image_file", io.BytesIO(PHOTO), filename="a.png", content_type="image/png")
    async with session.post(UPSCALE, headers={"Api-Key": key}, data=form) as reply:
        assert reply.status == 200, await reply.text()
        link = (await reply.json())["data"][0]["url"]
    async with session.get(link) as reply:
        return await reply.read()


def by_aiohttp(key: str) -> bytes:
    async def call() -> bytes:
        async with aiohttp.ClientSession() as session:
            return await upscaled(session, key)

    return asyncio.run(call())


def by_asyncio_streams(key: str) -> bytes:
    async def ask(host: str, head: str, body: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_connection(host, 443, ssl=ssl.create_default_context())
        writer.write(f"{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n".encode())
        writer.write(
            f"Api-Key: {key}\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n\r\n")[2]

    async def call() -> bytes:
        link = json.loads(await ask(HOST, "POST /upscale", BODY))["data"][0]["url"]
        parts = urlsplit(link)
        return await ask(parts.netloc, f"GET {parts.path}?{parts.query}")

    return asyncio.run(call())


def by_trio(key: str) -> bytes:
    async def ask(host: str, head: str, body: bytes = b"") -> bytes:
        async with await trio.open_ssl_over_tcp_stream(host, 443, https_compatible=True) as stream:
            await stream.send_all(
                f"{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nApi-Key: {key}\r\n"
                f"Content-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = b"".join([piece async for piece in stream])
        return answer.partition(b"\r\n\r\n")[2]

    async def call() -> bytes:
        link = json.loads(await ask(HOST, "POST /upscale", BODY))["data"][0]["url"]
        parts = urlsplit(link)
        return await ask(parts.netloc, f"GET {parts.path}?{parts.query}")

    return trio.run(call)


class Own(httpx.BaseTransport):
    """A transport of somebody's own for httpx, built on something else."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = urllib3.request(
            request.method, str(request.url), headers=dict(request.headers), body=request.read()
        )
        return httpx.Response(reply.status, content=reply.data)


def by_own_transport(key: str) -> bytes:
    with httpx.Client(transport=Own(), headers={"Api-Key": key}) as client:
        reply = client.post(UPSCALE, content=BODY, headers={"Content-Type": TYPE}).raise_for_status()
        return client.get(reply.json()["data"][0]["url"]).content


CLIENTS: dict[str, Callable[[str], bytes]] = {
    "requests": by_requests,
    "urllib3": by_urllib3,
    "http.client": by_http_client,
    "urllib": by_urllib,
    "aiohttp": by_aiohttp,
    "asyncio": by_asyncio_streams,
    "trio": by_trio,
    "httpx with a transport of its own": by_own_transport,
}


@EACH_WAY
@pytest.mark.usefixtures("interception")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reaches_the_stand_in_at_the_real_hosts(client: str, mock: MockServer) -> None:
    with mock.account() as account:
        result = CLIENTS[client](account.api_key("ideogram"))
        assert opened(result).tobytes() == doubled(PHOTO).tobytes()
        assert (len(account.calls), len(account.calls.downloads)) == (1, 1)


@EACH_WAY
@pytest.mark.usefixtures("interception")
def test_a_plain_address_is_answered_as_well(mock: MockServer) -> None:
    assert requests.get(f"http://{HOST}/nothing", timeout=30).status_code == 404


@EACH_WAY
@pytest.mark.usefixtures("interception")
def test_many_threads_and_tasks_at_once_are_answered(mock: MockServer) -> None:
    async def many(key: str) -> list[bytes]:
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(upscaled(session, key) for _ in range(6)))

    with mock.account() as account, ThreadPoolExecutor(6) as threads:
        key = account.api_key("ideogram")
        results = [*threads.map(by_requests, [key] * 6), *asyncio.run(many(key))]
        assert {opened(one).size for one in results} == {(80, 60)}
        assert len(account.ledger) == 12


def test_what_was_made_before_is_answered_and_goes_on_in_the_next(mock: MockServer) -> None:
    session, pool, loop = requests.Session(), urllib3.PoolManager(), asyncio.new_event_loop()

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    several = loop.run_until_complete(make())
    try:
        for _ in range(3):
            with intercept(mock), mock.account() as account:
                key = account.api_key("ideogram")
                reply = session.post(UPSCALE, headers={"Api-Key": key}, files=FORM, timeout=30)
                assert opened(session.get(reply.json()["data"][0]["url"], timeout=30).content).size == (
                    80,
                    60,
                )
                assert pool.request("POST", UPSCALE, headers={"Api-Key": key}, fields=FORM).status == 200
                assert opened(loop.run_until_complete(upscaled(several, key))).size == (80, 60)
                assert len(account.ledger) == 3
    finally:
        loop.run_until_complete(several.close())
        loop.close()
        session.close()
        pool.clear()


def test_a_connection_that_was_kept_is_not_used_when_interception_has_ended(mock: MockServer) -> None:
    with requests.Session() as session:
        with intercept(mock):
            assert session.get(f"https://{HOST}/nothing", timeout=30).status_code == 404
        with guard(policy_for(mock.providers, mock.url)), pytest.raises(LiveCallRefused):
            session.get(f"https://{HOST}/nothing", timeout=30)


def test_the_inner_one_of_two_answers_and_then_the_outer_one_again() -> None:
    with requests.Session() as session, MockServer() as first, MockServer() as second:
        with first.account() as outer, second.account() as inner, intercept(first):
            by_requests(outer.api_key("ideogram"), session)
            with intercept(second):
                by_requests(inner.api_key("ideogram"), session)
            assert (len(outer.ledger), len(inner.ledger)) == (1, 1)
            by_requests(outer.api_key("ideogram"), session)
            assert (len(outer.ledger), len(inner.ledger)) == (2, 1)


def test_redirects_are_followed_to_where_they_lead(mock: MockServer) -> None:
    with intercept(mock), mock.account() as account, requests.Session() as session:
        reply = session.post(
            UPSCALE, headers={"Api-Key": account.api_key("ideogram")}, files=FORM, timeout=30
        )
        link = reply.json()["data"][0]["url"]
        account.faults.add(Redirect("https://v3.fal.media/elsewhere"), on="ideogram")
        got = session.get(link, timeout=30)
        assert [one.status_code for one in (*got.history, got)] == [302, 404]
        account.faults.add(Redirect("https://example.com/"), on="ideogram")
        with pytest.raises(LiveCallRefused, match=r"example\.com by requests"):
            session.get(link, timeout=30)
        assert opened(session.get(link, timeout=30).content).size == (80, 60)


@EACH_WAY
@pytest.mark.usefixtures("interception")
def test_what_a_wire_can_do_to_a_client_it_does(mock: MockServer) -> None:
    with mock.account() as account, requests.Session() as session:
        key = {"Api-Key": account.api_key("ideogram")}
        account.faults.add(LoseReply(), on="ideogram.upscale")
        with pytest.raises(requests.ConnectionError):
            session.post(UPSCALE, headers=key, files=FORM, timeout=30)
        account.faults.add(Expire(), on="ideogram")
        reply = session.post(UPSCALE, headers=key, files=FORM, timeout=30)
        assert session.get(reply.json()["data"][0]["url"], timeout=30).status_code == 403


@pytest.mark.parametrize("client", [by_requests, by_urllib, by_aiohttp])
def test_a_proxy_of_the_environment_is_passed_by(
    client: Callable[[str], bytes], mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with intercept(mock), mock.account() as account:
        assert opened(client(account.api_key("ideogram"))).size == (80, 60)


def test_aiohttp_is_answered_where_it_reads_the_environment(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    async def call(key: str) -> bytes:
        async with aiohttp.ClientSession(trust_env=True) as session:
            return await upscaled(session, key)

    with intercept(mock), mock.account() as account:
        assert opened(asyncio.run(call(account.api_key("ideogram")))).size == (80, 60)


@pytest.mark.parametrize("verify", [True, False])
def test_no_context_of_a_client_is_touched_and_its_own_rules_do_not_matter(
    verify: bool, mock: MockServer
) -> None:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = verify
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    before = (context.get_ciphers(), context.verify_mode, context.options, context.get_ca_certs())
    with intercept(mock), closing(http.client.HTTPSConnection(HOST, context=context, timeout=30)) as client:
        client.request("GET", "/nothing")
        assert client.getresponse().status == 404
    assert before == (context.get_ciphers(), context.verify_mode, context.options, context.get_ca_certs())


@pytest.mark.parametrize("extra", [True, False], ids=["certificate", "no certificate"])
def test_a_client_that_compares_the_certificate_s_name_itself_finds_it(
    extra: bool, mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As urllib3 1.26 always does, and 2.x with `assert_hostname`.
    if not extra:
        monkeypatch.setitem(sys.modules, "trustme", None)
    with intercept(mock), urllib3.PoolManager(assert_hostname=HOST) as pool:
        assert pool.request("GET", f"https://{HOST}/nothing").status == 404


@pytest.mark.parametrize(
    ("resolve", "address"),
    [
        (lambda: socket.getaddrinfo(HOST, 443, type=socket.SOCK_STREAM)[0][4], (ADDRESS, 443)),
        (lambda: socket.getaddrinfo(HOST, "https", proto=socket.IPPROTO_TCP)[0][4], (ADDRESS, 443)),
        (lambda: socket.getaddrinfo(HOST.encode(), None)[0][4], (ADDRESS, 0)),
        (lambda: socket.getaddrinfo(f"{HOST.upper()}.", 80)[0][4], (ADDRESS, 80)),
        (
            lambda: socket.getaddrinfo(HOST, 443, socket.AF_INET6, socket.SOCK_STREAM)[0][4][:2],
            (f"::ffff:{ADDRESS}", 443),
        ),
        (lambda: socket.gethostbyname(HOST), ADDRESS),
        (lambda: socket.gethostbyname_ex(HOST)[2], [ADDRESS]),
    ],
    ids=["port", "service", "bytes", "fully qualified", "IPv6", "gethostbyname", "gethostbyname_ex"],
)
def test_every_resolver_function_leads_here(
    resolve: Callable[[], object], address: object, mock: MockServer
) -> None:
    with intercept(mock):
        assert resolve() == address


@pytest.mark.usefixtures("mock")
def test_a_socket_may_connect_by_name_or_be_wrapped_before_it_connects(mock: MockServer) -> None:
    context = ssl.create_default_context()
    with intercept(mock):
        for early in (False, True):
            with socket.socket() as plain:
                if not early:
                    plain.connect((HOST, 443))
                with context.wrap_socket(plain, server_hostname=HOST) as sock:
                    if early:
                        sock.connect((HOST, 443))
                    sock.sendall(b"GET /nothing HTTP/1.1\r\nHost: api.ideogram.ai\r\n\r\n")
                    assert sock.recv(12) == b"HTTP/1.1 404"


def test_httpx_alone_opens_no_port(mock: MockServer) -> None:
    before = set(threading.enumerate())
    begun = len(outbound.begun)
    with intercept(mock), httpx.Client() as client:
        assert client.get(f"https://{HOST}/nothing").status_code == 404
        assert set(threading.enumerate()) <= before  # of other tests some may end meanwhile
    assert len(outbound.begun) == begun


def test_nothing_is_left_when_an_interception_ends(mock: MockServer) -> None:
    def patched() -> list[object]:
        return [
            socket.getaddrinfo,
            socket.gethostbyname,
            socket.gethostbyname_ex,
            socket.socket.connect,
            socket.socket.connect_ex,
            ssl.SSLContext.wrap_socket,
            ssl.SSLContext.wrap_bio,
            asyncio.base_events.BaseEventLoop.getaddrinfo,
        ]

    before, threads = patched(), set(threading.enumerate())
    for target in (None, Forward(mock.url)):
        if target is None:
            with intercept(mock):
                by_requests(mock.account().api_key("ideogram"))
                places = [place for place in outbound.begun if place[0] == "127.0.0.1"]
        else:
            policy = policy_for(mock.providers, mock.url, routed=True)
            with target, routed(target, mock.providers, policy, ports=target):
                by_requests(mock.account().api_key("ideogram"))
                places = [place for place in outbound.begun if place[0] == "127.0.0.1"]
        port = next(place for place in reversed(places) if not mock.url.endswith(str(place[1])))
        assert patched() == before
        assert set(threading.enumerate()) <= threads
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(port, timeout=5)
    with pytest.raises(ConnectionRefusedError):  # nothing listens where names led
        socket.create_connection((ADDRESS, 443), timeout=5)


def test_a_loop_that_resolves_by_itself_is_led_here_too(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop's (0.23) resolves and connects in C; this stands for it, and notes what it is asked for."""
    asked: list[object] = []

    class Loop:
        async def getaddrinfo(self, host: object, port: object, **options: object) -> None:
            asked.append(host)

        async def create_connection(
            self, protocol: object, host: object = None, port: object = None, **options: object
        ) -> None:
            asked.append((host, port == 443, options.get("server_hostname")))

    async def use() -> None:
        await Loop().getaddrinfo(HOST, 443, family=socket.AF_INET)
        await Loop().create_connection(None, HOST, 443, ssl=True)
        await Loop().create_connection(None, "db.test", 443)

    monkeypatch.setitem(sys.modules, "uvloop", types.SimpleNamespace(Loop=Loop))
    with intercept(mock):
        asyncio.run(use())
    assert asked == [ADDRESS, ("127.0.0.1", False, HOST), ("db.test", True, None)]
    asked.clear()
    asyncio.run(use())
    assert asked == [HOST, (HOST, True, None), ("db.test", True, None)]
