"""Hypothesis strategies for the values that a JSON Schema allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fauxscale_contracts.contract.bodies import picture_as_text
from fauxscale_contracts.contract.image_headers import MEDIA_TYPES, read_header
from fauxscale_contracts.contract.schemas import Document, Json, types_of
from fauxscale_contracts.contract.violations import ContractError

from .conditions import fitted
from .images import images

_SIZE = re.compile(r"[0-9]+x[0-9]+")
# What a service may accept instead of a size (https://platform.openai.com/docs/api-reference/images, read 2026-06).
_NO_SIZES = ("auto", "1:1")
# Links in replies that are not served: `.invalid` never resolves (RFC 2606), so no client leaves the machine.
LINKS = st.from_regex("https://media[.]invalid/[a-zA-Z0-9_-]{1,22}[.](png|jpeg|webp)", fullmatch=True)


def from_schema(document: Document, node: Json, links: SearchStrategy[str] = LINKS) -> SearchStrategy[Any]:
    """Values of a JSON Schema in the subset that recorded contracts use."""
    node = document.resolve(node)
    if "const" in node:
        return st.just(node["const"])
    if "anyOf" in node:
        return st.one_of([from_schema(document, one, links) for one in node["anyOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kinds = types_of(node) or ("string", "integer", "boolean", "null")
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
            if "if" in node:
                made = made.map(partial(fitted, document, node))
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
        return images(node["x-picture"]["formats"]).map(lambda data: picture_as_text(data, media_type(data)))
    least = node.get("minLength", 0)
    known = [one for one in node.get("examples", []) if isinstance(one, str) and len(one) >= least]
    free = _free(node.get("pattern"), known, least)
    return st.one_of(st.sampled_from(known), free) if known else free


def _free(pattern: str | None, known: Sequence[str], least: int) -> SearchStrategy[str]:
    """Strings besides the examples."""
    possible = _like(known)
    if possible is None:
        return st.from_regex(pattern, fullmatch=True) if pattern else st.text(min_size=least, max_size=40)
    return possible.filter(lambda text: re.search(pattern, text) is not None) if pattern else possible


def _like(examples: Sequence[str]) -> SearchStrategy[str] | None:
    """Dates or sizes in pixels, if the examples are such: valid ones, since patterns also allow the 99th of March and
    pictures without pixels."""
    if examples and all(map(_is_date, examples)):
        return _dates()
    if any(map(_SIZE.fullmatch, examples)):
        return st.one_of(_sizes(), st.sampled_from(_NO_SIZES))
    return None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text  # the rest are numbers


@st.composite
def _dates(draw: DrawFn) -> str:
    minutes = st.one_of(st.just(0), st.integers(-12 * 60, 14 * 60))
    zone = timezone(timedelta(minutes=draw(minutes)))
    moment = datetime.fromtimestamp(draw(st.integers(0, 2**32)), zone)
    moment = moment.replace(microsecond=draw(st.integers(0, 999_999)))
    text = moment.isoformat(draw(st.sampled_from("T ")), draw(st.sampled_from(["seconds", "auto"])))
    return text.replace("+00:00", "Z") if draw(st.booleans()) else text


@st.composite
def _sizes(draw: DrawFn) -> str:
    side = st.integers(1, 8192)  # the largest side in replies of any service here
    return f"{draw(side)}x{draw(side)}"


def media_type(data: bytes) -> str:
    """The media type of a picture."""
    header = read_header(data)
    if header is None:
        raise ContractError("images() drew bytes that are no picture")
    return MEDIA_TYPES[header.format]
