"""Hypothesis strategies out of recorded contracts: pictures, requests to send, replies to serve to a client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, cast
from urllib.parse import quote, urlencode

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fauxscale_contracts.contract import multipart
from fauxscale_contracts.contract.bodies import picture_as_text
from fauxscale_contracts.contract.exchange import Request
from fauxscale_contracts.contract.image_headers import MEDIA_TYPES, read_header
from fauxscale_contracts.contract.operations import Content, Operation, Parameter
from fauxscale_contracts.contract.schemas import Document, Json, Schema
from fauxscale_contracts.contract.violations import ContractError, brief
from fauxscale_contracts.profiles.loading import load_operation

from .boundaries import Mode, boundary_responses, edits, reply_schema, types
from .images import broken_images, images, images_of_size

__all__ = ["broken_images", "fuzz_responses", "images", "requests", "responses"]

# Links in replies that are not served: `.invalid` never resolves (RFC 2606), so no client leaves the machine.
_LINKS = st.from_regex("https://media[.]invalid/[a-zA-Z0-9_-]{1,22}[.](png|jpeg|webp)", fullmatch=True)


def responses(
    operation: str,
    status: int = 200,
    *,
    mode: Mode = "valid",
    api_version: str | None = None,
    link: str | None = None,
) -> SearchStrategy[Any]:
    """JSON bodies of a reply. `link`: what every address in them is, so that a client finds something there.

    "valid" keeps the contract; "additive" has, in one place, something new; "hostile" breaks it in one place.
    A reply that is a picture gives its bytes (valid only). Raises ContractError for what is not on record.
    """
    recorded = load_operation(operation, api_version=api_version)
    answer = recorded.answer(status)
    pictures = [one for one in answer.contents if one.startswith("image/")] if answer else []
    if pictures and mode == "valid":
        return images([name for name, media in MEDIA_TYPES.items() if media in pictures])
    schema = reply_schema(recorded, status)
    good = from_schema(schema.document, schema.node, st.just(link) if link else _LINKS).filter(
        schema.is_valid
    )
    if mode == "valid":
        return good
    return good.flatmap(lambda body: st.sampled_from(edits(schema, body, mode))).map(lambda edit: edit[1])


def requests(
    operation: str, *, api_version: str | None = None, base_url: str | None = None, api_key: str | None = None
) -> SearchStrategy[Request]:
    """Requests that keep the contract, pictures and all, ready to be sent.

    `base_url` stands for the operation's real host (`http://127.0.0.1:2160/ideogram`); with an `api_key` the
    request carries it the way the service asks for.
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

    What the boundary set finds carries the name of the reply in a note. Without `shrink` the first body that
    fails is reported as it was found, in a fraction of the time.
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
                    error.add_note(f"boundary reply {name}: {brief(json.dumps(edge), 1000)}")
                    raise
            generated(*args, **more)

        return run

    return decorate


