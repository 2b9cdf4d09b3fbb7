"""Reads numbers from outside: a JSON value, a header, a segment of a path. None if it does not fit a double."""

from __future__ import annotations

import math

_LONGEST = 400  # longer than any number needs; Python reads integers of 4,300 digits, slowly


def read_number(value: object) -> float | None:
    """Read a finite number from a JSON number or from text; None for anything else: true, NaN, 1e400, 5,000 digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > _LONGEST or not value.isascii()):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
