"""Writes the part of a contract that clients use as an OpenAPI document, and reads it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import cast

from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.operations import METHODS, Operation
from fauxscale_contracts.contract.schemas import Json
from fauxscale_contracts.contract.violations import ContractError, pointer

from .usage import Usage

USED_BY = "x-used-by"
# What clients sent or read that is not in the contract: users by place.
BEYOND = "x-used-beyond"
OF = "x-usage-of"


def write(usage: Usage) -> Json:
    """Make the used part of the contract: operations, parameters, members, answers, each with its users."""
    contract = usage.contract
    whole = contract.document
    paths: Json = {}
    for path, item in whole["paths"].items():
        for method in METHODS:
            if method in item and usage.users(name := item[method]["operationId"]):
                used = paths.setdefault(
                    path, {key: one for key, one in item.items() if key in ("servers", "x-path")}
                )
                used[method] = _Part(usage, contract.operation(name)).operation()
    document: Json = {
        "openapi": whole["openapi"],
        "info": {"title": f"What clients use of {whole['info']['title']}", "version": contract.api_version},
        OF: _of(contract),
    }
    document |= {key: whole[key] for key in ("servers", "security") if key in whole}
    if schemes := whole.get("components", {}).get("securitySchemes"):
        document["components"] = {"securitySchemes": schemes}
    return deepcopy(document | {"paths": paths})


def read(file: Path, contract: Contract) -> Usage:
    """Read a document that `write` made from this contract. Raises ContractError for any other."""
    usage = Usage(contract)
    try:
        document = json.loads(file.read_bytes())
        of = document[OF]
        if of != _of(contract):
            told = f"{of['provider']} {of['api_version']}, not {contract.provider} {contract.api_version}"
            raise ContractError(f"{file} tells what is used of {told}")
        for item in document["paths"].values():
            for spec in (item[method] for method in METHODS if method in item):
                for place, users in _places(spec):
                    for user in users:
                        usage.add(spec["operationId"], place, user)
    except OSError as error:
        raise ContractError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError(f"{file} was not written by `fauxscale-contracts usage`: {error!r}") from None
    return usage


def _of(contract: Contract) -> Json:
    return {"provider": contract.provider, "api_version": contract.api_version}


class _Part:
    """The part of one operation that is used."""

    def __init__(self, usage: Usage, operation: Operation) -> None:
        self._usage, self._operation = usage, operation

    def operation(self) -> Json:
        spec = self._operation.spec
        found: Json = {"operationId": self._operation.name, **self._users("")}
        found |= {key: spec[key] for key in ("summary", "servers", "security") if key in spec}
        if parameters := list(self._parameters()):
            found["parameters"] = parameters
        asked = self._operation.resolve(spec.get("requestBody", {}))
        if self._below("/body"):
            contents = self._contents(asked, "/body")
            found["requestBody"] = {"required": bool(asked.get("required")), "content": contents}
        found["responses"] = {
            status: self._answer(node, f"/answers/{status}")
            for status, node in spec["responses"].items()
            if self._users(f"/answers/{status}")
        }
        places = self._usage.places(self._operation.name)
        if beyond := {place: places[place] for place in sorted(places.keys() - dict(_places(found)).keys())}:
            found[BEYOND] = beyond
        return found

    def _parameters(self) -> Iterator[Json]:
        for one in self._operation.parameters:
            users = self._users(_place(one.place, one.name))
            if users or one.place == "path":
                told: Json = {"name": one.name, "in": one.place, "required": one.required}
                yield {**told, "schema": self._leaf(one.schema.node), **users}

    def _answer(self, node: Json, place: str) -> Json:
        node = self._operation.resolve(node)
        found: Json = {"description": node["description"], **self._users(place)}
        if contents := self._contents(node, f"{place}/body"):
            found["content"] = contents
        return found

    def _contents(self, body: Json, place: str) -> Json:
        """The media types of a body, without its members if none was used."""
        used = self._below(place)
        return {
            media_type: {"schema": self._schema(media["schema"], place)} if used and "schema" in media else {}
            for media_type, media in body.get("content", {}).items()
        }

    def _schema(self, node: Json, place: str) -> Json:
        node = self._operation.resolve(node)
        members: Json = node.get("properties", {})
        used = {name: one for name, one in members.items() if self._users(place + pointer((name,)))}
        found = self._leaf(node) | self._users(place)
        if used:
            found["properties"] = {
                name: self._schema(one, place + pointer((name,))) for name, one in used.items()
            }
            found["required"] = [name for name in node.get("required", ()) if name in used]
        if "items" in node and self._below(f"{place}/*"):
            found["items"] = self._schema(node["items"], f"{place}/*")
        for word in ("anyOf", "oneOf"):
            if word in node:
                found[word] = [self._schema(one, place) for one in node[word]]
        return found

    def _leaf(self, node: Json) -> Json:
        """A schema's statement about its value, without those about members and items."""
        told = (
            "type",
            "format",
            "enum",
            "const",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "pattern",
            "description",
        )
        node = self._operation.resolve(node)
        return {key: node[key] for key in told if key in node}

    def _users(self, place: str) -> Json:
        users = self._usage.users(self._operation.name, place)
        return {USED_BY: users} if users else {}

    def _below(self, place: str) -> bool:
        """Whether anything at a place or inside of it is used."""
        return any(
            one == place or one.startswith(f"{place}/") for one in self._usage.places(self._operation.name)
        )


def _places(spec: Json) -> Iterator[tuple[str, list[str]]]:
    """Each place of an operation, and its users."""
    yield "", spec[USED_BY]
    for node in spec.get("parameters", ()):
        if USED_BY in node:
            yield _place(node["in"], node["name"]), node[USED_BY]
    bodies = [("/body", spec.get("requestBody", {}))]
    for status, answer in spec["responses"].items():
        yield f"/answers/{status}", answer[USED_BY]
        bodies.append((f"/answers/{status}/body", answer))
    for place, body in bodies:
        for media in body.get("content", {}).values():
            yield from _within(media.get("schema", {}), place)
    yield from spec.get(BEYOND, {}).items()


def _place(kind: str, name: str) -> str:
    """The place of a parameter: header names in lower case, since case does not matter."""
    return f"/headers/{name.lower()}" if kind == "header" else f"/{kind}/{name}"


def _within(schema: Json, place: str) -> Iterator[tuple[str, list[str]]]:
    if USED_BY in schema:
        yield place, cast("list[str]", schema[USED_BY])
    for name, one in schema.get("properties", {}).items():
        yield from _within(one, place + pointer((name,)))
    if "items" in schema:
        yield from _within(schema["items"], f"{place}/*")
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _within(one, place)
