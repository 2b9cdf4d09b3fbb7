"""How certain a statement of a contract is: the values of `x-confidence`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args

from .schemas import Document, Json
from .violations import ContractError, brief, pointer

Confidence: TypeAlias = Literal["documented", "observed", "guess"]
"""documented: the provider's own pages or OpenAPI description say so. observed: released clients depend on it, or
public reports quote it. guess: not known outside the service."""

CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
WORD = "x-confidence"
# Inside these are data, or maps by name, where the keyword would be a name.
_DATA = frozenset({"example", "examples", "default", "const", "enum"})
_NAMED = frozenset({"properties", "headers", "schemas", "paths", "responses", "parameters"})


def check_vocabulary(document: Json) -> None:
    """Raise ContractError, naming the place, for an unknown value."""
    for place, value in _stated_in(document, ()):
        if value not in CONFIDENCES:
            raise ContractError(
                f"{pointer(place)} is {brief(repr(value), 60)}: choose from {', '.join(CONFIDENCES)}"
            )


def confidence_of(document: Document, node: Mapping[str, Any], enclosing: Confidence) -> Confidence:
    """How certain a node is: by its own value, else that of its reference, else that of the element around it."""
    if WORD in node:
        return cast("Confidence", node[WORD])
    if "$ref" in node:
        return cast("Confidence", document.resolve(cast("Json", node)).get(WORD, enclosing))
    return enclosing


def _stated_in(node: Any, at: tuple[object, ...]) -> Iterator[tuple[tuple[object, ...], Any]]:
    if isinstance(node, list):
        for number, one in enumerate(cast("list[object]", node)):
            yield from _stated_in(one, (*at, number))
    elif isinstance(node, dict):
        named = bool(at) and at[-1] in _NAMED
        for name, one in cast("Json", node).items():
            if not named and name == WORD:
                yield (*at, name), one
            elif not named and name == "x-recorded" and isinstance(one, dict) and "confidence" in one:
                raise ContractError(f"{pointer((*at, name))}: say {WORD} beside it, not confidence inside")
            elif named or name not in _DATA:
                yield from _stated_in(one, (*at, name))