def from_schema(document: Document, node: Json, links: SearchStrategy[str] = _LINKS) -> SearchStrategy[Any]:
    """Values of a JSON Schema in the subset that recorded contracts use."""
    node = document.resolve(node)
    if "const" in node:
        return st.just(node["const"])
    if "anyOf" in node:
        return st.one_of([from_schema(document, one, links) for one in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kinds = types(node) or ("string", "integer", "boolean", "null")
    return st.one_of([_of_type(document, node, kind, links) for kind in kinds])


def _of_type(document: Document, node: Json, kind: str, links: SearchStrategy[str]) -> SearchStrategy[Any]:
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(node.get("minimum", -(2**53)), node.get("maximum", 2**53))
        case "number":
            over, least = node.get("exclusiveMinimum"), node.get("minimum", node.get("exclusiveMinimum"))
            return st.floats(
                least,
                node.get("maximum"),
                exclude_min=over is not None,
                allow_nan=False,
                allow_infinity=False,
            )
        case "array":
            items = from_schema(document, node.get("items", {}), links)
            return st.lists(items, min_size=node.get("minItems", 0), max_size=node.get("maxItems", 4))
        case "object":
            made = _object_of(document, node, links)
            return made.filter(document.schema(node).is_valid) if "not" in node else made
        case _:
            return _texts(node, links)


def _object_of(document: Document, node: Json, links: SearchStrategy[str]) -> SearchStrategy[Any]:
    members = {name: from_schema(document, one, links) for name, one in node.get("properties", {}).items()}
    required = {name: one for name, one in members.items() if name in node.get("required", [])}
    return st.fixed_dictionaries(required, optional={k: v for k, v in members.items() if k not in required})


def _texts(node: Json, links: SearchStrategy[str]) -> SearchStrategy[str]:
    if node.get("x-link"):
        return links
    if node.get("contentEncoding") == "base64":
        return images(["PNG"]).map(lambda data: picture_as_text(data, "").partition(",")[2])
    if "x-picture" in node:
        return images(node["x-picture"]["formats"]).map(lambda data: picture_as_text(data, _label(data)))
    if "pattern" in node:
        found = st.from_regex(str(node["pattern"]), fullmatch=True)
        return st.one_of(st.sampled_from(node["examples"]), found) if "examples" in node else found
    least = node.get("minLength", 0)
    known = [one for one in node.get("examples", []) if isinstance(one, str) and len(one) >= least]
    free = st.text(min_size=least, max_size=40)
    return st.one_of(st.sampled_from(known), free) if known else free


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
        and "string" in types(node)
    ):
        return st.from_regex(
            "[!-~]([ -~]{0,20}[!-~])?", fullmatch=True
        )  # what a header can hold (RFC 9110 §5.5)
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
    """A Content-Type and a body under it."""
    schema = content.schema
    if schema is None:
        data = draw(images())
        return _label(data), data
    if content.media_type != "multipart/form-data":
        value = draw(from_schema(schema.document, schema.node).filter(schema.is_valid))
        return content.media_type, json.dumps(value).encode()
    return multipart.join(draw(st.permutations(draw(_parts(schema)))))


@st.composite
def _parts(draw: DrawFn, schema: Schema) -> list[multipart.Part]:
    """The parts of a form: those that are required, and of the others what may stand beside them."""
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
    """The value of a part as its form's schema judges it: texts that stand for files are empty."""
    if node.get("format") == "binary":
        return ""
    if node.get("type") == "array" and document.resolve(node["items"]).get("format") == "binary":
        return [""] * draw(st.integers(max(1, node.get("minItems", 1)), min(2, node.get("maxItems", 2))))
    return draw(from_schema(document, node))


def _sent(
    draw: DrawFn, document: Document, name: str, node: Json, value: Any, parts: Sequence[multipart.Part]
) -> list[multipart.Part]:
    """A value as the parts that carry it, a list as one for each entry; `parts` are those before it."""
    if node.get("type") == "array":
        entry = document.resolve(node["items"])
        return [part for one in value for part in _sent(draw, document, name, entry, one, parts)]
    if node.get("format") != "binary":
        return [multipart.Part(name, data=_as_text(value).encode())]
    rule: Json = node.get("x-picture", {})
    formats = rule.get("formats", ("PNG", "JPEG", "WEBP"))
    subject = next((read_header(one.data) for one in parts if one.name == rule.get("sizeOf")), None)
    data = draw(images_of_size(formats, *subject.size) if subject is not None else images(formats))
    label = draw(st.sampled_from([_label(data), "application/octet-stream", None]))
    return [multipart.Part(name, draw(st.sampled_from(["picture", "photo.png", "Zoë.webp"])), label, data)]


def _label(data: bytes) -> str:
    header = read_header(data)
    if header is None:
        raise ContractError("images() drew bytes that are no picture")
    return MEDIA_TYPES[header.format]


def _as_text(value: object) -> str:
    """A value as a form or a query carries it: texts as they are, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
