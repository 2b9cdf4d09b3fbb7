"""Parses untrusted JSON: any bytes give either a value that can be echoed and stored, or an ApiError."""

from __future__ import annotations

import json
import math
from typing import NoReturn, TypeGuard, cast

from fauxscale.errors import ApiError, Problem

_BOM = b"\xef\xbb\xbf"
_MOST_VALUES = 100_000  # parsing more of them would block other calls for longer than 20 ms
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def parse_json(data: bytes, *, depth: int = 64) -> object:
    """Parse `data` as JSON: None, bool, int, finite float, str, list or dict with str keys.

    UTF-8 only. A UTF-8 byte order mark is skipped, as RFC 8259 section 8.1 allows: Windows editors and
    shells write one. Of duplicate keys the last wins. Anything else a careless handler would fall over is
    refused with `ApiError(MALFORMED_BODY)`: more than `depth` levels of nesting, NaN and infinities (also as
    1e400), integers of more digits than Python converts (4,300), lone surrogates, which could be neither
    echoed nor stored, and more than 100,000 values, which are counted before any of them is made. The size of
    `data` is for the caller to limit, in bytes, before this is called.
    """
    if _has_too_many_values(data):
        raise _malformed(f"it may hold more than {_MOST_VALUES:,} values", limit=_MOST_VALUES)
    text = _text(data)
    try:
        value = cast(object, _DECODER.decode(text))
    except json.JSONDecodeError as error:
        raise _malformed(
            f"{error.msg} at line {error.lineno}, column {error.colno} (character {error.pos})",
            position=error.pos,
            expected=error.msg,
        ) from None
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError as error:
        # The one ValueError json.loads lets through is int()'s own: over 4,300 digits, since Python 3.11.
        raise _malformed("an integer has more digits than can be read (over 4,300)") from error
    if text.count("[") + text.count("{") > depth and _deeper_than(value, depth):
        raise _too_deep(depth)
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _has_too_many_values(data: bytes) -> bool:
    """Whether this may hold too many values: each but the first follows a separator, which texts may contain too."""
    signs, piece = 0, 1024 * 1024
    for at in range(0, len(data) if len(data) > _MOST_VALUES else 0, piece):
        signs += sum(data.count(sign, at, at + piece) for sign in (b",", b":", b"[", b"{"))
        if signs > _MOST_VALUES:
            return True
    return False


def _text(data: bytes) -> str:
    if not data.strip():
        raise _malformed("it is empty", empty=True)
    if data.startswith(_UTF16_BOMS) or b"\0" in data[:4]:
        raise _malformed("this looks like UTF-16 or UTF-32; send UTF-8")
    start = len(_BOM) if data.startswith(_BOM) else 0
    try:
        return data[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {start + error.start} is not UTF-8 ({error.reason})") from None


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise _malformed(f"the number {literal[:40]} is too large for a double")
    return number


def _refuse_constant(literal: str) -> NoReturn:
    raise _malformed(f"{literal} is not JSON")


# `json.loads` would make one for each text.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _deeper_than(value: object, depth: int) -> bool:
    """Whether lists and objects nest more than `depth` levels, walked level by level: no recursion."""
    level: list[object] = [value]
    for _ in range(depth):
        inner: list[object] = []
        for item in level:
            if isinstance(item, list):
                inner.extend(cast(list[object], item))
            elif isinstance(item, dict):
                inner.extend(cast(dict[str, object], item).values())
        level = inner
    return any(isinstance(item, (list, dict)) for item in level)


def _refuse_lone_surrogates(value: object) -> None:
    """UTF-8 bytes contain none, but the escape \\ud800 without its other half makes one."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        lone = ord(error.object[error.start])
        raise _malformed(f"a string holds the lone surrogate \\u{lone:04x}") from None


def _too_deep(depth: int) -> ApiError:
    return _malformed(f"nested more than {depth} levels deep", limit=depth)


def _malformed(reason: str, **details: object) -> ApiError:
    """`details` also hold `why`; `empty`, or what a parser `expected` at which `position` (in characters)."""
    return ApiError(
        Problem.MALFORMED_BODY,
        "Request body is not valid JSON",
        reason=f"the JSON body cannot be read: {reason}",
        details={"why": reason, **details},
    )


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a parsed value is a JSON object; the members of one always have names that are strings."""
    return isinstance(value, dict)


def json_type(value: object) -> str:
    """Name the JSON type of a parsed value: "an object", "a string", "null"."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, bool):
        return "a boolean"
    if value is None:
        return "null"
    return "an integer" if isinstance(value, int) else "a number"
