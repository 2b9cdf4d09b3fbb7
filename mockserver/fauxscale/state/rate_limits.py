"""Rate limits: how much a provider's quotas allow an account, per window and at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, cast

from msgspec import Struct, field

from fauxscale.errors import ApiError, Problem

from .batch import Batch, BatchOutcome, Ref, WindowState
from .renewal import LEASE_LIFE, Renewal
from .scope import Scope

MINUTE = 60.0
Units = Literal["calls", "images"]


class Quota(Struct, frozen=True, kw_only=True):
    """At most `most` `units` of the operations it is `on`, except those it is `not_on` (names or patterns),
    account-wide.

    With a `window`, in seconds, it counts what begins in one: "fixed" windows follow one another from the first
    call on; "rolling" is the last so many seconds, and counts only accepted calls. Without a window it counts what
    is in flight at once. Images count as one when the call enters, and as many as it makes when they are paid.
    """

    most: int
    on: tuple[str, ...] = ("*",)
    units: Units = "calls"
    window: float | None = None
    kind: Literal["fixed", "rolling"] = "fixed"
    not_on: tuple[str, ...] = ()

    def covers(self, operation: str) -> bool:
        """Whether calls of this operation count."""
        return _any(self.on, operation) and not _any(self.not_on, operation)


def per_minute(most: int) -> Quota:
    """So many calls a minute, in fixed windows."""
    return Quota(most=most, window=MINUTE)


def rolling(most: int, seconds: float = MINUTE) -> Quota:
    """So many calls in any period of `seconds`."""
    return Quota(most=most, window=seconds, kind="rolling")


def in_flight(most: int, units: Units = "calls") -> Quota:
    """So many calls, or images, at once."""
    return Quota(most=most, units=units)


class RateLimitStatus(Struct, frozen=True):
    """A call's first window after it was counted: the limit, calls remaining, seconds until the next window."""

    limit: int
    remaining: int
    reset: float


class Counted(Struct, frozen=True):
    """The operations of a batch that count a call, or its further images, by quota."""

    name: str
    windows: tuple[tuple[Quota, Ref[WindowState]], ...]
    places: tuple[tuple[Quota, Ref[int]], ...]

    def status(self, outcome: BatchOutcome) -> RateLimitStatus | None:
        """The state of the call's first window, None without one. Raises RATE_LIMITED or TOO_MANY_IN_FLIGHT."""
        found = None if outcome.refusal is None else outcome.refusal.found
        for quota, window in self.windows:
            if outcome.refused(window):
                raise _rate_limited(self.name, quota, cast("WindowState", found).reset)
        for quota, place in self.places:
            if outcome.refused(place):
                raise _too_many(self.name, quota)
        for quota, window in self.windows:
            state = outcome.of(window)
            return RateLimitStatus(quota.most, quota.most - state.used, state.reset)
        return None


class Limited(Struct, frozen=True, kw_only=True):
    """Whose call counts against which quotas: the provider's name, its quotas that cover the call, the call's
    holder."""

    name: str
    holder: str
    quotas: tuple[Quota, ...] = field(default_factory=tuple[Quota, ...])


