"""What was asked and answered: one entry a call, bounded by count and bytes, secrets shortened."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from .store import Store

Json = dict[str, object]


@dataclass(slots=True, kw_only=True)
class Entry:
    """One call of an API or one read of a link. It is filled in while the call runs and written when it ends.

    `at` is the account's clock, `started` and `ended` are seconds on a forward-going clock of this server
    (for overlaps and durations). `status` is None when the connection was cut instead of answered.
    `image` describes the picture sent, `parts` each multipart part, `results` each link given out. `rule`
    is the neutral name of a refusal, `reason` its explanation. `cost` is in micro-dollars.
    """

    n: int = 0
    id: str = ""
    leg: str = "api"
    at: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    provider: str = ""
    operation: str = ""
    method: str = ""
    path: str = ""
    key: str = ""
    status: int | None = None
    faults: list[str] = field(default_factory=list[str])
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
        return json.dumps(asdict(self), ensure_ascii=True).encode()

    @classmethod
    def from_json(cls, row: bytes | str) -> Entry:
        return cls(**json.loads(row))


class Journal:
    """The entries of one account, oldest first."""

    def __init__(self, store: Store, prefix: str, *, most: int, most_bytes: int) -> None:
        self._store = store
        self._key = f"{prefix}journal"
        self._most = most
        self._most_bytes = most_bytes

    async def write(self, entry: Entry) -> None:
        await self._store.append(self._key, entry.to_json(), most=self._most, most_bytes=self._most_bytes)

    async def entries(self) -> list[Entry]:
        return sorted(
            (Entry.from_json(row) for row in await self._store.items(self._key)), key=lambda one: one.n
        )
