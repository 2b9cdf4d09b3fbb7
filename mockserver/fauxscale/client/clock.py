"""ClockHandle: read and move an account's time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .faults import Caller


class ClockHandle:
    """`account.clock`: links, windows, Retry-After, jobs and webhooks follow at once."""

    def __init__(self, call: Caller, account: str) -> None:
        self._call = call
        self._path = f"{account}/clock"

    def now(self) -> float:
        """The account's time, Unix seconds."""
        return float(self._call("GET", self._path)["now"])

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> float:
        """Move the clock forward; returns the new time, Unix seconds."""
        arguments = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        return self._move("advance", arguments)

    def freeze(self, at: float | str | datetime | None = None) -> float:
        """Freeze the clock, `at` a time or where it is: Unix seconds, ISO 8601, or a datetime."""
        return self._move("freeze", {} if at is None else {"at": _time(at)})

    def set(self, at: float | str | datetime) -> float:
        """Set the clock to `at`; a frozen clock stays frozen, a running one runs on from there."""
        return self._move("set", {"at": _time(at)})

    def unfreeze(self) -> float:
        """Let the clock run again from its current time."""
        return self._move("unfreeze", {})

    def _move(self, how: str, arguments: dict[str, Any]) -> float:
        return float(self._call("POST", f"{self._path}/{how}", arguments)["now"])


def _time(at: float | str | datetime) -> float | str:
    return at.isoformat() if isinstance(at, datetime) else at
