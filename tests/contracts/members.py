"""Makes calls of an operation that differ in one member each: of a call that keeps the contract every member in turn,
with values at its bounds and past them, of other types, spelt laxly, null, no word of its enumeration, twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import quote, urlencode

from fauxscale_contracts import Request
from fauxscale_contracts.conform.sample_images import picture
from fauxscale_contracts.contract.bodies import picture_as_text
from fauxscale_contracts.contract.multipart import Part, join
from fauxscale_contracts.contract.operations import Content, Operation, Parameter
from fauxscale_contracts.contract.schemas import Document, Json, types_of

Pairs = tuple[tuple[str, str], ...]
SMALL = picture("png-grey")
# Of any type, in JSON.
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    1.0,
    0.5,
    -1,
    5,
    "5",
    "5.0",
    " 5 ",
    "1_0",
    "",
    "true",
    "yes",
    "x",
    [],
    {},
    ["x"],
)
# The same in a form, a query or a header, where all is text: of what is one, and of what is a number or a flag.
_TEXTS = ("", "null", "x", "5", " 5 ", "[]")
_SPELLINGS = (
    "true",
    "True",
    "TRUE",
    "false",
    "yes",
    "on",
    "0",
    "1",
    "1.0",
    "0.5",
    "-1",
    "5.0",
    "+5",
    "05",
    "1e0",
    *("1_0", "٥", "0x5", "nan", "inf", "1e400", "{}", '"5"'),
)
_FILES: Mapping[str, tuple[str | None, str | None, bytes]] = {
    "a JPEG": ("a.jpg", "image/jpeg", picture("jpeg")),
    "a WebP": ("a.webp", "image/webp", picture("webp")),
    "a PNG labelled JPEG": ("a.jpg", "image/jpeg", SMALL),
    "a PNG without a label": ("a", None, SMALL),
    "a PNG labelled as bytes": ("a", "application/octet-stream", SMALL),
    "a PNG labelled text": ("a.txt", "text/plain", SMALL),
    "a GIF": ("a.gif", "image/gif", picture("gif")),
    "an empty file": ("a.png", "image/png", b""),
    "a file of text": ("a.png", "image/png", b"no picture"),
    "a cut picture": ("a.png", "image/png", SMALL[:20]),
    "a text": (None, None, b"x"),
    "a PNG without a name": (None, None, SMALL),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what is special about it."""

    name: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Pairs = ()
    body: bytes = b""

    def request(self, base: str, *headers: tuple[str, str]) -> Request:
        """The request at the URL that its path stands below."""
        url = base + self.path + (f"?{urlencode(self.query)}" if self.query else "")
        return Request(self.method, url, (*headers, *self.headers), self.body)


def calls(operation: Operation, known: Mapping[str, Any], more: Mapping[str, Json]) -> Iterator[Call]:
    """Each call. `known`: good values that only an earlier call gives out, by the name of a parameter or member; it is
    sent, required or not. `more`: members that another API version has, by name."""
    path = operation.path
    for one in operation.parameters:
        if one.place == "path":
            path = path.replace(f"{{{one.name}}}", quote(_usual(one, known), safe=""))
    asked = [one for one in operation.parameters if one.place != "path"]
    query = tuple(
        (one.name, _usual(one, known))
        for one in asked
        if one.place == "query" and (one.required or one.name in known)
    )
    plain = Call("as recorded", operation.method, path, query)
    bodies = [_Body(content, known, more) for content in operation.bodies.values()]
    whole = bodies[0].filled(plain) if bodies else plain
    yield whole
    for one in asked:
        for name, text in _spelt(one.schema.document, one.schema.node):
            said = f"{one.name}={name}"
            if one.place == "query":
                others = tuple(pair for pair in query if pair[0] != one.name)
                yield replace(whole, name=f"?{said}", query=(*others, (one.name, text)))
            elif text.isascii() and text == text.strip() and text:
                yield replace(whole, name=f"{said} (header)", headers=(*whole.headers, (one.name, text)))
        without = tuple(pair for pair in query if pair[0] != one.name)
        if without != query:
            yield replace(whole, name=f"no ?{one.name}", query=without)
    yield replace(whole, name="?unheard_of=1", query=(*query, ("unheard_of", "1")))
    for body in bodies:
        yield from body.calls(plain)


