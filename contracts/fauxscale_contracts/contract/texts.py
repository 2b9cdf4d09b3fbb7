"""Reads the texts of forms, queries and headers as the JSON values they stand for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

from .schemas import Json, types_of
from .violations import Violation, brief

# JSON's spelling of numbers, and common spellings of flags.
_USUAL = {
    "integer": re.compile(r"-?(0|[1-9][0-9]*)"),
    "number": re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?"),
}
_DEEPEST = (
    200  # jsonschema-rs lists the errors of 255 levels, the body's and the schema's together (0.60, 2026-11)
)
_TRUE = ("true", "t", "yes", "y", "on", "1")
_FLAGS = (*_TRUE, "false", "f", "no", "n", "off", "0")


def read_text(text: str, node: Json, at: str) -> tuple[object, list[Violation]]:
    """Read the text of a form field, query or header as the JSON type of its schema, and list doubts about its
    spelling: no service documents which spellings of a number or a flag it reads besides JSON's own."""
    read = coerce(text, node)
    kinds = types_of(node)
    lax = _lax(text, kinds)
    numeric = _USUAL.get("number" if "number" in kinds else "integer" if "integer" in kinds else "")
    usual = text in ("true", "false") or (numeric is not None and numeric.fullmatch(text))
    if "string" in kinds or not kinds or usual or lax is None:
        return read, []
    message = (
        f"{brief(json.dumps(text, ensure_ascii=False), 60)} may be read as {json.dumps(lax)}, or refused"
    )
    return lax, [Violation(at, message, "undocumented", f"type {', '.join(kinds)}")]


def _lax(text: str, kinds: Sequence[str]) -> object:
    """How a lenient parser reads a text, None if it is neither number nor flag."""
    if "boolean" in kinds and text.strip().lower() in _FLAGS:
        return text.strip().lower() in _TRUE
    if "integer" in kinds or "number" in kinds:
        try:
            number = float(text)
        except ValueError:
            return None
        if math.isfinite(number) and ("number" in kinds or number.is_integer()):
            return int(number) if number.is_integer() else number
    return None


def coerce(text: str, node: Mapping[str, Any]) -> object:
    """Convert the text of a form field, query or header to the JSON type of its schema; else return the text itself."""
    readers: dict[str, Callable[[str], object]] = {
        "integer": int,
        "number": float,
        "boolean": lambda word: {"true": True, "false": False}[word.lower()],
        "array": load,
        "object": load,
    }
    for kind in types_of(node):
        if kind in readers:
            try:
                return readers[kind](text)
            except (ValueError, KeyError):
                continue
    return text


def load(text: str | bytes) -> Any:
    """Parse JSON strictly by RFC 8259: no NaN, no Infinity. ValueError for these, for texts that are no Unicode, and
    for values that no schema can check."""
    whole = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
    try:
        value = json.loads(whole, parse_constant=_no_constant)
        if "\\u" in whole:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a surrogate pair") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if whole.count("[") + whole.count("{") > _DEEPEST and _is_deeper(value, _DEEPEST):
        raise ValueError("nested too deep")
    return value


def _is_deeper(value: object, most: int) -> bool:
    """Whether lists and objects nest more than `most` levels, without recursion."""
    level: list[object] = [value]
    for _ in range(most):
        lists = [cast("list[object]", one) for one in level if isinstance(one, list)]
        objects = [cast("Json", one) for one in level if isinstance(one, dict)]
        level = [inner for one in (*lists, *(each.values() for each in objects)) for inner in one]
    return any(isinstance(one, list | dict) for one in level)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
