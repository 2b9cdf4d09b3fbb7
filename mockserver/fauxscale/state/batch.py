"""Batch: operations that a store executes at once, and BatchOutcome: the result of each."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar, cast

from msgspec import Struct, field

T = TypeVar("T")


class Ref(Struct, Generic[T], frozen=True):
    """The place of an operation in its batch; `BatchOutcome.of` gives its result."""

    index: int


class Get(Struct, frozen=True):
    key: str
    kind: Any


class Put(Struct, frozen=True):
    key: str
    value: object
    ttl: float | None
    counts: bool


class Delete(Struct, frozen=True):
    key: str


class Drop(Struct, frozen=True):
    group: str


class Expect(Struct, frozen=True):
    key: str
    value: object
    member: str
    kind: Any


class Add(Struct, frozen=True):
    key: str
    amount: int
    least: int | None
    most: int | None
    start: int
    ttl: float | None
    skip: bool
    counts: bool


class Window(Struct, frozen=True):
    key: str
    now: float
    span: float
    units: int
    most: int
    since: float | None
    rolling: bool
    counts: bool


class Lease(Struct, frozen=True):
    key: str
    holder: str
    life: float
    most: int | None


class Release(Struct, frozen=True):
    key: str
    holder: str


class Append(Struct, frozen=True):
    key: str
    value: object
    most: int
    most_bytes: int | None
    size: int


class Items(Struct, frozen=True):
    key: str
    kind: Any


class SetField(Struct, frozen=True):
    key: str
    name: str
    value: object
    most: int | None


class GetField(Struct, frozen=True):
    key: str
    name: str
    kind: Any


class DeleteField(Struct, frozen=True):
    key: str
    name: str


class Fields(Struct, frozen=True):
    key: str
    kind: Any


class NameBlob(Struct, frozen=True):
    key: str


READS = frozenset({Get, Items, GetField, Fields, Expect})
Operation = (
    Get | Put | Delete | Drop | Expect | Add | Window | Lease | Release | Append | Items
    | SetField | GetField | DeleteField | Fields | NameBlob
)  # fmt: skip


class WindowState(Struct, frozen=True):
    """Units used in a window, and seconds until it opens (fixed) or until its oldest unit leaves it (rolling)."""

    used: int
    reset: float


class BatchRefusal(Struct, frozen=True):
    """The operation that stopped its batch, and what it found instead of what it expected."""

    index: int
    found: object


class BatchOutcome(Struct, frozen=True):
    """The outcome of a batch: a result for each operation, as far as it got."""

    results: tuple[object, ...]
    refusal: BatchRefusal | None = None

    def of(self, ref: Ref[T]) -> T:
        """Return an operation's result. Raises IndexError if the batch was stopped before it."""
        return cast("T", self.results[ref.index])

    def refused(self, ref: Ref[Any]) -> bool:
        """Whether this operation stopped the batch."""
        return self.refusal is not None and self.refusal.index == ref.index


