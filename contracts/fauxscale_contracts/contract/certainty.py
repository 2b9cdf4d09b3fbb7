"""How certain a contract is about one place of an answer."""

from __future__ import annotations

from collections.abc import Iterator

from .confidence import CONFIDENCES, Confidence, confidence_of
from .operations import Answer, Operation
from .schemas import Document, Json


def certainty(operation: Operation, status: int, pointer: str) -> Confidence:
    """How certain the contract is about the value at `pointer` in an answer of this status.

    `pointer` as in a violation, with `*` for any item of a list. A place without a statement is as certain as the
    one around it, and nothing is more certain than its answer. A status that is not recorded is `observed`.
    """
    answer = operation.answer(status)
    if answer is None:
        return "observed"
    _, place, *steps = f"{pointer}/".split("/")
    sure = answer.confidence, _at(answer, place, steps)
    return CONFIDENCES[max(map(CONFIDENCES.index, sure))]


def _at(answer: Answer, place: str, steps: list[str]) -> Confidence:
    if place == "headers":
        header = next((one for name, one in answer.headers.items() if name.lower() == steps[0].lower()), None)
        return header.confidence if header else _of_contents(answer)
    if place != "body":
        return answer.confidence
    content = answer.contents.get("application/json")
    if content is None or content.schema is None:
        return _of_contents(answer)
    return _within(
        content.schema.document, content.schema.node, [one for one in steps if one], content.confidence
    )


def _of_contents(answer: Answer) -> Confidence:
    first = next(iter(answer.contents.values()), None)
    return first.confidence if first else answer.confidence


def _within(document: Document, node: Json, steps: list[str], enclosing: Confidence) -> Confidence:
    enclosing = confidence_of(document, node, enclosing)
    if not steps:
        return enclosing
    for member in _inside(document, document.resolve(node), steps[0]):
        return _within(document, member, steps[1:], enclosing)
    return enclosing


def _inside(document: Document, node: Json, step: str) -> Iterator[Json]:
    """The schema's statement about a member, or about an item."""
    if step in node.get("properties", {}):
        yield node["properties"][step]
    elif "items" in node and (step == "*" or step.isdigit()):
        yield node["items"]
    for other in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _inside(document, document.resolve(other), step)
