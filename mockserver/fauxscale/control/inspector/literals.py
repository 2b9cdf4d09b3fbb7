"""Writes values as Python code, as a formatter would: double quotes where they need no escape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast


def literal(value: object) -> str:
    """Write a JSON value as Python code."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return "{" + ", ".join(f"{literal(name)}: {literal(inner)}" for name, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(inner) for inner in cast("list[object]", value)) + "]"
    if isinstance(value, str) and '"' not in value:
        # repr() chooses double quotes for a text with a single one in it; then only that one needs care.
        return '"' + repr(value + "'")[1:-2] + '"'
    return repr(value)
