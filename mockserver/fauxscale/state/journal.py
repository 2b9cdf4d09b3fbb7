"""The journal of calls: one entry a call, bounded by count and bytes, secrets shortened."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from itertools import chain, islice
from typing import TypeAlias, cast

from msgspec import Struct, field
from msgspec.structs import replace

from fauxscale import credentials, redact

from .batch import Batch
from .scope import Scope
from .serialization import size_of

Json = dict[str, object]
# Called by the server with an account's id and label and each entry written for it, in its own thread or in the
# caller's: it should return quickly. The entry is not masked.
JournalObserver: TypeAlias = Callable[[str, str, "Entry"], None]
# The rule of an entry for a call to a real host that a guard blocked: no server received it.
LIVE_CALL = "live_call"
_MOST_VALUES = 1_000
_MOST_TEXT = 64 * 1024


class Entry(Struct, kw_only=True):
    """One call of an API or one read of a link. It is filled in while the call runs and written when it ends.

    `at` is the account's clock, `ahead` the seconds by which it was ahead of real time; `started` and `ended` are
    seconds on a forward-going clock of this server (for overlaps and durations). `api_version` is the contract that
    the provider followed, "" where it has but one. `status` is None when the connection was cut instead of answered.
    `faults` are the kinds that applied, `configured` the same with all their members. `image` describes the
    picture sent, `refused_file` one that was refused, `parts` each multipart part, `sent` names the members of a JSON
    body. `results` are the links given out or read; of one that had died, its `life` in seconds. `rule` is the neutral
    name of a refusal, `reason` its explanation. `cost` is in micro-dollars, `retry_after` the seconds the client was
    asked to wait. Not `arrived`: the client had left before it was answered, or while it was, or the reply was
    cut by a fault. `raw`: it holds what was sent, secrets and all, and in `secret` the key the call was found by;
    whoever reads it, or encodes it, gets it masked.
    """

    n: int = 0
    id: str = ""
    kind: str = "api"
    at: float = 0.0
    ahead: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    provider: str = ""
    api_version: str = ""
    operation: str = ""
    method: str = ""
    path: str = ""
    key: str = ""
    status: int | None = None
    arrived: bool = True
    faults: list[str] = field(default_factory=list[str])
    configured: list[Json] = field(default_factory=list[Json])
    rule: str = ""
    reason: str = ""
    params: Json = field(default_factory=dict[str, object])
    sent: list[str] = field(default_factory=list[str])
    image: Json | None = None
    refused_file: Json | None = None
    parts: list[Json] = field(default_factory=list[Json])
    results: list[Json] = field(default_factory=list[Json])
    cost: int = 0
    charge: str = ""
    retry_after: float | None = None
    request_headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    reply_headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    reply: str = ""
    secret: str = ""
    raw: bool = False

    @property
    def bytes_received(self) -> int:
        """The length of the request's body, by its header."""
        return _length(self.request_headers)

    @property
    def bytes_sent(self) -> int:
        """The length of the reply's body, by its header."""
        return _length(self.reply_headers)

    def mask(self) -> redact.Mask:
        """Make a mask for this call's own secrets, anywhere in it. For an entry that is still raw."""
        return redact.Mask([self.secret, *credentials.secrets(self.request_headers, self.path)])

    def masked(self) -> Entry:
        """Mask the entry's secrets, once: most entries are never read, so no call waits for it."""
        if self.raw:
            mask = self.mask()
            for name in _TEXTS:
                setattr(self, name, mask.text(getattr(self, name)))
            for name in _VALUES:
                setattr(self, name, mask.json(getattr(self, name)))
            self.parts = [_part(mask, part) for part in self.parts]
            self.request_headers = mask.headers(self.request_headers)
            self.reply_headers = mask.headers(self.reply_headers)
            self.secret, self.raw = "", False
        return self

    def to_members(self) -> Json:
        """Its members, masked, for an encoder. The entry itself stays raw: an observer still gets it."""
        shown = copy(self).masked()
        return {
            name: getattr(shown, name) for name in self.__struct_fields__ if name not in ("raw", "secret")
        }

    def to_json(self) -> bytes:
        return json.dumps(self.to_members()).encode()

    @classmethod
    def from_json(cls, row: bytes | str) -> Entry:
        return cls(**json.loads(row))


# The members of an entry with text from a client, or from the author of a fault: as text, and as JSON.
_TEXTS = ("method", "path", "reason", "reply")
_VALUES = ("params", "configured", "sent")


def _length(headers: Iterable[tuple[str, str]]) -> int:
    """The length of a message's body by its header; 0 if that is missing or invalid."""
    for name, said in headers:
        if name == "content-length":
            return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else 0
    return 0


def _part(mask: redact.Mask, part: Json) -> Json:
    """Mask a part of a form if its name marks it as a secret."""
    secret = credentials.names_secret(str(part.get("name", "")))
    return {
        name: redact.shortened(value) if secret and name == "text" else mask.json(value)
        for name, value in part.items()
    }


