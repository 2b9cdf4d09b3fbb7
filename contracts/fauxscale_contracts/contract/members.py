"""Lists the members of bodies by JSON pointer, `*` for any item of a list: forms and JSON alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from . import multipart
from .exchange import Request
from .violations import pointer


def members(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield each place of a JSON body with the kind of value there, the body itself first; nothing if it is no JSON."""
    try:
        ahead: list[tuple[str, Any]] = [("/body", json.loads(body))]
    except (ValueError, RecursionError):
        return
    while ahead:
        place, value = ahead.pop()
        if isinstance(value, dict):
            yield place, "object"
            ahead += [(place + pointer((name,)), one) for name, one in cast("dict[str, Any]", value).items()]
        elif isinstance(value, list):
            yield place, "array"
            ahead += [(f"{place}/*", one) for one in cast("list[object]", value)]
        else:
            yield place, _kind(value)


def parts(request: Request) -> Iterator[str]:
    """Yield each place of a request's body: parts of a form, members of a JSON body, members of a part of JSON."""
    content_type = request.header("content-type") or ""
    if not content_type.lower().startswith("multipart/form-data"):
        yield from (place for place, _ in members(request.body) if place != "/body")
        return
    try:
        found = multipart.split(content_type, request.body)
    except ValueError:
        return
    for part in found:
        place = pointer(("body", part.name))
        yield place
        if part.data[:1] in (b"{", b"["):
            inside = (one for one, _ in members(part.data) if one != "/body")
            yield from (place + one.removeprefix("/body") for one in inside)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"
