"""One run of a server, from start to stop: an application on a loop, with a socket or without one."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from .guard import Guard
from .listener import Listener, ended_by_signals
from .server_loop import ServerLoop, new_loop

if TYPE_CHECKING:
    from .supervisor import Supervisor
    from .tls import Certificates


class Serving:
    """An application being served: in a thread of its own after `start()`, in the caller's by `run()`; once.

    `ready` is set when calls will be answered, or never will be; `failure` says why not, then or later. Without a
    socket, `begin` is awaited first and `close` at the end; with one, the application gets lifespan events, and
    `guard` watches its peers. With a `supervisor`, its processes serve the application, and this one does not.
    `shared`: other processes accept from the same socket.
    """

    def __init__(
        self,
        app: ASGIApp | None,
        close: Callable[[], Awaitable[None]],
        sock: socket.socket | None,
        certificates: Certificates | None,
        guard: Guard | None = None,
        *,
        begin: Callable[[], Awaitable[None]] | None = None,
        supervisor: Supervisor | None = None,
        shared: bool = False,
    ) -> None:
        self.certificates = certificates
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._app = app
        self._begin = begin
        self._close = close
        self._sock = sock
        self._guard = guard
        self.supervisor = supervisor
        self._shared = shared
        self._end: Callable[[], None] | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that serves, once it is ready."""
        assert self._loop is not None
        return self._loop

    def start(self) -> None:
        """Serve in a thread; returns when it is ready."""
        self._thread = threading.Thread(target=self._run_apart, name="fauxscale", daemon=True)
        self._thread.start()
        self.ready.wait()
        if self.failure is not None:
            self._thread.join()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until `stop()` in another thread; in the main thread, until SIGINT, SIGTERM or SIGHUP too."""
        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(self._serve(on_ready))
        except BaseException as error:
            self.failure = error  # before the callers that wait for `ready` go on
            raise
        finally:
            if self._sock is not None:
                self._sock.close()
            self.ready.set()
            self._closed.set()

    def stop(self) -> None:
        """Returns when serving has ended. Not for the thread that serves."""
        self.ready.wait()
        if self._end is not None:
            with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
                self._end()
        self._closed.wait()
        if self._thread is not None:
            self._thread.join()

    def _run_apart(self) -> None:
        was_ready = False

        def note() -> None:
            nonlocal was_ready
            was_ready = True

        try:
            self.run(note)
        except BaseException:
            if was_ready:
                logging.getLogger("fauxscale").exception("the server thread died")

    async def _serve(self, on_ready: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()

        def ready() -> None:
            self._lend(True)
            self.ready.set()
            on_ready()

        try:
            await self._serve_until_the_end(ready)
        finally:
            self._lend(False)

    def _lend(self, lends: bool) -> None:
        if isinstance(self._loop, ServerLoop):
            self._loop.lends = lends

    async def _serve_until_the_end(self, ready: Callable[[], None]) -> None:
        if self.supervisor is not None:
            self._end = self.supervisor.end
            with ended_by_signals(self.supervisor.end):
                await self.supervisor.serve(ready)
        elif self._sock is None:
            await self._serve_in_process(ready)
        else:
            assert self._app is not None
            made = self.certificates
            config: dict[str, object] = {"ssl_certfile": made.chain, "ssl_keyfile": made.key} if made else {}
            if self._shared:
                config["backlog"] = 1  # a worker that accepts all there are leaves none for the others
            listener = Listener(self._app, ready, self._guard, **config)
            self._end = listener.end
            await listener.serve(sockets=[self._sock])

    async def _serve_in_process(self, ready: Callable[[], None]) -> None:
        """Keep the loop of the calls running until the end; then end those that still run."""
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(ending.set)

        self._end = end
        if self._begin is not None:
            await self._begin()
        ready()
        await ending.wait()
        self._lend(False)
        mine = asyncio.current_task()
        running = [task for task in asyncio.all_tasks() if task is not mine]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1)
        await self._close()
