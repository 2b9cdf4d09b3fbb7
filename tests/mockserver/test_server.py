"""MockServer: ready when start returns, gone without trace when stop does."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import httpx
import pytest

from fauxscale import MockServer, Settings
from tests.mockserver.providers.test_ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage


def held() -> tuple[set[str], int, set[str]]:
    """What a process holds of ours: threads by name, the number of its descriptors, temporary folders."""
    threads = {thread.name for thread in threading.enumerate() if thread.name.startswith("fauxscale")}
    folders = {path.name for path in Path(tempfile.gettempdir()).glob("fauxscale-*")}
    return threads, len(os.listdir("/proc/self/fd")), folders


def test_two_hundred_starts_and_stops_leave_nothing_behind() -> None:
    with MockServer() as mock:
        httpx.get(mock.url)
    before = held()
    for number in range(200):
        with MockServer(Settings(upload_memory=1), tls=number % 50 == 0) as mock:
            if number % 20 == 0:
                with httpx.Client(verify=False) as client:
                    stage = Stage("socket", mock, client)
                    for _ in range(2):
                        url = upscale(stage, key="k").json()["data"][0]["url"]
                        assert client.get(url).status_code == 200
    threads, files, folders = held()
    assert threads <= before[0]
    assert folders <= before[2]
    assert files <= before[1]


def test_a_server_can_be_started_again_and_begins_afresh() -> None:
    mock = MockServer()
    mock.start()
    first = mock.url
    assert httpx.get(f"{first}/__fauxscale/api/health").status_code == 200
    mock.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(first)
    mock.start()
    assert httpx.get(f"{mock.url}/__fauxscale/api/health").status_code == 200
    mock.stop()
    mock.stop()


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with MockServer() as mock:
        port = int(mock.url.rpartition(":")[2])
        with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
            MockServer(port=port).start()


def test_stopping_does_not_wait_for_a_call_that_hangs() -> None:
    mock = MockServer()
    mock.start()
    errors: list[Exception] = []

    def call() -> None:
        with httpx.Client() as client:
            try:
                upscale(Stage("socket", mock, client), key="k", request={"prompt": "fauxscale:slow=30"})
            except httpx.TransportError as error:
                errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.3)
    started = time.perf_counter()
    mock.stop()
    caller.join(timeout=5)
    assert not caller.is_alive()
    assert time.perf_counter() - started < 2
    assert errors


def test_the_transport_serves_asynchronous_clients_too() -> None:
    async def double() -> int:
        with MockServer(listen=False) as mock:
            async with httpx.AsyncClient(
                transport=mock.transport(), base_url=mock.base_url("ideogram")
            ) as client:
                reply = await client.post(
                    "/upscale",
                    files={"image_request": (None, "{}"), "image_file": ("a.png", picture())},
                    headers={"Api-Key": "k"},
                )
                return (await client.get(reply.json()["data"][0]["url"])).status_code

    assert asyncio.run(double()) == 200


def test_a_server_without_a_socket_opens_none() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with MockServer(listen=False) as mock:
        transport = mock.transport()
        with httpx.Client(transport=transport) as client:
            assert client.get(f"{mock.url}/__fauxscale/api/health").status_code == 200
        listening = [
            row for row in Path("/proc/net/tcp").read_text().splitlines() if f" {os.getpid()} " in row
        ]
        assert listening == []
        # One loop: its selector and the two ends of its self-pipe.
        assert len(os.listdir("/proc/self/fd")) - before <= 4


def test_an_unknown_provider_is_named_with_those_there_are() -> None:
    with MockServer(listen=False) as mock, pytest.raises(ValueError, match="ideogram"):
        mock.base_url("nobody")


def test_answers_are_not_delayed_by_the_socket() -> None:
    with MockServer() as mock, httpx.Client() as client:
        client.get(f"{mock.url}/__fauxscale/api/health")
        started = time.perf_counter()
        for _ in range(50):
            client.get(f"{mock.url}/__fauxscale/api/health")
        # 44 ms a call is what a socket without TCP_NODELAY costs; 2 s leaves room for a busy machine.
        assert time.perf_counter() - started < 2


def test_a_sender_that_goes_on_after_the_refusal_can_read_it_and_is_then_cut_off() -> None:
    with MockServer() as mock:
        host, port = mock.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as sock:
            head = (
                b"POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: k\r\nTransfer-Encoding: chunked\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            )
            sock.sendall(head)

            def chunk(data: bytes) -> None:
                sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

            chunk(b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="x"\r\n\r\n')
            sent = 0
            reply = b""
            sock.settimeout(0.01)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                while sent < 200 * 1024 * 1024:
                    sock.settimeout(5)
                    chunk(bytes(256 * 1024))
                    sent += 256 * 1024
                    sock.settimeout(0.001)
                    try:
                        reply += sock.recv(65536)
                    except TimeoutError:
                        pass
            assert reply.startswith(b"HTTP/1.1 400")
            assert b"10 MB" in reply
            assert sent < 60 * 1024 * 1024
