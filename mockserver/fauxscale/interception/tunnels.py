"""Answers clients that ask a proxy for a real host: their connection to the proxy becomes one to the stand-in."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Protocol

from .proxies import SEVERAL, host_asked_for, senders
from .relay import Relay

# The whole head of a request for a tunnel, and the first line of one in absolute form (RFC 9112, 3.2.2 and 3.2.3).
_CONNECT = re.compile(rb"CONNECT [^\s:]+:(?P<port>\d{1,5}) HTTP/1\.[01]\r\n(?:.*\r\n)?\r\n\Z", re.DOTALL)
_ABSOLUTE = re.compile(rb"(?P<method>[A-Z]{3,10}) http://[^/?\s]+(?P<target>[^\s]*) ")
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Router(Protocol):
    """What leads connections to the ports of the stand-in."""

    def leads(self, host: str) -> bool:
        """Whether this host is answered."""
        ...

    def port(self, *, tls: bool) -> int:
        """A port of 127.0.0.1 at which it is answered."""
        ...

    def note(self, sock: socket.socket, loop: asyncio.AbstractEventLoop | None) -> None:
        """Take a connection for one that leads to such a port."""
        ...


class Tunnels:
    """Watches what clients send. Nothing is sent to the proxy; it sees a connection that ends.

    A proxy that is reached by TLS, SOCKS, event loops written in C and Windows are left to the guard, which refuses.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._lock = threading.Lock()
        self._relays: dict[bool, Relay] = {}

    def close(self) -> None:
        """Close the connections that were exchanged."""
        for relay in self._relays.values():
            relay.close()
        self._relays = {}

    def replacements(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """What to patch: classes, the names of their methods, and the methods to put there."""
        if sys.platform == "win32":  # a socket is no file descriptor there
            return
        for owner, name in senders():
            if issubclass(owner, socket.socket | asyncio.Transport) and owner.__module__ != "ssl":
                yield owner, name, self._sending(getattr(owner, name), name)

    def _sending(self, send: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(send)
        def sending(sender: Any, data: Any, *rest: object) -> object:
            __tracebackhide__ = True
            pieces: Sequence[bytes] = list(data) if name in SEVERAL else [data]
            if pieces and (host := host_asked_for(pieces[0])) and self._router.leads(host):
                asked = b"".join(pieces)
                remaining = self._answer(sender, asked)
                if remaining is not None:
                    if remaining:
                        sender.sendall(remaining) if isinstance(sender, socket.socket) else sender.write(
                            remaining
                        )
                    return len(asked) if name in ("send", "sendmsg") else None
            return send(sender, pieces if name in SEVERAL else data, *rest)

        return sending

    def _answer(self, sender: Any, asked: bytes) -> bytes | None:
        """Exchange the connection of `sender`; what is left to send by it, None where it cannot be exchanged."""
        if found := _CONNECT.match(asked):
            port, remaining = self._tunnel(tls=found["port"] != b"80"), b""
        elif found := _ABSOLUTE.match(asked):
            port = self._router.port(tls=False)
            target = found["target"] if found["target"].startswith(b"/") else b"/" + found["target"]
            remaining = found["method"] + b" " + target + b" " + asked[found.end() :]
        else:
            return None
        if isinstance(sender, socket.socket):
            _exchange(sender, port)
            self._router.note(sender, None)
            return remaining
        if sender.get_write_buffer_size() or not sender.is_reading():
            return None
        sock: socket.socket = sender._sock  # asyncio's transports have no other way to it
        sender.pause_reading()  # the selector forgets the descriptor
        _exchange(sock, port)
        sender.resume_reading()
        self._router.note(sock, asyncio.get_running_loop())
        return remaining

    def _tunnel(self, *, tls: bool) -> int:
        with self._lock:
            if tls not in self._relays:
                port = self._router.port(tls=tls)
                self._relays[tls] = Relay("127.0.0.1", port, None, tls=False, greeting=_ESTABLISHED)
            return self._relays[tls].port


def _exchange(sock: socket.socket, port: int) -> None:
    """Have a connected socket be connected to this port of 127.0.0.1 instead, under the same descriptor."""
    with socket.create_connection(("127.0.0.1", port)) as fresh:
        fresh.settimeout(sock.gettimeout())
        os.dup2(fresh.fileno(), sock.fileno(), inheritable=False)
