"""Hypothesis strategies from recorded contracts: pictures, requests to send, replies to serve to a client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, cast
from urllib.parse import quote, urlencode

from hypothesis import Phase, currently_in_test_context, given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fauxscale_contracts.contract import multipart
from fauxscale_contracts.contract.curl import curl_for_reply
from fauxscale_contracts.contract.exchange import Request
from fauxscale_contracts.contract.image_headers import MEDIA_TYPES, read_header
from fauxscale_contracts.contract.operations import Content, Operation, Parameter
from fauxscale_contracts.contract.schemas import Document, Json, Schema, types_of
from fauxscale_contracts.profiles.loading import load_operation

from .boundaries import Mode, boundary_responses, edits, reply_schema
from .images import broken_images, images, images_of_size
from .values import LINKS, from_schema, media_type

__all__ = ["broken_images", "fuzz_responses", "images", "requests", "responses"]


def responses(
    operation: str,
    status: int = 200,
    *,
    mode: Mode = "valid",
    api_version: str | None = None,
    link: str | None = None,
) -> SearchStrategy[Any]:
    """JSON bodies of a reply. `link`: the address that replaces all others in them, so that a client finds something
    there.

    "valid" keeps the contract; "additive" has something new in one place; "hostile" breaks it in one place. A reply
    that is a picture gives its bytes (valid only). A failing test gets the body in a note, and a command that makes
    a stand-in serve it. Raises ContractError for what is not recorded.
    """
    recorded = load_operation(operation, api_version=api_version)
    answer = recorded.answer(status)
    pictures = [one for one in answer.contents if one.startswith("image/")] if answer else []
    if pictures and mode == "valid":
        return images([name for name, media in MEDIA_TYPES.items() if media in pictures])
    schema = reply_schema(recorded, status)
    good = from_schema(schema.document, schema.node, st.just(link) if link else LINKS).filter(schema.is_valid)
    if mode != "valid":
        good = good.flatmap(lambda body: st.sampled_from(edits(schema, body, mode))).map(lambda edit: edit[1])
    return good.map(lambda body: _noted(operation, body))


def requests(
    operation: str, *, api_version: str | None = None, base_url: str | None = None, api_key: str | None = None
) -> SearchStrategy[Request]:
    """Requests that match the contract, pictures included, ready to be sent.

    `base_url` replaces the operation's real host (`http://127.0.0.1:2160/ideogram`); with an `api_key` the request
    carries it in the service's way.
    """
    recorded = load_operation(operation, api_version=api_version)
    return _request(recorded, base_url, api_key)


def fuzz_responses(
    operation: str,
    status: int = 200,
    *,
    mode: Mode = "valid",
    examples: int = 100,
    shrink: bool = False,
    api_version: str | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: run the test once for each `body` of the boundary set, then for `examples` generated ones.

    A failure in the boundary set has the name of the reply in a note. Without `shrink` the first failing body is
    reported unchanged, in a fraction of the time.
    """
    body = responses(operation, status, mode=mode, api_version=api_version)
    boundary = boundary_responses(operation, status, mode=mode, api_version=api_version)
    phases = [Phase.reuse, Phase.generate, *([Phase.shrink] if shrink else [])]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        generated = settings(max_examples=examples, deadline=None, phases=phases, report_multiple_bugs=False)(
            given(body=body)(test)
        )

        @wraps(generated)
        def run(*args: Any, **more: Any) -> None:
            for name, edge in boundary:
                try:
                    test(*args, body=edge, **more)
                except Exception as error:
                    error.add_note(f"boundary reply {name}: {_told(operation, edge)}")
                    raise
            generated(*args, **more)

        return run

    return decorate


def _noted(operation: str, body: Any) -> Any:
    # Schemathesis' plugin for pytest blanks the arguments that Hypothesis prints, in every test (seen in 4.32); notes
    # are printed all the same.
    if currently_in_test_context():
        note(f"reply: {_told(operation, body)}")
    return body


def _told(operation: str, body: Any) -> str:
    return f"{json.dumps(body)}\nserved again at `fauxscale serve` by: {curl_for_reply(operation, body)}"


