"""HTTP/1.1 on a socket: uvicorn's protocol, watched by a guard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from .connection import SocketConnection, attach
from .exchange import Flow, SocketExchange
from .guard import Awaited, Guard
from .request_head import PlainHead, ServerConnection
from .server_loop import ServerLoop

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, HTTPScope

DRAIN_BYTES = 32 * 1024 * 1024
# A piece at least this long is worth splitting, if the head in it is at most this long.
_LONG = 16 * 1024
_END = b"\r\n\r\n"


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which tells a guard what it waits for (uvicorn 0.54 waits for ever).

    If a client still sends after the reply, the protocol goes on reading for a while, so that the client can read
    the reply.
    """

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn: ServerConnection = ServerConnection(h11.SERVER, self.conn._max_incomplete_event_size)  # pyright: ignore[reportPrivateUsage]  # h11 0.16, to which pyproject.toml holds us
        self._guard = guard
        self._start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = self.loop.create_task
        if isinstance(self.loop, ServerLoop):
            self._start = self.loop.start
        self._cycle = cast("RequestResponseCycle", None)  # as in uvicorn
        self._drained = self._requests = self.arrived = 0
        self.logger = cast("logging.Logger", guard.log)
        # Another uvicorn of this process may have enabled the shared access log; calls are in the journal.
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._connection = SocketConnection(transport)
        self.app_state = attach(self.app_state, self._connection)
        self._guard.made(self, transport.get_extra_info("socket").fileno())

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.lost(self)
        super().connection_lost(exc)
        # Only a full collection frees reference cycles, and `serve` restricts collections to new objects. An exchange
        # refers to its connection, and asyncio's transport to a method of its own (3.11 to 3.14).
        self._cycle = cast("RequestResponseCycle", None)
        getattr(self.transport, "__dict__", {}).pop("_read_ready_cb", None)

    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        self._guard.moved(self)
        if (head := self.conn.receive_request(data)) is not None:
            self._begin(head, data)
            return
        if self._is_draining:
            self._drained += len(data)
            if self._drained > DRAIN_BYTES:
                self.transport.close()
                return
        try:
            if (
                len(data) > _LONG
                and self.conn.their_state is h11.IDLE
                and (end := data.find(_END, 0, _LONG)) > 0
            ):
                # The head alone: h11 copies its input.
                super().data_received(data[: end + len(_END)])
                data = data[end + len(_END) :]
            if self._is_body(data):
                self._body_received(data)
            else:
                super().data_received(data)
        except h11.LocalProtocolError:
            # Junk after a request that is being answered: uvicorn tries a second reply, h11 refuses.
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        try:
            # h11 refuses it after the start of a reply, and its text for a HEAD.
            super().send_400_response(msg)
        finally:
            if self._requests:
                # The request that was being read is answered; messages of the application come too late.
                self.cycle.disconnected = True
                self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        if not self.transport.get_write_buffer_size():
            self._guard.rests(self)
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        conn = self.conn
        if conn.our_state is h11.DONE and conn.their_state is h11.DONE:
            conn.start_next_cycle()
            if conn.trailing_data[0]:
                self.handle_events()

    def _begin(self, head: PlainHead, data: bytes) -> None:
        """Answer a plain request: what uvicorn does of its own, without h11's events (uvicorn 0.54)."""
        raw_path, _, query = head.target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": head.method.decode("ascii"),
            "root_path": "",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [(name, value) for _, name, value in head.lines],
            "state": self.app_state.copy(),
        }
        exchange = SocketExchange(
            scope=cast("HTTPScope", scope),
            conn=self.conn,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=self.on_response_complete,
        )
        exchange.watch(self, self._guard)
        exchange.receive_data(data[head.size :])
        exchange.more_body = self.conn.their_state is h11.SEND_BODY
        self._enter(exchange)
        exchange.in_first_turn = True
        task = self._start(exchange.run_asgi(cast("ASGI3Application", cast("Any", self).app)))
        exchange.end_turn()
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        # Where it was answered already, the rest is to be read and thrown away.
        if len(exchange.body) > HIGH_WATER_LIMIT and exchange.more_body and not exchange.response_complete:
            cast("Flow", self.flow).pause_at_once()

    def _enter(self, exchange: RequestResponseCycle) -> None:
        self._cycle = exchange
        self._requests += 1
        self._drained = 0
        self._guard.began(self)

    @property
    def cycle(self) -> RequestResponseCycle:
        return self._cycle

    @cycle.setter
    def cycle(  # pyright: ignore[reportIncompatibleVariableOverride]  # an attribute there
        self, made: RequestResponseCycle | None
    ) -> None:
        if made is not None:
            SocketExchange.adopt(made, self, self._guard)
            self._enter(made)

    def _is_body(self, data: bytes) -> bool:
        """Whether all of this belongs to a body of known length."""
        conn = self.conn
        left = getattr(getattr(conn, "_reader", None), "_remaining", 0)
        return len(data) <= left and conn.our_state is h11.SEND_RESPONSE and not conn.trailing_data[0]

    def _body_received(self, data: bytes) -> None:
        """Take a body past h11, which would copy it four times (h11 0.16) and would only count it."""
        self.conn._reader._remaining -= len(data)  # type: ignore[union-attr]  # as h11 itself counts
        cast("SocketExchange", self.cycle).receive_data(data)
        if self.conn._reader._remaining == 0:  # type: ignore[union-attr]  # as above
            self.handle_events()
        elif len(self.cycle.body) > HIGH_WATER_LIMIT:
            cast("Flow", self.flow).pause_at_once()

    @property
    def _is_draining(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE

    @property
    def awaited(self) -> Awaited | None:
        """What the server waits for from the peer; None while the peer waits for the server, or is held open."""
        if self.transport.is_closing():
            return Awaited.READ
        if self._connection.held_open:
            return None
        if self._is_draining:
            return Awaited.END
        if self.transport.get_write_buffer_size():
            return Awaited.READ
        if self.conn.their_state is h11.IDLE:
            begun = not self._requests or self.conn.trailing_data[0]
            return Awaited.HEAD if begun else Awaited.REQUEST
        reads = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.SEND_RESPONSE
        waits = reads and cast("SocketExchange", self._cycle).receiving and not self.flow.read_paused
        return Awaited.BODY if waits else None

    @property
    def stage(self) -> object:
        """Changes with the request, with the bytes read of a reply, and when the server itself kept a body waiting."""
        flow = cast("Flow", self.flow)
        return self._requests, self.transport.get_write_buffer_size(), flow.pauses, flow.resumptions

    def end(self, *, at_once: bool) -> None:
        """Close the connection; `at_once` without waiting for the peer to read the rest."""
        if at_once:
            self.transport.abort()
        else:
            self.transport.close()
