"""Checks a request and a reply against the operation they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .bodies import check_body
from .exchange import Reply, Request
from .operations import Operation, path_values
from .texts import coerce, read_text
from .violations import Violation, pointer

# Answers without a body, whatever their headers say (RFC 9110 §6.4.1).
_BODILESS = (204, 304)


def check_request(operation: Operation, request: Request) -> list[Violation]:
    """List everything in a request that the contract does not allow, from its method to its body."""
    found = [*_credentials(operation, request), *_parameters(operation, request)]
    if request.body:
        if operation.bodies:
            found += check_body(operation.bodies, request.header("content-type"), request.body)
    elif operation.body_required:
        found.append(Violation("/body", "the body is empty", "would be rejected", "required"))
    return found


def check_response(operation: Operation, request: Request, reply: Reply) -> list[Violation]:
    """List everything in a reply that the contract does not promise."""
    answer = operation.answer(reply.status)
    if answer is None:
        known = ", ".join(operation.answers)
        message = f"{reply.status} is not a recorded status of {operation.name}"
        return [Violation("/status", message, "undocumented", f"statuses {known}")]
    found: list[Violation] = []
    for name, header in answer.headers.items():
        value = reply.header(name)
        if value is not None:
            found += header.schema.violations(coerce(value, header.schema.node), ("headers", name))
        elif header.required:
            found.append(
                Violation(pointer(("headers", name)), f"{name} is missing", "would be rejected", "required")
            )
    if request.method == "HEAD" or reply.status in _BODILESS:
        return found
    length = reply.header("content-length")
    if length is not None and reply.header("content-encoding") is None and length != str(len(reply.body)):
        message = f"Content-Length is {length}, {len(reply.body)} bytes came"
        found.append(Violation("/headers/content-length", message, "would be rejected", "the length is true"))
    if answer.contents:
        found += check_body(answer.contents, reply.header("content-type"), reply.body)
    return found


def _credentials(operation: Operation, request: Request) -> list[Violation]:
    ways = operation.credentials()
    if not ways or any(all(_meets(scheme, request) for scheme in way) for way in ways):
        return []
    scheme = next(way for way in ways if way)[0]
    name = _header_of(scheme)
    wanted = f"{name}: {_prefix_of(scheme)}<key>"
    given = request.header(name)
    message = (
        f"no key was sent: {name} is missing" if given is None else f"{name} does not hold a key in this form"
    )
    return [Violation(pointer(("headers", name.lower())), message, "would be rejected", wanted)]


def _meets(scheme: Mapping[str, Any], request: Request) -> bool:
    given = request.header(_header_of(scheme))
    prefix = _prefix_of(scheme)
    return given is not None and given[: len(prefix)].lower() == prefix.lower() and len(given) > len(prefix)


def _header_of(scheme: Mapping[str, Any]) -> str:
    return str(scheme["name"]) if scheme["type"] == "apiKey" else "Authorization"


def _prefix_of(scheme: Mapping[str, Any]) -> str:
    if scheme["type"] == "http":
        return str(scheme["scheme"]).title() + " "
    return str(scheme.get("x-prefix", ""))


def _parameters(operation: Operation, request: Request) -> Iterator[Violation]:
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    query = dict(pairs)
    path = {name: unquote(value) for name, value in path_values(operation, request.url).items()}
    for one in operation.parameters:
        if one.place == "header":
            value = request.header(one.name)
        else:
            value = (query if one.place == "query" else path).get(one.name)
        place = {"header": "headers"}.get(one.place, one.place)
        if value is not None:
            if one.place == "query" and one.schema.node.get("type") == "array":
                # A list is sent by repeating its name: `explode`, the default unless a contract says otherwise.
                read: object = [text for name, text in pairs if name == one.name]
            else:
                read, odd = read_text(value, one.schema.node, pointer((place, one.name)))
                yield from odd
            for violation in one.schema.violations(read, (place, one.name)):
                yield replace(violation, severity="undocumented") if one.guessed else violation
        elif one.required and one.place != "path":
            yield Violation(
                pointer((place, one.name)), f"{one.name} is missing", "would be rejected", "required"
            )
    known = [one.name for one in operation.parameters if one.place == "query"]
    for name in query:
        if name not in known:
            rule = f"query {', '.join(known)}" if known else "no query"
            yield Violation(
                pointer(("query", name)), f"{name} is not a query parameter", "undocumented", rule
            )
