"""Makes bodies at the edges of a schema, each with a stable name: a good body changed in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, cast

from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.contract.schemas import Document, Json, Schema, types_of
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.loading import load_operation

from .conditions import fitted

Mode: TypeAlias = Literal["valid", "additive", "hostile"]
"""valid: what the contract allows. additive: what a service may add without notice (members, values of an enumeration,
more items than requested). hostile: what breaks the contract."""

Edit: TypeAlias = tuple[str, Any]
"""The name of a change, `data[0].url=null`, and the body that has it."""

_LONG = 4096
_TEXTS = (
    ("empty", ""),
    ("long", "x" * _LONG),
    ("unicode", "Zoë 🐈‍⬛ \u202eabc\u0000"),
    ("markup", "<script>'\"&</script>"),
)
_STRANGERS: tuple[Edit, ...] = (
    ("null", None),
    ("text", "?"),
    ("number", 7),
    ("list", []),
    ("object", {}),
    ("true", True),
)
_WHOLE: tuple[Edit, ...] = (*_STRANGERS, ("empty-text", ""), ("list-of-null", [None]))
_NEW_MEMBER = {"new": ["member"], "since": None}


def boundary_responses(
    operation: str, status: int = 200, *, mode: Mode = "valid", api_version: str | None = None
) -> list[tuple[str, Any]]:
    """Make the boundary set of a JSON reply: (name, body), its order and names changed only by a new API version.

    Raises ContractError for unrecorded operations, statuses and API versions, and for replies that are not JSON.
    """
    recorded = load_operation(operation, api_version=api_version)
    return edits(reply_schema(recorded, status), recorded.example(status), mode)


def reply_schema(operation: Operation, status: int) -> Schema:
    """The schema of an operation's JSON reply of that status."""
    answer = operation.answer(status)
    if answer is None:
        raise ContractError(f"{operation.name} has no status {status}: it has {', '.join(operation.answers)}")
    content = answer.contents.get("application/json")
    if content is None or content.schema is None:
        raise ContractError(f"{operation.name} does not answer {status} with JSON")
    return content.schema


def edits(schema: Schema, body: Any, mode: Mode) -> list[Edit]:
    """A valid body, changed in one place at a time in the ways of a mode. No body occurs twice."""
    document = schema.document
    if mode == "valid":
        found: Iterable[Edit] = [("as-recorded", body), ("minimal", _minimal(document, schema.node, body))]
        found = [*found, *_valid(document, schema.node, body, "")]
    elif mode == "additive":
        found = _additive(document, schema.node, body, "")
    else:
        found = [*((f"={name}", value) for name, value in _WHOLE), *_hostile(document, schema.node, body, "")]
    seen: set[str] = set()
    kept: list[Edit] = []
    for name, changed in found:
        # If only a condition is broken, another value of it is as good.
        if schema.is_valid(kept_so := fitted(document, schema.node, changed)):
            changed = kept_so
        text = json.dumps(changed, sort_keys=True)
        if text not in seen and (mode == "additive" or schema.is_valid(changed) == (mode == "valid")):
            seen.add(text)
            kept.append((name, changed))
    return kept


def _inside(document: Document, node: Json, body: Any, at: str, change: Any) -> Iterator[Edit]:
    """The same change to every member of an object, or to the first item of a list."""
    node = document.resolve(node)
    if isinstance(body, dict):
        members = cast("Json", body)
        for name, member in node.get("properties", {}).items():
            if name in members:
                for label, changed in change(document, member, members[name], f"{at}.{name}" if at else name):
                    yield label, {**members, name: changed}
    elif isinstance(body, list) and body and "items" in node:
        items = cast("Sequence[Any]", body)
        for label, changed in change(document, node["items"], items[0], f"{at}[0]"):
            yield label, [changed, *items[1:]]
    for other in node.get("anyOf", []):
        yield from change(document, other, body, at)


def _valid(document: Document, node: Json, body: Any, at: str) -> Iterator[Edit]:
    node = document.resolve(node)
    kinds = types_of(node)
    if "null" in kinds:
        yield f"{at}=null", None
    for value in [*node.get("enum", []), *node.get("examples", [])]:
        yield f"{at}={value}", value
    if "string" in kinds:
        yield from ((f"{at}={name}", text) for name, text in _TEXTS)
    if "boolean" in kinds:
        yield from ((f"{at}={str(value).lower()}", value) for value in (True, False))
    if "integer" in kinds or "number" in kinds:
        yield from _numbers(node, body, at)
    if isinstance(body, list):
        items = cast("Sequence[Any]", body)
        yield f"{at}=none", []
        yield f"{at}=many", [*items] * 12
    if isinstance(body, dict):
        members = cast("Json", body)
        for name in members:
            yield f"{at}.{name} absent".lstrip("."), {key: one for key, one in members.items() if key != name}
    yield from _inside(document, node, body, at, _valid)


def _numbers(node: Json, body: Any, at: str) -> Iterator[Edit]:
    yield f"{at}=least", node.get("minimum", -(2**53))
    yield f"{at}=most", node.get("maximum", 2**53)
    yield f"{at}=zero", 0
    if isinstance(body, int):
        yield f"{at}=as-float", float(body)
    if "number" in types_of(node):
        yield f"{at}=fraction", 0.000001


def _minimal(document: Document, node: Json, body: Any) -> Any:
    """The body with only the required members, all the way down."""
    node = document.resolve(node)
    if isinstance(body, dict):
        members, required = cast("Json", body), node.get("required", [])
        known = node.get("properties", {})
        return {
            key: _minimal(document, known.get(key, {}), one)
            for key, one in members.items()
            if key in required
        }
    if isinstance(body, list) and "items" in node:
        return [_minimal(document, node["items"], one) for one in cast("Sequence[Any]", body)]
    return cast("Any", body)


def _additive(document: Document, node: Json, body: Any, at: str) -> Iterator[Edit]:
    node = document.resolve(node)
    if isinstance(body, dict):
        for name, value in (("unheard_of", _NEW_MEMBER), ("constructor", "text"), ("", 0)):
            yield f"{at}+{name or 'nameless'}", {**cast("Json", body), name: value}
    if isinstance(body, list) and body:
        items = cast("Sequence[Any]", body)
        yield f"{at}+one-more", [*items, items[-1]]
    if "enum" in node and isinstance(body, str):
        yield f"{at}=NEW_WORD", "NEW_WORD"
    yield from _inside(document, node, body, at, _additive)


def _hostile(document: Document, node: Json, body: Any, at: str) -> Iterator[Edit]:
    node = document.resolve(node)
    if at:
        yield from ((f"{at}={name}", value) for name, value in _STRANGERS)
    if "minimum" in node:
        yield f"{at}=too-little", node["minimum"] - 1
    if "maximum" in node:
        yield f"{at}=too-much", node["maximum"] + 1
    if "integer" in types_of(node):
        yield f"{at}=half", 0.5
    if isinstance(body, dict):
        members = cast("Json", body)
        for name in node.get("required", []):
            yield (
                f"{at}.{name} missing".lstrip("."),
                {key: one for key, one in members.items() if key != name},
            )
    if isinstance(body, list):
        yield f"{at}=list-of-null", [None]
    yield from _inside(document, node, body, at, _hostile)
