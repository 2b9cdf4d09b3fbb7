"""Reads an operation of a contract: its addresses, parameters, bodies and answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .confidence import Confidence, confidence_of
from .schemas import Document, Json, Schema
from .violations import ContractError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PLACE = re.compile(r"\{([^}]+)\}")
_FILE = {"type": "string", "format": "binary"}  # any bytes


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an operation. `host` is empty if any host is possible: a stand-in, a proxy.

    `rank` orders addresses that both match: a real host before any other, more fixed text before less.
    """

    host: str
    pattern: re.Pattern[str]
    rank: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """One media type of a body. `schema` is None if the contract does not describe its content."""

    media_type: str
    node: Json
    schema: Schema | None
    confidence: Confidence = "guess"

    @property
    def guessed(self) -> bool:
        """Whether the contract marks it as a guess, instead of saying nothing."""
        return self.node.get("x-confidence") == "guess"

    @property
    def picture(self) -> Json | None:
        """The `x-picture` rule of a body that is a picture."""
        return self.schema.node.get("x-picture") if self.schema is not None else None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query, path or header parameter. `guessed`: the contract marks it as a guess, instead of saying nothing."""

    name: str
    place: str
    required: bool
    schema: Schema
    confidence: Confidence = "guess"
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class AnswerHeader:
    """A header of an answer."""

    required: bool
    schema: Schema
    confidence: Confidence = "guess"


@dataclass(frozen=True, slots=True)
class Answer:
    """The contract's description of one status."""

    status: str
    contents: Mapping[str, Content]
    headers: Mapping[str, AnswerHeader]
    confidence: Confidence = "guess"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a contract. `place` identifies it within its document."""

    place: int
    confidence: Confidence


class Operation:
    """An operation as recorded. Its schemas are compiled when first needed.

    `confidence` is the certainty of its existence and its method; every part of it has its own.
    """

    def __init__(self, document: Document, path: str, item: Json, method: str) -> None:
        self._document = document
        self.spec: Json = item[method]
        everywhere: Confidence = confidence_of(document, document.node, "guess")
        self.confidence: Confidence = confidence_of(
            document, self.spec, confidence_of(document, item, everywhere)
        )
        self.name: str = self.spec["operationId"]
        self.method = method.upper()
        self.path = path
        self.servers = _servers(document.node, item, self.spec)
        self.real_path: str = item.get("x-path", path)  # for a stand-in that shows the host as a prefix
        self.elsewhere: tuple[str, ...] = tuple(item.get("x-also-at", ()))
        self._parameters: list[Json] = [*item.get("parameters", []), *self.spec.get("parameters", [])]
        self.parameters = tuple(self._parameter(one) for one in self._parameters)
        asked: Json = self.spec.get("requestBody", {})
        body = document.resolve(asked)
        self.body_required = bool(body.get("required", False))
        self.bodies = self._contents(body, confidence_of(document, asked, self.confidence))
        self.answers = {status: self._answer(status, node) for status, node in self.spec["responses"].items()}
        self.addresses = tuple(self._addresses())

    def answer(self, status: int) -> Answer | None:
        """The recorded answer for a status, or for its class (`5XX`); None if there is none."""
        return self.answers.get(str(status)) or self.answers.get(f"{status // 100}XX")

    def credentials(self) -> list[list[Json]]:
        """Alternatives, each a list of security schemes that must all be met. Empty: no key is needed."""
        everywhere: list[Json] = self._document.node.get("security", [])
        wanted: list[Json] = self.spec.get("security", everywhere)
        schemes: Json = self._document.node.get("components", {}).get("securitySchemes", {})
        return [[self._document.resolve(schemes[name]) for name in one] for one in wanted]

    def example(self, status: int) -> Any:
        """The recorded example of a JSON body. ContractError if there is none."""
        answer = self.answer(status)
        content = answer.contents.get("application/json") if answer else None
        if content is None or "example" not in content.node:
            raise ContractError(f"{self.name} has no recorded JSON example for {status}")
        return content.node["example"]

    def resolve(self, node: Json) -> Json:
        """A node of the operation's document, references followed."""
        return self._document.resolve(node)

    def schemas(self) -> Iterator[Schema]:
        """Every schema that checks the operation."""
        yield from (one.schema for one in self.parameters)
        contents = list(self.bodies.values())
        for answer in self.answers.values():
            contents += answer.contents.values()
            yield from (header.schema for header in answer.headers.values())
        yield from (one.schema for one in contents if one.schema is not None)

    def statements(self) -> Iterator[Statement]:
        """Each statement about the operation: that it exists, its parameters, the members of its bodies, its answers,
        their headers and members. Shared parts come with each operation."""
        yield Statement(id(self.spec), self.confidence)
        for node in self._parameters:
            yield self._statement(node, self.confidence)
        asked: Json = self.spec.get("requestBody", {})
        yield from self._members_of(asked, confidence_of(self._document, asked, self.confidence))
        for node in self.spec["responses"].values():
            answer = self._statement(node, self.confidence)
            yield answer
            for header in self._document.resolve(node).get("headers", {}).values():
                yield self._statement(header, answer.confidence)
            yield from self._members_of(node, answer.confidence)

    def _statement(self, node: Json, enclosing: Confidence) -> Statement:
        place = id(self._document.resolve(node))
        return Statement(place, confidence_of(self._document, node, enclosing))

    def _members_of(self, body: Json, enclosing: Confidence) -> Iterator[Statement]:
        for media in self._document.resolve(body).get("content", {}).values():
            if "schema" in media:
                inside = confidence_of(self._document, media, enclosing)
                yield from self._members(media["schema"], inside, frozenset())

    def _members(self, node: Json, enclosing: Confidence, within: frozenset[int]) -> Iterator[Statement]:
        """Each member of a schema, all the way down; `within`: the schemas around it."""
        enclosing = confidence_of(self._document, node, enclosing)
        node = self._document.resolve(node)
        if id(node) in within:
            return
        within |= {id(node)}
        for member in node.get("properties", {}).values():
            # By its own place, not that of its reference: two members may share a schema.
            yield Statement(id(member), confidence_of(self._document, member, enclosing))
            yield from self._members(member, enclosing, within)
        parts: list[Json] = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        for part in [*parts, node["items"]] if "items" in node else parts:
            yield from self._members(part, enclosing, within)

    def _parameter(self, node: Json) -> Parameter:
        confidence = confidence_of(self._document, node, self.confidence)
        node = self._document.resolve(node)
        schema = self._document.schema(node.get("schema", {}))
        guessed = node.get("x-confidence") == "guess"
        required = bool(node.get("required", False))
        return Parameter(node["name"], node["in"], required, schema, confidence, guessed)

    def _contents(self, node: Json, enclosing: Confidence) -> dict[str, Content]:
        return {
            media_type: Content(
                media_type,
                media,
                self._document.schema(media["schema"]) if media.get("schema", _FILE) != _FILE else None,
                confidence_of(self._document, media, enclosing),
            )
            for media_type, media in node.get("content", {}).items()
        }

    def _answer(self, status: str, node: Json) -> Answer:
        confidence = confidence_of(self._document, node, self.confidence)
        node = self._document.resolve(node)
        headers: dict[str, AnswerHeader] = {}
        for name, reference in node.get("headers", {}).items():
            header = self._document.resolve(reference)
            headers[name] = AnswerHeader(
                bool(header.get("required", False)),
                self._document.schema(header.get("schema", {})),
                confidence_of(self._document, reference, confidence),
            )
        return Answer(status, self._contents(node, confidence), headers, confidence)

    def _addresses(self) -> Iterator[Address]:
        free = {one.name for one in self.parameters if one.schema.node.get("x-may-hold-slashes")}
        for path in (self.real_path, *self.elsewhere):
            for server in self.servers:
                split = urlsplit(server)
                full = split.path.rstrip("/") + path
                yield Address(split.hostname or "", _pattern(full, free), (3, _fixed(full)))
        for path in (self.path, *self.elsewhere):
            yield Address("", _pattern(path, free, prefix=r"(?:/.*)?"), (2, _fixed(path)))
        if self.real_path != self.path:
            yield Address("", _pattern(self.real_path, free), (1, _fixed(self.real_path)))


