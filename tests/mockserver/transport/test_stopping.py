"""Whenever a server is stopped, it closes every connection it has: Python warns of what is left open."""

from __future__ import annotations

import gc
import socket
import ssl
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MappingProxyType

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.transport.tls import trusting
from tests.pictures import picture

Open = Callable[[], socket.socket]

HEALTH = b"GET /__fauxscale/api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
OPENAPI = b"GET /__fauxscale/api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"


def call(prompt: str = "") -> bytes:
    """A call with a picture, as it goes over the wire."""
    made = httpx.Request(
        "POST",
        "http://localhost/upscale",
        files={"image_request": (None, f'{{"prompt": "{prompt}"}}'), "image_file": ("a.png", picture())},
        headers={"Api-Key": "k"},
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in made.headers.items())
    return f"POST /upscale HTTP/1.1\r\n{head}\r\n".encode() + made.read()


def idle(connect: Open) -> None:
    sock = connect()
    sock.sendall(HEALTH)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200")


def several(connect: Open) -> None:
    for _ in range(3):
        connect()


def told(raw: bytes) -> Callable[[Open], None]:
    return lambda connect: connect().sendall(raw)


def ended(prompt: str) -> Callable[[Open], None]:
    """A fault has ended the connection: what came of it is there to be read."""

    def end(connect: Open) -> None:
        sock = connect()
        sock.sendall(call(prompt))
        try:
            sock.recv(65536)
        except ConnectionResetError:
            pass

    return end


MOMENTS: Mapping[str, Callable[[Open], None]] = MappingProxyType(
    {
        "made": several,
        "in the middle of a head": told(HEALTH[:-10]),
        "in the middle of an upload": told(call()[:-200]),
        "called": told(call()),
        "idle": idle,
        "hanging": told(call("fauxscale:hang")),
        "not read from": told(OPENAPI * 100),
        "about to be closed": told(call("fauxscale:empty")),
        "about to be reset": told(call("fauxscale:reset")),
        "closed": ended("fauxscale:empty"),
        "reset": ended("fauxscale:reset"),
        "closed after garbage": ended("fauxscale:malformed"),
    }
)


def greeting() -> bytes:
    """The first message of a TLS handshake."""
    out = ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(
            ssl.MemoryBIO(), out, server_hostname="localhost"
        ).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """What there is already is not looked through for every stop again: that would take a hundred times as long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@contextmanager
def leftovers() -> Generator[list[str]]:
    """What Python says was left open, all of it found before this ends."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield said
        gc.collect()
        said.extend(str(one.message) for one in caught)


def stop_after(moment: Callable[[Open], None], *, tls: bool = False, greet: bool = False) -> list[str]:
    """What a server leaves open that is stopped when one of its connections is at this moment."""
    with leftovers() as left, ExitStack() as clients:
        mock = MockServer(tls=tls)
        mock.start()
        url = httpx.URL(mock.url)

        def connect() -> socket.socket:
            made = clients.enter_context(socket.create_connection((url.host, url.port or 0), timeout=10))
            if mock.ca is None or greet:
                return made
            return clients.enter_context(trusting(mock.ca).wrap_socket(made, server_hostname="localhost"))

        try:
            moment(connect)
        finally:
            mock.stop()
    return left


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_closes_a_connection_that_is(moment: str, tls: bool) -> None:
    assert not [left for _ in range(8) for left in stop_after(MOMENTS[moment], tls=tls)]


@pytest.mark.parametrize("sent", [b"", greeting()], ids=["silent", "half-way"])
def test_a_stop_closes_a_connection_that_shakes_hands(sent: bytes) -> None:
    assert not [left for _ in range(20) for left in stop_after(told(sent), tls=True, greet=True)]
