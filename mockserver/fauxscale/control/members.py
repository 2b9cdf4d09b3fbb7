"""Reads the members of a JSON object written by hand; a wrong one raises a ValueError that names it."""

from __future__ import annotations

from collections.abc import Mapping

from fauxscale.numbers import read_number
from fauxscale.spelling import did_you_mean


def know(members: Mapping[str, object], *names: str) -> None:
    """Raise ValueError for members other than these."""
    if unknown := sorted(set(members) - set(names)):
        near = did_you_mean(unknown[0], names) or ":"
        raise ValueError(
            f"unknown argument {unknown[0]!r}{near} this call accepts {', '.join(names) or 'nothing'}"
        )


def number(members: Mapping[str, object], name: str, default: float = 0.0) -> float:
    value = members.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {value!r}")
    if (read := read_number(value)) is None:
        raise ValueError(f"{name} is too large")
    return read


def whole(members: Mapping[str, object], name: str, default: int = 0) -> int:
    value = number(members, name, default)
    if value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value:g}")
    return int(value)


def text(members: Mapping[str, object], name: str, default: str = "") -> str:
    value = members.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {value!r}")
    return value
