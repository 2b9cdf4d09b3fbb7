"""The connection of a call: resets, closes or writes to it, over a socket or without one."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, Protocol, cast

from starlette.types import Scope

_STATE = "fauxscale.connection"


class Connection(Protocol):
    """What can be done to a connection besides answering on it.

    While `held_open` is set, the server waits only for the peer to leave, and no deadline ends the call.
    """

    held_open: bool

    @property
    def gone(self) -> bool:
        """Whether the peer or the server has ended it."""
        ...

    def reset(self) -> None:
        """Reset the connection: the peer sees a reset (over a socket: RST)."""
        ...

    def close(self) -> None:
        """Close the connection after the bytes written so far: the peer sees a short read."""
        ...

    def write(self, raw: bytes) -> None:
        """Write raw bytes to the connection, past HTTP framing. No reply is possible afterwards."""
        ...


def attach(scope_state: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """The state for a request's scope with its connection in it, for `connection_of` to find."""
    return {**scope_state, _STATE: connection}


def connection_of(scope: Scope) -> Connection | None:
    """The connection of a request, None if another server or transport runs the app."""
    return cast("Connection | None", scope.get("state", {}).get(_STATE))


class SocketConnection:
    """A connection of our own server."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.held_open = False

    @property
    def gone(self) -> bool:
        return self._transport.is_closing()

    def reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            # Closing with a linger of zero sends RST instead of FIN (socket(7), SO_LINGER).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def write(self, raw: bytes) -> None:
        self._transport.write(raw)
