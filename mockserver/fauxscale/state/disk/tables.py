"""Executes a batch as one transaction of SQLite: what `tables.py` does on plain objects."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import Struct

from fauxscale.state.batch import (
    Add,
    Append,
    BatchOutcome,
    BatchRefusal,
    Delete,
    DeleteField,
    Drop,
    Expect,
    Fields,
    Get,
    GetField,
    Items,
    Lease,
    NameBlob,
    Operation,
    Put,
    Release,
    SetField,
    Window,
    WindowState,
)
from fauxscale.state.serialization import decode, encode
from fauxscale.state.windows import BatchRefused, FixedWindows, RollingWindow

from .schema import TABLES

T = TypeVar("T")


# The number of cached values of tables: more than an account has links.
_MOST_DECODED = 6_000


class DiskTables:
    """Every key of a store on disk. The caller locks."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        # All links of an account are read again and again, and decoding one takes a tenth of a millisecond.
        self._decoded = lru_cache(_MOST_DECODED)(decode)
        self._ways: Mapping[type[Operation], Callable[[Any, float], object]] = {
            Get: self._get,
            Put: self._put,
            Delete: self._delete,
            Drop: self._drop,
            Expect: self._expect,
            Add: self._add,
            Window: self._window,
            Lease: self._lease,
            Release: self._release,
            Append: self._append,
            Items: self._items,
            SetField: self._set_field,
            GetField: self._get_field,
            DeleteField: self._delete_field,
            Fields: self._fields,
            NameBlob: self._name_blob,
        }

    def execute(self, operations: Sequence[Operation], now: float, *, writes: bool) -> BatchOutcome:
        """Execute a whole batch; of a refused one, only the operations marked `counts`."""
        if not writes:
            return self._tried(operations, now)
        self._database.execute("BEGIN IMMEDIATE")
        try:
            outcome = self._tried(operations, now)
            if outcome.refusal is not None:
                self._database.execute("ROLLBACK")
                self._database.execute("BEGIN IMMEDIATE")
                counting = [
                    one for one in operations[: outcome.refusal.index] if getattr(one, "counts", False)
                ]
                self._tried(counting, now)
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        return outcome

    def _tried(self, operations: Sequence[Operation], now: float) -> BatchOutcome:
        results: list[object] = []
        for index, operation in enumerate(operations):
            try:
                results.append(self._ways[type(operation)](operation, now))
            except BatchRefused as refused:
                return BatchOutcome(tuple(results), BatchRefusal(index, refused.found))
        return BatchOutcome(tuple(results))

    def bury(self, now: float) -> None:
        """Delete expired data, and what it referred to."""
        for table in ("rows", "leases", "blobs"):
            self._database.execute(f"DELETE FROM {table} WHERE dies <= ?", (now,))

    def keys(self) -> Iterator[str]:
        for table in TABLES:
            for (key,) in self._database.execute(f"SELECT DISTINCT key FROM {table}"):
                yield bytes(key).decode(errors="surrogatepass")

    def _value(self, key: str, now: float) -> bytes | None:
        row = self._one(
            "SELECT value FROM rows WHERE key = ? AND (dies IS NULL OR dies > ?)", _text(key), now
        )
        return None if row is None else row[0]

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return found

    def _store(self, key: str, value: bytes, dies: float | None, numbers: str = "") -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)",
            (_text(key), group_of(key), value, numbers, dies),
        )

    def _get(self, operation: Get, now: float) -> object:
        value = self._value(operation.key, now)
        return None if value is None else decode(value, operation.kind)

    def _put(self, operation: Put, now: float) -> None:
        dies = None if operation.ttl is None else now + operation.ttl
        self._store(operation.key, encode(operation.value), dies, _numbers(operation.value))

    def _delete(self, operation: Delete, now: float) -> None:
        for table in TABLES:
            self._database.execute(f"DELETE FROM {table} WHERE key = ?", (_text(operation.key),))

    def _drop(self, operation: Drop, now: float) -> None:
        for table in TABLES:
            self._database.execute(f"DELETE FROM {table} WHERE grp = ?", (_text(operation.group),))

    def _expect(self, operation: Expect, now: float) -> None:
        row = self._one(
            "SELECT value, numbers FROM rows WHERE key = ? AND (dies IS NULL OR dies > ?)",
            _text(operation.key),
            now,
        )
        if row is None:
            holds = operation.value is None
        elif operation.member:
            holds = json.loads(row[1] or "{}").get(operation.member) == operation.value
        else:
            holds = operation.value is not None and row[0] == encode(operation.value)
        if not holds:
            raise BatchRefused(None if row is None else decode(row[0], operation.kind))

    def _add(self, operation: Add, now: float) -> int | None:
        row = self._one(
            "SELECT value, dies FROM rows WHERE key = ? AND (dies IS NULL OR dies > ?)",
            _text(operation.key),
            now,
        )
        before = operation.start if row is None else int(row[0])
        after = before + operation.amount
        low, high = operation.least, operation.most
        if (low is not None and after < low) or (high is not None and after > high):
            if operation.skip:
                return None
            raise BatchRefused(before)
        new = None if operation.ttl is None else now + operation.ttl
        self._store(operation.key, b"%d" % after, new if row is None else row[1])
        return after

    def _window(self, operation: Window, now: float) -> WindowState:
        since = operation.now if operation.since is None else operation.since
        new = RollingWindow() if operation.rolling else FixedWindows(since)
        value = self._value(operation.key, now)
        window = new if value is None else decode(value, type(new))
        state, _ = window.count(operation, now)
        self._store(operation.key, encode(window), None)
        return state

    def _lease(self, operation: Lease, now: float) -> int:
        key = _text(operation.key)
        self._database.execute("DELETE FROM leases WHERE key = ? AND dies <= ?", (key, now))
        holders = [
            one for (one,) in self._database.execute("SELECT holder FROM leases WHERE key = ?", (key,))
        ]
        holder = _text(operation.holder)
        known = holder in holders
        if not known and operation.most is not None and len(holders) >= operation.most:
            raise BatchRefused(len(holders))
        self._database.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)",
            (key, group_of(operation.key), holder, now + operation.life),
        )
        return len(holders) + (not known)

    def _release(self, operation: Release, now: float) -> None:
        self._database.execute(
            "DELETE FROM leases WHERE key = ? AND holder = ?", (_text(operation.key), _text(operation.holder))
        )

    def _append(self, operation: Append, now: float) -> None:
        key = _text(operation.key)
        self._database.execute(
            "INSERT INTO items (key, grp, value, size) VALUES (?, ?, ?, ?)",
            (key, group_of(operation.key), encode(operation.value), operation.size),
        )
        found = self._one(
            "INSERT INTO lists VALUES (?, ?, 1, ?) ON CONFLICT (key) DO UPDATE "
            "SET count = count + 1, size = size + excluded.size RETURNING count, size",
            key,
            group_of(operation.key),
            operation.size,
        )
        assert found is not None  # it returns what it wrote
        count, size = before = found
        cap = operation.most_bytes
        while count > operation.most or (cap is not None and size > cap and count > 1):
            oldest = self._one("SELECT place, size FROM items WHERE key = ? ORDER BY place LIMIT 1", key)
            assert oldest is not None  # there are several
            self._database.execute("DELETE FROM items WHERE place = ?", (oldest[0],))
            count, size = count - 1, size - oldest[1]
        if (count, size) != before:
            self._database.execute("UPDATE lists SET count = ?, size = ? WHERE key = ?", (count, size, key))

    def _items(self, operation: Items, now: float) -> object:
        rows = self._database.execute(
            "SELECT value FROM items WHERE key = ? ORDER BY place", (_text(operation.key),)
        )
        return [decode(value, operation.kind) for (value,) in rows]

    def _set_field(self, operation: SetField, now: float) -> None:
        key, name = _text(operation.key), _text(operation.name)
        known = self._one("SELECT place FROM fields WHERE key = ? AND name = ?", key, name)
        if known is not None:
            self._database.execute(
                "UPDATE fields SET value = ? WHERE place = ?", (encode(operation.value), known[0])
            )
            return
        if operation.most is not None:
            self._database.execute(
                "DELETE FROM fields WHERE place IN "
                "(SELECT place FROM fields WHERE key = ? ORDER BY place DESC LIMIT -1 OFFSET ?)",
                (key, operation.most - 1),
            )
        self._database.execute(
            "INSERT INTO fields (key, grp, name, value) VALUES (?, ?, ?, ?)",
            (key, group_of(operation.key), name, encode(operation.value)),
        )

    def _get_field(self, operation: GetField, now: float) -> object:
        row = self._one(
            "SELECT value FROM fields WHERE key = ? AND name = ?", _text(operation.key), _text(operation.name)
        )
        return None if row is None else self._decoded(row[0], operation.kind)

    def _delete_field(self, operation: DeleteField, now: float) -> None:
        self._database.execute(
            "DELETE FROM fields WHERE key = ? AND name = ?", (_text(operation.key), _text(operation.name))
        )

    def _fields(self, operation: Fields, now: float) -> object:
        rows = self._database.execute(
            "SELECT name, value FROM fields WHERE key = ? ORDER BY place", (_text(operation.key),)
        )
        return {
            bytes(name).decode(errors="surrogatepass"): self._decoded(value, operation.kind)
            for name, value in rows
        }

    def _name_blob(self, operation: NameBlob, now: float) -> None:
        named = self._database.execute(
            "UPDATE blobs SET dies = NULL WHERE key = ? AND (dies IS NULL OR dies > ?)",
            (_text(operation.key), now),
        )
        if not named.rowcount:
            raise BatchRefused(None)


def _text(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def group_of(key: str) -> bytes:
    """The group of a key: the part before its slash."""
    return _text(key.partition("/")[0])


def _numbers(value: object) -> str:
    """The integer members of a value as JSON, since a batch may expect one of them."""
    if not isinstance(value, Struct):
        return ""
    members = {name: getattr(value, name) for name in value.__struct_fields__}
    return json.dumps({name: one for name, one in members.items() if type(one) is int})
