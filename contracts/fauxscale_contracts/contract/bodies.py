"""Checks bodies against their recorded media types: forms, JSON, pictures, event streams."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from fauxscale.spelling import nearest

from . import image_headers, multipart
from .operations import Content
from .schemas import Document, Json, Schema, types_of
from .texts import load, read_text
from .violations import Severity, Violation, brief, pointer

# Enough of an encoded picture to reach its size, after the camera's notes and thumbnail.
_HEAD = 256 * 1024
# Maps base64's URL-safe alphabet to the standard one; services read both.
_STANDARD = bytes.maketrans(b"-_", b"+/")
_JSON_LABELS = (None, "application/json", "text/plain", "application/octet-stream")
_TEXT_LABELS = (None, "text/plain")


def check_body(contents: Mapping[str, Content], content_type: str | None, body: bytes) -> list[Violation]:
    """List what is wrong with a body of this Content-Type, by the media types it may have."""
    declared = (content_type or "").partition(";")[0].strip().lower()
    content = contents.get(declared) or next(
        (c for name, c in contents.items() if _covers(name, declared)), None
    )
    if content is None:
        wanted = ", ".join(contents)
        said = f"is {brief(declared, 60)}" if declared else "is missing"
        guessed = all(one.guessed for one in contents.values())
        severity: Severity = "undocumented" if guessed else "would be rejected"
        return [Violation("/headers/content-type", f"Content-Type {said}", severity, f"content {wanted}")]
    if content.media_type == "multipart/form-data":
        return _check_form(content, content_type or "", body)
    if content.picture is not None:
        return image_headers.check_picture(content.picture, body, "/body", label=declared)
    if content.media_type == "application/json" or content.media_type.endswith("+json"):
        return _check_json(content, body)
    if content.media_type == "text/event-stream":
        return _check_events(content, body)
    return []


def _check_form(content: Content, content_type: str, body: bytes) -> list[Violation]:
    try:
        parts = multipart.split(content_type, body)
    except ValueError as error:
        return [
            Violation(
                "/body", f"the form cannot be read: {error}", "would be rejected", "multipart/form-data"
            )
        ]
    schema = content.schema
    if schema is None:
        return []
    known = {name: schema.document.resolve(node) for name, node in schema.node["properties"].items()}
    other = {alias: name for name, node in known.items() for alias in node.get("x-also-named", ())}
    found: list[Violation] = []
    values: Json = {}
    named: dict[str, list[multipart.Part]] = {}
    for part in parts:
        name = other.get(part.name, part.name)
        at = pointer(("body", part.name))
        if name not in known:
            found.append(_unknown_part(schema, part.name, at, [*known, *other]))
            continue
        entry = _entry_of(schema.document, known[name])
        if (
            not part.data
            and name not in schema.node.get("required", ())
            and not _takes_nothing(schema, known[name])
        ):
            message = f"{part.name} is empty: taken for one left out, or refused"
            found.append(Violation(at, message, "undocumented", "a part with a value"))
            continue
        named.setdefault(name, []).append(part)
        value, faults = _part_value(known[name] if entry is None else entry, part, at)
        found += faults
        if faults and value is None:
            continue
        if entry is not None:
            values.setdefault(name, []).append(value)
            continue
        if name in values:
            found.append(
                Violation(at, f"{part.name} was sent more than once", "undocumented", "one part of a name")
            )
        values[name] = value
    found += [fault for name in named for fault in _check_files(schema.document, known[name], name, named)]
    unread = {fault.pointer for fault in found if fault.severity == "would be rejected"}
    _lift(schema.document, schema.node, values, ("body",), found)
    return found + [one for one in schema.violations(values, ("body",)) if one.pointer not in unread]


def _takes_nothing(schema: Schema, node: Json) -> bool:
    """Whether a part of a form may be an empty text."""
    return "string" in types_of(node) and node.get("format") != "binary" and schema.within(node).is_valid("")


def _entry_of(document: Document, node: Json) -> Json | None:
    """The schema of each part that a list is sent as; None for a single part."""
    return document.resolve(node["items"]) if node.get("type") == "array" else None


def _check_files(
    document: Document, node: Json, name: str, named: Mapping[str, Sequence[multipart.Part]]
) -> Iterator[Violation]:
    """List what is wrong with the files of one name together, or next to those of another name.

    `x-total-bytes` is the limit of all of them; `sizeOf` in `x-picture` names the part whose pictures they must
    equal in size.
    """
    parts, at = named[name], pointer(("body", name))
    most = node.get("x-total-bytes")
    total = sum(len(part.data) for part in parts)
    if most is not None and total > most:
        message = f"{total:,} bytes in all are over {most / image_headers.MIB:g} MiB"
        yield Violation(at, message, "would be rejected", f"x-total-bytes {most}")
    rule = (_entry_of(document, node) or node).get("x-picture", {})
    for part, subject in zip(parts, named.get(rule.get("sizeOf", ""), ()), strict=False):
        own, wanted = (image_headers.read_header(one.data) for one in (part, subject))
        if own and wanted and own.width and wanted.width and own.size != wanted.size:
            message = f"it is {own.width}x{own.height}, {subject.name} is {wanted.width}x{wanted.height}"
            yield Violation(at, message, "would be rejected", f"sizeOf {subject.name}")


def _part_value(node: Json, part: multipart.Part, at: str) -> tuple[object, list[Violation]]:
    """A part as the JSON value that the form's schema checks (files as an empty text), and its own violations."""
    if node.get("format") == "binary":
        rule = node.get("x-picture")
        faults = (
            image_headers.check_picture(rule, part.data, at, label=part.content_type)
            if rule is not None
            else []
        )
        if part.filename is None:
            message = "the file has no filename; most servers will take it for a text field"
            faults.append(Violation(at, message, "undocumented", "files have a filename"))
        return "", faults
    structured = node.get("type") in ("object", "array")
    found: list[Violation] = []
    read: tuple[object, list[Violation]]
    if part.content_type not in (_JSON_LABELS if structured else _TEXT_LABELS):
        message = f"declared {brief(str(part.content_type), 60)}"
        found.append(
            Violation(at, message, "undocumented", "a text part" + (" of JSON" if structured else ""))
        )
    try:
        read = (load(part.data), []) if structured else read_text(part.data.decode(), node, at)
    except ValueError as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not JSON: {error}"
        return None, [*found, Violation(at, what, "would be rejected", "JSON" if structured else "UTF-8")]
    return read[0], found + read[1]


