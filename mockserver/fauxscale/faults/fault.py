"""The protocol of a fault, the context it applies in, and the ways a reply can fail to arrive whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import ClassVar, Literal, Protocol

from msgspec import Struct

from fauxscale.errors import FauxscaleError

from .effects import Effect

Stage = Literal["call", "outcome", "inline", "webhook", "download", "picture", "bytes", "reply"]
# call: before limits and work · outcome: the work's results, before the reply is written · inline: results about to be
# sent in the reply itself · webhook: a submission that asks for one · download: a read of a link that would be answered
# · picture: the picture it would be answered with · bytes: a picture's bytes on their way, behind a link or inside a
# reply · reply: a written success, before it is sent.
RequestKind = Literal["api", "download"]
_BODY: frozenset[Stage] = frozenset({"inline", "picture", "bytes", "reply"})
_READ: frozenset[Stage] = frozenset({"call", "download"})
# A reply to a HEAD has no body, and a browser sends OPTIONS by itself, only to ask what is allowed: no fault is used up
# by either.
BEYOND: Mapping[str, frozenset[Stage]] = MappingProxyType({"HEAD": _BODY, "OPTIONS": _BODY | _READ})


class Ending(Struct, frozen=True):
    """How a reply is sent that does not arrive whole and at once.

    `after` is how many bytes of its body the peer gets; None means not even a status line. Then the connection is
    reset, closed (a short read), sent garbage, or held open until the peer gives up. "drip" sends everything, in
    `pieces` over `seconds`.
    """

    how: Literal["reset", "close", "garbage", "hang", "drip"]
    after: int | None = None
    seconds: float = 0.0
    pieces: int = 1


class Interrupted(Exception):
    """Raised to end a call here, without a reply."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.how)
        self.ending = ending


class Redirected(Exception):
    """Raised to end a read here with a redirect to another address; to the link itself if `to` is empty."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


class NotApplicable(FauxscaleError):
    """Raised if a fault cannot apply to a reply: it goes back to the plan. The message says why."""


class Reply(Struct):
    """A written reply before it is sent. `length` is the value of Content-Length, None for the true one."""

    media_type: str
    body: bytes
    length: int | None = None
    ending: Ending | None = None

    def json(self) -> object:
        """The body as JSON. Raises NotApplicable if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise NotApplicable(f"the reply is not JSON but {self.media_type or 'without a type'}") from None

    def put_json(self, value: object) -> None:
        self.body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class FaultContext(Protocol):
    """The context a fault applies in: what it may read and do in its call."""

    @property
    def reply(self) -> Reply:
        """The reply before it is sent; only faults of the stages "bytes" and "reply" have one."""
        ...

    async def roll(self) -> float:
        """Roll the account's dice: a number from 0 up to, not including, 1."""
        ...

    async def wait(self, seconds: float) -> None: ...

    async def hang(self) -> None:
        """Wait until the peer has left or the server stops, then raise: this never returns."""
        ...

    async def take_body(self, count: float = inf) -> None:
        """Read `count` bytes of the request's body, or all of it if there is less.

        Closing a socket with unread bytes resets it; for an orderly end, read everything first.
        """
        ...

    def ask(self, effect: Effect) -> None:
        """Ask for an effect. The fault counts as applied once the code that does the work has applied the effect."""
        ...


class Fault(Protocol):
    """One thing that can go wrong. Its fields are its JSON."""

    __struct_fields__: ClassVar[tuple[str, ...]]
    stage: ClassVar[Stage]
    kind: ClassVar[RequestKind]  # where it applies: see kind_of()
    combines: ClassVar[bool]  # True: another fault may apply to the same call

    async def apply(self, context: FaultContext) -> None: ...


class AlsoOnDownloads(Struct, frozen=True, kw_only=True):
    """The base of faults that make sense for both kinds of request: `download` chooses the one they do not have."""

    download: bool = False


def kind_of(fault: Fault) -> RequestKind:
    """The request kind of a fault: "download" faults apply only to downloads; "api" ones to calls, and to downloads if
    the rule names them.

    Kinds that make sense for both kinds of request have a member `download` to choose the other one.
    """
    return "download" if getattr(fault, "download", False) else fault.kind
