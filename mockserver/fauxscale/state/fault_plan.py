"""The fault plan: assigns the steps of an account's rules to calls, each exactly as often as configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fauxscale.clock import wall
from fauxscale.faults.rules import AssignedFault, Rule

from .batch import Batch, Ref
from .fault_progress import Assignment, Count, RuleProgress, assign, give_back, given_back, holding, let_go
from .head import Head, HeadRoom
from .renewal import LEASE_LIFE, Renewal
from .scope import Scope
from .turns import Turns


class Plan:
    """The faults configured for one account. `luck` rolls its dice: from a label and a number, 0 to 1."""

    _MOST = 10_000
    _MOST_ASKED = 100

    def __init__(self, scope: Scope, luck: Callable[[str, int], float]) -> None:
        self._scope = scope
        self._head = HeadRoom(scope)
        self._luck = luck
        self._progress = scope.key("faults", "progress")
        # The running calls of this process that hold faults, and of which rules.
        self._holders: dict[str, frozenset[str]] = {}
        self._renewal = Renewal(scope, self._add_renewals)
        self._newest = RuleProgress()
        self.turns = Turns()

    def get_progress(self, batch: Batch) -> Ref[RuleProgress | None]:
        return batch.get(self._progress, RuleProgress)

    def newest(self, progress: RuleProgress) -> RuleProgress:
        """Return the newest progress that this process knows: this one, or one that another call has read meanwhile."""
        if progress.version > self._newest.version:
            self._newest = progress
        return self._newest

    def add_progress(self, batch: Batch, before: RuleProgress, after: RuleProgress) -> Ref[None]:
        """Store the progress of the rules; refuse the batch if another call has changed it since `before`."""
        known = before.version or None
        current = batch.expect(self._progress, known, member="version" if known else "", kind=RuleProgress)
        if after is not before:
            batch.put(self._progress, after, counts=True)
        return current

    def assignment(
        self,
        head: Head,
        progress: RuleProgress,
        operation: str,
        kind: str,
        method: str = "",
        holder: str = "",
    ) -> Assignment:
        """Assign to a call the faults that the rules of this head have for it, and note them as held by `holder`, if
        given."""
        found = assign(
            head.rules, progress, operation, kind, method, lambda number: self._luck(head.label, number)
        )
        if not (holder and found.faults):
            return found
        return replace(found, progress=holding(found.progress, holder, found.faults))

    def add_mark(self, batch: Batch, holder: str) -> None:
        """Store that a call which holds faults is alive, for a while."""
        batch.put(self._mark(holder), value=True, ttl=LEASE_LIFE, counts=True)

    def hold(self, holder: str, faults: Sequence[AssignedFault]) -> None:
        """Renew a call's mark for as long as this process lives and the call runs."""
        rules = frozenset(one.rule for one in faults)
        self._holders[holder] = self._holders.get(holder, frozenset[str]()) | rules
        self._renewal.begin()

    def holds(self, holder: str) -> bool:
        """Whether a call holds faults, as far as this process knows."""
        return holder in self._holders

    def is_lost(self, head: Head, progress: RuleProgress, holder: str) -> bool:
        """Whether other processes took a call for dead and gave its faults back. False if its rules were removed."""
        known = {rule.id for rule in head.rules}
        return holder not in progress.held and not known.isdisjoint(self._holders.get(holder, ()))

    def let_go(self, holder: str) -> None:
        """Stop renewing a call's mark."""
        self._holders.pop(holder, None)

    def add_release(self, batch: Batch, holder: str) -> None:
        """Delete a call's mark."""
        batch.delete(self._mark(holder))

    def _add_renewals(self, batch: Batch) -> None:
        for holder in self._holders:
            self.add_mark(batch, holder)

    def _mark(self, holder: str) -> str:
        return self._scope.key("faults", f"holder:{holder}")

    async def recovered(self, head: Head, progress: RuleProgress) -> RuleProgress:
        """Return the progress after giving back what calls of dead processes held."""
        late = wall() - LEASE_LIFE
        old = [name for name, one in progress.held.items() if one.since < late and name not in self._holders]
        if not old:
            return progress
        batch = Batch()
        marks = {name: batch.get(self._mark(name), bool) for name in old[: self._MOST_ASKED]}
        outcome = await self._scope.store.run(batch)
        for name, mark in marks.items():
            if outcome.of(mark) is None:
                steps = progress.held[name].steps
                progress = given_back(head.rules, let_go(progress, name), steps)
        return progress

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
        await self._advance(lambda head, progress: replace(progress, counts={}, held={}))

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

    async def assign(
        self, operation: str, kind: str, method: str = "", holder: str = ""
    ) -> list[AssignedFault]:
        """Assign faults to a call, each counted as applied until it is given back."""
        faults: list[AssignedFault] = []

        def step(head: Head, progress: RuleProgress) -> RuleProgress:
            assignment = self.assignment(head, progress, operation, kind, method, holder)
            faults[:] = assignment.faults
            return assignment.progress

        def mark(batch: Batch) -> None:
            if holder and faults:
                self.add_mark(batch, holder)

        if not await self._advance(step, mark):
            return []
        if holder and faults:
            self.hold(holder, faults)
        return faults

    async def give_back(self, *faults: AssignedFault) -> None:
        """Give back faults of a call that ended before they could apply: the next matching call gets them."""
        await self._advance(lambda head, progress: give_back(head.rules, progress, faults))

    async def _advance(
        self,
        step: Callable[[Head, RuleProgress], RuleProgress],
        also: Callable[[Batch], None] = lambda batch: None,
    ) -> bool:
        """Change the progress by a step, and do what goes with it; False if the account is gone. Retries if another
        call was faster."""
        with self.turns.turn() as turn:
            while True:
                head, before = await self._standing()
                if self._scope.guarded and head.generation != self._scope.generation:
                    return False
                after = step(head, before)
                if after == before:
                    return True
                batch = Batch()
                self._head.expect(batch, head)
                after = replace(after, version=before.version + 1)
                self.add_progress(batch, before, after)
                also(batch)
                if (await self._scope.store.run(batch)).refusal is None:
                    self.newest(after)
                    return True
                await turn.wait()

    async def _standing(self) -> tuple[Head, RuleProgress]:
        batch = Batch()
        head, progress = self._head.get(batch), self.get_progress(batch)
        outcome = await self._scope.store.run(batch)
        return self._head.or_first(outcome.of(head)), outcome.of(progress) or RuleProgress()
