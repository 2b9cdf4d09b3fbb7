"""Reduces a fault to its shape: two faults of one shape bring a client into the same situation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Shape: TypeAlias = tuple[object, ...]
"""The kind of a fault, and those of its members that a client can tell apart."""

FAR = 3600.0
"""The shortest wait, in seconds, that no client should sleep through."""
_NUMBER = re.compile(r"/\d+(?=/|$)")


def members_of(fault: object) -> dict[str, Any]:
    """A fault as the journal has it, every member named."""
    known: Any = fault  # every kind of fault is a Struct
    return {"fault": type(fault).__name__, **{name: getattr(fault, name) for name in known.__struct_fields__}}


def shape_of(fault: Mapping[str, Any]) -> Shape:
    """The shape of a fault in the journal's JSON, which leaves out members at their default."""
    kind = str(fault["fault"])
    if kind == "EmptyData":
        return "Body", "no results"  # a client cannot tell them apart
    return (kind, *_DETAILS.get(kind, _nothing)(fault))


def hint(status: int, retry_after: float | None, *, dated: bool = False) -> str:
    """An error's wait. Only for 429 does a client read it closely; if asking again cannot help it is not read at
    all."""
    if status != 429 and status < 500:
        return ""
    if retry_after is None:
        return "none"
    if retry_after >= FAR:
        return "far future"
    if status != 429:
        return "given"
    if dated:
        return "past date" if retry_after <= 0 else "date"
    return "zero" if retry_after == 0 else "seconds" if float(retry_after).is_integer() else "fraction"


def _nothing(_: Mapping[str, Any]) -> Shape:
    return ()


def _fail(fault: Mapping[str, Any]) -> Shape:
    status = int(fault["status"])
    return status, hint(status, fault.get("retry_after"), dated=fault.get("form") == "date")


def _body(fault: Mapping[str, Any]) -> Shape:
    text = fault.get("text")
    if text is None:
        return (_json(fault.get("json")),)
    if not text:
        return ("empty",)
    try:
        return (_json(json.loads(text)),)
    except (ValueError, RecursionError):
        html = "html" in str(fault.get("media_type", "")) or text.lstrip().startswith("<")
        return ("html" if html else "broken JSON",)


def _json(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "list"
    empty = isinstance(value, dict) and [*value.values()] == [[]]
    return "no results" if empty else "other JSON"


def _pointer(fault: Mapping[str, Any]) -> Shape:
    return (_NUMBER.sub("/*", str(fault.get("pointer", ""))),)


_DETAILS: Mapping[str, Callable[[Mapping[str, Any]], Shape]] = {
    "Fail": _fail,
    "Body": _body,
    "MissingField": _pointer,
    "ExtraFields": _pointer,
    "LoseReply": lambda one: (one.get("how", "reset"), one.get("at") is not None),
    "Truncate": lambda one: (bool(one.get("reset", False)),),
    "WrongContentLength": lambda one: (one.get("by", 1) > 0,),
    "Redirect": lambda one: (bool(one.get("to", "")),),
    "UnsafeImage": lambda one: (bool(one.get("refuse", False)), one.get("only") is not None),
    "LateWebhook": lambda one: (one["seconds"] >= FAR,),
}
