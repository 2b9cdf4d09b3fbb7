"""A listening socket and uvicorn on it, without uvicorn's polling."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator

import uvicorn
from starlette.types import ASGIApp

from .protocol import WireProtocol


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 chooses one. Raises OSError naming the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because a socket with protocol 0 makes asyncio leave TCP_NODELAY off, and every
    # keep-alive call then costs 44 ms on Linux (uvicorn issue 3149).
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    return sock


def address(sock: socket.socket, scheme: str = "http") -> str:
    """`http://127.0.0.1:2160`, with the port really bound; a wildcard is spelled as loopback."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Listener(uvicorn.Server):
    """uvicorn without its polling: it stops on an event, at once, and cuts what is still running.

    Stock uvicorn looks every 0.1 s whether it should stop and then sleeps 0.1 s more (0.54).
    """

    def __init__(self, app: ASGIApp, ready: Callable[[], None], **config: object) -> None:
        options: dict[str, object] = {
            "http": WireProtocol,
            "ws": "none",
            "lifespan": "on",
            "log_config": None,
            "access_log": False,
            "date_header": False,
            "server_header": False,
            "proxy_headers": False,
            "timeout_keep_alive": 30,
            "backlog": 128,
        }
        super().__init__(uvicorn.Config(app, **(options | config)))  # type: ignore[arg-type]  # uvicorn's own names
        self._ready = ready
        self._ending: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        assert self._ending is not None
        await self._ending.wait()

    def end(self) -> None:
        """Ask the server to stop. From any thread."""
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        # One turn of the loop lets the protocols notice, and their calls see a disconnect.
        await asyncio.sleep(0)  # noqa: TID251  # yields, does not wait
        running = [task for task in self.server_state.tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1)
        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """On the main thread SIGINT, SIGTERM and SIGHUP end the server, and that is all they do."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(*_: object) -> None:
            self.end()

        ending = [signal.SIGINT, signal.SIGTERM]
        if sys.platform != "win32":
            ending.append(signal.SIGHUP)  # a closed terminal must not leave certificates behind
        before = {one: signal.signal(one, end) for one in ending}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