def _unknown_part(schema: Schema, name: str, at: str, known: list[str]) -> Violation:
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(known)}"
    closed = schema.node.get("additionalProperties") is False
    severity: Severity = "would be rejected" if closed else schema.node.get("x-unknown", "undocumented")
    return Violation(
        at, f"{brief(name, 60) or 'a part without a name'} is not a part: {hint}", severity, "known parts"
    )


def _check_json(content: Content, body: bytes) -> list[Violation]:
    schema = content.schema
    try:
        value = load(body)
    except ValueError as error:
        severity: Severity = "undocumented" if content.guessed else "would be rejected"
        return [Violation("/body", f"not JSON: {error}", severity, "application/json")]
    if schema is None:
        return []
    found: list[Violation] = []
    value = _lift(schema.document, schema.node, value, ("body",), found)
    return found + schema.violations(value, ("body",))


def _lift(document: Document, node: Json, value: Any, at: tuple[object, ...], found: list[Violation]) -> Any:
    """A value after checking the pictures inside its texts, with short texts in their place. A whole number written
    with a decimal point is noted: an integer by JSON Schema, but not for many parsers."""
    node = document.resolve(node)
    kinds = types_of(node)
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and "number" not in kinds:
        found.append(
            Violation(pointer(at), f"{value} is written with a point", "undocumented", "type integer")
        )
    if isinstance(value, str) and "x-picture" in node:
        value, faults = _embedded(node["x-picture"], value, pointer(at))
        found += faults
    elif isinstance(value, list) and "items" in node:
        items = enumerate(cast("Iterable[Any]", value))
        value = [_lift(document, node["items"], one, (*at, n), found) for n, one in items]
    elif isinstance(value, dict) and "properties" in node:
        members, known = dict(cast("Json", value)), node["properties"]
        for name in members.keys() & known.keys():
            members[name] = _lift(document, known[name], members[name], (*at, name), found)
        value = members
    for other in node.get("anyOf", []):
        value = _lift(document, other, value, at, found)
    return cast("Any", value)


def _embedded(rule: Json, text: str, at: str) -> tuple[str, list[Violation]]:
    """A picture inside a JSON text: its violations, and a short text in its place for the schema."""
    label = None
    payload = text
    if text.startswith("data:"):
        head, _, payload = text.partition(",")
        label = head[5:].partition(";")[0]
        short = head + ",AAAA"
        if not head.endswith(";base64"):
            return text[:200], []
    elif rule.get("base64") and "://" not in text[:20]:
        short = "AAAA"
    else:
        return text, []
    packed = payload[:_HEAD].encode("ascii", "replace").translate(_STANDARD, b" \r\n\t=")
    try:
        start = binascii.a2b_base64(packed[: len(packed) // 4 * 4], strict_mode=True)
    except binascii.Error as error:
        return short, [Violation(at, f"not base64: {error}", "would be rejected", "base64")]
    return short, image_headers.check_picture(rule, start, at, label=label, size=len(payload) * 3 // 4)


def _check_events(content: Content, body: bytes) -> list[Violation]:
    """Check each event of a stream against the schema at `x-itemSchema`: OpenAPI 3.2 has itemSchema, but tools for 3.1
    refuse references in unknown keywords."""
    found: list[Violation] = []
    if content.schema is None or "x-itemSchema" not in content.schema.node:
        return found
    item = content.schema.within({"$ref": content.schema.node["x-itemSchema"]})
    events = [
        line[5:].strip() for line in body.decode(errors="replace").splitlines() if line.startswith("data:")
    ]
    for number, text in enumerate(events):
        try:
            found += item.violations(load(text), ("body", number))
        except ValueError as error:
            message = f"event {number} is not JSON: {error}"
            found.append(
                Violation(pointer(("body", number)), message, "would be rejected", "application/json")
            )
    return found


def _covers(pattern: str, declared: str) -> bool:
    """Whether a recorded media type with a wildcard covers this one."""
    return pattern == "*/*" or (pattern.endswith("/*") and declared.startswith(pattern[:-1]))


def picture_as_text(data: bytes, media_type: str) -> str:
    """Write a picture as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
