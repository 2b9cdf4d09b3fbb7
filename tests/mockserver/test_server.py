"""MockServer: ready when start returns, gone without trace when stop does."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from fauxscale import Hang, MockServer, Settings, Terms
from fauxscale.transport.tls import trusting
from tests.calls.ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that no other process uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def sockets() -> set[str]:
    """The Internet sockets this process holds, by inode: its descriptors, and the rows the kernel keeps of them."""
    mine: set[str] = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            mine.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    tables = [Path(f"/proc/self/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return {row[9] for row in rows if f"socket:[{row[9]}]" in mine}


def held() -> tuple[set[str], int, set[str]]:
    """What a process holds of ours: threads by name, the number of its descriptors, temporary folders."""
    threads = {thread.name for thread in threading.enumerate() if thread.name.startswith("fauxscale")}
    folders = {path.name for path in Path(tempfile.gettempdir()).glob("fauxscale-*")}
    return threads, len(os.listdir("/proc/self/fd")), folders


@pytest.mark.usefixtures("alone")
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
    account = mock.account()
    account.faults.add(Hang())
    errors: list[Exception] = []

    def call() -> None:
        with httpx.Client(timeout=None) as client:
            try:
                upscale(Stage("socket", mock, client), key=account.api_key("ideogram"))
            except httpx.TransportError as error:
                errors.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    while not account.faults.list()[0].applied:
        pass
    mock.stop()
    caller.join(timeout=60)
    assert not caller.is_alive()
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
    before = sockets()
    descriptors = len(os.listdir("/proc/self/fd"))
    with MockServer(listen=False) as mock:
        transport = mock.transport()
        with httpx.Client(transport=transport) as client:
            assert client.get(f"{mock.url}/__fauxscale/api/health").status_code == 200
        assert sockets() <= before
        # One loop: its selector and the two ends of its self-pipe.
        assert len(os.listdir("/proc/self/fd")) - descriptors <= 3
    with MockServer():
        assert sockets() - before, "one with a socket is seen"


def test_an_unknown_provider_is_named_with_those_there_are() -> None:
    with MockServer(listen=False) as mock, pytest.raises(ValueError, match="ideogram"):
        mock.base_url("unknown")


def test_answers_are_not_delayed_by_the_socket() -> None:
    with MockServer() as mock, httpx.Client() as client:
        client.get(f"{mock.url}/__fauxscale/api/health")
        spent: list[float] = []
        for _ in range(50):
            started = time.perf_counter()
            client.get(f"{mock.url}/__fauxscale/api/health")
            spent.append(time.perf_counter() - started)
        # A socket without TCP_NODELAY costs 44 ms in every call; a busy machine does not in every single one.
        assert min(spent) < 0.03


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


def test_threads_that_start_it_at_once_start_one() -> None:
    def servers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "fauxscale"}

    mock, together, before = MockServer(), threading.Barrier(8), servers()

    def start() -> str:
        together.wait()
        mock.start()
        return mock.url

    with ThreadPoolExecutor(8) as pool:
        urls = {one.result() for one in [pool.submit(start) for _ in range(8)]}
    started = servers() - before
    mock.stop()
    assert (len(urls), len(started)) == (1, 1)
    assert not servers() - before


@pytest.mark.parametrize("listen", [True, False], ids=["socket", "in-process"])
def test_once_stopped_it_starts_again_by_start_alone(listen: bool) -> None:
    with MockServer(listen=listen) as mock:
        mock.account()
    for ask in (mock.reset, mock.account, mock.transport, lambda: mock.client, lambda: mock.app):
        with pytest.raises(RuntimeError, match="stopped"):
            ask()
    mock.start()
    assert mock.account()
    mock.stop()


def test_where_other_machines_reach_it_the_control_api_wants_a_token() -> None:
    with MockServer(host="0.0.0.0") as mock:
        assert httpx.get(f"{mock.url}/__fauxscale/api/accounts").status_code == 401
        assert mock.account().api_key("fal"), "its own client knows the token"
    with MockServer(Settings(token="mine"), host="0.0.0.0") as mock:
        assert mock.settings.token == "mine"
    with MockServer() as mock:
        assert mock.settings.token is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ideogram.api_version": "2025-01"}, "must be one of 2026-04, 2026-10"),
        ({"ideogram.max_pixels": "many"}, "must be a number"),
        ({"ideogram.vintge": "2026-10"}, "unknown option 'ideogram.vintge'"),
    ],
)
@pytest.mark.parametrize("place", ["settings", "terms"])
def test_an_option_nobody_has_is_refused_at_the_start(place: str, options: dict[str, str], said: str) -> None:
    settings = Settings(options=options) if place == "settings" else Settings(terms=Terms(options=options))
    with pytest.raises(ValueError, match=said):
        MockServer(settings).start()


def test_options_of_settings_may_be_words() -> None:
    with MockServer(Settings(options={"lumenfall.strict": "false", "fal.polls": "2"})) as mock:
        assert mock.app.accounts.settings.options == {"lumenfall.strict": False, "fal.polls": 2}


def test_an_observer_that_asks_the_server_for_something_holds_up_no_stop() -> None:
    asked: list[bool] = []
    called = threading.Event()

    def observe(_: object) -> None:
        called.set()
        time.sleep(0.2)
        with suppress(RuntimeError):  # it is stopping
            asked.append(bool(mock.client))
        asked.append(True)

    mock = MockServer(observer=observe)
    mock.start()
    thread = threading.Thread(target=ask_once, args=(mock,))
    thread.start()
    called.wait(60)
    stopper = threading.Thread(target=mock.stop, daemon=True)
    stopper.start()
    stopper.join(60)
    assert not stopper.is_alive()
    assert asked
    thread.join()


def ask_once(mock: MockServer) -> None:
    with suppress(httpx.TransportError):
        httpx.post(f"{mock.base_url('ideogram')}/upscale", timeout=60)


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_its_certificate_is_valid_for_the_address_it_listens_on(host: str) -> None:
    with MockServer(host=host, tls=True) as mock:
        assert mock.ca is not None
        assert httpx.get(f"{mock.url}/__fauxscale/api/health", verify=trusting(mock.ca)).status_code == 200


def test_its_certificate_is_valid_for_every_name_it_answers_to() -> None:
    settings = Settings(allow_hosts=("upscaler", "*"))
    with MockServer(settings, host="0.0.0.0", tls=True) as mock:
        assert mock.ca is not None
        host, port = mock.url.removeprefix("https://").split(":")
        for name in ("upscaler", "localhost", "fal.run"):
            with (
                socket.create_connection((host, int(port)), timeout=60) as sock,
                trusting(mock.ca).wrap_socket(sock, server_hostname=name) as secure,
            ):
                assert secure.version()


@pytest.mark.parametrize("listen", [True, False], ids=["socket", "in-process"])
@pytest.mark.usefixtures("alone")
def test_it_can_be_served_by_the_calling_thread_until_another_stops_it(listen: bool) -> None:
    before = held()
    mock, ready = MockServer(listen=listen, tls=listen), threading.Event()
    for _ in range(2):
        server = threading.Thread(target=mock.serve_forever, args=(ready.set,), name="fauxscale foreground")
        server.start()
        assert ready.wait(60)
        assert mock.account().api_key("fal")
        with pytest.raises(RuntimeError, match="already running"):
            mock.serve_forever()
        mock.stop()
        server.join(60)
        assert not server.is_alive()
        with pytest.raises(RuntimeError, match="was stopped"):
            mock.account()
        ready.clear()
    assert held()[::2] == before[::2]


def test_what_stops_a_start_in_the_foreground_leaves_nothing_and_another_may_follow() -> None:
    with MockServer() as other:
        mock = MockServer(port=int(other.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="cannot listen on"):
            mock.serve_forever()
    with mock:
        assert mock.account().api_key("fal")
