"""Lists an operation's members, values, statuses and error codes by its contract, and which of them calls met."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args
from urllib.parse import parse_qsl, urlsplit

from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import pointer

from .calls import Call

Kind: TypeAlias = Literal["member", "value", "status", "error code"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Place: TypeAlias = tuple[Kind, str]
"""A member by its JSON pointer, a value as `/member=VALUE`, a status as the contract writes it, an error code as
`/member=CODE` of an error's body."""


def known(operation: Operation) -> list[Place]:
    """Every place of an operation, in the order of its contract."""
    found: dict[Place, None] = {}
    for one in operation.parameters:
        if one.place == "query":
            found["member", pointer(("query", one.name))] = None
            for value in one.schema.node.get("enum", ()):
                found["value", f"{pointer(('query', one.name))}={value}"] = None
    for node in _bodies(operation, operation.spec.get("requestBody", {})):
        for place, values in _members(operation, node, "", frozenset()):
            found["member", place] = None
            found |= {("value", f"{place}={value}"): None for value in values}
    found |= {("status", status): None for status in operation.answers}
    for status, answer in operation.spec["responses"].items():
        if status[:1] in "45":
            for node in _bodies(operation, answer):
                for place, values in _members(operation, node, "", frozenset()):
                    found |= {("error code", f"{place}={value}"): None for value in values}
    return [*found]


def met(operation: Operation, call: Call) -> Iterator[Place]:
    """The places that one call met; some may not be in the contract."""
    for place, value in _sent(call):
        yield "member", place
        yield "value", f"{place}={_text(value)}"
    if call.status is None:
        return
    answer = operation.answer(call.status)
    yield "status", answer.status if answer else str(call.status)
    if call.status >= 400:
        for place, value in _inside("", call.reply):
            yield "error code", f"{place}={_text(value)}"


def _sent(call: Call) -> Iterator[tuple[str, object]]:
    """The places of a call's request, with their values if the journal has them."""
    entry = call.entry
    query = urlsplit(str(entry.get("path", ""))).query
    yield from ((pointer(("query", name)), value) for name, value in parse_qsl(query, keep_blank_values=True))
    for part in entry.get("parts", ()):
        place, text = pointer((str(part["name"]),)), str(part.get("text", ""))
        yield place, text
        if text[:1] in ("{", "["):
            try:
                yield from _inside(place, json.loads(text))
            except (ValueError, RecursionError):
                continue
    sent = entry.get("sent", ())
    if sent:
        # Parameters have defaults filled in: only those in the body count.
        values = dict(_inside("", entry.get("params", {})))
        yield from ((place, values.get(place)) for place in sent)


def _inside(place: str, value: object) -> Iterator[tuple[str, object]]:
    """Each member inside a JSON value, `*` for any item of a list."""
    if isinstance(value, dict):
        for name, one in cast("dict[str, object]", value).items():
            yield place + pointer((name,)), one
            yield from _inside(place + pointer((name,)), one)
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield f"{place}/*", one
            yield from _inside(f"{place}/*", one)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _bodies(operation: Operation, body: Json) -> Iterator[Json]:
    for media in operation.resolve(body).get("content", {}).values():
        if "schema" in media:
            yield media["schema"]


def _members(
    operation: Operation, node: Json, place: str, within: frozenset[int]
) -> Iterator[tuple[str, list[Any]]]:
    """Each member of a schema with its allowed values, if they are listed; `within`: the schemas around it."""
    node = operation.resolve(node)
    if id(node) in within:
        return
    within |= {id(node)}
    for name, member in cast("Mapping[str, Json]", node.get("properties", {})).items():
        below = place + pointer((name,))
        yield below, [_text(one) for one in _values(operation, member)]
        yield from _members(operation, member, below, within)
    for word in ("anyOf", "oneOf", "allOf"):
        for part in node.get(word, ()):
            yield from _members(operation, part, place, within)
    if "items" in node:
        yield from _members(operation, node["items"], f"{place}/*", within)


def _values(operation: Operation, node: Json) -> list[Any]:
    node = operation.resolve(node)
    listed: list[Any] = [one for one in node.get("enum", ()) if one is not None]
    for word in ("anyOf", "oneOf"):
        for part in node.get(word, ()):
            listed += _values(operation, part)
    return [*dict.fromkeys(listed)]