class _Body:
    """The body of an operation under one media type."""

    def __init__(self, content: Content, given: Mapping[str, Any], more: Mapping[str, Json]) -> None:
        self._content, self._more = content, more
        schema = content.schema
        self._node: Json = schema.node if schema else {}
        self._document = schema.document if schema else Document({})
        self._given = given
        self._form = content.media_type == "multipart/form-data"
        required: Sequence[str] = self._node.get("required", ())
        known: Json = self._node.get("properties", {})
        self._known = {name: self._document.resolve(node) for name, node in known.items()}
        sent = [name for name in self._known if name in required or name in given]
        self._good: Json = {name: self._usual_of(name) for name in sent}

    def filled(self, call: Call) -> Call:
        """The call with a body that keeps the contract."""
        return self._with(call, self._good) if not self._form else self._sent(call, self._parts())

    def calls(self, plain: Call) -> Iterator[Call]:
        if self._content.schema is None:
            yield replace(plain, name="no bytes", headers=(("Content-Type", "image/png"),))
            return
        yield replace(plain, name="an empty body", headers=(("Content-Type", self._content.media_type),))
        yield replace(self.filled(plain), name="another type", headers=(("Content-Type", "text/plain"),))
        yield from self._form_calls(plain) if self._form else self._json_calls(plain)

    def _json_calls(self, plain: Call) -> Iterator[Call]:
        for name, value in _edits(self._document, self._node, self._good, "body"):
            yield replace(self._with(plain, value), name=name)
        for name, node in self._more.items():
            for value in _of(node):
                yield replace(self._with(plain, {**self._good, name: value}), name=f"{name}={value!r:.40}")
        yield replace(self._with(plain, {}), name="broken JSON", body=b"{")

    def _form_calls(self, plain: Call) -> Iterator[Call]:
        for name, node in self._known.items():
            others = [part for part in self._parts() if part.name != name]
            own = self._own_parts(name)
            entry = self._document.resolve(node["items"]) if node.get("type") == "array" else node
            yield replace(self._sent(plain, others), name=f"no {name}")
            yield replace(self._sent(plain, [*others, *own]), name=f"a good {name}")
            yield replace(self._sent(plain, [*others, *own, *own]), name=f"{name} twice")
            yield replace(
                self._sent(plain, [*others, *(replace(part, name=f"{name}[]") for part in own)]),
                name=f"{name}[]",
            )
            for label, part in self._changed(name, entry):
                yield replace(self._sent(plain, [*others, part]), name=f"{name}={label}")
        for name, node in self._more.items():
            for label, text in _spelt(self._document, node):
                parts = [*self._parts(), Part(name, data=text.encode())]
                yield replace(self._sent(plain, parts), name=f"{name}={label}")
        more = Part("unheard_of", data=b"1")
        yield replace(self._sent(plain, [*self._parts(), more]), name="unheard_of=1")
        whole = self._sent(plain, self._parts())
        yield replace(whole, name="a cut form", body=whole.body[:-30])
        yield replace(whole, name="no boundary", headers=(("Content-Type", "multipart/form-data"),))

    def _changed(self, name: str, node: Json) -> Iterator[tuple[str, Part]]:
        if node.get("format") == "binary":
            for label, (filename, media_type, data) in _FILES.items():
                yield label, Part(name, filename, media_type, data)
        elif "object" in types_of(node):
            usual = self._usual_of(name)
            for label, value in _edits(self._document, node, usual, name):
                yield label, Part(name, data=json.dumps(value).encode())
            yield "labelled", Part(name, None, "application/json", json.dumps(usual).encode())
            yield "a file", Part(name, "blob", "application/json", json.dumps(usual).encode())
            yield "labelled as a picture", Part(name, None, "image/png", json.dumps(usual).encode())
            for text in ("", "{", "[", "not JSON", "{'a': 1}", '{"a": NaN}'):
                yield text or "empty", Part(name, data=text.encode())
        else:
            for label, text in _spelt(self._document, node):
                yield label, Part(name, data=text.encode())
            yield "no UTF-8", Part(name, data=b"\xff\xfe")
            yield "labelled", Part(name, None, "text/plain", _text_of(self._usual_of(name)).encode())
            yield "a file", Part(name, "a.txt", "text/plain", _text_of(self._usual_of(name)).encode())

    def _parts(self) -> list[Part]:
        return [part for name in self._good for part in self._own_parts(name)]

    def _own_parts(self, name: str) -> list[Part]:
        node = self._known[name]
        entry = self._document.resolve(node["items"]) if node.get("type") == "array" else node
        if entry.get("format") == "binary":
            return [Part(name, "a.png", "image/png", SMALL)]
        value = self._usual_of(name)
        return [
            Part(name, data=_text_of(one).encode()) for one in (value if isinstance(value, list) else [value])
        ]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def _usual_of(self, name: str) -> Any:
        return self._given.get(name, _usual_value(self._document, self._known[name]))

    def _with(self, call: Call, value: Any) -> Call:
        headers = (("Content-Type", self._content.media_type.replace("*/*", "image/png")),)
        body = SMALL if self._content.schema is None else json.dumps(value).encode()
        return replace(call, headers=headers, body=body)

    def _sent(self, call: Call, parts: Iterable[Part]) -> Call:
        content_type, body = join(parts)
        return replace(call, headers=(("Content-Type", content_type),), body=body)


