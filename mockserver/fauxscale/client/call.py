"""CallRecord: one call as tests see it, typed, with its parameters as attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct


class Params(Mapping[str, Any]):
    """The parameters of a call, by key or by attribute: `params["detail"]`, `params.detail`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values) or "none"
            raise AttributeError(f"the call had no parameter {name!r}; it had {known}") from None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Params({self._values!r})"


class Image(Struct, frozen=True):
    """The picture a call sent. Width and height in pixels as a viewer shows it; `bytes` is the file's length."""

    format: str
    width: int
    height: int
    bytes: int
    mode: str
    orientation: int
    has_alpha: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


class CallRecord(Struct, frozen=True):
    """One call and its reply. `status` is None if the connection was cut without a reply.

    `at` is the account's clock; `started` and `ended` are seconds of one forward-going clock; `cost` is in
    micro-dollars; `faults` are the kinds that applied; `rule` and `reason` say why a call was refused.
    Not `arrived`: the client left before it had the whole reply, or a fault broke the reply off.
    `retry_of` is the id of the earlier, unsuccessful call that this one seems to repeat.
    """

    n: int
    id: str
    kind: str
    at: float
    started: float
    ended: float
    provider: str
    operation: str
    method: str
    path: str
    status: int | None
    arrived: bool
    faults: tuple[str, ...]
    rule: str
    reason: str
    params: Params
    image: Image | None
    parts: tuple[Mapping[str, Any], ...]
    results: tuple[Mapping[str, Any], ...]
    cost: int
    charge: str
    retry_after: float | None
    request_headers: Mapping[str, str]
    reply_headers: Mapping[str, str]
    reply: str
    retry_of: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the call was answered with a success and the client received all of it."""
        return self.arrived and self.status is not None and self.status < 400

    @property
    def seconds(self) -> float:
        """How long the call took, in real time."""
        return self.ended - self.started

    def __str__(self) -> str:
        said = [self.id, self.operation, str(self.status or "no reply")]
        said += ["did not arrive"] if self.status and not self.arrived else []
        if self.image is not None:
            said.append(f"{self.image.format} {self.image.width}x{self.image.height}")
        said += [f"fault {fault}" for fault in self.faults]
        if self.cost:
            said.append(f"${self.cost / 1e6:.2f}")
        return " ".join(said) + (f": {self.reason}" if self.reason else "")

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> CallRecord:
        """Make a record of a call in the control API's JSON."""
        values = {name: members[name] for name in cls.__struct_fields__ if name in members}
        image = members["image"]
        headers = ("request_headers", "reply_headers")
        values |= {name: {key.lower(): value for key, value in members[name]} for name in headers}
        values |= {name: tuple(members[name]) for name in ("faults", "parts", "results")}
        values["params"] = Params(members["params"])
        values["image"] = image and Image(**{name: image[name] for name in Image.__struct_fields__})
        return cls(**values)


def link_retries(calls: list[CallRecord]) -> list[str | None]:
    """List for each call, oldest first, the id of the earlier call it seems to retry.

    That one did not succeed, ended before this began, was not repeated yet, had the same parameters, and nothing
    known of the two differs: of a call refused early, only the length can be compared.
    """
    open_: list[CallRecord] = []
    found: list[str | None] = []
    for call in calls:
        earlier = next((one for one in reversed(open_) if _repeats(call, one)), None)
        found.append(earlier.id if earlier else None)
        if earlier:
            open_.remove(earlier)
        if not call.ok:
            open_.append(call)
    return found


def _repeats(call: CallRecord, earlier: CallRecord) -> bool:
    # A client that left a call may repeat it before that one has ended.
    after = earlier.ended <= call.started or earlier.status is None or not earlier.arrived
    if (call.operation, call.method) != (earlier.operation, earlier.method) or not after:
        return False
    pairs = (
        (call.params, earlier.params),
        (call.image, earlier.image),
        (call.request_headers.get("content-length"), earlier.request_headers.get("content-length")),
    )
    return all(not one or not other or one == other for one, other in pairs)
