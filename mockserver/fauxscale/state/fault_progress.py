"""The progress of an account's fault rules: the steps assigned to calls, held by them, and given back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from fauxscale.clock import wall
from fauxscale.faults.fault import BEYOND
from fauxscale.faults.rules import AssignedFault, Rule


class Count(Struct, frozen=True):
    """The progress of a rule: calls that `after` spared, steps assigned, and those given back, by step."""

    spared: int = 0
    applied: int = 0
    back: Mapping[int, int] = field(default_factory=dict[int, int])


class Held(Struct, frozen=True):
    """The steps of rules (by id and number) that a call has been assigned, in real time, and may still give back."""

    since: float
    steps: tuple[tuple[str, int], ...]


class RuleProgress(Struct, frozen=True):
    """The progress of all rules of an account, how often its dice were rolled for them, and what running calls hold, by
    holder: a dead process cannot give anything back itself."""

    version: int = 0
    rolls: int = 0
    counts: Mapping[str, Count] = field(default_factory=dict[str, Count])
    held: Mapping[str, Held] = field(default_factory=dict[str, Held])


class Assignment(Struct, frozen=True):
    """The faults assigned to one call, and the progress of the rules with it."""

    faults: tuple[AssignedFault, ...]
    progress: RuleProgress


def assign(
    rules: Sequence[Rule],
    progress: RuleProgress,
    operation: str,
    kind: str,
    method: str,
    luck: Callable[[int], float],
) -> Assignment:
    """Assign faults to a call: those of the first rule that still has one to give, and any that combine with it.

    They are in the order in which they apply: delays before faults that end the call, replaced replies before
    changed ones. `luck` returns a number from 0 to 1 for each number of a roll; only rules with a probability roll,
    so that adding a counted fault does not change other rolls. Faults that a call of this HTTP `method` cannot show
    are not assigned.
    """
    if not rules:
        return Assignment((), progress)
    assigned: list[AssignedFault] = []
    beyond, full = BEYOND.get(method, frozenset[str]()), False
    counts, rolls = dict(progress.counts), progress.rolls
    for rule in rules:
        fitting = {
            number
            for number, step in enumerate(rule.steps)
            if rule.fits(step, operation, kind) and step.stage not in beyond
        }
        # Which calls `after` and the dice spare depends on the calls alone, not on other faults.
        if not fitting:
            continue
        count = counts.get(rule.id, Count())
        if count.spared < rule.after:
            counts[rule.id] = replace(count, spared=count.spared + 1)
            continue
        if rule.probability is not None:
            rolls += 1
            if luck(rolls) >= rule.probability:
                continue
        if full:
            fitting = {number for number in fitting if rule.steps[number].combines}
        found = _next(rule, count, fitting)
        if found is not None:
            number, counts[rule.id] = found
            assigned.append(AssignedFault(rule.id, rule.steps[number], number))
            full = full or not rule.steps[number].combines
    faults = sorted(assigned, key=lambda one: one.fault.combines != (one.fault.stage == "call"))
    if rolls != progress.rolls or counts != progress.counts:
        progress = replace(progress, version=progress.version + 1, rolls=rolls, counts=counts)
    return Assignment(tuple(faults), progress)


def _next(rule: Rule, count: Count, fitting: set[int]) -> tuple[int, Count] | None:
    """The next step of a rule, if it fits: a script waits for the call of its next step."""
    for number in range(len(rule.steps)):
        if not (waiting := count.back.get(number, 0)):
            continue
        if number not in fitting:
            return None
        return number, replace(count, back={**count.back, number: waiting - 1})
    if rule.total is not None and count.applied >= rule.total:
        return None
    number = count.applied % len(rule.steps)
    return (number, replace(count, applied=count.applied + 1)) if number in fitting else None


def give_back(rules: Sequence[Rule], progress: RuleProgress, faults: Sequence[AssignedFault]) -> RuleProgress:
    """Return the progress after giving back these faults, which did not apply and are to be assigned again."""
    return given_back(rules, progress, [(one.rule, one.step) for one in faults if not one.from_prompt])


def given_back(
    rules: Sequence[Rule], progress: RuleProgress, steps: Sequence[tuple[str, int]]
) -> RuleProgress:
    """Return the progress after giving back these steps of rules."""
    if not steps:
        return progress
    known, counts = {rule.id for rule in rules}, dict(progress.counts)
    for rule, step in steps:
        if rule in known and rule in counts:
            count = counts[rule]
            counts[rule] = replace(count, back={**count.back, step: count.back.get(step, 0) + 1})
    if counts == progress.counts:
        return progress
    return replace(progress, version=progress.version + 1, counts=counts)


def holding(progress: RuleProgress, holder: str, faults: Sequence[AssignedFault]) -> RuleProgress:
    """Return the progress after noting that a call holds these faults too."""
    if not faults:
        return progress
    steps = tuple((one.rule, one.step) for one in faults)
    before = progress.held.get(holder)
    held = Held(wall(), steps) if before is None else replace(before, steps=before.steps + steps)
    return replace(progress, version=progress.version + 1, held={**progress.held, holder: held})


def let_go(progress: RuleProgress, holder: str) -> RuleProgress:
    """Return the progress after a call has ended and holds nothing any more."""
    if holder not in progress.held:
        return progress
    held = {name: one for name, one in progress.held.items() if name != holder}
    return replace(progress, version=progress.version + 1, held=held)
