"""Guards a server against its peers: closes connections that keep it waiting, bounds their number and memory."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Protocol

from msgspec import Struct, field

from .bounded_log import BoundedLog
from .descriptors import descriptor_limit

# Descriptors reserved for other things than connections: files, webhooks, and connections closed a turn later.
_RESERVE = 100
# Connections checked in one turn of the loop: a thousand take some 5 ms.
_AT_ONCE = 50
# A peer that moved bytes within this many seconds is not late yet.
_LATELY = 1.0


class PeerLimits(Struct, frozen=True):
    """How long a peer may keep the server waiting, and how much all peers together may take.

    Nothing of this ends a call that a fault (Hang, Stall, SlowDrip), a `?wait=` or a stream of events holds open:
    there the peer waits for the server.
    """

    idle_seconds: float = 30.0
    """Between a reply and the next request."""
    head_seconds: float = 10.0
    """From the first byte of a connection or a head to the end of the head."""
    body_rate: float = 16 * 1024.0
    """Bytes a second, over `body_seconds` in which the application waits for them."""
    body_seconds: float = 10.0
    drain_seconds: float = 5.0
    """How long a sender that goes on after the reply is still read from, so that it reads the reply."""
    read_seconds: float = 300.0
    """Without any progress of a peer that should read. Long, since a developer may be at a breakpoint."""
    connections: int = field(default_factory=lambda: _connections(descriptor_limit()))
    in_flight: int = 512 * 1024 * 1024
    """Bytes of long bodies on their way to peers; a body that several share counts once."""
    tick: float = 1.0
    """Seconds between two checks of the connections."""


def _connections(descriptors: int) -> int:
    return min(1_000, max(descriptors - _RESERVE, descriptors // 2))


class Awaited(Enum):
    """What the server waits for from a peer. The value is the reason for ending the connection."""

    REQUEST = "its peer sent no request"
    HEAD = "its peer did not complete a head"
    BODY = "its peer sent a body too slowly"
    END = "its peer did not end a request that was answered"
    READ = "its peer did not read"


# How peers commonly leave. Everything else is logged.
_COMMON = frozenset([Awaited.REQUEST.value, Awaited.HEAD.value, Awaited.END.value])
_TOO_MANY = "there were too many, and this one could best be spared"
_TOO_MUCH = "too much was in flight, and its peer did not read"


class Peer(Protocol):
    """A connection as the guard sees it."""

    @property
    def awaited(self) -> Awaited | None:
        """What the server waits for; None while it is the peer that waits."""
        ...

    @property
    def stage(self) -> object:
        """Changes when the peer makes progress, so that a deadline begins anew."""
        ...

    @property
    def arrived(self) -> int:
        """How many bytes the peer has sent."""
        ...

    def end(self, *, at_once: bool) -> None:
        """Close the connection; `at_once` without waiting for the peer to read the rest."""
        ...


class _Watch(Struct):
    """The guard's record of a connection: when bytes last moved, and since when it is at its stage."""

    moved: float
    since: float
    stage: object = None
    arrivals: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])


class _Greeting:
    """A connection from its acceptance until a protocol has it, for example during the TLS handshake."""

    awaited, stage, arrived = Awaited.HEAD, None, 0

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ended = False

    def end(self, *, at_once: bool) -> None:
        self.ended = True
        with suppress(OSError):  # the peer was faster
            self.sock.shutdown(socket.SHUT_RDWR)


