"""Reads which host a client asks a proxy for, from the first line it sends."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

# RFC 9110, 9.3.6 and RFC 9112, 3.2.2: only a proxy is asked for another host in the first line. RFC 1928, 4 and the
# memo "SOCKS 4A": a name, where the client does not resolve it by itself.
_ASKED = re.compile(
    rb"(?:CONNECT |[A-Z]{3,10} https?://(?:[^/@\s]{0,256}@)?"
    rb"|\x05\x01\x00\x03.|\x04\x01..\0\0\0[^\0][^\0]{0,256}\0)"
    rb"(?P<host>[A-Za-z0-9._-]{1,253})",
    re.DOTALL,
)


def host_asked_for(sent: bytes | bytearray | memoryview) -> str:
    """The host that a request wants a proxy to reach, in lower case; "" for whatever is no request to a proxy."""
    found = _ASKED.match(memoryview(sent))
    return found["host"].decode("ascii").lower().rstrip(".") if found else ""


def senders() -> Iterator[tuple[type[Any], str]]:
    """What requests to a proxy leave by, as a class and the name of a method that takes what is sent."""
    yield from (
        (socket.socket, name) for name in ("send", "sendall", "sendmsg") if hasattr(socket.socket, name)
    )
    # To a proxy that is reached by TLS.
    yield ssl.SSLSocket, "send"
    yield ssl.SSLObject, "write"
    # What a socket raises, asyncio's transports keep to themselves.
    transports: list[Any] = [asyncio.selector_events._SelectorSocketTransport]  # type: ignore[attr-defined]
    if sys.platform == "win32":
        from asyncio import proactor_events

        transports.append(proactor_events._ProactorBaseWritePipeTransport)  # pyright: ignore[reportPrivateUsage]
    yield from ((one, name) for one in transports for name in ("write", "writelines"))


# Those that take several pieces at once.
SEVERAL = frozenset(["sendmsg", "writelines"])
