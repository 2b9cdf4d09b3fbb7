"""Finds the situations that can meet the calls of a test, and stages them on its account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from fauxscale import Delay, EmptyResponse, Fault, Hang, Stall, Truncate
from fauxscale.client import AccountHandle, CallRecord
from fauxscale.spelling import choose_from
from fauxscale_contracts.conform.dates import CURRENT
from fauxscale_contracts.conform.scenario import Scenario
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.conform.stakes import STAKES, stake_of
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.profile import Profile

from .played import Played

MOST_POLLS = 300


@dataclass(frozen=True, slots=True)
class Situation:
    """A scenario that begins with one call of a test: the `number`th of `operation`, from 1. `profile` is that of the
    scenario's list."""

    scenario: Scenario
    profile: Profile
    operation: str
    number: int

    @property
    def id(self) -> str:
        """Its name in ids of tests: `lost-reply@ideogram.upscale#1`."""
        return f"{self.scenario.id}@{self.operation}#{self.number}"

    @property
    def rank(self) -> int:
        """Its rank by what is at stake, 0 for the most."""
        return STAKES.index(stake_of(self.scenario, self.profile))

    @property
    def is_silent(self) -> bool:
        """Whether the service is silent for as long as the client waits."""
        return any(isinstance(one.fault, Hang | Stall) for one in self.scenario.faults)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults it consists of."""
        return tuple(one.fault for one in self.scenario.faults)

    def stage(self, account: AccountHandle, patience: float = 0.0) -> None:
        """Stage it on an account without calls. If the service is silent in it, the connection is closed after
        `patience` seconds."""
        for staged in self.scenario.faults:
            for fault in _ended(staged.fault, patience):
                account.faults.add(fault, on=self.operation, times=staged.times, after=self.number - 1)
        if self.scenario.terms:
            account.settings(**_terms(self.scenario.terms))
        if self.scenario.clock:
            account.clock.set(account.clock.now() + self.scenario.clock)

    def has_met(self, account: AccountHandle) -> bool:
        """Whether it came about: its faults applied. Terms and clocks are in force from the start."""
        return all(rule.applied for rule in account.faults.list()[: len(self.scenario.faults)])


def situation(name: str) -> Situation:
    """Read an id, `lost-reply@ideogram.upscale#1`; without a number it is the first call. Raises ValueError."""
    wanted, _, where = name.partition("@")
    operation, _, number = where.partition("#")
    if not operation or not (number or "1").isdecimal():
        raise ValueError(f"{name!r} is not a situation: write lost-reply@ideogram.upscale#1")
    known = {
        one.id: (one, profile)
        for profile, listed in _lists()
        for one in listed
        if is_tried(one) and _fits(one, operation, profile)
    }
    if wanted not in known:
        choice = choose_from(wanted, known) if known else f": {operation} has no list"
        raise ValueError(f"no situation {wanted!r} of {operation}{choice}")
    return Situation(*known[wanted], operation, int(number or 1))


def situations_of(plain: Played) -> list[tuple[Situation, tuple[object, ...]]]:
    """List the situations that can meet the calls of a run, the most expensive first, each with a key that is equal for
    situations a client cannot tell apart: only one of them needs to be tried.

    A call that failed without any situation meets none.
    """
    made = plain.made
    callers = dict(zip((call.id for call in made), plain.callers, strict=True)) if plain.timed else {}
    operations = {call.operation for call in made}
    places = _places(made)
    found: dict[str, tuple[Situation, tuple[object, ...]]] = {}
    for profile, listed in _lists():
        if not any(fnmatchcase(one, profile.work) for one in operations):
            continue
        for scenario in filter(is_tried, listed):
            if scenario.only and scenario.only not in operations:
                continue
            for call, number in places:
                # Terms and clocks are in force from the first call on.
                begins = scenario.faults or number == 1
                if begins and call.ok and not call.faults and _fits(scenario, call.operation, profile):
                    one = Situation(scenario, profile, call.operation, number)
                    found.setdefault(
                        one.id, (one, (scenario.id, *shape_of(call), callers.get(call.id, ""), number))
                    )
    return sorted(found.values(), key=lambda pair: pair[0].rank)


def shape_of(call: CallRecord) -> tuple[str, ...]:
    """How a client sees a call: its operation and the names of its parameters, without their values."""
    return (call.operation, call.kind, *sorted(call.params))


def without_list(calls: Iterable[CallRecord]) -> list[str]:
    """The operations among these calls that cost money and have no list of situations."""
    paid = {call.operation for call in calls if call.cost}
    return sorted(one for one in paid if not any(fnmatchcase(one, profile.work) for profile, _ in _lists()))


def is_tried(scenario: Scenario) -> bool:
    """Whether the service alone stages a scenario: pictures, options and keys are the test's own."""
    return bool(scenario.faults or scenario.terms or scenario.clock) and not (
        scenario.meanwhile or scenario.together > 1 or scenario.options or scenario.key == "wrong"
    )


def _ended(fault: Fault, patience: float) -> list[Fault]:
    """The faults to stage for one: silence ends after `patience` seconds."""
    match fault:
        case Hang():
            return [Delay(patience), EmptyResponse()]
        case Stall():
            return [Delay(patience), Truncate(fault.at)]
        case _:
            return [fault]


def _terms(terms: Mapping[str, object]) -> dict[str, Any]:
    """The terms to set: a job that is never done is done after so many polls, as nobody sleeps between them."""
    options = cast("Mapping[str, object]", terms.get("options", {}))
    fewer = {name: min(value, MOST_POLLS) for name, value in options.items() if isinstance(value, int)}
    return {**terms, **({"options": {**options, **fewer}} if options else {})}


def _fits(scenario: Scenario, operation: str, profile: Profile) -> bool:
    """Whether a scenario can begin with a call of this operation."""
    if scenario.faults:
        return all(fnmatchcase(operation, one.on) for one in scenario.faults)
    return fnmatchcase(operation, scenario.only or profile.work)


def _places(calls: Iterable[CallRecord]) -> list[tuple[CallRecord, int]]:
    """Each call with its number among those of its operation."""
    seen: Counter[str] = Counter()
    placed: list[tuple[CallRecord, int]] = []
    for call in calls:
        seen[call.operation] += 1
        placed.append((call, seen[call.operation]))
    return placed


def _lists() -> list[tuple[Profile, tuple[Scenario, ...]]]:
    """Every list of scenarios with its profile."""
    return [
        (one, scenarios(profile.name, name, CURRENT))
        for profile in profiles().by_name.values()
        for name, one in {"": profile, **profile.operations}.items()
    ]
