"""The guard against live calls: stops what leads to a real host: resolving, connecting, TLS, requests to a proxy."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import ssl
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from typing import Any, NoReturn, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from msgspec import Struct, field

from fauxscale.errors import FauxscaleError
from fauxscale.hosts import leads_here

from .own_tls import context_classes, is_ours
from .proxies import SEVERAL, host_asked_for, senders


class Refusal(Struct, frozen=True, kw_only=True):
    """One stopped call: the host it was for, the libraries that made it, and what to do about it."""

    host: str
    libraries: tuple[str, ...]
    fix: str

    def __str__(self) -> str:
        outer, *inner = self.libraries or ("a plain socket",)
        through = f" (through {', '.join(inner)})" if inner else ""
        return f"a live call to {self.host} by {outer}{through} was refused: {self.fix}"


class LiveCallRefused(FauxscaleError, AssertionError):
    """Raised in place of a live call that was stopped.

    Not an OSError and no library's own error, so that no client mistakes it for an outage and retries.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class NetworkPolicy(Struct, frozen=True, kw_only=True):
    """Which hosts may be reached; loopback always may.

    `covered` maps each imitated host to its stand-in's base URL, `fallbacks` each host that an SDK turns to
    when another fails to that other one. `reachable` are hosts that are let through whatever else is said;
    with `others`, all hosts but covered ones and fallbacks are. `routed`: covered hosts are intercepted, so
    that what comes this far came past the interception.
    """

    covered: Mapping[str, str]
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    reachable: frozenset[str] = frozenset()
    others: bool = False
    routed: bool = False

    def imitates(self, host: str) -> bool:
        """Whether this is the host of an imitated service, or one that an SDK of it turns to."""
        return host in self.covered or host in self.fallbacks

    def permits(self, host: str) -> bool:
        if leads_here(host) or host in self.reachable:
            return True
        return self.others and not self.imitates(host)

    def refuse(self, host: str) -> Refusal:
        return Refusal(host=host, libraries=tuple(_libraries()), fix=self.fix(host))

    def fix(self, host: str) -> str:
        """Say what to do about a refused call to this host."""
        if host in self.fallbacks:
            return (
                f"SDKs fall back to this host when {self.fallbacks[host]} cannot be reached. "
                f"Find out why {self.fallbacks[host]} was not answered"
            )
        if host not in self.covered:
            return (
                "tests may connect to this machine only; list the host in fauxscale_reachable, "
                "or allow every host with fauxscale_network = allow"
            )
        pointed = f"set the client's base URL to {self.covered[host]}"
        if self.routed:
            return f"this connection bypassed Python's socket module, so it was not intercepted; {pointed}"
        return f"use the fixture fauxscale_intercept, or {pointed}"

    def refuse_proxy(self, host: str) -> Refusal:
        """The refusal of a call that a proxy was asked to make."""
        fix = "it would have left through a proxy; configure no proxy for the client in this test"
        if not self.routed:
            fix += ", or use the fixture fauxscale_intercept"
        return Refusal(host=host, libraries=tuple(_libraries()), fix=fix)


@contextmanager
def guard(
    policy: NetworkPolicy, record: Callable[[LiveCallRefused], None] | None = None
) -> Generator[SocketGuard]:
    """While entered, raise LiveCallRefused for hosts the policy forbids, and hand each to `record` first.

    Guards nest. Resolvers and sockets written in C past Python's own (curl, gRPC) are not seen; of a name that was
    resolved by one (c-ares) TLS tells.
    """
    sockets = SocketGuard(policy, record)
    with sockets.on(), _past_proxies(policy):
        yield sockets


