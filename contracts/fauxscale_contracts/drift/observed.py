"""Turns what a service answered into observations: the contract with its guesses replaced, and the diff to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, cast

from fauxscale.redact import Mask
from fauxscale_contracts.contract.confidence import WORD, Confidence, confidence_of
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange, Reply
from fauxscale_contracts.contract.operations import METHODS
from fauxscale_contracts.contract.schemas import Document, Json


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an observation, which a reader can check, and the day."""

    source: str
    date: str

    def note(self) -> Json:
        return {"source": self.source, "date": self.date}


def rewrite(contract: Contract, live: Mapping[str, Exchange], origin: Origin, secrets: list[str]) -> Json:
    """Return the contract's document with each guess that an answer settles turned into an observation.

    An answer that was guessed, or is not recorded, becomes the one observed; so does a guessed body, and a guessed
    member of a known body. Documented and observed statements are not changed: a departure from those is drift,
    which somebody has to examine.
    """
    document = deepcopy(contract.document)
    for exchange in live.values():
        if exchange.operation and exchange.reply is not None:
            _settle(document, exchange.operation, exchange.reply, origin, Mask(secrets))
    return document


def diff(before: Json, after: Json, name: str) -> str:
    """The change as a unified diff of the contract's file; empty if there is none."""
    old, new = (json.dumps(one, indent=2, ensure_ascii=False).splitlines(True) for one in (before, after))
    return "".join(unified_diff(old, new, f"a/{name}", f"b/{name}"))


def _settle(document: Json, operation: str, reply: Reply, origin: Origin, mask: Mask) -> None:
    spec = next(
        item[method]
        for item in document["paths"].values()
        for method in METHODS
        if method in item and item[method]["operationId"] == operation
    )
    whole = Document(document)
    everywhere: Confidence = confidence_of(whole, document, "guess")
    above = confidence_of(whole, spec, everywhere)
    responses: Json = spec["responses"]
    status = str(reply.status)
    if status not in responses:
        seen: Json = {"description": f"Seen at {origin.source}."}
        responses[status] = seen | {WORD: "observed", "x-recorded": origin.note()} | _content(reply, mask)
        return
    answer = confidence_of(whole, responses[status], above)
    if answer == "guess":
        # Written in full: shared parts are not known for the other operations.
        kept = deepcopy(whole.resolve(responses[status]))
        responses[status] = kept | {WORD: "observed", "x-recorded": origin.note()} | _content(reply, mask)
        return
    media = whole.resolve(responses[status]).get("content", {}).get("application/json")
    if media is None:
        return
    if confidence_of(whole, media, answer) == "guess":
        kept = deepcopy(whole.resolve(responses[status]))
        seen = _content(reply, mask)
        for one in seen.get("content", {}).values():
            one |= {WORD: "observed", "x-recorded": origin.note()}
        responses[status] = kept | seen
    elif "schema" in media:
        _members(whole, media["schema"], _json(reply), origin)


def _members(document: Document, node: Json, value: Any, origin: Origin) -> None:
    """Settle the guessed members of a schema that a value has."""
    schema = document.resolve(node)
    for other in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        _members(document, other, value, origin)
    if isinstance(value, list) and "items" in schema:
        for one in cast("list[object]", value):
            _members(document, schema["items"], one, origin)
    if not isinstance(value, dict):
        return
    known: Json = schema.get("properties", {})
    for name, one in cast("Json", value).items():
        if name not in known:
            continue
        if known[name].get(WORD) == "guess":
            fits = document.schema({key: said for key, said in known[name].items() if key != WORD}).is_valid(
                one
            )
            told = {key: said for key, said in known[name].items() if fits or key == "description"}
            known[name] = told | ({} if fits else _schema(one))
            known[name] |= {WORD: "observed", "x-recorded": origin.note()}
        else:
            _members(document, known[name], one, origin)


def _content(reply: Reply, mask: Mask) -> Json:
    media_type = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    value = _json(reply)
    if value is None or not media_type:
        return {"content": {media_type: {}}} if media_type else {}
    return {"content": {media_type: {"schema": _schema(value), "example": mask.json(value)}}}


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _schema(value: Any) -> Json:
    """The narrowest schema of a value's types."""
    if isinstance(value, dict):
        members = cast("Json", value)
        inside = {name: _schema(one) for name, one in members.items()}
        return {"type": "object", "required": list(members), "properties": inside}
    if isinstance(value, list):
        items = cast("list[object]", value)
        return {"type": "array", "items": _schema(items[0])} if items else {"type": "array"}
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
    )
    return {"type": next((kind for one, kind in kinds if isinstance(value, one)), "null")}