def _edits(document: Document, node: Json, good: Any, at: str) -> Iterator[tuple[str, Any]]:
    """A good value changed in one place, itself or further inside."""
    node = document.resolve(node)
    yield f"{at}: as recorded", good
    for value in _of(node):
        yield f"{at}={json.dumps(value)[:40]}", value
    for other in node.get("anyOf", ()):
        usual = _usual_value(document, other)
        yield from _edits(document, {**document.resolve(other), "type": "object"}, usual, at)
    if isinstance(good, dict):
        members = cast("Json", good)
        yield f"{at}: an unknown member", {**members, "unheard_of": 1}
        for name, member in node.get("properties", {}).items():
            yield f"{at}: no {name}", {key: one for key, one in members.items() if key != name}
            usual = members.get(name, _usual_value(document, member))
            for label, value in _edits(document, member, usual, f"{at}.{name}"):
                yield label, {**members, name: value}
    elif isinstance(good, list) and "items" in node:
        usual = _usual_value(document, node["items"])
        for count in {node.get("minItems", 0) - 1, node.get("maxItems", 3), node.get("maxItems", 3) + 1}:
            if count >= 0:
                yield f"{at}: {count} of them", [usual] * count
        for label, value in _edits(document, node["items"], usual, f"{at}[0]"):
            yield label, [value]


def _of(node: Json) -> Iterator[Any]:
    """Values of any type, and those at the edges of a schema."""
    yield from _VALUES
    yield from _edges(node)


def _spelt(document: Document, node: Json) -> Iterator[tuple[str, str]]:
    """The same as texts."""
    node = document.resolve(node)
    if node.get("type") == "array":
        node = document.resolve(node["items"])
    typed = () if types_of(node) == ("string",) else _SPELLINGS
    for text in dict.fromkeys((*_TEXTS, *typed, *map(_text_of, _edges(node)))):
        yield text[:40], text


def _edges(node: Json) -> Iterator[Any]:
    """Values at the edges of a schema, and just past them."""
    words: Sequence[Any] = node.get("enum", ())
    yield from (*words[:1], *words[-1:], *(str(one).swapcase() for one in words[:1]))
    yield from (one for one in node.get("examples", ())[:2])
    for bound in ("minimum", "maximum", "exclusiveMinimum"):
        if bound in node:
            yield from (
                node[bound] - 1,
                node[bound],
                node[bound] + 1,
                float(node[bound]),
                str(node[bound] + 1),
            )
    for bound in ("minLength", "maxLength"):
        if bound in node:
            yield from (
                "x" * length for length in (node[bound] - 1, node[bound], node[bound] + 1) if length >= 0
            )


def _usual(parameter: Parameter, known: Mapping[str, Any]) -> str:
    usual = _usual_value(parameter.schema.document, parameter.schema.node)
    return _text_of(known.get(parameter.name, usual))


def _usual_value(document: Document, node: Json) -> Any:
    """A value that keeps a schema: its default, an example, a word of its enumeration, else the plainest."""
    node = document.resolve(node)
    if "x-picture" in node and node.get("format") != "binary":
        return picture_as_text(SMALL, "image/png")
    for word in ("default", "const"):
        if word in node:
            return node[word]
    if node.get("examples") or node.get("enum"):
        return (node.get("examples") or node["enum"])[0]
    if "anyOf" in node:
        return _usual_value(document, node["anyOf"][0])
    kind = next(iter(types_of(node)), "string")
    if kind == "object":
        known: Json = node.get("properties", {})
        return {name: _usual_value(document, known[name]) for name in node.get("required", ())}
    if kind == "array":
        return [_usual_value(document, node["items"])] * max(1, node.get("minItems", 1))
    number = node.get("minimum", node.get("maximum", 1))
    return {"integer": number, "number": number, "boolean": True}.get(
        kind, "x" * max(1, node.get("minLength", 1))
    )


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