class Guard:
    """Watches all connections of a server. `ended` counts those it ended, by the reason.

    Beyond `limits.connections`, it closes the oldest idle one, else the one that has kept a call waiting longest,
    so that new ones are served.
    """

    def __init__(self, limits: PeerLimits | None = None) -> None:
        self.limits = limits or PeerLimits()
        self.ended: Counter[str] = Counter()
        self.log = BoundedLog(logging.getLogger("fauxscale"))
        self._idle: OrderedDict[Peer, _Watch] = OrderedDict()  # the one idle for longest first
        self._busy: OrderedDict[Peer, _Watch] = OrderedDict()  # the one without moved bytes for longest first
        self._greetings: dict[int, _Greeting] = {}
        self._sending: dict[Peer, tuple[int, int]] = {}
        self._now = self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._clock: Callable[[], float] = float  # the loop's, once there is a connection
        self._round: list[Peer] = []

    def accepted(self, sock: socket.socket) -> None:
        """Watch an accepted connection."""
        self._greeted(sock.fileno())
        self._greetings[sock.fileno()] = greeting = _Greeting(sock)
        self._watch(greeting)

    def made(self, peer: Peer, descriptor: int) -> None:
        """Watch a connection that now has a protocol."""
        greeting = self._greeted(descriptor)
        if greeting is not None and greeting.ended:
            peer.end(at_once=True)
        else:
            self._watch(peer)

    def lost(self, peer: Peer) -> None:
        """Forget a connection."""
        for known in (self._idle, self._busy, self._sending):
            known.pop(peer, None)

    def began(self, peer: Peer) -> None:
        """Note that a request has begun: the connection is no longer idle."""
        if (watch := self._idle.pop(peer, None)) is not None:
            self._busy[peer] = watch
        self.moved(peer)

    def moved(self, peer: Peer) -> None:
        """Note that bytes of a request or its reply have moved."""
        if (watch := self._busy.get(peer)) is not None:
            watch.moved = self._time()
            self._busy.move_to_end(peer)

    def rests(self, peer: Peer) -> None:
        """Note that the connection is idle."""
        if (watch := self._busy.pop(peer, None)) is not None:
            watch.moved = self._time()
            self._idle[peer] = watch

    @contextmanager
    def sending(self, peer: Peer, body: memoryview) -> Generator[None]:
        """Count a long body as in flight. If there are too many, the one unread for longest is dropped."""
        if peer in self._busy:
            self._sending[peer] = id(body.obj), len(body)
        self._bound_in_flight()
        try:
            yield
        finally:
            self._sending.pop(peer, None)

    def make_room(self) -> bool:
        """Close the connection that is needed least. False if there is none."""
        spared = self._spared()
        if spared is not None:
            self._end(spared, _TOO_MANY, at_once=True)
        return spared is not None

    def _bound_in_flight(self) -> None:
        while sum(dict(self._sending.values()).values()) > self.limits.in_flight:
            read: dict[int, float] = {}
            for reader, (key, _) in self._sending.items():
                read[key] = max(read.get(key, 0.0), self._busy[reader].moved)
            oldest = min(read, key=read.__getitem__)
            if read[oldest] + _LATELY > self._time():
                break
            for reader in [one for one, (key, _) in self._sending.items() if key == oldest]:
                self._end(reader, _TOO_MUCH, at_once=True)

    def _watch(self, peer: Peer) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.time
            self._looked = loop.time()
            self._timer = loop.call_later(self.limits.tick, self._look)
        now = self._time()
        self._idle[peer] = _Watch(now, now, (peer.awaited, peer.stage))
        if len(self._idle) + len(self._busy) > self.limits.connections:
            self.make_room()

    def _greeted(self, descriptor: int) -> _Greeting | None:
        greeting = self._greetings.pop(descriptor, None)
        if greeting is not None:
            self.lost(greeting)
        return greeting

    def _time(self) -> float:
        """Seconds in which the server ran: a process stopped by a debugger is not the peer's fault."""
        late = self._clock() - self._looked
        return self._now + min(late, 2 * self.limits.tick)

    def _spared(self) -> Peer | None:
        latest = self._time() - _LATELY
        oldest = next(iter(self._idle), None)
        if oldest is not None and self._idle[oldest].moved <= latest:
            return oldest
        for peer, watch in self._busy.items():
            if watch.moved > latest:
                break
            if peer.awaited is not None:
                return peer
        return oldest

    def _look(self) -> None:
        """End connections that are over their time: a part of them now, and the next part a moment later."""
        loop = asyncio.get_running_loop()
        self._now, self._looked = self._time(), loop.time()
        if not self._round:
            for descriptor in [key for key, one in self._greetings.items() if one.sock.fileno() < 0]:
                self._greeted(descriptor)
            self._bound_in_flight()
            self._round = [*self._idle, *self._busy]
        part, self._round = self._round[:_AT_ONCE], self._round[_AT_ONCE:]
        for peer in part:
            if (watch := self._idle.get(peer) or self._busy.get(peer)) is not None:
                self._look_at(peer, watch)
        again = bool(self._idle or self._busy)
        pause = 0.0 if self._round else self.limits.tick
        self._timer = loop.call_later(pause, self._look) if again else None

    def _look_at(self, peer: Peer, watch: _Watch) -> None:
        awaited = peer.awaited
        if awaited is not None and self._is_late(peer, awaited, watch):
            self._end(peer, awaited.value, at_once=awaited is Awaited.READ)

    def _is_late(self, peer: Peer, awaited: Awaited, watch: _Watch) -> bool:
        now, limits, stage = self._now, self.limits, (awaited, peer.stage)
        if stage != watch.stage:
            watch.stage, watch.since = stage, now
            watch.arrivals.clear()
        waited = now - watch.since
        match awaited:
            case Awaited.REQUEST:
                return waited >= limits.idle_seconds
            case Awaited.HEAD:
                return waited >= limits.head_seconds
            case Awaited.END:
                return waited >= limits.drain_seconds
            case Awaited.READ:
                return waited >= limits.read_seconds
            case Awaited.BODY:
                return self._is_slow(peer, watch)

    def _is_slow(self, peer: Peer, watch: _Watch) -> bool:
        seen, begun = watch.arrivals, self._now - self.limits.body_seconds
        seen.append((self._now, peer.arrived))
        while len(seen) > 1 and seen[1][0] <= begun:
            seen.popleft()
        at, arrived = seen[0]
        return at <= begun and peer.arrived - arrived < self.limits.body_rate * (self._now - at)

    def _end(self, peer: Peer, why: str, *, at_once: bool) -> None:
        self.ended[why] += 1
        if why not in _COMMON:
            self.log.warning(f"a connection was closed: {why}")
        if at_once:
            self.lost(peer)
        peer.end(at_once=at_once)