def find(operations: Sequence[Operation], method: str, url: str) -> Operation | None:
    """The operation that answers this call: at its real host, or below any prefix of another one.

    At a real host no prefix is allowed: a path that is right at a stand-in is wrong there.
    """
    split = urlsplit(url)
    own = any(address.host == split.hostname for one in operations for address in one.addresses)
    method = "GET" if method == "HEAD" else method
    best: tuple[tuple[int, int], Operation] | None = None
    for operation in operations:
        for address in operation.addresses:
            fits = operation.method == method and address.host == (split.hostname if own else "")
            better = fits and (best is None or address.rank > best[0])
            if better and address.pattern.fullmatch(split.path):
                best = address.rank, operation
    return best[1] if best else None


def path_values(operation: Operation, url: str) -> dict[str, str]:
    """The path parameters of a call, by name; empty if the address is not the operation's."""
    path = urlsplit(url).path
    for address in operation.addresses:
        if match := address.pattern.fullmatch(path):
            names = _PLACE.findall(operation.path)
            return dict(zip(names, match.groups(), strict=False))
    return {}


def _servers(document: Json, item: Json, spec: Json) -> list[str]:
    servers: list[Json] = spec.get("servers") or item.get("servers") or document.get("servers") or []
    return [str(one["url"]) for one in servers]


def _pattern(path: str, free: set[str], prefix: str = "") -> re.Pattern[str]:
    pieces = _PLACE.split(path)
    for index, piece in enumerate(pieces):
        pieces[index] = ("(.+)" if piece in free else "([^/]+)") if index % 2 else re.escape(piece)
    return re.compile(prefix + "".join(pieces))


def _fixed(path: str) -> int:
    return len(_PLACE.sub("", path))
