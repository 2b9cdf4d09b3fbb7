"""HTTP/1.1 on a socket: uvicorn's protocol, with deadlines for senders that never finish."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from .connection import SocketConnection, attach
from .exchange import Flow, SocketExchange

HEAD_SECONDS = 10.0
DRAIN_SECONDS = 5.0
DRAIN_BYTES = 32 * 1024 * 1024


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol with the deadlines it lacks (uvicorn 0.54 has none on receiving a request).

    A head must be complete HEAD_SECONDS after its first byte. A sender that goes on after it was answered
    is listened to for DRAIN_SECONDS or DRAIN_BYTES, so that it can read the answer, and is then closed on.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._drained = 0
        # Another uvicorn of this process may have switched the shared access log on; calls are in the journal.
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.flow = Flow(transport)
        self.app_state = attach(self.app_state, SocketConnection(transport))
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._drain_timer is not None:
            self._drained += len(data)
            if self._drained > DRAIN_BYTES:
                self._give_up()
                return
        try:
            if self._is_body(data):
                self._body_received(data)
            else:
                super().data_received(data)
        except h11.LocalProtocolError:
            # Junk behind a request that is being answered: uvicorn tries a second answer, h11 refuses.
            self._give_up()
            return
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._watch()

    @property
    def cycle(self) -> RequestResponseCycle:
        return self._cycle

    @cycle.setter
    def cycle(  # pyright: ignore[reportIncompatibleVariableOverride]  # an attribute there
        self, made: RequestResponseCycle | None
    ) -> None:
        if made is not None:
            SocketExchange.adopt(made)
            self._cycle = made

    def _is_body(self, data: bytes) -> bool:
        """Whether all of this belongs to a body of known length, and is not the end of it."""
        conn = self.conn
        left = getattr(getattr(conn, "_reader", None), "_remaining", 0)
        return len(data) < left and conn.our_state is h11.SEND_RESPONSE and not conn.trailing_data[0]

    def _body_received(self, data: bytes) -> None:
        """Take the middle of a body past h11, which would copy it four times (h11 0.16), and has nothing to do with it
        but count."""
        self.conn._reader._remaining -= len(data)  # type: ignore[union-attr]  # as h11 itself counts
        cast("SocketExchange", self.cycle).receive_data(data)
        if len(self.cycle.body) > HIGH_WATER_LIMIT:
            cast("Flow", self.flow).pause_at_once()

    def _watch(self) -> None:
        """Arm the deadline the connection's state calls for, disarm the other."""
        awaiting_head = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if not awaiting_head and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        elif awaiting_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)
        draining = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
        if not draining and self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        elif draining and self._drain_timer is None:
            self._drained = 0
            self._drain_timer = self.loop.call_later(DRAIN_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._stop_timers()
        self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._drain_timer = None
