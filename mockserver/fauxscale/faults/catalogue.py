"""Faults from and to JSON, faults named in prompts, and the error messages for unknown ones."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields, replace

from fauxscale.spelling import choose_from, did_you_mean

from .calls import ConnectionReset, Delay, EmptyResponse, Fail, Hang, LoseReply, MalformedChunk, Ok, SlowDrip
from .downloads import (
    CorruptChunk,
    Expire,
    HtmlWith200,
    Purge,
    Redirect,
    Stall,
    Truncate,
    WrongContentLength,
    WrongFormat,
)
from .fault import Fault, RequestKind
from .replies import (
    Body,
    EmptyData,
    ExtraFields,
    ForgedUrl,
    MissingField,
    NullUrl,
    SameSize,
    Smaller,
    SwappedResults,
    UnsafeImage,
    UrlInsteadOfBase64,
)
from .webhooks import DuplicateWebhook, LateWebhook, SwapWebhooks

_API: tuple[type[Fault], ...] = (
    Ok,
    Fail,
    Delay,
    Hang,
    EmptyResponse,
    ConnectionReset,
    MalformedChunk,
    SlowDrip,
    LoseReply,
)
_DOWNLOAD: tuple[type[Fault], ...] = (
    Expire,
    Purge,
    Redirect,
    Truncate,
    CorruptChunk,
    HtmlWith200,
    WrongFormat,
    WrongContentLength,
    Stall,
)
_QUIET: tuple[type[Fault], ...] = (
    UnsafeImage,
    Body,
    EmptyData,
    NullUrl,
    ForgedUrl,
    MissingField,
    ExtraFields,
    SameSize,
    Smaller,
    SwappedResults,
    UrlInsteadOfBase64,
)
_WEBHOOK: tuple[type[Fault], ...] = (DuplicateWebhook, LateWebhook, SwapWebhooks)
KINDS = _API + _DOWNLOAD + _QUIET + _WEBHOOK


def checked(fault: object) -> Fault:
    """Return the fault itself. Raises TypeError that says what to write instead of a class, a name, or anything
    else."""
    kinds = {kind.__name__: kind for kind in KINDS}
    if isinstance(fault, KINDS):
        return fault
    if isinstance(fault, type) and issubclass(fault, KINDS):
        raise TypeError(f"{fault.__name__} is a class, not a fault: write {_example(fault)}")
    if isinstance(fault, str):
        kind = kinds.get(fault)
        if kind is not None:
            raise TypeError(
                f"{fault!r} is the name of a fault: write {_example(kind)}, from fauxscale import {fault}"
            )
        near = did_you_mean(fault, kinds)
        raise TypeError(
            f"{fault!r} is not a fault{near}: write Fail(429), for instance, from fauxscale import Fail"
        )
    raise TypeError(f"{fault!r} is not a fault: write one of {', '.join(sorted(kinds))}, with parentheses")


def _example(kind: type[Fault]) -> str:
    """Show how a fault of this kind is made: `LoseReply()`, `Delay(seconds=...)`."""
    needed = [f"{one.name}=..." for one in _fields(kind) if one.required]
    return f"{kind.__name__}({', '.join(needed)})"


def to_json(fault: Fault) -> dict[str, object]:
    """Write a fault as JSON, `{"fault": "Fail", "status": 429}`; members at their default are left out."""
    values = {
        one.name: getattr(fault, one.name)
        for one in _fields(type(fault))
        if getattr(fault, one.name) != _default(one)
    }
    return {"fault": type(fault).__name__, **values}


def from_json(json: Mapping[str, object]) -> Fault:
    """Make a fault from its JSON members. Raises ValueError that lists the known ones."""
    known = {kind.__name__: kind for kind in KINDS}
    kind = known.get(str(json.get("fault")))
    if kind is None:
        asked = json.get("fault")
        raise ValueError(f"unknown fault {asked!r}{choose_from(str(asked), sorted(known))}")
    own = {name: value for name, value in json.items() if name != "fault"}
    names = {one.name: one for one in _fields(kind)}
    hints = _hints(kind)
    for name, value in own.items():
        if name not in names:
            near = did_you_mean(name, names) or ":"
            raise ValueError(
                f"{kind.__name__} has no {name!r}{near} it has {', '.join(names) or 'no members'}"
            )
        if not _fits(value, hints[name]):
            raise ValueError(f"{kind.__name__}.{name} must be {_say(hints[name])}, got {value!r}")
    for name, one in names.items():
        if one.required and name not in own:
            raise ValueError(f"{kind.__name__} needs {name!r}")
    return cast("Fault", cast("Any", kind)(**own))


def at(fault: Fault, kind: RequestKind) -> Fault:
    """Return the fault for this request kind, if its class makes sense for both kinds."""
    if "download" not in fault.__struct_fields__:
        return fault
    return cast("Fault", replace(cast("Any", fault), download=kind == "download"))


@cache
def _hints(kind: type[Fault]) -> dict[str, Any]:
    return get_type_hints(kind)  # which compiles every annotation at each call


@cache
def _fields(kind: type[Fault]) -> tuple[FieldInfo, ...]:
    return fields(cast("Any", kind))  # every kind is a Struct; the protocol cannot say so


def _default(one: FieldInfo) -> object:
    return one.default if one.default_factory is NODEFAULT else one.default_factory()


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint)


def _say(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if isinstance(hint, types.UnionType):
        return " or ".join(_say(one) for one in get_args(hint))
    names = {
        int: "a whole number",
        float: "a number",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(hint, "an object")


_MAGIC: Mapping[str, Callable[[], Fault]] = {
    "unsafe": lambda: UnsafeImage(refuse=True),
    "unsafe-200": UnsafeImage,
    "hang": Hang,
    "empty": EmptyResponse,
    "reset": ConnectionReset,
    "malformed": MalformedChunk,
    "lose": LoseReply,
    "empty-data": EmptyData,
    "null-url": NullUrl,
    "extra": ExtraFields,
    "same-size": SameSize,
    "smaller": Smaller,
    "swapped": SwappedResults,
    "url": UrlInsteadOfBase64,
    "expired": Expire,
    "purged": Purge,
    "corrupt": CorruptChunk,
    "html": HtmlWith200,
    "wrong-format": WrongFormat,
}
_MAGIC_NUMBERS: Mapping[str, tuple[float, Callable[[float], Fault]]] = {
    "slow": (1, lambda seconds: Delay(min(seconds, 300))),
    "drip": (5, lambda seconds: SlowDrip(min(seconds, 300))),
    "truncate": (1024, lambda at: Truncate(int(at))),
    "stall": (1024, lambda at: Stall(int(at))),
    "length": (1, lambda by: WrongContentLength(int(by))),
}


def magic(prompt: str) -> Fault | None:
    """Find the fault a prompt names for its own call, `a cat fauxscale:429`, so that no control call is needed.

    A status; a word; or a word with a number, `slow=3`, `unsafe-200=0`; `missing=/data/0/url`. Those of downloads
    apply to every read of the call's links. Unknown words are ignored.
    """
    word = prompt.partition("fauxscale:")[2].split(maxsplit=1)[0:1]
    if not word:
        return None
    name, _, value = word[0].rstrip(".,;!?)\"'").partition("=")
    try:
        if len(name) == 3 and name.isdigit():
            return Fail(int(name))
        if name == "missing":
            return MissingField(value)
        if name == "unsafe-200" and value:
            return UnsafeImage(only=int(value))
        if name in _MAGIC_NUMBERS:
            usual, make = _MAGIC_NUMBERS[name]
            return make(float(value) if value else usual)
    except (ValueError, OverflowError):
        return None
    return _MAGIC[name]() if name in _MAGIC else None
