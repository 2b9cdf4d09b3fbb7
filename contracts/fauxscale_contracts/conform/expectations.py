"""Reads the file of a client's own expectations, and looks up what it must do in a scenario."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from fauxscale.spelling import choose_from

from .candidate import CannotRun
from .scenario import Expect
from .selection import matches, unmatched

_OUTCOMES = ("succeed", "fail", "either")
_FORMATS = ("", "PNG", "JPEG", "WEBP")


def expected_in(table: Mapping[str, Expect], name: str) -> Expect | None:
    """Find the expectation for a scenario or reply in a table of ids and patterns: the first entry that fits."""
    return next((one for pattern, one in table.items() if matches(name, pattern)), None)


def read(path: Path | None, provider: str, operation: str = "") -> dict[str, Expect]:
    """Read a TOML file with a table for each id or pattern, its keys those of Expect; nothing without a file.

    Raises CannotRun, also for tables that fit no scenario or reply.
    """
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotRun(f"the expectations {path} cannot be read: {error}") from error
    wrong = [f"{name!r}: {why}" for name, table in tables.items() if (why := _wrong(table))]
    wrong += unmatched(provider, tables, operation)
    if wrong:
        raise CannotRun(f"the expectations {path}: {'; '.join(wrong)}")
    return {name: _expect(table) for name, table in tables.items()}


def _expect(table: Mapping[str, Any]) -> Expect:
    values: dict[str, Any] = dict(table)
    if "calls" in values:
        values["calls"] = tuple(values["calls"])
    return Expect(**values)


def _wrong(table: object) -> str:
    """Say what is wrong with one table of the file; "" if nothing is."""
    known = [one.name for one in fields(Expect)]
    if not isinstance(table, dict):
        return f"expected a table with {', '.join(known)}"
    for key, one in cast("Mapping[str, Any]", table).items():
        match key:
            case "outcome" | "format":
                words = _OUTCOMES if key == "outcome" else _FORMATS
                good, wanted = one in words, f"one of {', '.join(filter(None, words))}"
            case "calls":
                good = _are_counts(one)
                wanted = "two numbers, least and most"
            case "charges":
                good, wanted = _is_count(one), "a number"
            case "waits" | "poll_waits":
                good = isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < float("inf")
                wanted = "a number of seconds"
            case _:
                return f"{key} is unknown{choose_from(key, known)}"
        if not good:
            return f"{key} = {one!r}: expected {wanted}"
    return ""


def _are_counts(value: object) -> bool:
    match value:
        case [int(least), int(most)]:
            return _is_count(least) and _is_count(most) and least <= most
        case _:
            return False


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
