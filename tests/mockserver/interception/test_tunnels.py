"""A proxy that a client names itself is asked for nothing: the call is answered as if there were none."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fauxscale import LiveCallRefused, LoseReply, MockServer, intercept
from fauxscale.interception.guard import guard
from fauxscale.interception.intercept import policy_for
from tests import outbound
from tests.pictures import opened, picture

HOST = "api.ideogram.ai"
UPSCALE = f"https://{HOST}/upscale"
FORM: dict[str, Any] = {"image_file": ("a.png", picture(width=40, height=30)), "image_request": "{}"}
BODY, TYPE = urllib3.encode_multipart_formdata(FORM)


class Proxy:
    """A proxy that answers nobody, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self._sock = socket.create_server(("127.0.0.1", 0))
        self._sock.settimeout(30)
        self.port = int(self._sock.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with self._sock, suppress(TimeoutError):
            while True:
                peer, _ = self._sock.accept()
                with peer:
                    peer.settimeout(30)
                    sent = peer.recv(1_000)
                    if sent == b"end":
                        return
                    self.sent.append(sent)

    def end(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"end")
        self._thread.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """The witness: no test may have sent it anything."""
    before, made = len(outbound.refused), Proxy()
    yield made
    made.end()
    assert b"".join(made.sent) == b""
    assert outbound.refused[before:] == []


# Each kind of client as a function of the proxy and the key: uploads to the real host, follows the link.


def by_requests(proxy: Proxy, key: str, scheme: str = "https") -> bytes:
    with requests.Session() as session:
        session.proxies = {"https": proxy.url, "http": proxy.url}
        host = f"{scheme}://{HOST}"
        reply = session.post(f"{host}/upscale?a=b", headers={"Api-Key": key}, files=FORM, timeout=30)
        assert reply.status_code == 200, reply.text
        return session.get(reply.json()["data"][0]["url"], timeout=30).content


def by_requests_without_tls(proxy: Proxy, key: str) -> bytes:
    return by_requests(proxy, key, "http")


def by_urllib3(proxy: Proxy, key: str) -> bytes:
    with urllib3.ProxyManager(proxy.url, proxy_headers={"Proxy-Authorization": "Basic YTpi"}) as pool:
        reply = pool.request("POST", UPSCALE, headers={"Api-Key": key}, fields=FORM)
        assert reply.status == 200, reply.data
        return pool.request("GET", reply.json()["data"][0]["url"]).data


def by_http_client(proxy: Proxy, key: str) -> bytes:
    def connected(host: str) -> closing[http.client.HTTPSConnection]:
        connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=30)
        connection.set_tunnel(host)
        return closing(connection)

    with connected(HOST) as connection:
        connection.request("POST", "/upscale", BODY, {"Api-Key": key, "Content-Type": TYPE})
        reply = json.load(connection.getresponse())
    link = urlsplit(reply["data"][0]["url"])
    with connected(link.netloc) as connection:
        connection.request("GET", f"{link.path}?{link.query}")
        return connection.getresponse().read()


def by_urllib(proxy: Proxy, key: str) -> bytes:
    client = urllib.request.build_opener(urllib.request.ProxyHandler({"https": proxy.url}))
    request = urllib.request.Request(UPSCALE, BODY, {"Api-Key": key, "Content-Type": TYPE})
    with client.open(request, timeout=30) as reply:
        link = json.load(reply)["data"][0]["url"]
    with client.open(link, timeout=30) as reply:
        got: bytes = reply.read()
    return got


def by_aiohttp(proxy: Proxy, key: str) -> bytes:
    async def call() -> bytes:
        form = aiohttp.FormData({"image_request": "{}"})
        form.add_field("image_file", io.BytesIO(FORM["image_file"][1]), filename="a.png")
        async with aiohttp.ClientSession(proxy=proxy.url) as session:
            async with session.post(UPSCALE, headers={"Api-Key": key}, data=form) as reply:
                assert reply.status == 200, await reply.text()
                link = (await reply.json())["data"][0]["url"]
            async with session.get(link) as reply:
                return await reply.read()

    return asyncio.run(call())


CLIENTS = [by_requests, by_requests_without_tls, by_urllib3, by_http_client, by_urllib, by_aiohttp]


@pytest.mark.usefixtures("interception")
@pytest.mark.parametrize("client", CLIENTS)
def test_the_call_is_answered(client: Callable[[Proxy, str], bytes], mock: MockServer, proxy: Proxy) -> None:
    with mock.account() as account:
        assert opened(client(proxy, account.api_key("ideogram"))).size == (80, 60)
        assert [call.status for call in account.calls] == [200]


def test_httpx_is_answered_without_a_socket(mock: MockServer) -> None:
    with intercept(mock), mock.account() as account, httpx.Client(proxy="http://127.0.0.1:9") as client:
        reply = client.post(UPSCALE, headers={"Api-Key": account.api_key("ideogram")}, files=FORM)
        assert reply.status_code == 200


def test_a_fault_reaches_a_client_through_it(mock: MockServer, proxy: Proxy) -> None:
    with intercept(mock), mock.account() as account:
        account.faults.add(LoseReply(), on="ideogram.upscale")
        with pytest.raises(requests.ConnectionError):
            by_requests(proxy, account.api_key("ideogram"))
        assert [call.cost for call in account.calls] == [60_000]


def test_a_session_with_a_proxy_is_refused_again_when_the_interception_has_ended(
    mock: MockServer, proxy: Proxy
) -> None:
    policy = policy_for(mock.providers, mock.url)
    before = set(threading.enumerate())
    with requests.Session() as session, guard(policy):
        session.proxies = {"https": proxy.url}
        for _ in range(2):
            with intercept(mock):
                assert session.get(f"https://{HOST}/nothing", timeout=30).status_code == 404
            with pytest.raises(LiveCallRefused, match="configure no proxy"):
                session.get(UPSCALE, timeout=30)
    assert set(threading.enumerate()) <= before


def test_hosts_that_are_nobody_s_are_the_proxy_s_own_business(mock: MockServer) -> None:
    with intercept(mock), socket.create_server(("127.0.0.1", 0)) as proxy:
        with socket.create_connection(proxy.getsockname(), timeout=30) as client:
            client.sendall(b"CONNECT db.test:443 HTTP/1.1\r\n\r\n")
            asked, _ = proxy.accept()
            with asked:
                assert asked.recv(7) == b"CONNECT"


def test_a_proxy_behind_tls_and_one_that_speaks_socks_are_refused(mock: MockServer) -> None:
    with intercept(mock), socket.create_server(("127.0.0.1", 0)) as proxy:
        with (
            socket.create_connection(proxy.getsockname(), timeout=30) as client,
            pytest.raises(LiveCallRefused, match="configure no proxy"),
        ):
            client.sendall(b"\x05\x01\x00\x03\x0fapi.ideogram.ai\x01\xbb")
