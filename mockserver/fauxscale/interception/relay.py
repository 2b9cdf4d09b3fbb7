"""A port of this machine whose connections lead to a stand-in elsewhere, byte for byte; TLS ends at it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress

from fauxscale.transport.connection import SocketConnection
from fauxscale.transport.listener import listen

_PIECE = 256 * 1024


class Relay:
    """Carries connections to `port` of 127.0.0.1 on to another address, until it is closed; a reset is carried, too.

    Clients speak TLS where a `context` is given. With `tls` the stand-in does, whose certificate is not asked for.
    Each client is sent the `greeting` first.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None, *, tls: bool, greeting: bytes = b""
    ) -> None:
        self._sock = listen("127.0.0.1", 0)
        self.port = int(self._sock.getsockname()[1])
        self._there = (host, port, _unverified() if tls else None)
        self._context = context
        self._greeting = greeting
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fauxscale relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the port and its connections; returns when they are closed."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._carry, sock=self._sock, ssl=self._context):
            await self._ending.wait()
            # asyncio's own task of a connection that shakes hands is not to be cancelled: it would leave it open.
            for sock in list(self._sock.accepted):
                with suppress(OSError):  # its peer was quicker
                    sock.shutdown(socket.SHUT_RDWR)
            await _turns()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await _turns()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port, context = self._there
        writer.write(self._greeting)
        try:
            there, onward = await asyncio.open_connection(host, port, ssl=context)
        except OSError:
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, onward))
                both.create_task(_pass_on(there, writer))
        except* OSError:
            _reset(onward)
            _reset(writer)
        finally:
            onward.transport.abort()
            writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until they end, then end the other connection."""
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def _turns() -> None:
    """Wait until connections have noticed their end; it takes them four turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)  # noqa: TID251  # yields, does not wait


def _reset(writer: asyncio.StreamWriter) -> None:
    if isinstance(writer.transport, asyncio.Transport) and not writer.transport.is_closing():
        SocketConnection(writer.transport).reset()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
