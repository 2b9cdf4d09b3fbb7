"""Peers that a server should survive: slow, silent, leaving and flooding ones, many at once, in a process of their own.

`python -m tests.torture.hostile URL PATH SEED COUNT SECONDS`: PATH is that of a large result.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import httpx

from fauxscale.transport.descriptors import raise_descriptor_limit


class Hostile:
    """One peer after another on a connection of its own, each of a kind drawn from the seed, until the time is up."""

    def __init__(self, where: tuple[str, int], result: str, seconds: float, dice: random.Random) -> None:
        self._where, self._result, self._dice = where, result, dice
        self._until = time.monotonic() + seconds
        self._loop = asyncio.get_running_loop()

    async def live(self, seen: Counter[str], lives: dict[str, float]) -> None:
        """Be one peer after another. Counts them in `seen`, and in `lives` how long the server let the longest be."""
        await asyncio.sleep(self._dice.uniform(0, 3))
        while time.monotonic() < self._until:
            (kind,) = self._dice.choices(list(KINDS), list(_WEIGHTS.values()))
            seen[kind] += 1
            with socket.socket() as sock, suppress(ConnectionError, TimeoutError):
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
                async with asyncio.timeout(self._until - time.monotonic() + 1):
                    await self._loop.sock_connect(sock, self._where)
                    begun = time.monotonic()
                    try:
                        await KINDS[kind](self, sock)
                    finally:
                        lives[kind] = max(lives.get(kind, 0.0), time.monotonic() - begun)
            await asyncio.sleep(self._dice.uniform(2, 10))

    async def silent(self, sock: socket.socket) -> None:
        await self._end(sock)

    async def half_a_head(self, sock: socket.socket) -> None:
        await self._say(sock, b"POST /upscale HTTP/1.1\r\nHost: loc")
        await self._end(sock)

    async def slow_head(self, sock: socket.socket) -> None:
        await self._trickle(sock, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 4_000)

    async def slow_body(self, sock: socket.socket) -> None:
        await self._say(sock, self._head(1_000_000))
        await self._trickle(sock, b"--b\r\n" + b"x" * 100_000)

    async def reads_nothing(self, sock: socket.socket) -> None:
        await self._say(sock, self._get(self._result))
        await asyncio.sleep(self._dice.uniform(1, 30))

    async def leaves_amid_an_upload(self, sock: socket.socket) -> None:
        await self._say(sock, self._head(1_000_000) + b"--b\r\n" + b"x" * self._dice.randint(1, 200_000))
        await asyncio.sleep(self._dice.random())

    async def leaves_amid_a_download(self, sock: socket.socket) -> None:
        await self._say(sock, self._get(self._result))
        await self._loop.sock_recv(sock, 64 * 1024)

    async def floods(self, sock: socket.socket) -> None:
        await self._say(sock, self._get("/__fauxscale/api/health") * self._dice.randint(10, 50))
        await self._loop.sock_recv(sock, 64 * 1024)

    async def bad_chunks(self, sock: socket.socket) -> None:
        head = self._head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        await self._say(
            sock, head + self._dice.choice([b"zz\r\n", b"5\r\nabcdeX", b"-1\r\n", b"5\r\nab\r\n0\r\n\r\n"])
        )
        await self._end(sock)

    def _head(self, length: int) -> bytes:
        return (
            b"POST /upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: hostile\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % length
        )

    def _get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    async def _say(self, sock: socket.socket, data: bytes) -> None:
        await self._loop.sock_sendall(sock, data)

    async def _end(self, sock: socket.socket) -> None:
        """Wait until the server has closed the connection."""
        while await self._loop.sock_recv(sock, 64 * 1024):
            pass

    async def _trickle(self, sock: socket.socket, data: bytes) -> None:
        """Send a few bytes every now and then, until the server closes the connection."""
        closed = asyncio.ensure_future(self._end(sock))
        try:
            for at in range(0, len(data), 10):
                await self._say(sock, data[at : at + 10])
                await asyncio.wait([closed], timeout=self._dice.uniform(0.5, 4))
                if closed.done():
                    return await closed
        finally:
            closed.cancel()


KINDS: Mapping[str, Callable[[Hostile, socket.socket], Awaitable[None]]] = {
    "silent": Hostile.silent,
    "half a head": Hostile.half_a_head,
    "slow head": Hostile.slow_head,
    "slow body": Hostile.slow_body,
    "reads nothing": Hostile.reads_nothing,
    "leaves amid an upload": Hostile.leaves_amid_an_upload,
    "leaves amid a download": Hostile.leaves_amid_a_download,
    "floods": Hostile.floods,
    "bad chunks": Hostile.bad_chunks,
}
# How many of a hundred connections are of each kind. Slow ones last longest: most of those there are at once are slow.
_WEIGHTS: Mapping[str, int] = {
    "silent": 24,
    "half a head": 20,
    "slow head": 16,
    "slow body": 16,
    "reads nothing": 4,
    "leaves amid an upload": 8,
    "leaves amid a download": 2,
    "floods": 3,
    "bad chunks": 7,
}


async def besiege(url: str, result: str, seed: int, count: int, seconds: float) -> None:
    """Be `count` hostile peers at once; then say as JSON what they were and how long the server let them be."""
    where = httpx.URL(url)
    seen: Counter[str] = Counter()
    lives: dict[str, float] = {}
    peers = [
        Hostile((where.host, where.port or 0), result, seconds, random.Random(f"{seed} {number}"))
        for number in range(count)
    ]
    await asyncio.gather(*(peer.live(seen, lives) for peer in peers))
    print(json.dumps({"seen": seen, "lives": lives}))


if __name__ == "__main__":
    raise_descriptor_limit()
    os.nice(10)  # elsewhere they would not take the server's processor
    url, path, seed, count, seconds = sys.argv[1:]
    asyncio.run(besiege(url, path, int(seed), int(count), float(seconds)))