@st.composite
def _request(draw: DrawFn, operation: Operation, base_url: str | None, api_key: str | None) -> Request:
    path = operation.path if base_url else operation.real_path
    query: dict[str, str | list[str]] = {}
    headers: list[tuple[str, str]] = []
    for one in operation.parameters:
        if one.place == "path":
            path = path.replace(f"{{{one.name}}}", quote(_as_text(draw(_parameter_value(one))), safe=""))
        elif one.required or draw(st.booleans()):
            value = draw(_parameter_value(one))
            if one.place != "query":
                headers.append((one.name, _as_text(value)))
            elif isinstance(value, list):
                query[one.name] = [_as_text(entry) for entry in cast("list[object]", value)]
            else:
                query[one.name] = _as_text(value)
    if api_key is not None:
        headers += _key_headers(operation, api_key)
    body = b""
    if operation.bodies:
        content_type, body = draw(_body(draw(st.sampled_from(list(operation.bodies.values())))))
        headers.append(("Content-Type", content_type))
    address = (
        (base_url or operation.servers[0]).rstrip("/")
        + path
        + (f"?{urlencode(query, doseq=True)}" if query else "")
    )
    return Request(operation.method, address, tuple(headers), body)


def _parameter_value(parameter: Parameter) -> SearchStrategy[Any]:
    node = parameter.schema.node
    if "examples" in node:
        return st.sampled_from(node["examples"])
    if (
        parameter.place == "header"
        and node.keys().isdisjoint({"enum", "pattern"})
        and "string" in types_of(node)
    ):
        return st.from_regex(
            "[!-~]([ -~]{0,20}[!-~])?", fullmatch=True
        )  # valid characters of a header (RFC 9110 §5.5)
    return from_schema(parameter.schema.document, node)


def _key_headers(operation: Operation, api_key: str) -> list[tuple[str, str]]:
    ways = operation.credentials()
    if not ways or not ways[0]:
        return []
    scheme = ways[0][0]
    if scheme["type"] == "http":
        return [("Authorization", f"{str(scheme['scheme']).title()} {api_key}")]
    return [(scheme["name"], f"{scheme.get('x-prefix', '')}{api_key}")]


@st.composite
def _body(draw: DrawFn, content: Content) -> tuple[str, bytes]:
    """A Content-Type and a body of it."""
    schema = content.schema
    if schema is None:
        data = draw(images())
        return media_type(data), data
    if content.media_type != "multipart/form-data":
        value = draw(from_schema(schema.document, schema.node).filter(schema.is_valid))
        return content.media_type, json.dumps(value).encode()
    return multipart.join(draw(st.permutations(draw(_parts(schema)))))


@st.composite
def _parts(draw: DrawFn, schema: Schema) -> list[multipart.Part]:
    """The parts of a form: the required ones, and any of the others that may be combined with them."""
    required = schema.node.get("required", [])
    known = {name: schema.document.resolve(node) for name, node in schema.node["properties"].items()}
    values: Json = {}
    parts: list[multipart.Part] = []
    for name in sorted(known, key=lambda name: name not in required):
        if name in required or draw(st.booleans()):
            value = _bare(draw, schema.document, known[name])
            if name in required or schema.is_valid({**values, name: value}):
                values[name] = value
                parts += _sent(draw, schema.document, name, known[name], value, parts)
    return parts


def _bare(draw: DrawFn, document: Document, node: Json) -> Any:
    """The value of a part for its form's schema: texts that represent files are empty."""
    if node.get("format") == "binary":
        return ""
    if node.get("type") == "array" and document.resolve(node["items"]).get("format") == "binary":
        return [""] * draw(st.integers(max(1, node.get("minItems", 1)), min(2, node.get("maxItems", 2))))
    return draw(from_schema(document, node))


def _sent(
    draw: DrawFn, document: Document, name: str, node: Json, value: Any, parts: Sequence[multipart.Part]
) -> list[multipart.Part]:
    """The parts for a value, a list as one for each entry; `parts` are those before it."""
    if node.get("type") == "array":
        entry = document.resolve(node["items"])
        return [part for one in value for part in _sent(draw, document, name, entry, one, parts)]
    if node.get("format") != "binary":
        return [multipart.Part(name, data=_as_text(value).encode())]
    rule: Json = node.get("x-picture", {})
    formats = rule.get("formats", ("PNG", "JPEG", "WEBP"))
    subject = next((read_header(one.data) for one in parts if one.name == rule.get("sizeOf")), None)
    data = draw(images_of_size(formats, *subject.size) if subject is not None else images(formats))
    label = draw(st.sampled_from([media_type(data), "application/octet-stream", None]))
    return [multipart.Part(name, draw(st.sampled_from(["picture", "photo.png", "Zoë.webp"])), label, data)]


def _as_text(value: object) -> str:
    """A value as text in a form or a query: strings unchanged, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
