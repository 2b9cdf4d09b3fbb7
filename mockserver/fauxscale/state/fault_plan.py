"""The fault plan: assigns the steps of an account's rules to calls, each exactly as often as configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fauxscale.faults.fault import BEYOND
from fauxscale.faults.rules import AssignedFault, Rule

from .batch import Batch, Ref
from .head import Head, HeadRoom
from .scope import Scope


@dataclass(frozen=True, slots=True)
class Count:
    """The progress of a rule: calls that `after` spared, steps assigned, and those given back, by step."""

    spared: int = 0
    applied: int = 0
    back: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True)
class RuleProgress:
    """The progress of all rules of an account, and how often its dice were rolled for them."""

    version: int = 0
    rolls: int = 0
    counts: Mapping[str, Count] = field(default_factory=dict[str, Count])


@dataclass(frozen=True, slots=True)
class Assignment:
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
    """Assign faults to a call: of the first rule that still has one to give, and any that combine with it.

    They are in the order in which they apply: what only delays a call before what ends it, what replaces a
    reply before what changes it. `luck` gives a number from 0 to 1 for each number of a roll; only rules with a
    probability roll, so that adding a counted fault moves no other. What a call of this HTTP `method` cannot
    show is not assigned to it.
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
        # Whom `after` spares and the dice choose is settled by the calls there are, not by other faults.
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
        progress = RuleProgress(progress.version + 1, rolls, counts)
    return Assignment(tuple(faults), progress)


def _next(rule: Rule, count: Count, fitting: set[int]) -> tuple[int, Count] | None:
    """The next step of a rule, if it is one of those that fit: a script waits for the call of its next step."""
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
    known, counts = {rule.id for rule in rules}, dict(progress.counts)
    for one in faults:
        if not one.from_prompt and one.rule in known and one.rule in counts:
            count = counts[one.rule]
            counts[one.rule] = replace(count, back={**count.back, one.step: count.back.get(one.step, 0) + 1})
    return (
        progress if counts == progress.counts else RuleProgress(progress.version + 1, progress.rolls, counts)
    )


class Plan:
    """The faults configured for one account. `luck` rolls its dice: from a label and a number, 0 to 1."""

    _MOST = 10_000

    def __init__(self, scope: Scope, luck: Callable[[str, int], float]) -> None:
        self._scope = scope
        self._head = HeadRoom(scope)
        self._luck = luck
        self._progress = scope.key("faults", "progress")

    def get_progress(self, batch: Batch) -> Ref[RuleProgress | None]:
        return batch.get(self._progress, RuleProgress)

    def add_progress(self, batch: Batch, before: RuleProgress, after: RuleProgress) -> Ref[None]:
        """Store the progress of the rules; refuse the batch if another call has changed it since `before`."""
        known = before.version or None
        current = batch.expect(self._progress, known, member="version" if known else "", kind=RuleProgress)
        if after is not before:
            batch.put(self._progress, after, counts=True)
        return current

    def assignment(
        self, head: Head, progress: RuleProgress, operation: str, kind: str, method: str = ""
    ) -> Assignment:
        """Assign to a call what the rules of this head have for it."""
        return assign(
            head.rules, progress, operation, kind, method, lambda number: self._luck(head.label, number)
        )

    async def add(self, rule: Rule) -> Rule:
        def change(head: Head) -> Head:
            made = head.rules_made + 1
            rules = (*head.rules, replace(rule, id=f"fault_{made}"))[-self._MOST :]
            return replace(head, rules=rules, rules_made=made)

        return (await self._head.change(change)).rules[-1]

    async def remove(self, rule_id: str) -> bool:
        """Remove one rule; False if there is none of that id."""
        if rule_id not in [rule.id for rule in (await self._head.read()).rules]:
            return False
        await self._head.change(
            lambda head: replace(head, rules=tuple(rule for rule in head.rules if rule.id != rule_id))
        )
        return True

    async def clear(self) -> None:
        """Remove every rule."""
        await self._head.change(lambda head: replace(head, rules=()))
        await self._advance(lambda head, progress: replace(progress, counts={}))

    async def rewind(self) -> None:
        """Reset the dice of the rules."""
        await self._advance(lambda head, progress: replace(progress, rolls=0))

    async def rules(self) -> list[tuple[Rule, int]]:
        """List every rule with how often it has applied, in the order in which they were added."""
        head, progress = await self._standing()
        found: list[tuple[Rule, int]] = []
        for rule in head.rules:
            count = progress.counts.get(rule.id, Count())
            found.append((rule, count.applied - sum(count.back.values())))
        return found

    async def assign(self, operation: str, kind: str, method: str = "") -> list[AssignedFault]:
        """Assign faults to a call, each counted as applied until it is given back."""
        faults: list[AssignedFault] = []

        def step(head: Head, progress: RuleProgress) -> RuleProgress:
            assignment = self.assignment(head, progress, operation, kind, method)
            faults[:] = assignment.faults
            return assignment.progress

        return faults if await self._advance(step) else []

    async def give_back(self, *faults: AssignedFault) -> None:
        """Give back faults of a call that ended before they could apply: the next matching call gets them."""
        await self._advance(lambda head, progress: give_back(head.rules, progress, faults))

    async def _advance(self, step: Callable[[Head, RuleProgress], RuleProgress]) -> bool:
        """Change the progress by a step; False if the account is gone. Tries again if another call was faster."""
        while True:
            head, before = await self._standing()
            if self._scope.guarded and head.generation != self._scope.generation:
                return False
            after = step(head, before)
            if after == before:
                return True
            batch = Batch()
            self._head.expect(batch, head)
            self.add_progress(batch, before, replace(after, version=before.version + 1))
            if (await self._scope.store.run(batch)).refusal is None:
                return True

    async def _standing(self) -> tuple[Head, RuleProgress]:
        batch = Batch()
        head, progress = self._head.get(batch), self.get_progress(batch)
        outcome = await self._scope.store.run(batch)
        return self._head.or_first(outcome.of(head)), outcome.of(progress) or RuleProgress()
