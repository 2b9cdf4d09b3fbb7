"""What was asked and answered: one entry a call, bounded by count and bytes, secrets shortened."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .serialization import to_row
from .store import Store

Json = dict[str, object]
# The rule of an entry for a call to a real host that a guard stopped: no server ever saw it.
LIVE_CALL = "live_call"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One call of an API or one read of a link. It is filled in while the call runs and written when it ends.

    `at` is the account's clock, `started` and `ended` are seconds on a forward-going clock of this server
    (for overlaps and durations). `status` is None when the connection was cut instead of answered.
    `faults` are the kinds that applied, `configured` the same with all their members. `image` describes the
    picture sent, `parts` each multipart part, `results` each link given out. `rule` is the neutral name of a
    refusal, `reason` its explanation. `cost` is in micro-dollars, `retry_after` the seconds the client was
    asked to wait. Not `arrived`: the client had left before it was answered, or while it was, or the reply was
    ordered not to come whole.
    """

    n: int = 0
    id: str = ""
    kind: str = "api"
    at: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    provider: str = ""
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
    image: Json | None = None
    parts: list[Json] = field(default_factory=list[Json])
    results: list[Json] = field(default_factory=list[Json])
    cost: int = 0
    charge: str = ""
    retry_after: float | None = None
    request_headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    reply_headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    reply: str = ""

    def to_json(self) -> bytes:
        return to_row(self)

    @classmethod
    def from_json(cls, row: bytes | str) -> Entry:
        return cls(**json.loads(row))


class Journal:
    """The entries of one account, oldest first."""

    def __init__(self, store: Store, prefix: str, *, most: int, most_bytes: int) -> None:
        self._store = store
        self._key = f"{prefix}journal"
        self._left = f"{prefix}journal:left"
        self._totals = f"{prefix}total:"
        self._most = most
        self._most_bytes = most_bytes

    async def write(self, entry: Entry) -> None:
        await self._store.append(self._key, entry.to_json(), most=self._most, most_bytes=self._most_bytes)
        if entry.kind == "api":
            await self._store.add(f"{self._totals}{'refused' if entry.rule == LIVE_CALL else 'calls'}", 1)

    async def leave(self, entry_id: str) -> None:
        """The client left while it was answered: what was written of that call does not say so yet."""
        await self._store.append(self._left, entry_id.encode(), most=self._most, most_bytes=self._most_bytes)

    async def totals(self) -> dict[str, int]:
        """API calls answered and live calls refused since the account was opened, resets or not."""
        return {name: await self._store.count(f"{self._totals}{name}") or 0 for name in ("calls", "refused")}

    async def rows(self) -> list[bytes]:
        """The entries in JSON as they were written, in the order the calls ended: for who reads only the last."""
        return await self._store.items(self._key)

    async def entries(self) -> list[Entry]:
        entries = [Entry.from_json(row) for row in await self.rows()]
        left = {row.decode() for row in await self._store.items(self._left)}
        for entry in entries:
            entry.arrived = entry.arrived and entry.id not in left
        return sorted(entries, key=lambda one: one.n)
