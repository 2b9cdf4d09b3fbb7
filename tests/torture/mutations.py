"""Changes what would have been a good request: its bytes, texts and numbers, JSON, forms, headers, path and query."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fauxscale_contracts.contract import multipart

from .asked import Ask
from .hostile_values import HEADERS, HOSTS, LITERALS, METHODS, QUERIES, TEXTS

_HOLE = "\x01hole\x01"
_WRITTEN_HOLE = json.dumps(_HOLE).encode()


def some_bytes(data: bytes, dice: random.Random, most: int = 6) -> bytes:
    """A few bytes set, bits turned, slices cut, doubled, moved or replaced."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, most)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(7):
            case 0 if at < len(changed):
                changed[at] = dice.randrange(256)
            case 1 if at < len(changed):
                changed[at] ^= 1 << dice.randrange(8)
            case 2 if at < len(changed):
                changed[at] = dice.choice(b'\x00\xff\x7f\x80\r\n"%;:=-,{[\\0')
            case 3:
                del changed[at : at + dice.randint(1, 40)]
            case 4:
                changed[at:at] = changed[at : at + dice.randint(1, 40)]
            case 5:
                changed[at:at] = dice.randbytes(dice.randint(1, 8))
            case _:
                end = dice.randrange(len(changed) + 1)
                changed[at:at] = changed[end : end + dice.randint(1, 20)]
    return bytes(changed)


def some_json(data: bytes, dice: random.Random) -> bytes:
    """The same JSON with a value replaced, left out, doubled, renamed, moved or wrapped; bytes where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return some_bytes(data, dice)
    if dice.random() < 0.1 or not isinstance(value, dict | list) or not value:
        return dice.choice(LITERALS)
    node: Any = value
    while True:
        at = dice.choice(list(node)) if isinstance(node, dict) else dice.randrange(len(node))
        inner = node[at]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.3:
            break
        node = inner
    literal = dice.choice(LITERALS)
    match dice.randrange(6):
        case 0:
            del node[at]
        case 1 if isinstance(node, dict):
            node[dice.choice(TEXTS)] = node.pop(at) if dice.random() < 0.5 else _HOLE
        case 2:
            node[at] = [inner] if dice.random() < 0.5 else {"a": inner}
        case 3:
            node[at] = dice.choice(TEXTS)
        case _:
            node[at] = _HOLE
    written = json.dumps(value, ensure_ascii=dice.random() < 0.5).encode(errors="surrogatepass")
    written = written.replace(_WRITTEN_HOLE, literal)
    if dice.random() < 0.1:  # the same key twice
        written = written.replace(b"{", b'{"%s":%s,' % (str(at).encode(), literal), 1)
    return written


def some_form(ask: Ask, dice: random.Random) -> Ask:
    """The same form with a part's bytes, name, label or number changed; bytes where it is no form."""
    try:
        parts = multipart.split(ask.header(b"content-type").decode("latin-1"), ask.body)
    except ValueError:
        parts = []
    if not parts or dice.random() < 0.15:
        return replace(ask, body=some_bytes(ask.body, dice))
    at = dice.randrange(len(parts))
    part = parts[at]
    match dice.randrange(9):
        case 0:
            del parts[at]
        case 1:
            parts.insert(dice.randrange(len(parts) + 1), part)
        case 2:
            part.name = _line(dice)
        case 3:
            part.filename = None if part.filename and dice.random() < 0.3 else _line(dice)
        case 4:
            part.content_type = _line(dice)
        case 5:
            part.data = dice.choice(TEXTS).encode()
        case _ if part.filename is None and part.data[:1] in b"{[":
            part.data = some_json(part.data, dice)
        case _ if part.filename is None and len(part.data) < 8:
            part.data = dice.choice(TEXTS).encode()
        case _:
            part.data = some_bytes(part.data, dice)
    kind, body = multipart.join(parts)
    return replace(ask.having(b"content-type", kind.encode()), body=body)


def some_body(ask: Ask, dice: random.Random) -> Ask:
    kind = ask.header(b"content-type")
    if kind.startswith(b"multipart/"):
        return some_form(ask, dice)
    if kind.startswith(b"application/json") and dice.random() < 0.85:
        return replace(ask, body=some_json(ask.body, dice))
    if not ask.body:
        return replace(ask, body=dice.choice(LITERALS))
    return replace(ask, body=some_bytes(ask.body, dice))