class Batch(Struct):
    """Operations that a store executes together or not at all, in the order in which they were added.

    A key is `{account}:<generation>:<room>/<name>`, or `<room>/<name>` for an entry of the directory that all
    accounts share; the text before the slash is its group, which can be dropped as a whole. One batch touches the
    keys of one account. `kind` is the type a value was put with.

    An operation that cannot be executed stops the batch and undoes it, except for earlier operations that are
    marked `counts`: those count refused calls too. Nothing else in the batch may touch the key of such an
    operation.
    """

    operations: list[Operation] = field(default_factory=list[Operation])
    account: str = ""
    writes: bool = False

    def get(self, key: str, kind: type[T]) -> Ref[T | None]:
        return self._operation(Get(key, kind), key)

    def put(self, key: str, value: object, *, ttl: float | None = None, counts: bool = False) -> None:
        """Store a value, for `ttl` seconds if given, and replace what was stored there."""
        self._operation(Put(key, value, ttl, counts), key)

    def delete(self, *keys: str) -> None:
        """Delete everything stored under these keys: values, counters, lists, blobs."""
        for key in keys:
            self._operation(Delete(key), key)

    def drop(self, *groups: str) -> None:
        """Delete every key of these groups."""
        for group in groups:
            self._operation(Drop(group), group)

    def expect(self, key: str, value: object, *, member: str = "", kind: type[object] = object) -> Ref[None]:
        """Stop unless the stored value is `value` (None: nothing is stored), or its `member` is; returns the stored
        value as the `kind` it was put with."""
        return self._operation(Expect(key, value, member, kind), key)

    def add(
        self,
        key: str,
        amount: int,
        *,
        least: int | None = None,
        most: int | None = None,
        start: int = 0,
        ttl: float | None = None,
        else_: Literal["stop", "skip"] = "stop",
        counts: bool = False,
    ) -> Ref[int | None]:
        """Add to a counter and return it. If the result would be out of bounds, stop and return the counter unchanged,
        or change nothing and return None. A counter begins at `start`, and lives for `ttl` seconds from then."""
        return self._operation(Add(key, amount, least, most, start, ttl, else_ == "skip", counts), key)

    def count(self, key: str) -> Ref[int | None]:
        """Read a counter, None if it was never added to."""
        return self._operation(Get(key, int), key)

    def window(
        self,
        key: str,
        *,
        now: float,
        span: float,
        most: int,
        units: int = 1,
        since: float | None = None,
        rolling: bool = False,
        counts: bool = False,
    ) -> Ref[WindowState]:
        """Count `units` at `now`, by the account's clock, or stop if there would be more than `most` in the window.

        Fixed windows of `span` seconds follow one another from `since` on (None: from the first use); a rolling
        window is the `span` seconds up to `now`. After a clock was moved back, the units counted then still count.
        """
        return self._operation(Window(key, now, span, units, most, since, rolling, counts), key)

    def lease(self, key: str, holder: str, *, life: float, most: int | None = None) -> Ref[int]:
        """Take one of `most` places for `life` seconds by the store's clock, or renew it; returns how many are taken.

        Stops, with the number of taken places, if there is no place left for a holder without one.
        """
        return self._operation(Lease(key, holder, life, most), key)

    def release(self, key: str, holder: str) -> None:
        self._operation(Release(key, holder), key)

    def append(
        self, key: str, value: object, *, most: int, most_bytes: int | None = None, size: int = 0
    ) -> None:
        """Append to a list, and drop its oldest values beyond `most` values or `most_bytes`, by the `size` each was
        appended with. The newest always stays."""
        self._operation(Append(key, value, most, most_bytes, size), key)

    def items(self, key: str, kind: type[T]) -> Ref[list[T]]:
        """Read a list, oldest first."""
        return self._operation(Items(key, kind), key)

    def set_field(self, key: str, name: str, value: object, *, most: int | None = None) -> None:
        """Store a value by name in a table, dropping the oldest names beyond `most`. Replacing a value keeps its
        position."""
        self._operation(SetField(key, name, value, most), key)

    def get_field(self, key: str, name: str, kind: type[T]) -> Ref[T | None]:
        return self._operation(GetField(key, name, kind), key)

    def delete_field(self, key: str, name: str) -> None:
        self._operation(DeleteField(key, name), key)

    def fields(self, key: str, kind: type[T]) -> Ref[dict[str, T]]:
        """Read a whole table, in the order in which its names were first set."""
        return self._operation(Fields(key, kind), key)

    def name_blob(self, key: str) -> Ref[None]:
        """Keep for good a blob that was stored for a while. Stops if it is gone."""
        return self._operation(NameBlob(key), key)

    def _operation(self, operation: Operation, place: str) -> Ref[Any]:
        """Add an operation on a key or a group."""
        if place[:1] == "{" and not (self.account and place.startswith(self.account)):
            if self.account:
                raise ValueError(f"a batch of {self.account} cannot touch {place}")
            self.account = place[: place.index("}") + 1]
        self.writes = self.writes or type(operation) not in READS
        self.operations.append(operation)
        return Ref(len(self.operations) - 1)
