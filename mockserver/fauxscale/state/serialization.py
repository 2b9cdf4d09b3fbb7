"""Encodes state as JSON and decodes it: for another process, a disk or a screen."""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from msgspec import Struct

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Encode a value as JSON: plain ones as they are, structs by their members, others by their `to_members`."""
    return json.dumps(_to_json(value, type(value)), default=str).encode()


def decode(row: bytes, kind: type[T]) -> T:
    """Decode a value of this type from the output of `encode`. The type's annotations describe its members."""
    return cast("T", _from_json(json.loads(row), kind))


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _to_json(value: Any, hint: Any) -> object:
    if hasattr(value, "to_members"):
        return value.to_members()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Struct):
        hints = _hints(type(value))
        members = {name: _to_json(getattr(value, name), hints[name]) for name in value.__struct_fields__}
        # One of several classes: the JSON must name it.
        return {"kind": type(value).__name__, **members} if len(_kinds(hint)) > 1 else members
    if isinstance(value, Mapping):
        inner = (get_args(hint) or (object, object))[-1]
        return {str(name): _to_json(one, inner) for name, one in cast("Mapping[object, Any]", value).items()}
    if isinstance(value, list | tuple):
        several = cast("Sequence[Any]", value)
        return [_to_json(one, inner) for one, inner in zip(several, _inner(hint, len(several)), strict=True)]
    return value


def _from_json(json_value: Any, hint: Any) -> object:
    if json_value is None:
        return None
    kinds = _kinds(hint)
    if len(kinds) == 1:
        return _made(json_value, kinds[0])
    if kinds and isinstance(json_value, dict):  # otherwise the plain member of "one of these, or a string"
        members = cast("dict[str, Any]", json_value)
        kind = next(one for one in kinds if one.__name__ == members["kind"])
        return _made({name: one for name, one in members.items() if name != "kind"}, kind)
    hint = _without_none(hint)
    origin = get_origin(hint) or hint
    if origin is bytes:
        return base64.b64decode(json_value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        name, inner = get_args(hint) or (str, object)
        pairs = cast("Mapping[str, Any]", json_value).items()
        return {(int(key) if name is int else key): _from_json(one, inner) for key, one in pairs}
    if origin in (tuple, list, Sequence):
        several = cast("Sequence[Any]", json_value)
        made = [
            _from_json(one, inner) for one, inner in zip(several, _inner(hint, len(several)), strict=True)
        ]
        return tuple(made) if origin is tuple else made
    return json_value


def _made(json_value: Any, kind: Any) -> object:
    if hasattr(kind, "from_members"):
        return kind.from_members(json_value)
    hints = _hints(kind)
    # Unknown members are dropped, missing ones get their default.
    known = {
        name: _from_json(one, hints[name])
        for name, one in json_value.items()
        if name in kind.__struct_fields__
    }
    return kind(**known)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        members = [one for one in get_args(hint) if one is not type(None)]
        return members[0] if len(members) == 1 else object
    return hint


def _kinds(hint: Any) -> list[Any]:
    """List the classes of ours that a member of this type may be of."""
    several = get_origin(hint) in (Union, types.UnionType)
    members: Sequence[Any] = get_args(hint) if several else (hint,)
    return [one for one in members if _is_ours(one)]


def _is_ours(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, Struct) or hasattr(cast("Any", kind), "from_members"))


def _inner(hint: Any, count: int) -> Sequence[Any]:
    """List the types of the members of a list or tuple of `count`."""
    args = get_args(_without_none(hint))
    if not args:
        return [object] * count
    if len(args) == count and Ellipsis not in args:
        return args
    return [args[0]] * count


def size_of(value: object) -> int:
    """Estimate the bytes of a value as JSON, without encoding it."""
    if isinstance(value, str):
        return len(value) + 4
    if value is None or isinstance(value, int | float):
        return 8
    if isinstance(value, Mapping):
        return sum(
            len(str(name)) + 6 + size_of(one) for name, one in cast("Mapping[object, object]", value).items()
        )
    if isinstance(value, list | tuple):
        return sum(map(size_of, cast("Sequence[object]", value))) + 2
    if isinstance(value, Struct):
        return sum(len(name) + 6 + size_of(getattr(value, name)) for name in value.__struct_fields__)
    return 8
