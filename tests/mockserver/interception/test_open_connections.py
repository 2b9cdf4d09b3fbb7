"""Connections that were open before are ended, and nobody's but those to the given hosts."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fauxscale.interception.open_connections import OpenConnections
from fauxscale.transport import tls

HOSTS = frozenset(["api.ideogram.ai"])
# A service that answers what it is sent, in a process of its own: what leads to this one is none of a client's.
ECHO = """
import asyncio, ssl, sys

async def echo(reader, writer):
    while sent := await reader.read(100):
        writer.write(sent)

async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:])
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def certificates() -> Iterator[tls.Certificates]:
    made = tls.issue(["api.ideogram.ai", "db.test"])
    yield made
    made.remove()


@pytest.fixture(scope="module")
def port(certificates: tls.Certificates) -> Iterator[int]:
    command = [sys.executable, "-c", ECHO, str(certificates.chain), str(certificates.key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        yield int(service.stdout.readline())
        service.communicate(timeout=10)


@pytest.fixture
def context(certificates: tls.Certificates) -> ssl.SSLContext:
    return tls.trusting(certificates.ca)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every search among all objects of the process."""
    made: list[object] = []
    search = gc.get_referrers

    def searching(*kinds: object) -> list[object]:
        made.append(kinds)
        return search(*kinds)

    monkeypatch.setattr(gc, "get_referrers", searching)
    return made


def connected(port: int, context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock = context.wrap_socket(plain, server_hostname=name)
    sock.sendall(b"hello")
    assert sock.recv(5) == b"hello"
    return sock


def test_those_to_the_hosts_end_and_others_go_on(port: int, context: ssl.SSLContext) -> None:
    with (
        connected(port, context, "api.ideogram.ai") as real,
        connected(port, context, "db.test") as other,
    ):
        OpenConnections().close(HOSTS)
        assert real.recv(1) == b""
        other.sendall(b"still")
        assert other.recv(5) == b"still"


def test_an_event_loop_knows_at_once_that_one_has_ended(port: int, context: ssl.SSLContext) -> None:
    async def connect() -> asyncio.StreamWriter:
        name = "api.ideogram.ai"
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        return writer

    async def is_closing(writer: asyncio.StreamWriter) -> bool:
        return writer.is_closing()

    # Between two tests no loop runs, and a session that keeps connections asks before the loop has looked at any.
    with closing(asyncio.new_event_loop()) as loop:
        writer = loop.run_until_complete(connect())
        OpenConnections().close(HOSTS)
        assert loop.run_until_complete(is_closing(writer))
        with pytest.raises((ConnectionError, ssl.SSLError)):
            loop.run_until_complete(writer.wait_closed())
            raise ConnectionError  # it may have ended in an orderly way


def test_what_was_looked_at_is_not_looked_at_again(
    port: int, context: ssl.SSLContext, searches: list[object]
) -> None:
    known = OpenConnections()
    with connected(port, context, "db.test"):
        for _ in range(3):
            known.close(HOSTS)
        assert len(searches) == 1
        with connected(port, context, "api.ideogram.ai") as real:
            known.close(HOSTS)
            assert (len(searches), real.recv(1)) == (2, b"")


def test_what_leads_to_this_process_is_nothing_to_look_at(searches: list[object]) -> None:
    known = OpenConnections()
    known.close(HOSTS)
    searches.clear()
    with (
        socket.create_server(("127.0.0.1", 0)) as service,
        socket.create_connection(service.getsockname(), timeout=10),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    ):
        known.close(HOSTS)
    assert searches == []


def test_where_no_list_of_descriptors_is_all_is_searched(
    port: int, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fauxscale.interception.open_connections._DESCRIPTORS", str(tmp_path / "none"))
    with connected(port, context, "api.ideogram.ai") as real:
        OpenConnections().close(HOSTS)
        assert real.recv(1) == b""