class SocketGuard:
    """Replaces Python's functions that resolve names, connect sockets, begin TLS and send while a guard is on."""

    def __init__(self, policy: NetworkPolicy, record: Callable[[LiveCallRefused], None] | None) -> None:
        self._policy = policy
        self._record = record
        # Addresses that permitted names led to.
        self._known: set[str] = set()

    @contextmanager
    def on(self) -> Generator[None]:
        with ExitStack() as patches:
            for owner, name, replace in self._replacements():
                patches.enter_context(patch.object(owner, name, replace(getattr(owner, name))))
            yield

    def _replacements(self) -> Iterator[tuple[Any, str, Callable[[Callable[..., Any]], Callable[..., Any]]]]:
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            yield socket, name, self._resolving
        # asyncio resolves in a thread, whose stack no longer tells which library asked.
        yield asyncio.base_events.BaseEventLoop, "getaddrinfo", self._asking
        for name in ("connect", "connect_ex"):
            yield socket.socket, name, self._connecting
        # A tunnel through a proxy, and a name that was resolved elsewhere, show when TLS begins.
        for kind in context_classes():
            for name, at in (("wrap_socket", 4), ("wrap_bio", 3)):  # where server_hostname is
                if name in vars(kind):
                    yield kind, name, partial(self._wrapping, at=at)
        for owner, name in senders():
            yield owner, name, partial(self._sending, several=name in SEVERAL)

    def permits(self, host: str) -> bool:
        return self._policy.permits(host) or host in self._known or host == socket.gethostname().lower()

    def check(self, host: str) -> None:
        """Raise LiveCallRefused unless the host may be reached."""
        __tracebackhide__ = True  # the reader of a failing test wants the line that called
        if not self.permits(host):
            self._refuse(self._policy.refuse(host))

    def _refuse(self, refusal: Refusal) -> NoReturn:
        __tracebackhide__ = True
        refused = LiveCallRefused(refusal)
        if self._record is not None:
            self._record(refused)
        raise refused

    def _resolving(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(resolve)
        def resolving(host: object, *rest: object, **options: object) -> object:
            __tracebackhide__ = True
            self.check(normal_host(host))
            found = resolve(host, *rest, **options)
            self._learn(found)
            return found

        return resolving

    def _asking(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(ask)
        async def asking(loop: object, host: object, *rest: object, **options: object) -> object:
            __tracebackhide__ = True
            self.check(normal_host(host))
            return await ask(loop, host, *rest, **options)

        return asking

    def _connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(connect)
        def connecting(sock: socket.socket, address: Any) -> object:
            __tracebackhide__ = True
            # Datagrams have no connection: "connecting" one sends nothing and is how programs learn their address.
            if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
                self.check(normal_host(address[0]))
            return connect(sock, address)

        return connecting

    def _wrapping(self, wrap: Callable[..., Any], at: int) -> Callable[..., Any]:
        @wraps(wrap)
        def wrapping(context: ssl.SSLContext, *rest: Any, **options: Any) -> object:
            __tracebackhide__ = True
            host = normal_host(options.get("server_hostname", rest[at] if len(rest) > at else None))
            if self._policy.imitates(host) and not is_ours(context):
                self.check(host)
            return wrap(context, *rest, **options)

        return wrapping

    def _sending(self, send: Callable[..., Any], *, several: bool) -> Callable[..., Any]:
        @wraps(send)
        def sending(sender: object, data: Any, *rest: object) -> object:
            __tracebackhide__ = True
            if several:
                data = list(data)
            host = host_asked_for(data if not several else data[0] if data else b"")
            if host and self._policy.imitates(host) and not self._policy.permits(host):
                self._refuse(self._policy.refuse_proxy(host))
            return send(sender, data, *rest)

        return sending

    def _learn(self, found: Any) -> None:
        """Note the addresses a resolver returned: each function has its own shape of result."""
        if isinstance(found, str):
            self._known.add(found)
        elif isinstance(found, tuple):
            self._known.update(cast("tuple[str, list[str], list[str]]", found)[2])
        else:
            self._known.update(str(row[4][0]) for row in found)


@contextmanager
def _past_proxies(policy: NetworkPolicy) -> Generator[None]:
    """Set NO_PROXY, so that no proxy resolves a covered host unseen by the guard, or answers for the stand-in.

    Also where none is set: a test, or the program it tests, may set one while the guard is on.
    """
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    # Programs read one spelling or the other; in both stands what was said in either.
    said = [host.strip() for value in before.values() for host in (value or "").split(",")]
    stand_in = [urlsplit(url).hostname for url in policy.covered.values()]
    direct = filter(None, [*said, *_LOOPBACK, *stand_in, *policy.covered, *policy.fallbacks])
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys(direct))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def normal_host(host: object) -> str:
    """Normalize a host as resolvers accept it (text, bytes or None) for comparison."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host or "")
    return text.lower().rstrip(".")


def _libraries() -> list[str]:
    """List the installed packages on the stack below the user's own code, or what runs it, the outermost first;
    else urllib or http."""
    found: dict[str, None] = {}
    plain: dict[str, None] = {}
    frame = inspect.currentframe()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name in sys.stdlib_module_names:
            plain |= {name: None} if name in ("http", "urllib") else {}
        elif name not in _OURS:
            installed = {"site-packages", "dist-packages"} & set(frame.f_code.co_filename.split(os.sep))
            if not installed or name in _RUNNERS or name.startswith("pytest_"):
                break
            found[name] = None
        frame = frame.f_back
    return list(reversed(found or plain))


# Whoever stands between the code that calls and the guard, and is no news to the reader.
_OURS = {"fauxscale", "pytest_fauxscale", "respx", "anyio", "sniffio"}
# Whoever called the code that calls, and has no part in the call: plugins of pytest are told by their names.
_RUNNERS = {"__main__", "pytest", "_pytest", "pluggy", "hypothesis", "xdist", "execnet"}
