"""Control API routes for an account's clock. What falls due when it moves is done before the reply."""

from __future__ import annotations

from datetime import UTC, datetime

from fauxscale.clock import EARLIEST, LATEST, Clock
from fauxscale.numbers import read_number

from .request import Ask, ControlRoute

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


async def read(ask: Ask) -> object:
    """Read the account's time, and whether its clock is frozen."""
    return _clock_json(await ask.account.clock())


async def advance(ask: Ask) -> object:
    """Move the clock forward by the sum of days, hours, minutes and seconds."""
    ask.know(*_UNITS)
    seconds = sum(ask.number(name) * unit for name, unit in _UNITS.items())
    return await _move(ask, (await ask.account.clock()).advance(seconds))


async def freeze(ask: Ask) -> object:
    """Freeze the clock at the time `at`, or at its current time."""
    ask.know("at")
    at = None if ask.arguments.get("at") is None else read_time(ask.arguments["at"])
    return await _move(ask, (await ask.account.clock()).freeze(at))


async def set_to(ask: Ask) -> object:
    """Set the clock to `at`; a frozen clock stays frozen."""
    ask.know("at")
    return await _move(ask, (await ask.account.clock()).set(read_time(ask.arguments.get("at"))))


async def unfreeze(ask: Ask) -> object:
    """Let the clock run again from its current time."""
    ask.know()
    return await _move(ask, (await ask.account.clock()).unfreeze())


async def _move(ask: Ask, clock: Clock) -> object:
    if not EARLIEST <= (shown := clock.unbounded()) <= LATEST:
        raise ValueError(f"{shown:g} seconds is outside the supported range of dates")
    await ask.account.set_clock(clock)
    await ask.catch_up()
    return _clock_json(clock)


def read_time(value: object) -> float:
    """Read a time as Unix seconds: a number, or ISO 8601 text, in UTC unless it says otherwise. Raises ValueError."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"at must be a time such as 2027-01-31T12:00:00Z, got {value!r}") from None
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"at must be Unix seconds or a time such as 2027-01-31T12:00:00Z, got {value!r}")
    if (number := read_number(value)) is None:
        raise ValueError("at is too large")
    return number


def _clock_json(clock: Clock) -> object:
    now = clock.now()
    shown = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return {"now": now, "iso": shown.replace("+00:00", "Z"), "frozen": clock.frozen_at is not None}


ROUTES = (
    ControlRoute("GET", "/accounts/{id}/clock", read),
    ControlRoute("POST", "/accounts/{id}/clock/advance", advance),
    ControlRoute("POST", "/accounts/{id}/clock/freeze", freeze),
    ControlRoute("POST", "/accounts/{id}/clock/set", set_to),
    ControlRoute("POST", "/accounts/{id}/clock/unfreeze", unfreeze),
)
