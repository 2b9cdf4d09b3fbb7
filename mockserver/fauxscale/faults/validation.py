"""Validates the members of a fault when it is made: numbers, header lines, JSON."""

from __future__ import annotations

import json

DAY = 86_400  # the longest real wait, in seconds
YEAR = 366 * DAY  # the longest wait by an account's clock, in seconds
MOST_BYTES = 10**12


def within(fault: object, least: int, most: int, *names: str) -> None:
    """Raise ValueError unless these members are numbers from `least` to `most`, or None. NaN is no such number."""
    for name in names:
        value = getattr(fault, name)
        if value is not None and not least <= value <= most:
            kind = type(fault).__name__
            raise ValueError(f"{kind}.{name} must be from {least:,} to {most:,}, got {str(value)[:40]}")


def header(fault: object, *names: str) -> None:
    """Raise ValueError unless these members can be the value of a header: one line of printable ASCII."""
    for name in names:
        value: str = getattr(fault, name)
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            kind = type(fault).__name__
            raise ValueError(f"{kind}.{name} must be one line of printable ASCII, got {value[:100]!r}")


def sendable(fault: object, *names: str) -> None:
    """Raise ValueError unless these members are JSON that can be sent in UTF-8."""
    for name in names:
        try:
            json.dumps(getattr(fault, name), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as flaw:
            raise ValueError(
                f"{type(fault).__name__}.{name} must be JSON that UTF-8 can carry: {flaw}"
            ) from None
