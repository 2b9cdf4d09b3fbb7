"""An additional loopback port of a running server: the same application and loop, with TLS of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Generator
from concurrent.futures import CancelledError, Future

from starlette.types import ASGIApp

from .listener import Listener, listen


class SidePort:
    """Serves an application that runs on `loop` on `port` of 127.0.0.1 as well, until it is closed.

    Connections are accepted at once, and answered when the loop gets to it: the caller may be the loop itself.
    Raises RuntimeError if the loop has ended, and OSError if no port is free.
    """

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        self._sock = listen("127.0.0.1", 0)
        self.port = int(self._sock.getsockname()[1])
        self._loop = loop
        self._listener = _SideListener(app, lambda: None, lifespan="off")
        self._listener.config.load()
        self._listener.config.ssl = context
        serving = self._serve()
        try:
            self._served: Future[None] = asyncio.run_coroutine_threadsafe(serving, loop)
        except RuntimeError:
            serving.close()
            self._sock.close()
            raise

    async def _serve(self) -> None:
        try:
            await self._listener.serve(sockets=[self._sock])
        finally:
            self._sock.close()

    def close(self) -> None:
        """Close the port and its connections; returns when they are closed. From any thread but the loop's."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and closed everything
            self._loop.call_soon_threadsafe(self._end)
            with contextlib.suppress(CancelledError):
                self._served.result()

    def _end(self) -> None:
        self._listener.should_exit = True  # if it has not begun to serve yet
        self._listener.end()


class _SideListener(Listener):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the server's own listener."""
        yield