class Limits:
    """Counts an account's calls against quotas."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._held: dict[str, list[tuple[str, str]]] = {}  # the places of each call that is in flight here
        self._renewal = Renewal(scope, self._add_renewals)

    def add_entry(self, batch: Batch, limited: Limited, *, now: float) -> Counted:
        """Count a call in; the result's `status` is the outcome."""
        return self._add(batch, limited, limited.quotas, limited.holder, 1, now, counts=True)

    def add_images(self, batch: Batch, limited: Limited, more: int, *, now: float) -> Counted:
        """Count further images of a call that has entered, where a quota counts images."""
        quotas = tuple(one for one in limited.quotas if one.units == "images") if more else ()
        return self._add(batch, limited, quotas, f"{limited.holder}+", more, now, counts=False)

    def _add(
        self,
        batch: Batch,
        limited: Limited,
        quotas: Sequence[Quota],
        holder: str,
        units: int,
        now: float,
        *,
        counts: bool,
    ) -> Counted:
        windows: list[tuple[Quota, Ref[WindowState]]] = []
        places: list[tuple[Quota, Ref[int]]] = []
        # A call refused for lack of a place has still been counted in its fixed window. There may be several rolling
        # windows, and a refusal by one must not use up another: they count only accepted calls.
        for quota in sorted(quotas, key=lambda one: one.window is None) if len(quotas) > 1 else quotas:
            key = _key_of(limited.name, quota)
            if quota.window is not None:
                ref = batch.window(
                    self._scope.key("limits", key), now=now, span=quota.window, most=quota.most, units=units,
                    rolling=quota.kind == "rolling", counts=counts and quota.kind == "fixed",
                )  # fmt: skip
                windows.append((quota, ref))
            else:
                for number in range(units):
                    one = batch.lease(
                        self._scope.key("flight", key),
                        _place(holder, number),
                        life=LEASE_LIFE,
                        most=quota.most,
                    )
                    places.append((quota, one))
        return Counted(limited.name, tuple(windows), tuple(places))

    def add_exit(self, batch: Batch, places: Sequence[tuple[str, str]]) -> None:
        """Give a call's places in flight back."""
        for key, holder in places:
            batch.release(key, holder)

    def add_reset(self, batch: Batch) -> None:
        """Begin every window anew. Calls in flight stay there."""
        batch.drop(self._scope.group("limits"))

    def hold(self, limited: Limited, more: int = 0) -> None:
        """Renew a call's places for as long as this worker lives and the call runs."""
        for quota in limited.quotas:
            if quota.window is None and (not more or quota.units == "images"):
                key = self._scope.key("flight", _key_of(limited.name, quota))
                holder = f"{limited.holder}+" if more else limited.holder
                held = self._held.setdefault(limited.holder, [])
                held += [(key, _place(holder, number)) for number in range(more or 1)]
        if self._held:
            self._renewal.begin()

    def _add_renewals(self, batch: Batch) -> None:
        for key, holder in (place for places in self._held.values() for place in places):
            batch.lease(key, holder, life=LEASE_LIFE)

    def let_go(self, holder: str) -> Sequence[tuple[str, str]]:
        """Stop renewing a call's places; returns them."""
        return self._held.pop(holder, ())

    async def enter(self, limited: Limited, *, now: float) -> RateLimitStatus | None:
        """Count a call in, or raise RATE_LIMITED or TOO_MANY_IN_FLIGHT. A call that entered must `leave`."""
        batch = self._scope.batch()
        counted = self.add_entry(batch, limited, now=now)
        status = counted.status(await self._scope.run(batch))
        self.hold(limited)
        return status

    async def leave(self, limited: Limited) -> None:
        """Count a call out."""
        batch = self._scope.batch()
        self.add_exit(batch, self.let_go(limited.holder))
        await self._scope.run_late(batch)


@lru_cache(1_024)
def _any(patterns: tuple[str, ...], operation: str) -> bool:
    return any(one == "*" or fnmatchcase(operation, one) for one in patterns)


@lru_cache(256)
def _key_of(name: str, quota: Quota) -> str:
    """Names what a quota counts: quotas that count the same in the same way share it."""
    on = ",".join([*quota.on, *(f"!{one}" for one in quota.not_on)])
    return f"{name}:{on}:{quota.units}:{quota.window or 'flight'}:{quota.kind}"


def _place(holder: str, number: int) -> str:
    return f"{holder}{number}" if number else holder


def _rate_limited(name: str, quota: Quota, reset: float) -> ApiError:
    window = "a minute" if quota.window == MINUTE else f"in {quota.window:g} s"
    opens = "the next window opens" if quota.kind == "fixed" else "the next is allowed"
    return ApiError(
        Problem.RATE_LIMITED,
        "Rate limit exceeded",
        reason=f"{name} allows {quota.most} {quota.units} {window} and this is one more; "
        f"{opens} in {math.ceil(reset)} s by this account's clock",
        retry_after=float(max(1, math.ceil(reset))),
        details={"limit": quota.most, "remaining": 0, "reset": reset},
    )


def _too_many(name: str, quota: Quota) -> ApiError:
    return ApiError(
        Problem.TOO_MANY_IN_FLIGHT,
        "Too many requests in flight",
        reason=f"{quota.most} {quota.units} of this account are already in flight at {name}, which is its "
        "limit; wait for one to finish, or raise in_flight",
        details={"limit": quota.most},
    )
