"""Checks every call the stand-in accepted against the recorded contract, once the test's body has ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

from fauxscale.observer import Observation

REJECTED = "would be rejected"
# Calls are kept whole until they are checked; above this many bytes they are checked as they come.
MOST_BYTES = 32 * 1024 * 1024
# What a test was told of its calls, for the report of a failure that has no room for it.
BREACHES = pytest.StashKey[str]()


class ContractWarning(UserWarning):
    """A call left the recorded contract, and the run only warns of it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One accepted call with what is wrong with it: a pointer and a line each, and a curl that shows it."""

    wrong: tuple[tuple[str, str], ...]
    curl: str

    def lines(self, allowed: Mapping[str, str]) -> list[str]:
        """The lines that are left when patterns of pointers are allowed, with their reasons."""
        left = [line for pointer, line in self.wrong if not any(fnmatchcase(pointer, one) for one in allowed)]
        return [*left, f"    {self.curl}"] if left else []


class Watcher:
    """Collects calls on the server's thread; `verdict` checks those collected since it was last called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Observation] = []
        self._bytes = 0
        self._breaches: list[Breach] = []

    def __call__(self, call: Observation) -> None:
        # Where the stand-in said no itself, the test has seen it; of half a form nothing can be said.
        if (call.status is not None and call.status >= 400) or not call.whole:
            return
        with self._lock:
            self._calls.append(call)
            self._bytes += len(call.body)
        if self._bytes > MOST_BYTES:
            self._check_noted()

    def begin(self) -> None:
        """Forget what was noted before: a test begins."""
        with self._lock:
            self._calls, self._bytes, self._breaches = [], 0, []

    @property
    def saw_any(self) -> bool:
        """Whether the stand-in answered a call."""
        with self._lock:
            return bool(self._calls or self._breaches)

    def verdict(self, allowed: Mapping[str, str]) -> list[str]:
        """List a line for each violation the real service would reject, with a curl command that shows it."""
        self._check_noted()
        with self._lock:
            breaches, self._breaches = self._breaches, []
        return [line for breach in breaches for line in breach.lines(allowed)]

    def _check_noted(self) -> None:
        with self._lock:
            calls, self._calls, self._bytes = self._calls, [], 0
        found = [breach for call in calls if (breach := _breach(call)) is not None]
        with self._lock:
            self._breaches += found


def unusable_profiles() -> tuple[str, ...]:
    """List a line for each installed profile that cannot be used: calls of its provider are not checked."""
    from fauxscale_contracts.profiles.installed import profiles

    return profiles().unusable


def _breach(call: Observation) -> Breach | None:
    from fauxscale_contracts import ContractError, Exchange, curl, load
    from fauxscale_contracts.contract.exchange import Request
    from fauxscale_contracts.profiles.installed import profiles

    known = profiles().by_name.get(call.provider)
    if known is None or (call.api_version and call.api_version not in known.api_versions()):
        return None  # a provider of the user's own, or a version of it, that is not on record
    try:
        contract = load(call.provider, api_version=call.api_version or None)
    except ContractError as error:
        return Breach((("/contract", f"{call.operation}: {error}"),), "nothing was checked")
    if call.operation not in contract.operations:
        return None  # the stand-in has more than is on record
    exchange = Exchange(Request(call.method, call.url, call.headers, call.body), operation=call.operation)
    mask = exchange.request.mask()
    wrong = tuple(
        (violation.pointer, mask.text(f"{call.operation}: {violation}"))
        for violation in contract.check_request(exchange)
        if violation.severity == REJECTED
    )
    return Breach(wrong, curl(exchange)) if wrong else None
