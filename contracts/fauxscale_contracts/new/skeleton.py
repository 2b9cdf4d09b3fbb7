"""Makes a contract with all its parts, whose placeholders say what to find out about the service."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fauxscale_contracts.contract.operations import METHODS
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.profile import Carrier

# Statuses that any service may answer with, and their meanings.
_REFUSALS = {
    "400": "A parameter or the picture is not acceptable.",
    "401": "The key is missing or wrong.",
    "402": "The credits are used up.",
    "429": "Too many requests.",
    "500": "The service failed.",
}
_PLACE = re.compile(r"\{([^{}]+)\}")
_PICTURE: Json = {
    "type": "string",
    "format": "binary",
    "x-picture": {
        "formats": ["PNG", "JPEG", "WEBP"],
        "maxBytes": 10 * 1024 * 1024,
        "maxPixels": 25_000_000,
        "unsure": ["maxBytes", "maxPixels"],
    },
}


@dataclass(frozen=True, slots=True)
class Route:
    """One operation to write down: its method, and its path with `{names}` in it."""

    method: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Route:
        """Read `POST:/v2/upscale`. Raises ContractError."""
        method, colon, path = text.partition(":")
        if method.lower() not in METHODS or not colon or not path.startswith("/"):
            raise ContractError(f"{text!r} must have the form METHOD:PATH, such as POST:/v1/upscale")
        return cls(method.lower(), path)


def skeleton(
    name: str, api_version: str, server: str, routes: Iterable[Route], carrier: Carrier = "link"
) -> Json:
    """Make an OpenAPI 3.1 document with these operations, in which every statement is a guess at first.

    Operations with a body take a form with a picture; they answer a link, base64 or the picture itself, by
    `carrier`. Raises ContractError for duplicate routes.
    """
    paths: Json = {}
    taken: set[str] = set()
    for route in routes:
        item = paths.setdefault(route.path, {})
        if route.method in item:
            raise ContractError(f"{route.method.upper()} {route.path} was named twice")
        operation = _free_name(f"{name}.{_last_word(route.path)}", route.method, taken)
        taken.add(operation)
        item[route.method] = _operation(operation, route, api_version, carrier)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{name}: what this service is",
            "version": api_version,
            "x-recorded": _source(api_version),
        },
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "x-confidence": "guess",
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string"}},
                    "x-recorded": _source(api_version),
                    "x-confidence": "guess",
                }
            },
        },
    }


def _operation(name: str, route: Route, api_version: str, carrier: Carrier) -> Json:
    made: Json = {
        "operationId": name,
        "summary": "What it does, in one sentence.",
        "x-recorded": _source(api_version),
        "x-confidence": "guess",
    }
    if places := _PLACE.findall(route.path):
        node: Json = {"type": "string", "examples": ["abc123"]}
        made["parameters"] = [
            {"name": one, "in": "path", "required": True, "schema": dict(node)} for one in places
        ]
    works = route.method in ("post", "put", "patch")
    if works:
        form: Json = {
            "type": "object",
            "required": ["image"],
            "properties": {"image": dict(_PICTURE), "prompt": {"type": "string"}},
            "x-unknown": "undocumented",
        }
        made["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    answers: Json = {"200": _success(carrier if works else None)}
    answers |= {status: _refusal(about, api_version) for status, about in _REFUSALS.items()}
    return made | {"responses": answers}


def _success(carrier: Carrier | None) -> Json:
    if carrier == "body":
        picture: Json = {"type": "string", "format": "binary", "x-picture": {"formats": ["PNG"]}}
        return {"description": "The picture.", "content": {"image/png": {"schema": picture}}}
    if carrier is None:
        about: Json = {"type": "object", "properties": {"status": {"type": "string"}}}
        return {
            "description": "What is to be read here.",
            "content": {"application/json": {"schema": about, "example": {"status": "done"}}},
        }
    if carrier == "link":
        member, value = "url", "https://media.example/abc123.png"
        node: Json = {"type": "string", "x-link": True}
    else:
        member, value = "image", "iVBORw0KGgo="
        node = {"type": "string", "contentEncoding": "base64"}
    result: Json = {"type": "object", "required": [member], "properties": {member: node}}
    schema: Json = {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": result}},
    }
    return {
        "description": "One object for each result.",
        "content": {"application/json": {"schema": schema, "example": {"data": [{member: value}]}}},
    }


def _refusal(about: str, api_version: str) -> Json:
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        "description": about,
        "content": {"application/json": {"schema": schema, "example": {"error": about}}},
        "x-recorded": _source(api_version),
        "x-confidence": "guess",
    }


def _source(api_version: str) -> Json:
    return {"source": "where this was read, or seen", "date": api_version}


def _last_word(path: str) -> str:
    """The last segment of a path that is no placeholder, as the name of an operation."""
    fixed = [one for one in path.split("/") if one and not _PLACE.search(one)]
    return re.sub(r"[^a-z0-9]+", "_", fixed[-1].lower()).strip("_") if fixed else "root"


def _free_name(name: str, method: str, taken: set[str]) -> str:
    """The name, or a variant that no other operation has."""
    tries = [name, f"{name}_{method}", *(f"{name}_{method}_{number}" for number in range(2, 1000))]
    return next(one for one in tries if one not in taken)
