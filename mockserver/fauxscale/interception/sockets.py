"""Answers the real hosts at the socket: their names lead to a port of the stand-in, and TLS to them is ours."""

from __future__ import annotations

import asyncio
import importlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from importlib.util import find_spec
from typing import Any, Protocol
from unittest.mock import patch
from weakref import WeakKeyDictionary

from .guard import normal_host
from .open_connections import OpenConnections, cut
from .own_tls import Contexts, context_classes, contexts, is_ours
from .tunnels import Tunnels

# What every name that is answered resolves to: an address of this machine at which nothing listens. Who keeps it for
# longer than it is good for, as aiohttp does for ten seconds, is refused at once, and led to the port of the day in
# the next test.
ADDRESS = "127.21.60.0"
_AS_IPV6 = f"::ffff:{ADDRESS}"


class Port(Protocol):
    """A port of 127.0.0.1 at which the stand-in is."""

    port: int

    def close(self) -> None: ...


class HasPorts(Protocol):
    """What opens ports."""

    def open_port(self, context: ssl.SSLContext | None) -> Port: ...


class SocketRouter:
    """Leads clients that connect to `hosts` to ports of `target`, opened when the first of them does.

    Routers nest: the innermost one answers. What resolves and connects past Python's own functions (curl, clients
    in Rust) is not seen.
    """

    def __init__(self, hosts: frozenset[str], target: HasPorts, earlier: OpenConnections) -> None:
        self._hosts = hosts
        self._target = target
        self._earlier = earlier
        self._lock = threading.Lock()
        self._contexts: Contexts | None = None
        self._ports: dict[bool, Port] = {}
        self._tunnels = Tunnels(self)
        # Connections to the ports, and the event loops that some of them belong to.
        self._led: WeakKeyDictionary[socket.socket, asyncio.AbstractEventLoop | None] = WeakKeyDictionary()

    @contextmanager
    def on(self) -> Generator[None]:
        """While entered, lead clients there. Before and after, end connections of theirs that are kept open: one to a
        real host would be used again, and one to the stand-in would be answered when it should not be."""
        outer: SocketRouter | None = getattr(socket.socket.connect, "router", None)
        if outer is not None:
            outer.end_connections()
        self._earlier.close(self._hosts)
        try:
            with ExitStack() as patches:
                for owner, name, replacement in self._replacements():
                    patches.enter_context(patch.object(owner, name, replacement))
                yield
        finally:
            self.end_connections()
            self._tunnels.close()
            for port in self._ports.values():
                port.close()
            self._ports = {}

    def end_connections(self) -> None:
        """End the connections that were led to the ports; clients find them ended and make new ones."""
        with self._lock:
            led = list(self._led.items())
        for sock, loop in led:
            cut(sock, loop)

    def _replacements(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        for owner, name in _resolvers():
            replace = self._resolving if owner is socket else self._asking
            yield owner, name, replace(getattr(owner, name))
        if (uvloop := sys.modules.get("uvloop")) is not None:
            yield uvloop.Loop, "getaddrinfo", self._asking(uvloop.Loop.getaddrinfo)
            yield uvloop.Loop, "create_connection", self._dialling(uvloop.Loop.create_connection)
        yield socket.socket, "connect", self._connecting(socket.socket.connect)
        yield socket.socket, "connect_ex", self._connecting(socket.socket.connect_ex)
        if sys.platform == "win32":
            proactor = asyncio.IocpProactor
            yield proactor, "connect", self._connecting_overlapped(proactor.connect)
        yield from self._tunnels.replacements()
        for kind in context_classes():
            if "wrap_socket" in vars(kind):
                yield kind, "wrap_socket", self._wrapping_socket(kind.wrap_socket)
            if "wrap_bio" in vars(kind):
                yield kind, "wrap_bio", self._wrapping_bio(kind.wrap_bio)

    def _address_of(self, host: object, rest: tuple[object, ...], options: dict[str, object]) -> object:
        """The host to resolve instead."""
        if normal_host(host) not in self._hosts:
            return host
        family = options.get("family", rest[1] if len(rest) > 1 else 0)
        return _AS_IPV6 if family == socket.AF_INET6 else ADDRESS

    def _resolving(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(resolve)
        def resolving(host: object, *rest: object, **options: object) -> object:
            __tracebackhide__ = True
            return resolve(self._address_of(host, rest, options), *rest, **options)

        return resolving

    def _asking(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(ask)
        def asking(resolver: object, host: object, *rest: object, **options: object) -> object:
            __tracebackhide__ = True
            return ask(resolver, self._address_of(host, rest, options), *rest, **options)

        return asking

    def _dialling(self, dial: Callable[..., Any]) -> Callable[..., Any]:
        """For a loop that resolves and connects by itself."""

        @wraps(dial)
        def dialling(
            loop: object, protocol: object, host: object = None, port: object = None, **options: Any
        ) -> object:
            if normal_host(host) in self._hosts:
                if options.get("ssl") and options.get("server_hostname") is None:
                    options["server_hostname"] = host
                host, port = "127.0.0.1", self.port(tls=port != 80)
            return dial(loop, protocol, host, port, **options)

        return dialling

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(connect)
        def connecting(sock: socket.socket, address: Any) -> object:
            __tracebackhide__ = True
            return connect(sock, self._port_of(sock, address))

        connecting.router = self  # type: ignore[attr-defined]  # for one that begins meanwhile
        return connecting

    def _connecting_overlapped(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(connect)
        def connecting(proactor: object, sock: socket.socket, address: Any) -> object:
            return connect(proactor, sock, self._port_of(sock, address))

        return connecting

    def _port_of(self, sock: socket.socket, address: Any) -> Any:
        """The address to connect to instead."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
            return address
        host = normal_host(address[0])
        if host not in (ADDRESS, _AS_IPV6) and not self.leads(host):
            return address
        port = self.port(tls=address[1] != 80)
        loop = None
        if sock.gettimeout() == 0:
            with suppress(RuntimeError):  # another library's loop
                loop = asyncio.get_running_loop()
        self.note(sock, loop)
        return ("127.0.0.1", port) if sock.family == socket.AF_INET else ("::ffff:127.0.0.1", port, 0, 0)

    def leads(self, host: str) -> bool:
        return host in self._hosts

    def note(self, sock: socket.socket, loop: asyncio.AbstractEventLoop | None) -> None:
        with self._lock:
            self._led[sock] = loop

    def port(self, *, tls: bool) -> int:
        with self._lock:
            if tls not in self._ports:
                self._ports[tls] = self._target.open_port(self._made().server if tls else None)
            return self._ports[tls].port

    def _made(self) -> Contexts:
        if self._contexts is None:
            self._contexts = contexts(self._hosts)
        return self._contexts

    def _client(self) -> ssl.SSLContext:
        with self._lock:
            return self._made().client

    def _wrapping_socket(self, wrap: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrap)
        def wrapping(
            context: ssl.SSLContext,
            sock: socket.socket,
            server_side: bool = False,
            do_handshake_on_connect: bool = True,
            suppress_ragged_eofs: bool = True,
            server_hostname: object = None,
            session: object = None,
        ) -> object:
            __tracebackhide__ = True
            how: tuple[Any, ...] = (
                server_side,
                do_handshake_on_connect,
                suppress_ragged_eofs,
                server_hostname,
            )
            if not server_side and not is_ours(context) and self._is_led(sock, server_hostname):
                return self._client().wrap_socket(sock, *how)
            made = wrap(context, sock, *how, session)
            if is_ours(context):
                self.note(made, None)
            return made

        return wrapping

    def _is_led(self, sock: socket.socket, server_hostname: object) -> bool:
        """Whether a socket leads to a port, or will: it may be wrapped before it connects."""
        if sock in self._led:
            return True
        return normal_host(server_hostname) in self._hosts and not _is_connected(sock)

    def _wrapping_bio(self, wrap: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrap)
        def wrapping(
            context: ssl.SSLContext,
            incoming: ssl.MemoryBIO,
            outgoing: ssl.MemoryBIO,
            server_side: bool = False,
            server_hostname: Any = None,
            session: object = None,
        ) -> object:
            __tracebackhide__ = True
            if not server_side and not is_ours(context) and normal_host(server_hostname) in self._hosts:
                # Where the peer is somebody else, it does not get past the handshake.
                return self._client().wrap_bio(incoming, outgoing, False, server_hostname)
            return wrap(context, incoming, outgoing, server_side, server_hostname, session)

        return wrapping


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _resolvers() -> Iterator[tuple[Any, str]]:
    """The functions that resolve names, as what has them and their name."""
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        yield socket, name
    yield asyncio.base_events.BaseEventLoop, "getaddrinfo"
    # aiohttp resolves by c-ares where this is installed; loaded or not, so that one first imported meanwhile asks too.
    if find_spec("aiodns") is not None:
        yield importlib.import_module("aiodns").DNSResolver, "getaddrinfo"
