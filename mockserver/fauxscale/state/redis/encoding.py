"""Encodes batches as arguments of the script that executes them on Redis, and decodes its replies.

Values that leave the process are encoded as JSON only here, journal entries masked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

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

PREFIX = "fauxscale:"
# The directory that all accounts share is in one slot of a cluster, and each account in a slot of its own.
DIRECTORY = f"{PREFIX}{{directory}}:"

Member: TypeAlias = str | bytes | int | float
# The arguments of the script: the key, the name of an operation, and its members.
Asked: TypeAlias = tuple[str, str, Sequence[Member]]


def is_of_directory(place: str) -> bool:
    """Whether a key or a group belongs to the directory, which all accounts share."""
    return not place.startswith("{")


def place_of(operation: Operation) -> str:
    """The key or the group of an operation."""
    return operation.group if isinstance(operation, Drop) else operation.key


def key_on_redis(place: str) -> str:
    return (DIRECTORY if is_of_directory(place) else PREFIX) + place


def blob_on_redis(key: str) -> str:
    """The key of a blob, in the same group as the value of that key."""
    group, _, name = key_on_redis(key).partition("/")
    return f"{group}/*{name}"


def asked(operations: Sequence[Operation]) -> tuple[list[str], list[Member]]:
    """Encode operations: their keys, and the arguments that go with them."""
    last = max((number for number, one in enumerate(operations) if _may_refuse(one)), default=-1)
    keys: list[str] = []
    arguments: list[Member] = []
    for number, one in enumerate(operations):
        key, way, members = _ASKED[type(one)](one)
        keys.append(key)
        undone = number <= last and not getattr(one, "counts", False)
        arguments += (way, "1" if undone else "0", *members)
    return keys, arguments


def outcome_of(operations: Sequence[Operation], reply: Sequence[Any]) -> BatchOutcome:
    """Decode what the script replied to these operations."""
    stopped: int = reply[0]
    found: Any = reply[1]
    replies: Sequence[Any] = reply[2]
    pairs = zip(operations, replies, strict=False)
    results = tuple(_READ[type(one)](one, said) if type(one) in _READ else said for one, said in pairs)
    if not stopped:
        return BatchOutcome(results)
    return BatchOutcome(results, BatchRefusal(stopped - 1, _found(operations[stopped - 1], found)))


def _may_refuse(one: Operation) -> bool:
    if isinstance(one, Add):
        return not one.skip and (one.least is not None or one.most is not None)
    return isinstance(one, Expect | Window | Lease | NameBlob)


def _found(one: Operation, found: Any) -> object:
    match one:
        case Window():
            return _window(one, found)
        case Expect():
            return _value(one, found)
        case _:
            return found


def _row(value: object) -> bytes:
    """Encode a value, preceded by its integer members, since a batch may expect one of them."""
    row = encode(value)
    if not isinstance(value, Struct):
        return row
    numbers = [(name, getattr(value, name)) for name in value.__struct_fields__]
    head = "".join(f" {name}={number} " for name, number in numbers if type(number) is int)
    return head.encode() + b"\n" + row


def _value(one: Get | Expect, row: bytes | None) -> object:
    return None if row is None else decode(row[row.find(b"\n") + 1 :], one.kind)


def _wanted(one: Expect) -> Member:
    if one.value is None:
        return ""
    return str(one.value) if one.member else _row(one.value)


def _or_none(value: float | None) -> Member:
    return "" if value is None else repr(value)


def _window(one: Window, found: Sequence[Any]) -> WindowState:
    return WindowState(found[0], float(found[1]))


def _ask_window(one: Window) -> Asked:
    members: list[Member] = [repr(one.now), repr(one.span), one.units, one.most]
    if one.rolling:
        return key_on_redis(one.key), "rolling", members
    return key_on_redis(one.key), "fixed", [*members, _or_none(one.since)]


def _ask_append(one: Append) -> Asked:
    members: list[Member] = [encode(one.value), one.most, _or_none(one.most_bytes), one.size]
    return key_on_redis(one.key), "append", members


def _ask_add(one: Add) -> Asked:
    bounds = [_or_none(one.least), _or_none(one.most)]
    members = [one.amount, *bounds, one.start, _or_none(one.ttl), int(one.skip)]
    return key_on_redis(one.key), "add", members


_ASKED: Mapping[type[Operation], Callable[[Any], Asked]] = {
    Get: lambda one: (key_on_redis(one.key), "get", ()),
    Put: lambda one: (key_on_redis(one.key), "put", (_row(one.value), _or_none(one.ttl))),
    Delete: lambda one: (key_on_redis(one.key), "delete", (blob_on_redis(one.key),)),
    Drop: lambda one: (key_on_redis(one.group), "drop", ()),
    Expect: lambda one: (key_on_redis(one.key), "expect", (one.member, _wanted(one))),
    Add: _ask_add,
    Window: _ask_window,
    Lease: lambda one: (key_on_redis(one.key), "lease", (one.holder, repr(one.life), _or_none(one.most))),
    Release: lambda one: (key_on_redis(one.key), "release", (one.holder,)),
    Append: _ask_append,
    Items: lambda one: (key_on_redis(one.key), "items", ()),
    SetField: lambda one: (
        key_on_redis(one.key),
        "set_field",
        (_name(one.name), encode(one.value), _or_none(one.most)),
    ),
    GetField: lambda one: (key_on_redis(one.key), "get_field", (_name(one.name),)),
    DeleteField: lambda one: (key_on_redis(one.key), "delete_field", (_name(one.name),)),
    Fields: lambda one: (key_on_redis(one.key), "fields", ()),
    NameBlob: lambda one: (blob_on_redis(one.key), "name_blob", ()),
}


def _name(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _items(one: Items, rows: Sequence[bytes]) -> list[object]:
    return [decode(row[row.index(b" ") + 1 :], one.kind) for row in rows]


def _field(one: GetField, row: bytes | None) -> object:
    return None if row is None else decode(row[row.index(b" ") + 1 :], one.kind)


def _fields(one: Fields, flat: Sequence[bytes]) -> dict[str, object]:
    found: list[tuple[int, str, bytes]] = []
    for name, row in zip(flat[::2], flat[1::2], strict=True):
        if name.startswith(b"="):
            place, _, value = row.partition(b" ")
            found.append((int(place), name[1:].decode(errors="surrogatepass"), value))
    return {name: decode(value, one.kind) for _, name, value in sorted(found)}


_READ: Mapping[type[Operation], Callable[[Any, Any], object]] = {
    Get: _value,
    Items: _items,
    GetField: _field,
    Fields: _fields,
    Window: _window,
}