def brief(value: object) -> object:
    """Shorten a JSON value for the journal, which people read: 1,000 values, 64 KiB of text."""
    values, room = _MOST_VALUES, _MOST_TEXT

    def shorten(one: object) -> object:
        nonlocal values, room
        values -= 1
        if isinstance(one, str):
            kept, room = one[:room], max(0, room - len(one))
            return kept if len(kept) == len(one) else f"{kept}… ({len(one):,} characters)"
        if isinstance(one, Mapping):
            pairs = islice(cast("Mapping[str, object]", one).items(), max(0, values))
            return {name: shorten(inner) for name, inner in pairs}
        if isinstance(one, list | tuple):
            return [shorten(inner) for inner in islice(cast("Sequence[object]", one), max(0, values))]
        return one

    return shorten(value)


def places(value: object) -> list[str]:
    """Name the members of a JSON value by JSON Pointer, `*` for any item of a list: 1,000 of them at most."""
    found: dict[str, None] = {}
    ahead: list[tuple[str, object]] = [("", value)]
    while ahead and len(found) < _MOST_VALUES:
        place, one = ahead.pop()
        if isinstance(one, Mapping):
            for name, inner in islice(cast("Mapping[str, object]", one).items(), _MOST_VALUES):
                below = f"{place}/{name.replace('~', '~0').replace('/', '~1')[:200]}"
                found[below] = None
                ahead.append((below, inner))
        elif isinstance(one, list | tuple):
            ahead += [(f"{place}/*", inner) for inner in islice(cast("Sequence[object]", one), _MOST_VALUES)]
    return [*found]


class Journal:
    """The entries of one account, oldest first."""

    def __init__(self, scope: Scope, *, most: int, most_bytes: int) -> None:
        self._scope = scope
        self._key = scope.key("calls", "entries")
        self._left = scope.key("calls", "left")
        self._most = most
        self._most_bytes = most_bytes

    def add(self, batch: Batch, entry: Entry) -> None:
        """Store an entry. It must not change afterwards."""
        size = _about(entry)
        batch.append(self._key, entry, most=self._most, most_bytes=self._most_bytes, size=size)
        if entry.kind == "api":
            batch.add(self._scope.lasting("refused" if entry.rule == LIVE_CALL else "calls"), 1)

    def add_reset(self, batch: Batch) -> None:
        """Forget every call."""
        batch.drop(self._scope.group("calls"))

    async def write(self, entry: Entry) -> None:
        batch = self._scope.batch()
        self.add(batch, entry)
        await self._scope.run_late(batch)

    async def leave(self, entry_id: str) -> None:
        """Note in the stored entry that the client left while it was answered."""
        batch = self._scope.batch()
        batch.append(self._left, entry_id, most=self._most)
        await self._scope.run_late(batch)

    async def totals(self) -> dict[str, int]:
        """Count the API calls answered and live calls refused since the account was opened, resets or not."""
        batch = Batch()
        counts = {name: batch.count(self._scope.lasting(name)) for name in ("calls", "refused")}
        outcome = await self._scope.store.run(batch)
        return {name: outcome.of(count) or 0 for name, count in counts.items()}

    async def rows(self, most: int | None = None, before: float = math.inf) -> list[Entry]:
        """Read the entries in the order the calls ended, the newest `most` of those that ended `before` a moment.

        Every entry that leaves the journal passes here, and is masked.
        """
        batch = Batch()
        rows, gone = batch.items(self._key, Entry), batch.items(self._left, str)
        outcome = await self._scope.store.run(batch)
        kept, lost = outcome.of(rows), outcome.of(gone)
        left = set(lost)
        # Only the requested entries are masked: masking takes longer than all the rest.
        newest = islice((one for one in reversed(kept) if one.ended < before), most)
        entries = [one.masked() for one in newest][::-1]
        return [replace(one, arrived=False) if one.id in left else one for one in entries]

    async def extent(self) -> tuple[int, float]:
        """Count the entries, and return when the newest ended: 0 if there are none."""
        batch = Batch()
        rows = batch.items(self._key, Entry)
        found = (await self._scope.store.run(batch)).of(rows)
        return len(found), found[-1].ended if found else 0.0

    async def entries(self) -> list[Entry]:
        """Read the entries in the order the calls came."""
        return sorted(await self.rows(), key=lambda one: one.n)


def _about(entry: Entry) -> int:
    """Estimate an entry's bytes as JSON: the members whose length a stranger chooses, and a little for the rest."""
    texts = len(entry.path) + len(entry.reason) + len(entry.reply)
    headers = [*chain.from_iterable(entry.request_headers), *chain.from_iterable(entry.reply_headers)]
    told = sum(map(len, headers)) + 4 * len(headers) + sum(map(len, entry.sent))
    parts = sum([len(repr(part)) for part in entry.parts])
    return 700 + texts + told + 120 * len(entry.results) + parts + size_of(entry.params)