def some_header(ask: Ask, dice: random.Random) -> Ask:
    """A header left out, doubled, added or changed."""
    headers = list(ask.headers)
    at = dice.randrange(len(headers) + 1)
    match dice.randrange(4):
        case 0 if at < len(headers):
            del headers[at]
        case 1 if at < len(headers):
            headers.insert(dice.randrange(len(headers) + 1), headers[at])
        case 2 if at < len(headers):
            name, value = headers[at]
            headers[at] = (name, _value(some_bytes(value, dice)))
        case _:
            headers.append((dice.choice(HEADERS), _value(dice.choice(TEXTS).encode())))
    return replace(ask, headers=tuple(headers))


def some_host(ask: Ask, dice: random.Random) -> Ask:
    return ask.having(b"host", _value(dice.choice((*HOSTS, dice.choice(TEXTS))).encode()))


def some_path(ask: Ask, dice: random.Random) -> Ask:
    """A segment of the path replaced, doubled, left out, cut or spelled otherwise."""
    path, mark, query = ask.target.partition(b"?")
    segments = path.split(b"/")
    at = dice.randrange(1, len(segments)) if len(segments) > 1 else 0
    match dice.randrange(6):
        case 0:
            segments.insert(at, segments[at])
        case 1 if len(segments) > 2:
            del segments[at]
        case 2:
            segments[at] = some_bytes(segments[at], dice, 2)
        case 3:
            segments[at] = b"".join(b"%%%02x" % byte for byte in segments[at][:200])
        case _:
            segments[at] = quote(dice.choice(TEXTS), safe=dice.choice(("", "/%")), errors="replace").encode()
    return replace(ask, target=_target(b"/".join(segments) + mark + query))


def some_query(ask: Ask, dice: random.Random) -> Ask:
    """A parameter added, doubled, changed or left out."""
    path, _, query = ask.target.partition(b"?")
    pairs = query.split(b"&") if query else []
    at = dice.randrange(len(pairs) + 1)
    match dice.randrange(4):
        case 0 if at < len(pairs):
            del pairs[at]
        case 1 if at < len(pairs):
            pairs.append(pairs[at])
        case 2 if at < len(pairs):
            pairs[at] = some_bytes(pairs[at], dice, 2)
        case _:
            value = quote(dice.choice(TEXTS), safe=dice.choice(("", "/:%[]")), errors="replace")
            pairs.append(f"{dice.choice(QUERIES)}={value}".encode())
    return replace(ask, target=_target(path + (b"?" + b"&".join(pairs) if pairs else b"")))


def some_method(ask: Ask, dice: random.Random) -> Ask:
    return replace(ask, method=dice.choice(METHODS))


_Change = Callable[[Ask, random.Random], Ask]
_CHANGES: Sequence[tuple[_Change, int]] = (
    (some_body, 50), (some_header, 15), (some_query, 12), (some_path, 12), (some_host, 4), (some_method, 3),
)  # fmt: skip


def changed(ask: Ask, dice: random.Random) -> Ask:
    """The request with one thing about it changed, sometimes two or three."""
    ways, weights = zip(*_CHANGES, strict=True)
    for way in dice.choices(ways, weights, k=dice.choice((1, 1, 1, 2, 3))):
        if way is some_body and not ask.body and dice.random() < 0.8:
            way = dice.choice((some_header, some_query, some_path))
        ask = way(ask, dice)
    return ask


def _line(dice: random.Random) -> str:
    """A text as part of a part's head: its quotes and line ends are what they are."""
    return dice.choice(TEXTS)


def _value(value: bytes) -> bytes:
    """What of these bytes a header can hold (RFC 9110 §5.5, as h11 reads it)."""
    return bytes(byte for byte in value if (byte >= 32 and byte != 127) or byte == 9).strip()


def _target(target: bytes) -> bytes:
    """What of these bytes a request line can hold, as h11 reads it."""
    return bytes(byte for byte in target if 33 <= byte <= 126)[:60_000] or b"/"
