"""A listening socket and uvicorn on it, without uvicorn's polling."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from functools import partial
from typing import Any
from weakref import WeakSet

import uvicorn
from starlette.types import ASGIApp

from fauxscale.errors import FauxscaleError

from .guard import Guard
from .protocol import WireProtocol

# The kernel's queue of connections to accept: those beyond it try again after a second or more.
WAITING = 1_024
# Connections accepted in one turn of the loop: each takes a tenth of a millisecond, and calls wait meanwhile.
ACCEPTED_A_TURN = 16
# How long connections may take to notice their end; they need a few turns of the loop.
CLOSE_SECONDS = 1.0


class ListeningSocket(socket.socket):
    """A listening socket that knows its accepted connections, and accepts none after it is shut.

    asyncio hides them for a while: from `accept()` until its task has made a transport, and during the TLS
    handshake, nothing else can reach a connection, and one that asyncio then closes stays open.
    """

    guard: Guard | None = None

    def __init__(self, family: int, kind: int, protocol: int, fileno: int | None = None) -> None:
        super().__init__(family, kind, protocol, fileno)
        self.accepted: WeakSet[socket.socket] = WeakSet()
        self.is_shut = False
        self._rests = False

    def listen(self, backlog: int = WAITING, /) -> None:
        # asyncio uses one number for the kernel's queue and for the connections accepted in one turn.
        super().listen(WAITING)

    def accept(self) -> tuple[socket.socket, object]:
        if self.is_shut:
            raise BlockingIOError
        try:
            connection, peer = super().accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._exhausted()
            raise
        self.accepted.add(connection)
        if self.guard is not None:
            self.guard.accepted(connection)
        return connection, peer

    def _exhausted(self) -> None:
        """Out of descriptors: have a connection closed, and accept again in the next turn. If none can be spared,
        return, so that asyncio gets the error and tries again in a second. It gets it once: it would go on trying, and
        logging, as often as it accepts in a turn (Python 3.11)."""
        self._rests = not self._rests
        if (self.guard is not None and self.guard.make_room()) or not self._rests:
            self._rests = False
            raise BlockingIOError


class CannotListen(FauxscaleError, OSError):
    """Raised if the address is taken, not this machine's, or not allowed. `strerror` says which."""


def listen(host: str, port: int) -> ListeningSocket:
    """Open a listening socket; port 0 chooses one. Raises CannotListen naming the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because a socket with protocol 0 makes asyncio leave TCP_NODELAY off, and every
    # keep-alive call then costs 44 ms on Linux (uvicorn issue 3149).
    sock = ListeningSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen()
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise CannotListen(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    return sock


def inherited(fileno: int) -> ListeningSocket:
    """Take over a listening socket that another process opened and several accept from."""
    with socket.socket(fileno=os.dup(fileno)) as known:
        family = known.family
    return ListeningSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno)


def address(sock: socket.socket, scheme: str = "http") -> str:
    """Return the URL, `http://127.0.0.1:2160`, with the actual port; a wildcard address is written as loopback."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Listener(uvicorn.Server):
    """uvicorn without its polling: it stops on an event, at once, and ends running calls.

    Stock uvicorn checks every 0.1 s whether it should stop and then sleeps 0.1 s more (0.54).
    """

    def __init__(
        self, app: ASGIApp, ready: Callable[[], None], guard: Guard | None = None, **config: object
    ) -> None:
        self.guard = guard or Guard()
        options: dict[str, object] = {
            "http": partial(WireProtocol, self.guard),
            "ws": "none",
            "lifespan": "on",
            "log_config": None,
            "access_log": False,
            "date_header": False,
            "server_header": False,
            "proxy_headers": False,
            "backlog": ACCEPTED_A_TURN,
        }
        super().__init__(uvicorn.Config(app, **(options | config)))  # type: ignore[arg-type]  # uvicorn's own names
        self._ready = ready
        self._ending: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            # The loop may have been stopped from outside: clients would wait for a reply that nobody sends.
            self._cut([sock for sock in sockets or [] if isinstance(sock, ListeningSocket)])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._loop.set_exception_handler(self._note)
        for sock in sockets or []:
            if isinstance(sock, ListeningSocket):
                sock.guard = self.guard
        await super().startup(sockets)
        # The application could not start: uvicorn exits by itself only in newer versions.
        if self.lifespan.should_exit:
            sys.exit(3)
        self._ready()

    async def main_loop(self) -> None:
        assert self._ending is not None
        await self._ending.wait()

    def end(self) -> None:
        """Ask the server to stop. From any thread."""
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        listening = [sock for sock in sockets or [] if isinstance(sock, ListeningSocket)]
        for door in listening:
            door.is_shut = True
        # Accepted connections must reach their protocol first: asyncio's task for it, then the protocol's turn. A
        # server closed before that drops the connection without closing it.
        await _turn()
        await _turn()
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        self._cut(listening)
        # One turn of the loop lets the protocols notice, and their calls see a disconnect.
        await _turn()
        running = [task for task in self.server_state.tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1)
        latest = asyncio.get_running_loop().time() + CLOSE_SECONDS
        while _open(listening) and asyncio.get_running_loop().time() < latest:
            self._cut(listening)
            await _turn()
        await self.lifespan.shutdown()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log asyncio's errors, the same one once a minute; and shortages of the machine in one line."""
        error = context.get("exception")
        if isinstance(error, OSError):
            self.guard.log.error(f"{context['message']}: {error.strerror}")
        else:
            self.guard.log.error(context["message"], exc_info=error)

    def _cut(self, listening: list[ListeningSocket]) -> None:
        """Close every connection, also those without a protocol yet."""
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for sock in _open(listening):
            with contextlib.suppress(OSError):  # the peer was faster
                sock.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """While entered on the main thread, let SIGINT, SIGTERM and SIGHUP end the server and do nothing else."""
        with ended_by_signals(self.end):
            yield


@contextlib.contextmanager
def ended_by_signals(end: Callable[[], None]) -> Generator[None]:
    """While entered on the main thread, let SIGINT, SIGTERM and SIGHUP call a function and do nothing else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heed(*_: object) -> None:
        end()

    ending = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        ending.append(signal.SIGHUP)  # a closed terminal must not leave certificates behind
    before = {one: signal.signal(one, heed) for one in ending}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


async def _turn() -> None:
    """Wait one turn of the event loop."""
    await asyncio.sleep(0)  # noqa: TID251  # yields, does not wait


def _open(listening: list[ListeningSocket]) -> list[socket.socket]:
    return [made for sock in listening for made in list(sock.accepted) if made.fileno() >= 0]
