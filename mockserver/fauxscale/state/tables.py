"""Executes a batch on plain objects: what the memory store does under its lock."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct, field

from .batch import (
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
from .blobs import Blobs
from .rows import Row, Rows
from .windows import BatchRefused, FixedWindows, RollingWindow

T = TypeVar("T")


class _Leases(Struct):
    holders: dict[str, float] = field(default_factory=dict[str, float])


class _Table(Struct):
    # Ordered, so that the oldest can be removed at once.
    rows: OrderedDict[str, object] = field(default_factory=OrderedDict[str, object])


class _Row(Struct):
    value: object
    dies: float | None = None


class Tables:
    """Every key of a memory store, and the keys of each group. The caller locks."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._rows: dict[str, _Row] = {}
        self._groups: dict[str, set[str]] = {}
        self._deaths: list[tuple[float, str]] = []
        self._undo: list[Callable[[], object]] = []
        self._finally: list[Callable[[], object]] = []
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

    def execute(self, operations: Sequence[Operation], now: float) -> BatchOutcome:
        """Execute a whole batch, or undo its completed operations."""
        self._bury(now)
        results: list[object] = []
        self._undo, self._finally = [], []
        for index, operation in enumerate(operations):
            try:
                results.append(self._ways[type(operation)](operation, now))
            except BatchRefused as refused:
                for undo in reversed(self._undo):
                    undo()
                return BatchOutcome(tuple(results), BatchRefusal(index, refused.found))
        for act in self._finally:
            act()
        return BatchOutcome(tuple(results))

    def keys(self) -> Iterator[str]:
        yield from self._rows

    def clear(self) -> None:
        self._rows.clear()
        self._groups.clear()
        self._deaths.clear()

    def _bury(self, now: float) -> None:
        while self._deaths and self._deaths[0][0] <= now:
            _, key = heapq.heappop(self._deaths)
            row = self._rows.get(key)
            if row is not None and row.dies is not None and row.dies <= now:
                self._set(key, None)

    def _set(self, key: str, row: _Row | None) -> None:
        if row is None:
            if self._rows.pop(key, None) is not None:
                self._leave_group(key)
            return
        if key not in self._rows:
            self._groups.setdefault(key.partition("/")[0], set()).add(key)
        self._rows[key] = row
        if row.dies is not None:
            heapq.heappush(self._deaths, (row.dies, key))

    def _leave_group(self, key: str) -> None:
        name = key.partition("/")[0]
        group = self._groups[name]
        group.discard(key)
        if not group:
            del self._groups[name]

    def _replace(self, key: str, row: _Row | None, *, counts: bool = False) -> None:
        if not counts:
            before = self._rows.get(key)
            self._undo.append(lambda: self._set(key, before))
        self._set(key, row)

    def _get(self, operation: Get, now: float) -> object:
        row = self._rows.get(operation.key)
        return None if row is None else row.value

    def _put(self, operation: Put, now: float) -> None:
        dies = None if operation.ttl is None else now + operation.ttl
        self._replace(operation.key, _Row(operation.value, dies), counts=operation.counts)

    def _delete(self, operation: Delete, now: float) -> None:
        key = operation.key
        if self._rows.get(key) is not None:
            self._replace(key, None)
        self._finally.append(lambda: self._blobs.forget(key))

    def _items(self, operation: Items, now: float) -> object:
        row = self._rows.get(operation.key)
        return [] if row is None else list(_is(row.value, Rows))

    def _get_field(self, operation: GetField, now: float) -> object:
        row = self._rows.get(operation.key)
        return None if row is None else _is(row.value, _Table).rows.get(operation.name)

    def _fields(self, operation: Fields, now: float) -> object:
        row = self._rows.get(operation.key)
        return {} if row is None else dict(_is(row.value, _Table).rows)

    def _name_blob(self, operation: NameBlob, now: float) -> None:
        key = operation.key
        if not self._blobs.is_kept(key):
            raise BatchRefused(None)
        self._finally.append(lambda: self._blobs.name(key))

    def _drop(self, operation: Drop, now: float) -> None:
        name = operation.group
        group = self._groups.pop(name, None)
        if group is not None:
            rows = {key: self._rows.pop(key) for key in group}

            def undo() -> None:
                self._groups[name] = group
                self._rows.update(rows)

            self._undo.append(undo)
        self._finally.append(lambda: self._blobs.forget_group(name))

    def _expect(self, operation: Expect, now: float) -> None:
        row = self._rows.get(operation.key)
        found = None if row is None else row.value
        seen = getattr(found, operation.member, None) if operation.member else found
        if seen != operation.value:
            raise BatchRefused(found)

    def _add(self, operation: Add, now: float) -> int | None:
        row = self._rows.get(operation.key)
        before = operation.start if row is None else _is(row.value, int)
        after = before + operation.amount
        low, high = operation.least, operation.most
        if (low is not None and after < low) or (high is not None and after > high):
            if operation.skip:
                return None
            raise BatchRefused(before)
        if row is None:
            dies = None if operation.ttl is None else now + operation.ttl
            self._replace(operation.key, _Row(after, dies), counts=operation.counts)
        else:
            row.value = after
            if not operation.counts:
                self._undo.append(partial(setattr, row, "value", before))
        return after

    def _window(self, operation: Window, now: float) -> WindowState:
        since = operation.now if operation.since is None else operation.since
        new = RollingWindow() if operation.rolling else FixedWindows(since)
        kept = self._made(operation.key, new, counts=operation.counts)
        state, undo = _is(kept, type(new)).count(operation, now)
        if not operation.counts:
            self._undo.append(undo)
        return state

    def _lease(self, operation: Lease, now: float) -> int:
        holders = _is(self._made(operation.key, _Leases()), _Leases).holders
        for dead in [one for one, dies in holders.items() if dies <= now]:
            del holders[dead]
        holder, before = operation.holder, holders.get(operation.holder)
        if before is None and operation.most is not None and len(holders) >= operation.most:
            raise BatchRefused(len(holders))
        holders[holder] = now + operation.life
        self._undo.append(
            lambda: holders.pop(holder, None) if before is None else holders.__setitem__(holder, before)
        )
        return len(holders)

    def _release(self, operation: Release, now: float) -> None:
        key, holder = operation.key, operation.holder
        row = self._rows.get(key)
        if row is None:
            return
        holders = _is(row.value, _Leases).holders
        before = holders.pop(holder, None)
        if before is not None:
            self._undo.append(lambda: holders.__setitem__(holder, before))
        if not holders:
            self._replace(key, None)

    def _append(self, operation: Append, now: float) -> None:
        kept = _is(self._made(operation.key, Rows(operation.most)), Rows)
        gone: list[Row] = []
        kept.append((operation.value, operation.size))
        cap = operation.most_bytes
        while len(kept) > operation.most or (cap is not None and kept.size > cap and len(kept) > 1):
            gone.append(kept.popleft())

        def undo() -> None:
            kept.pop()
            kept.put_back(gone)

        self._undo.append(undo)

    def _set_field(self, operation: SetField, now: float) -> None:
        table = _is(self._made(operation.key, _Table()), _Table)
        name, whole = operation.name, table.rows
        if operation.most is not None and name not in whole and len(whole) >= operation.most:
            self._undo.append(lambda: setattr(table, "rows", whole))
            table.rows = OrderedDict(list(whole.items())[len(whole) - operation.most + 1 :])
        rows = table.rows
        before = rows.get(name)
        rows[name] = operation.value
        self._undo.append(lambda: rows.pop(name) if before is None else rows.__setitem__(name, before))

    def _delete_field(self, operation: DeleteField, now: float) -> None:
        key, name = operation.key, operation.name
        row = self._rows.get(key)
        if row is None or name not in _is(row.value, _Table).rows:
            return
        table = _is(row.value, _Table)
        rows = table.rows
        if name == next(iter(rows)):
            value = rows.pop(name)

            def undo() -> None:
                rows[name] = value
                rows.move_to_end(name, last=False)

            self._undo.append(undo)
            return
        self._undo.append(lambda: setattr(table, "rows", rows))
        table.rows = OrderedDict((one, value) for one, value in rows.items() if one != name)

    def _made(self, key: str, new: object, *, counts: bool = False) -> object:
        """Return the stored value, or `new` if there is none."""
        row = self._rows.get(key)
        if row is None:
            row = _Row(new)
            self._replace(key, row, counts=counts)
        return row.value


def _is(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"a key that holds {type(value).__name__} is used as {kind.__name__}")
    return value
