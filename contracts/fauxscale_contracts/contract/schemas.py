"""Compiles a JSON Schema of a contract when first used, and reports violations in plain sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from fauxscale.extras import needed_by
from fauxscale.spelling import nearest

from .violations import ContractError, Severity, Violation, brief, pointer

Json: TypeAlias = dict[str, Any]
_LISTS = ("anyOf", "oneOf", "prefixItems")
# Without `not`: a negated schema must not become narrower.
_SINGLES = ("items", "additionalProperties")


class Document:
    """An OpenAPI document, and the schemas already made of its nodes."""

    def __init__(self, node: Json) -> None:
        self.node = node
        self._shared: dict[str, Schema] = {}
        self._closed: Json | None = None

    @property
    def schemas(self) -> Json:
        """Its shared schemas, as written."""
        components: Json = self.node.get("components", {})
        return {"schemas": components.get("schemas", {})}

    @property
    def closed(self) -> Json:
        """Its shared schemas with every object closed."""
        if self._closed is None:
            self._closed = {"schemas": {name: close(one) for name, one in self.schemas["schemas"].items()}}
        return self._closed

    def schema(self, node: Json) -> Schema:
        """The schema of a node; one object for all references to the same place."""
        reference = node.get("$ref")
        if reference is None or len(node) > 1:
            return Schema(self, node)
        if reference not in self._shared:
            self._shared[reference] = Schema(self, node)
        return self._shared[reference]

    def resolve(self, node: Json) -> Json:
        """A node, references followed. Raises ContractError for a reference to nothing."""
        for _ in range(20):
            if "$ref" not in node:
                return node
            target: Any = self.node
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                target = _member(target, step.replace("~1", "/").replace("~0", "~"))
            if not isinstance(target, dict):
                break
            node = cast("Json", target)
        raise ContractError(f"the reference {node['$ref']!r} leads nowhere")


class Schema:
    """A schema and the document its references point into.

    Objects that do not mention further members are checked as if closed, so that a misspelt member is noticed; its
    severity is `x-unknown` beside `properties` ("ignored", "undocumented"; the latter by default). A member
    forbidden by `additionalProperties: false` would be rejected, and so would a value that breaks its schema,
    unless that schema is a guess, or the value is valid by the one in `x-perhaps`: values that may be accepted
    although nothing promises it.
    """

    def __init__(self, document: Document, node: Json) -> None:
        self.document = document
        self.node = document.resolve(node)
        self._closed: Json = {}
        self._strict: Any = None
        self._plain: Any = None

    def within(self, node: Json) -> Schema:
        """A schema inside this one, or beside it in the same document."""
        return self.document.schema(node)

    def is_valid(self, value: object) -> bool:
        """Check whether a value is valid by JSON Schema alone: open objects are open."""
        if self._plain is None:
            self._plain = _compile(self.node, self.document.schemas)
        return bool(self._plain.is_valid(value))

    def violations(self, value: object, at: tuple[object, ...]) -> list[Violation]:
        """List what is wrong with a JSON value at the place `at`.

        Of alternatives at the top (`anyOf`) the one closest to the value counts.
        """
        if self._strict is None:
            self._closed = {"components": self.document.closed, **close(self.node)}
            self._strict = _compile(close(self.node), self.document.closed)
        if self._strict.is_valid(value):
            return []
        if "anyOf" in self.node:
            return min((self.within(one).violations(value, at) for one in self.node["anyOf"]), key=len)
        return [found for error in self._strict.iter_errors(value) for found in self._reword(error, at)]

    def _reword(self, error: Any, at: tuple[object, ...]) -> Iterator[Violation]:
        place = (*at, *error.instance_path)
        keyword = str(error.kind.name)
        *path, _ = error.schema_path or [""]
        node = self._walk(path)
        guess = " (a guess)" if node.get("x-confidence") == "guess" else ""
        if keyword == "additionalProperties":
            severity: Severity = node.get("x-open", "would be rejected")
            known = list(node.get("properties", ()))
            for name in error.kind.unexpected:
                near = nearest(name, known)
                hint = f"did you mean {near}?" if near else f"it has {brief(', '.join(known), 100)}"
                message = f"{brief(name, 60)} is not a member: {hint}"
                yield Violation(pointer((*place, name)), message, severity, f"known members{guess}")
            return
        if keyword == "required":
            missing = str(error.kind.as_dict()["property"])
            yield Violation(
                pointer((*place, missing)), f"{missing} is missing", "would be rejected", f"required{guess}"
            )
            return
        if keyword == "not":
            combined = list(_combined(node["not"], error.instance))
            for together in combined:
                names = " and ".join(together)
                message = f"{names} cannot be combined"
                yield Violation(
                    pointer((*place, together[0])), message, "would be rejected", f"not {names}{guess}"
                )
            if combined:
                return
        rule = f"{keyword} {_rule_text(node.get(keyword))}{guess}"
        yield Violation(pointer(place), brief(error.message), self._severity(node, error.instance), rule)

    def _severity(self, node: Json, value: Any) -> Severity:
        """The severity of a value that breaks a schema."""
        perhaps = "x-perhaps" in node and self.within(node["x-perhaps"]).is_valid(value)
        return "undocumented" if perhaps or node.get("x-confidence") == "guess" else "would be rejected"

    def _walk(self, path: list[str | int]) -> Json:
        node: Any = self._closed
        for step in path:
            node = _member(node, step)
        return cast("Json", node) if isinstance(node, dict) else {}


def _combined(denied: Json, instance: Any) -> Iterator[list[str]]:
    """The names of members that must not be combined, for each forbidden combination in an object."""
    if not isinstance(instance, dict):
        return
    members = cast("Json", instance)
    for one in denied.get("anyOf", [denied]):
        together: list[str] = one.get("required", [])
        narrower: Json = one.get("properties", {})
        named = bool(together) and all(name in members for name in together)
        if named and all(members.get(name) in wanted.get("enum", ()) for name, wanted in narrower.items()):
            yield together


def _member(node: Any, step: str | int) -> Any:
    """The value one step further inside, or None."""
    try:
        return node[step]
    except (KeyError, IndexError, TypeError):
        return None


def close(node: Any) -> Any:
    """A copy of a schema in which every object that lists its members allows no others."""
    if not isinstance(node, dict):
        return node
    copy: Json = dict(cast("Json", node))
    if "properties" in copy:
        copy["properties"] = {name: close(one) for name, one in copy["properties"].items()}
        if "additionalProperties" not in copy:
            copy["additionalProperties"] = False
            copy["x-open"] = copy.get("x-unknown", "undocumented")
    for keyword in _SINGLES:
        if keyword in copy:
            copy[keyword] = close(copy[keyword])
    for keyword in _LISTS:
        if keyword in copy:
            copy[keyword] = [close(one) for one in copy[keyword]]
    return copy


def types_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The JSON types that a schema names; none means any."""
    kinds: object = node.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(cast("Iterable[str]", kinds))


def _compile(schema: Json, shared: Json) -> Any:
    if "'$ref'" in str(schema):  # Compiled alone if it has no references: a fiftieth of the time.
        schema = {"components": shared, **schema}
    with needed_by("a contract"):
        import jsonschema_rs
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    except ValueError as error:
        raise ContractError(f"a schema of the contract is faulty: {brief(str(error))}") from error


def _rule_text(value: object) -> str:
    if isinstance(value, list):
        words = cast("list[object]", value)
        # Alternatives by their names, if they have any.
        named = [str(cast("Json", one)["$ref"]) for one in words if isinstance(one, dict) and "$ref" in one]
        if named and len(named) == len(words):
            return " or ".join(one.rpartition("/")[2] for one in named)
        return brief(", ".join(map(str, words)), 80)
    return brief(value if isinstance(value, str) else json.dumps(value), 80)
