"""Guard: who keeps the server waiting is ended in time, and nobody who waits for the server."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from fauxscale import Terms, create_app
from fauxscale.client import AccountHandle, FauxscaleClient
from fauxscale.faults import Hang, Stall
from fauxscale.transport.guard import Awaited, Guard, PeerLimits
from fauxscale.transport.listener import address, listen
from fauxscale.transport.serving import Serving
from tests.asgi import no_close
from tests.pictures import picture
from tests.skipping_loop import SkippingLoop
from tests.waiting import until


class FakePeer:
    """A connection that waits for what it is told to wait for."""

    def __init__(self, awaited: Awaited | None = None) -> None:
        self.awaited = awaited
        self.stage: object = 0
        self.arrived = 0
        self.ended: list[float] = []

    def end(self, *, at_once: bool) -> None:
        self.ended.append(asyncio.get_running_loop().time())


def run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(work)


def watched(guard: Guard, *peers: FakePeer, busy: bool = False) -> None:
    for number, peer in enumerate(peers):
        guard.made(peer, 100 + number)
        if busy:
            guard.began(peer)


@pytest.mark.parametrize(
    ("awaited", "seconds"),
    [(Awaited.REQUEST, 30), (Awaited.HEAD, 10), (Awaited.BODY, 10), (Awaited.END, 5), (Awaited.READ, 300)],
)
def test_a_peer_that_does_nothing_is_ended_in_its_time(awaited: Awaited, seconds: float) -> None:
    async def wait() -> None:
        guard, peer = Guard(), FakePeer(awaited)
        watched(guard, peer, busy=awaited not in (Awaited.REQUEST, Awaited.HEAD))
        await asyncio.sleep(seconds + 3)
        assert len(peer.ended) >= 1
        assert seconds <= peer.ended[0] <= seconds + 2
        assert guard.ended[awaited.value] >= 1

    run(wait())


def test_a_peer_that_waits_for_the_server_is_never_ended() -> None:
    async def wait() -> None:
        peer = FakePeer()
        watched(Guard(), peer, busy=True)
        await asyncio.sleep(1_000)
        assert not peer.ended

    run(wait())


@pytest.mark.parametrize(("rate", "ended"), [(15 * 1024, True), (17 * 1024, False)])
def test_a_body_may_arrive_at_sixteen_kilobytes_a_second(rate: int, ended: bool) -> None:
    async def send() -> None:
        peer = FakePeer(Awaited.BODY)
        watched(Guard(), peer, busy=True)
        for _ in range(600):
            peer.arrived += rate // 10
            await asyncio.sleep(0.1)
        assert bool(peer.ended) is ended

    run(send())


def test_a_body_that_stops_after_a_quick_beginning_is_ended() -> None:
    async def send() -> None:
        peer = FakePeer(Awaited.BODY)
        watched(Guard(), peer, busy=True)
        await asyncio.sleep(5)
        peer.arrived += 100 * 1024 * 1024
        await asyncio.sleep(13)
        assert peer.ended
        assert peer.ended[0] >= 15

    run(send())


def test_a_body_that_the_server_kept_waiting_begins_anew() -> None:
    async def send() -> None:
        peer = FakePeer(Awaited.BODY)
        watched(Guard(), peer, busy=True)
        for pauses in range(1, 20):
            await asyncio.sleep(8)
            peer.stage = pauses
        assert not peer.ended

    run(send())


def test_each_step_of_a_slow_reader_begins_its_time_anew() -> None:
    async def read() -> None:
        peer = FakePeer(Awaited.READ)
        watched(Guard(), peer, busy=True)
        for step in range(1, 10):
            await asyncio.sleep(290)
            peer.stage = step
        assert not peer.ended

    run(read())


def test_a_server_that_a_debugger_held_ends_nobody_for_it() -> None:
    async def hold() -> None:
        guard = Guard()
        peers = [FakePeer(awaited) for awaited in (Awaited.BODY, Awaited.HEAD, Awaited.READ)]
        watched(guard, *peers, busy=True)
        await asyncio.sleep(2)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SkippingLoop)
        loop.hold(3_600)
        await asyncio.sleep(2)
        assert not any(peer.ended for peer in peers)

    run(hold())


def ends(expected: Callable[[list[FakePeer]], list[FakePeer]], *states: tuple[Awaited | None, float]) -> None:
    """Hold a guard of as many connections as there are states to which of them it ends for one more. A state is
    what is awaited, and for how long; without a request there is none for the guard."""

    async def arrive() -> None:
        guard = Guard(PeerLimits(connections=len(states)))
        peers = [FakePeer(awaited) for awaited, _ in states]
        for before, (peer, (awaited, seconds)) in enumerate(zip(peers, states, strict=True)):
            guard.made(peer, before)
            if awaited not in (Awaited.REQUEST, Awaited.HEAD):
                guard.began(peer)
            following = states[before + 1][1] if before + 1 < len(states) else 0
            await asyncio.sleep(seconds - following)
        newcomer = FakePeer(Awaited.HEAD)
        guard.made(newcomer, 99)
        everybody = [*peers, newcomer]
        assert [peer for peer in everybody if peer.ended] == expected(everybody)

    run(arrive())


REQUEST, BODY, READ = Awaited.REQUEST, Awaited.BODY, Awaited.READ


def test_one_connection_too_many_ends_the_oldest_idle_one() -> None:
    ends(lambda peers: [peers[1]], (None, 9), (REQUEST, 8), (REQUEST, 7), (BODY, 5))


def test_where_none_is_idle_the_one_that_kept_a_call_waiting_longest_is_ended() -> None:
    ends(lambda peers: [peers[1]], (None, 9), (READ, 8), (BODY, 7), (None, 5))


def test_idle_connections_of_a_moment_are_left_where_another_waits_longer() -> None:
    ends(lambda peers: [peers[1]], (None, 9), (BODY, 8), (REQUEST, 0.1))


def test_a_call_is_not_ended_that_kept_the_server_waiting_for_a_moment() -> None:
    ends(lambda peers: [peers[2]], (None, 9), (BODY, 0.5), (REQUEST, 0.2))


def test_where_all_wait_for_the_server_the_newcomer_is_ended() -> None:
    ends(lambda peers: [peers[-1]], (None, 9), (None, 8), (None, 7))


def test_a_connection_that_made_room_before_a_protocol_had_it_is_ended_and_no_other() -> None:
    async def arrive() -> None:
        guard = Guard(PeerLimits(connections=1))
        with ExitStack() as ends:
            pairs = [socket.socketpair() for _ in range(2)]
            for sock in chain.from_iterable(pairs):
                ends.enter_context(sock)
            peers = [FakePeer(Awaited.HEAD), FakePeer(Awaited.HEAD)]
            for sock, _ in pairs:
                guard.accepted(sock)
            assert pairs[0][1].recv(1) == b""
            for (sock, _), peer in zip(pairs, peers, strict=True):
                guard.made(peer, sock.fileno())
            assert [bool(peer.ended) for peer in peers] == [True, False]
            pairs[1][1].setblocking(False)
            with pytest.raises(BlockingIOError):
                pairs[1][1].recv(1)

    run(arrive())


def test_of_too_much_in_flight_the_part_is_dropped_that_nobody_reads() -> None:
    async def read() -> None:
        guard = Guard(PeerLimits(in_flight=3_000))
        unread, shared, other, new = (memoryview(bytes(1_000)) for _ in range(4))
        readers = [FakePeer(READ) for _ in range(54)]
        watched(guard, *readers, busy=True)
        with ExitStack() as sending:
            for reader, body in zip(readers, [shared] * 50 + [unread, unread, other], strict=False):
                sending.enter_context(guard.sending(reader, body))
                await asyncio.sleep(0.2)
            assert not any(reader.ended for reader in readers)  # 50 share 1,000
            guard.moved(readers[7])
            guard.moved(readers[53])
            sending.enter_context(guard.sending(readers[53], new))
            assert [number for number, reader in enumerate(readers) if reader.ended] == [50, 51]

    run(read())


def test_too_much_in_flight_is_left_for_a_moment_and_bounded_then() -> None:
    async def read() -> None:
        guard = Guard(PeerLimits(in_flight=1_000))
        readers = [FakePeer(READ) for _ in range(5)]
        watched(guard, *readers, busy=True)
        with ExitStack() as sending:
            for reader in readers:
                sending.enter_context(guard.sending(reader, memoryview(bytes(1_000))))
            assert not any(reader.ended for reader in readers)
            await asyncio.sleep(3)
            assert [bool(reader.ended) for reader in readers] == [True, True, True, True, False]

    run(read())


PARTS = b"--b\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n"


def upscale(key: str, request: bytes = b"{}", cut: int | None = None) -> bytes:
    """An upscale as it goes over the wire."""
    file = PARTS.replace(b"\r\n\r\n", b"; filename=a.png\r\n\r\n")
    body = PARTS % (b"image_request", request) + file % (b"image_file", picture()) + b"--b--\r\n"
    head = f"POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: {key}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + body[:cut]


def get(path: str, key: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Key {key}\r\n\r\n".encode()


def hang(url: str, account: AccountHandle) -> bytes:
    account.faults.add(Hang())
    return upscale(account.api_key("ideogram"))


def hang_half_way(url: str, account: AccountHandle) -> bytes:
    account.faults.add(Hang())
    return upscale(account.api_key("ideogram"), cut=100)


def stall(url: str, account: AccountHandle) -> bytes:
    account.faults.add(Stall(10))
    headers = {"api-key": account.api_key("ideogram")}
    files = {"image_file": ("a.png", picture())}
    reply = httpx.post(url + "/upscale", headers=headers, data={"image_request": "{}"}, files=files)
    return get("/" + reply.json()["data"][0]["url"].split("/", 3)[3])


def drip(url: str, account: AccountHandle) -> bytes:
    return upscale(account.api_key("ideogram"), b'{"prompt": "fauxscale:drip=60"}')


def wait(url: str, account: AccountHandle) -> bytes:
    return get(f"/__fauxscale/api/accounts/{account.id}/calls?wait=1&timeout=60")


def stream(url: str, account: AccountHandle) -> bytes:
    key = account.api_key("fal")
    uri = "data:image/png;base64," + base64.b64encode(picture()).decode()
    headers = {"authorization": f"Key {key}"}
    submit = url + "/fal/queue/fal-ai/ideogram/upscale"
    job = httpx.post(submit, headers=headers, json={"image_url": uri}).json()
    account.jobs.stall(job["request_id"])
    return get("/" + job["status_url"].split("/", 3)[3] + "/stream", key)


@pytest.mark.parametrize("held", [hang, hang_half_way, stall, drip, wait, stream])
def test_no_deadline_ends_what_the_server_holds_open(held: Callable[[str, AccountHandle], bytes]) -> None:
    app, sock, guard = create_app(), listen("127.0.0.1", 0), Guard(PeerLimits(tick=0.01))
    serving, where, url = Serving(app, no_close, sock, None, guard), sock.getsockname(), address(sock)
    serving.start()
    client = FauxscaleClient(url)
    with ExitStack() as sockets:
        sockets.callback(serving.stop)
        sockets.callback(client.close)
        account = client.account(Terms(options={"fal.polls": 2}))
        request = held(url, account)
        holding = sockets.enter_context(socket.create_connection(where, timeout=30))
        holding.sendall(request)
        assert until(lambda: [one.awaited for one in guard._busy] == [None])
        guard.limits = replace(
            guard.limits,
            head_seconds=0.05,
            body_seconds=0.05,
            drain_seconds=0.05,
            read_seconds=0.05,
            connections=6,
        )
        # More than the server may have, each of them closed at a deadline or to make room.
        for _ in range(3):
            for idle in [socket.create_connection(where, timeout=30) for _ in range(8)]:
                with idle, suppress(ConnectionResetError):
                    assert idle.recv(1) == b""
        holding.setblocking(False)
        with pytest.raises(BlockingIOError):
            while holding.recv(65536):
                pass
        assert len(guard._busy) == 1
