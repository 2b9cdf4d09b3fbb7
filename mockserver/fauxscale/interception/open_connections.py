"""Finds this process's open TLS connections to given hosts, and closes them."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import gc
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from fauxscale.hosts import leads_here

from .guard import normal_host

_Ends = tuple[Any, Any]
# Where Linux and macOS list what a process has open; Windows does nowhere.
_DESCRIPTORS = "/dev/fd"


class OpenConnections:
    """The connections of this process, as far as they have been looked at.

    No library says whom its connections are to, so all objects of the process are searched, which takes 10 ms and more.
    That is done where a connection is open that has not been looked at.
    """

    def __init__(self) -> None:
        self._known: set[_Ends] = set()

    def close(self, hosts: frozenset[str]) -> None:
        """End TLS connections to these hosts, so that clients that keep them make new ones."""
        listed = os.path.isdir(_DESCRIPTORS)
        found = set(_outward()) if listed else set[_Ends]()
        if not listed or not found <= self._known:
            for sock, loop in _connections_to(hosts):
                cut(sock, loop)
        self._known = found


def cut(sock: socket.socket, loop: asyncio.AbstractEventLoop | None) -> None:
    """End a connection, and have the event loop that it belongs to know of it before anything else."""
    descriptor = sock.fileno()
    if descriptor < 0:
        return
    with suppress(OSError):  # it has ended by itself
        if isinstance(sock, ssl.SSLSocket):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # its own would go on without TLS
        else:
            sock.shutdown(socket.SHUT_RDWR)
    if loop is not None:
        with suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(_abort, loop, descriptor)


def _abort(loop: Any, descriptor: int) -> None:
    # asyncio's selector loops know their transports by descriptor (3.11 to 3.14); others see the end by themselves.
    transport = getattr(loop, "_transports", {}).get(descriptor)
    if transport is not None:
        # Whoever keeps a connection by TLS asks the outer transport whether it is still open.
        (getattr(transport.get_protocol(), "_app_transport", None) or transport).abort()


def _outward() -> Iterator[_Ends]:
    """The two ends of every TCP connection that does not lead to this process itself."""
    ends: list[_Ends] = []
    for name in os.listdir(_DESCRIPTORS):
        with suppress(OSError):  # closed meanwhile, or not connected
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            sock = socket.socket(fileno=int(name))
            try:
                if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
                    own = sock.getsockname()
                    ends.append((own, None))
                    ends.append((own, sock.getpeername()))
            finally:
                sock.detach()
    ports = {own[1] for own, _ in ends}
    for own, peer in ends:
        if peer is not None and not (leads_here(str(peer[0])) and peer[1] in ports):
            yield own, peer


def _connections_to(
    hosts: frozenset[str],
) -> Iterator[tuple[socket.socket, asyncio.AbstractEventLoop | None]]:
    kinds: list[type] = [ssl.SSLSocket, asyncio.sslproto.SSLProtocol]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    found: Any
    for found in gc.get_referrers(*kinds):
        if isinstance(found, ssl.SSLSocket) and normal_host(found.server_hostname) in hosts:
            yield found, None
        elif isinstance(found, asyncio.sslproto.SSLProtocol):
            transport = getattr(found, "_transport", None)
            if transport is not None and normal_host(getattr(found, "_server_hostname", None)) in hosts:
                yield transport.get_extra_info("socket"), getattr(found, "_loop", None)
