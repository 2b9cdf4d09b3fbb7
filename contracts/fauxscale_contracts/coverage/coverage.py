"""Coverage: the situations and places of contracts that a run met, and which tests met each; runs can be merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fauxscale_contracts.conform.sample_images import REFUSED
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.stakes import STAKES, Stake, dearest_first, stake_of
from fauxscale_contracts.contract.violations import ContractError
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.loading import load

from . import places
from .calls import Call, Entry
from .places import Place
from .situations import SituationList, lists_of

Tests: TypeAlias = dict[str, set[str]]
"""Tests by what they met."""

UNASSIGNED = "calls with a wrong key belong to no account"
UNTOLD = "cannot be seen in the calls"
UNSENT = "a client that rejects such a file itself makes no call"


@dataclass(frozen=True, slots=True)
class Situation:
    """One situation of a list, and which tests met it. `unknown` says why that is not known; otherwise it is empty."""

    scenario: Scenario
    stake: Stake
    met_by: tuple[str, ...]
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class ListCoverage:
    """One list of a provider, its situations in order of what is at stake. `called` are the operations that requested
    its work."""

    provider: str
    name: str
    called: tuple[str, ...]
    situations: tuple[Situation, ...]

    @property
    def title(self) -> str:
        return " + ".join(self.called)

    @property
    def met(self) -> int:
        return sum(bool(one.met_by) for one in self.situations)

    @property
    def total(self) -> int:
        """The number of situations of which it is known."""
        return sum(not one.unknown for one in self.situations)

    @property
    def gaps(self) -> tuple[Situation, ...]:
        return tuple(one for one in self.situations if not one.met_by and not one.unknown)

    @property
    def unknown(self) -> tuple[Situation, ...]:
        return tuple(one for one in self.situations if one.unknown)


@dataclass(frozen=True, slots=True)
class OperationCoverage:
    """What a contract has for one operation that was called, and which tests met each place of it."""

    provider: str
    api_version: str
    operation: str
    places: Mapping[Place, tuple[str, ...]]


class Coverage:
    """What was met so far."""

    def __init__(self) -> None:
        self._called: dict[tuple[str, str], Tests] = {}
        self._met: dict[tuple[str, str], Tests] = {}
        self._blind: set[tuple[str, str]] = set()
        self._places: dict[tuple[str, str, str], dict[Place, set[str]]] = {}
        self._known: dict[tuple[str, str, str], frozenset[Place]] = {}

    def note(
        self, test: str, entries: Sequence[Entry], *, contracts: bool = True, whole: bool = True
    ) -> None:
        """Note the journal of one account, entries in order, as a test's.

        `contracts`: the places of contracts as well. Not `whole`: calls without an account are missing.
        """
        for provider in dict.fromkeys(str(one["provider"]) for one in entries):
            for one in lists_of(provider):
                self._note_list(one, test, entries, whole)
        if contracts:
            for entry in entries:
                self._note_places(test, entry)

    def add_members(self, members: Mapping[str, Any]) -> None:
        """Add the output of `to_members`."""
        for one in members["lists"]:
            key = one["provider"], one["list"]
            for kept, found in ((self._called, one["called"]), (self._met, one["met"])):
                for name, tests in found.items():
                    kept.setdefault(key, {}).setdefault(name, set()).update(map(str, tests))
            if not one["whole"]:
                self._blind.add(key)
        for one in members["contracts"]:
            place = self._places.setdefault((one["provider"], one["api_version"], one["operation"]), {})
            for kind, named in one["met"].items():
                for name, tests in named.items():
                    place.setdefault((kind, name), set()).update(map(str, tests))

    def to_members(self) -> dict[str, Any]:
        """All of it as JSON, for a file or another process."""
        return {
            "lists": [
                {
                    "provider": provider,
                    "list": name,
                    "whole": (provider, name) not in self._blind,
                    "called": _sorted(called),
                    "met": _sorted(self._met.get((provider, name), {})),
                }
                for (provider, name), called in sorted(self._called.items())
            ],
            "contracts": [
                {
                    "provider": provider,
                    "api_version": api_version,
                    "operation": operation,
                    "met": {
                        kind: _sorted({name: tests for (one, name), tests in found.items() if one == kind})
                        for kind in places.KINDS
                    },
                }
                for (provider, api_version, operation), found in sorted(self._places.items())
            ],
        }

    def __bool__(self) -> bool:
        return bool(self._called or self._places)

    @property
    def lists(self) -> list[ListCoverage]:
        """Every list whose work a call requested."""
        return [self._list(one) for one in self._used()]

    @property
    def operations(self) -> list[OperationCoverage]:
        """Every operation of a contract that was called."""
        found: list[OperationCoverage] = []
        for (provider, api_version, name), met in sorted(self._places.items()):
            try:
                operation = load(provider, api_version=api_version).operation(name)
            except ContractError:  # of a package that is not installed here
                continue
            told = {one: tuple(sorted(met.get(one, ()))) for one in places.known(operation)}
            found.append(OperationCoverage(provider, api_version, name, told))
        return found

    @property
    def share(self) -> float:
        """Percent of the situations of all lists that were met; 100 if there are none."""
        every = self.lists
        total = sum(one.total for one in every)
        return 100 * sum(one.met for one in every) / total if total else 100.0

    def _used(self) -> Iterable[SituationList]:
        for provider, name in sorted(self._called):
            yield from (one for one in lists_of(provider) if one.name == name)

    def _list(self, of: SituationList) -> ListCoverage:
        key = of.profile.name, of.name
        called, met = self._called[key], self._met.get(key, {})

        def unknown(one: Scenario) -> str:
            if one.id in met:
                return ""
            if not of.can_tell(one):
                return UNTOLD
            if one.key == "wrong":
                return UNASSIGNED if key in self._blind else ""
            # A client that refused such a file itself made no call.
            return UNSENT if _may_be_refused_by_client(one) else ""

        # A client that never submits to a queue, for example, cannot get into a queue's situations.
        reachable = [one for one in of.scenarios if not one.only or one.only in called]
        situations = tuple(
            Situation(one, stake_of(one, of.profile), tuple(sorted(met.get(one.id, ()))), unknown(one))
            for one in dearest_first(reachable, of.profile)
        )
        work = tuple(sorted(name for name in called if of.asks_for_work(name)))
        return ListCoverage(*key, work, situations)

    def _note_list(self, of: SituationList, test: str, entries: Sequence[Entry], whole: bool) -> None:
        if not of.is_used(entries):
            return
        key = of.profile.name, of.name
        called = self._called.setdefault(key, {})
        for one in entries:
            if one["provider"] == of.profile.name and of.knows(str(one["operation"])):
                called.setdefault(str(one["operation"]), set()).add(test)
        met = self._met.setdefault(key, {})
        for name in of.met(entries):
            met.setdefault(name, set()).add(test)
        if not whole:
            self._blind.add(key)

    def _note_places(self, test: str, entry: Entry) -> None:
        provider = str(entry["provider"])
        profile = profiles().by_name.get(provider)
        if profile is None:
            return
        api_version = str(entry.get("api_version") or profile.api_version)
        try:
            contract = load(provider, api_version=api_version)
        except ContractError:
            return
        operation = contract.operations.get(str(entry["operation"]))
        if operation is None:
            return
        key = provider, contract.api_version, operation.name
        if key not in self._known:
            self._known[key] = frozenset(places.known(operation))
        kept = self._places.setdefault(key, {})
        for place in places.met(operation, Call(entry)):
            if place in self._known[key]:
                kept.setdefault(place, set()).add(test)


def first_of_each_stake(situations: Iterable[Situation]) -> list[Situation]:
    """Order situations so that the first ones each have something else at stake, the most expensive first."""
    firsts: dict[Stake, Situation] = {}
    others: list[Situation] = []
    for one in situations:
        if one.stake in firsts:
            others.append(one)
        else:
            firsts[one.stake] = one
    return [*sorted(firsts.values(), key=lambda one: STAKES.index(one.stake)), *others]


def _may_be_refused_by_client(scenario: Scenario) -> bool:
    """Whether a client can see from its input that the service would refuse it."""
    return scenario.picture in REFUSED or scenario.mask != "fits"


def _sorted(tests: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {name: sorted(found) for name, found in sorted(tests.items())}
