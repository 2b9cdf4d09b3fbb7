"""Reads HTTP as h11 does, on both ends: what bytes ask for, and what a server answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import h11


@dataclass(slots=True)
class Expected:
    """What h11 makes of bytes: the methods of the whole requests, and whether more is waited for behind them.

    `begun` is the method of a request that is not whole, which may be refused all the same.
    """

    methods: list[bytes] = field(default_factory=list[bytes])
    begun: list[bytes] = field(default_factory=list[bytes])
    waits: bool = False
    wrong: bool = False


def expect(data: bytes) -> Expected:
    """Read bytes as the server is to read them."""
    found, conn, close = Expected(waits=not data), h11.Connection(h11.SERVER), False
    if not data:
        return found  # which h11 takes for the end of a connection
    conn.receive_data(data)
    try:
        while True:
            event = conn.next_event()
            if isinstance(event, h11.Request):
                found.methods.append(event.method)
                close = any(
                    value.lower() == b"close" for name, value in event.headers if name == b"connection"
                )
            elif isinstance(event, h11.EndOfMessage):
                conn.send(h11.Response(status_code=404, headers=[(b"content-length", b"0")]))
                conn.send(h11.EndOfMessage())
                if close or conn.our_state is not h11.DONE or not conn.trailing_data[0]:
                    return found
                conn.start_next_cycle()
            elif event in (h11.NEED_DATA, h11.PAUSED):
                # A head of which less has come than h11 keeps, or a body: its sender leaves, or switches protocols.
                if conn.their_state is not h11.IDLE:
                    found.begun.append(found.methods.pop())
                found.waits = event is h11.NEED_DATA
                found.wrong = event is h11.PAUSED
                return found
    except h11.RemoteProtocolError:
        found.wrong = True
        return found


class Replies:
    """Reads what a server answers on one connection, as a client would."""

    def __init__(self, expected: Expected) -> None:
        self._methods = [*expected.methods, *expected.begun]
        self._whole = len(expected.methods)
        self.statuses: list[int] = []
        self.last = b""
        self._conn = self._next()

    def _next(self) -> h11.Connection:
        conn = h11.Connection(h11.CLIENT)
        at = len(self.statuses)
        method = self._methods[at] if at < len(self._methods) and self._methods[at] != b"CONNECT" else b"GET"
        conn.send(h11.Request(method=method, target="/", headers=[(b"host", b"x")]))
        conn.send(h11.EndOfMessage())
        return conn

    def add(self, data: bytes) -> bool:
        """Read on; whether all that was asked for has come, or there is no more."""
        if not data and self._conn.their_state is h11.SEND_RESPONSE:
            return True
        self.last = self.last + data if len(self.last) < 2_000 else self.last
        self._conn.receive_data(data)
        while True:
            event = self._conn.next_event()
            if isinstance(event, h11.Response):
                self.statuses.append(event.status_code)
            elif isinstance(event, h11.EndOfMessage):
                trailing = self._conn.trailing_data[0]
                if len(self.statuses) >= max(1, self._whole) or not data:
                    return True
                self._conn = self._next()
                if not trailing:
                    return False
                self._conn.receive_data(trailing)
            elif not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
                return not data or isinstance(event, h11.ConnectionClosed)
