"""Makes values meet the conditions of their schema: `if` a result is safe, `then` it has a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from fauxscale_contracts.contract.schemas import Document, Json


def fitted(document: Document, node: Json, value: Any) -> Any:
    """The value, changed so that no object meets a condition without its consequence."""
    node = document.resolve(node)
    if isinstance(value, list):
        return [fitted(document, node.get("items", {}), one) for one in cast("Sequence[Any]", value)]
    if not isinstance(value, dict):
        return value
    known = node.get("properties", {})
    members = {name: fitted(document, known.get(name, {}), one) for name, one in cast("Json", value).items()}
    condition: Json = node.get("if", {}).get("properties", {})
    if condition and not document.schema({"if": node["if"], "then": node["then"]}).is_valid(members):
        members |= {
            name: not rule["const"]
            for name, rule in condition.items()
            if name in members and isinstance(rule.get("const"), bool)
        }
    return members
