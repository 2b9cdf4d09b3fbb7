"""Checks every call the stand-in accepted against the recorded contract, once the test's body has ended."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import pytest

from fauxscale.observer import Observation
from fauxscale.spelling import nearest
from fauxscale_contracts.contract.violations import Severity, Violation, brief

REJECTED: Severity = "would be rejected"
SEVERITIES: tuple[Severity, ...] = (REJECTED, "undocumented", "ignored")  # from the worst on
# Statuses for a request with invalid content. Keys, wallets and limits are what tests are about.
_REFUSALS = (400, 413, 415, 422)
_UNMATCHED = ".unmatched"
# Calls are stored until they are checked; beyond this many bytes they are checked as they come.
MOST_BYTES = 32 * 1024 * 1024
# What was reported about a test's calls, for the report of a failure that cannot contain it.
BREACHES = pytest.StashKey[str]()


class ContractWarning(UserWarning):
    """A call left the recorded contract, and the run only warns of it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One call with what is wrong with it, its secrets masked, and a curl that shows it."""

    operation: str
    wrong: tuple[Violation, ...]
    curl: str

    @property
    def worst(self) -> str:
        """The worst severity."""
        return min((one.severity for one in self.wrong), key=SEVERITIES.index)

    def lines(self, allowed: Mapping[str, str], strict: bool) -> list[str]:
        """The lines that remain when patterns of pointers are allowed, with their reasons. Undocumented or ignored
        things count only with `strict`."""
        left = [
            f"{self.operation}: {one}"
            for one in self.wrong
            if (strict or one.severity == REJECTED)
            and not any(fnmatchcase(one.pointer, pattern) for pattern in allowed)
        ]
        return [*left, f"    {self.curl}"] if left else []

    def to_members(self, test: str) -> list[dict[str, str]]:
        """Each violation for the report of a run."""
        about = {"test": test, "operation": self.operation, "curl": self.curl}
        return [{**about, **asdict(one)} for one in self.wrong]


class Watcher:
    """Collects calls as the server answers them; `take` checks those since its last call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Observation] = []
        self._bytes = 0
        self._breaches: list[Breach] = []
        self._refused: list[str] = []
        # Over the whole run: how many calls were checked, and how many of them left the contract, by the worst
        # severity.
        self.judged = 0
        self.departed: Counter[str] = Counter()

    def __call__(self, call: Observation) -> None:
        if call.status in _REFUSALS and not call.faults:
            with self._lock:
                self._refused.append(f"{call.operation} {call.status}")
        # If the stand-in refused the call itself, the test may have seen it, and half a form cannot be checked. A wrong
        # address is a mistake all the same.
        refused = call.status is not None and call.status >= 400
        if (refused or not call.whole) and not call.operation.endswith(_UNMATCHED):
            return
        with self._lock:
            self._calls.append(call)
            self._bytes += len(call.body)
        if self._bytes > MOST_BYTES:
            self._check_noted()

    def begin(self) -> None:
        """Forget earlier calls: a test begins."""
        with self._lock:
            self._calls, self._bytes, self._breaches, self._refused = [], 0, [], []

    @property
    def saw_any(self) -> bool:
        """Whether the stand-in answered a call."""
        with self._lock:
            return bool(self._calls or self._breaches)

    def take(self) -> tuple[list[Breach], list[str]]:
        """The calls since the last time that left the contract, and those that were refused for their content:
        operation and status."""
        self._check_noted()
        with self._lock:
            breaches, self._breaches = self._breaches, []
            refused, self._refused = self._refused, []
        return breaches, refused

    def _check_noted(self) -> None:
        with self._lock:
            calls, self._calls, self._bytes = self._calls, [], 0
        found = [breach for call in calls if (breach := _breach(call)) is not None]
        with self._lock:
            self._breaches += found
            self.judged += len(calls)
            self.departed.update(one.worst for one in found)


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
        return None  # a provider of the user's own, or an API version of it, without a contract
    try:
        contract = load(call.provider, api_version=call.api_version or None)
    except ContractError as error:
        return Breach(
            call.operation, (Violation("/contract", str(error), REJECTED, "none"),), "nothing was checked"
        )
    exchange = Exchange(Request(call.method, call.url, call.headers, call.body), operation=call.operation)
    if call.operation.endswith(_UNMATCHED):
        found = [_unmatched(call, [f"{one.method} {one.path}" for one in contract.operations.values()])]
    elif call.operation in contract.operations:
        found = contract.check_request(exchange)
    else:
        return None  # the stand-in has more than the contract
    mask = exchange.request.mask()
    wrong = tuple(replace(one, message=mask.text(one.message)) for one in found)
    return Breach(call.operation, wrong, curl(exchange)) if wrong else None


def _unmatched(call: Observation, known: list[str]) -> Violation:
    """The violation of a call to an address that its provider does not have."""
    asked = f"{call.method} {urlsplit(call.url).path}"
    near = nearest(asked, known, least=0.0)
    hint = f": did you mean {near}?" if near else ""
    return Violation(
        "/method", f"{brief(asked, 100)} is not an operation{hint}", REJECTED, "operations on record"
    )
