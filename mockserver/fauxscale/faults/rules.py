"""When faults apply: rules with their steps, and the plan that assigns each step exactly as often as configured."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from fauxscale.errors import Problem
from fauxscale.state.store import Store

from .catalogue import from_json, to_json
from .fault import BEYOND, Fault, kind_of
from .replies import UnsafeImage


@dataclass(frozen=True, slots=True)
class Rule:
    """When faults apply: one step for each matching call, in order, `times` rounds of them (None: for ever).

    `on` is an operation or a pattern (`ideogram.*`, `*`, `*.download`); the first `after` matching calls are
    left alone, whatever else applies to them; with a `probability` the fault applies only so often, by the
    account's own seeded dice. Faults of downloads apply to reads of the links of the provider that `on` names.
    """

    id: str
    steps: tuple[Fault, ...]
    on: str = "*"
    times: int | None = 1
    after: int = 0
    probability: float | None = None

    @property
    def total(self) -> int | None:
        return None if self.times is None else self.times * len(self.steps)

    def fits(self, step: Fault, operation: str, kind: str) -> bool:
        """Whether a step may apply to a call of this operation and request kind."""
        provider, own = operation.partition(".")[0], kind_of(step)
        if kind == "upstream":
            # A call a gateway makes for its client: only rules that name the upstream apply to it.
            named = self.on.partition(".")[0] == provider
            return named and own == "api" and fnmatchcase(operation, self.on)
        if kind == "inline":
            # A picture about to be sent inside a reply: only what can go wrong with a picture applies to it.
            return type(step).kind == "download" and fnmatchcase(operation, self.on)
        if kind == "download":
            if self.on.endswith("download"):
                return fnmatchcase(operation, self.on)
            return own == "download" and fnmatchcase(provider, self.on.partition(".")[0])
        return own == "api" and fnmatchcase(operation, self.on)


@dataclass(frozen=True, slots=True)
class AssignedFault:
    """A fault assigned to one call: step number `step` of a rule. Not applied, it goes back to the plan.

    `from_prompt`: the call's own prompt named it (`fauxscale:429`), no rule did."""

    rule: str
    fault: Fault
    step: int = 0
    from_prompt: bool = field(default=False)

    def outlasts(self, rule: str) -> bool:
        """Whether it applied although nothing came of the work, which was refused by this rule: a fault of the
        outcome did not, unless it is what refused."""
        if self.fault.stage != "outcome":
            return True
        return isinstance(self.fault, UnsafeImage) and (self.fault.refuse or rule == Problem.UNSAFE)


class Plan:
    """The faults ordered for one account."""

    _MOST = 10_000

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._rules = f"{prefix}rules"
        self._counts = f"{prefix}rule:"

    async def add(self, rule: Rule) -> Rule:
        number = await self._store.add(f"{self._counts}made", 1)
        rule = replace(rule, id=f"fault_{number}")
        await self._store.append(
            self._rules, rule_to_json(rule), most=self._MOST, most_bytes=16 * 1024 * 1024
        )
        return rule

    async def remove(self, rule_id: str) -> bool:
        """Take one rule back; False if there is none of that id."""
        if rule_id not in [rule.id for rule, _ in await self.rules()]:
            return False
        await self._store.put(f"{self._counts}{rule_id}:removed", b"1")
        return True

    async def clear(self) -> None:
        """Forget every rule. No id is given twice, so that nothing given back late can wake a new rule."""
        rules = [rule_from_json(row) for row in await self._store.items(self._rules)]
        await self._store.delete(self._rules)
        for rule in rules:
            await self._store.clear(f"{self._counts}{rule.id}:")

    async def rules(self) -> list[tuple[Rule, int]]:
        """Every rule with how often it has applied, in the order in which they were added."""
        found: list[tuple[Rule, int]] = []
        for row in await self._store.items(self._rules):
            rule = rule_from_json(row)
            if await self._store.get(f"{self._counts}{rule.id}:removed") is None:
                applied = await self._store.count(f"{self._counts}{rule.id}:applied") or 0
                found.append(
                    (rule, applied - (await self._store.count(f"{self._counts}{rule.id}:back") or 0))
                )
        return found

    async def assign(
        self, operation: str, kind: str, roll: Callable[[], Awaitable[float]], method: str = ""
    ) -> list[AssignedFault]:
        """The faults this call gets: the first rule that still has one to give, and any that combine with it.

        They are in the order in which they apply: what only delays a call before what ends it, what replaces a
        reply before what changes it. `roll` gives a number from 0 to 1; it is asked only by rules with a
        probability, so that adding a counted fault moves no other draw. What a call of this HTTP `method` cannot
        show is not dealt to it.
        """
        assigned: list[AssignedFault] = []
        beyond, full = BEYOND.get(method, frozenset[str]()), False
        for row in await self._store.items(self._rules):
            rule = rule_from_json(row)
            fitting = {
                number
                for number, step in enumerate(rule.steps)
                if rule.fits(step, operation, kind) and step.stage not in beyond
            }
            # Whom `after` spares and the dice choose is settled by the calls there are, not by other faults.
            if not fitting or not await self._chooses(rule, roll):
                continue
            if full:
                fitting = {number for number in fitting if rule.steps[number].combines}
            order = await self._assign_one(rule, fitting)
            if order is not None:
                assigned.append(order)
                full = full or not order.fault.combines
        return sorted(assigned, key=lambda order: order.fault.combines != (order.fault.stage == "call"))

    async def _chooses(self, rule: Rule, roll: Callable[[], Awaitable[float]]) -> bool:
        counter = f"{self._counts}{rule.id}"
        if await self._store.get(f"{counter}:removed") is not None:
            return False
        if rule.after and await self._store.add(f"{counter}:seen", 1, most=rule.after) is not None:
            return False
        return rule.probability is None or await roll() < rule.probability

    async def _assign_one(self, rule: Rule, fitting: Collection[int]) -> AssignedFault | None:
        """The step whose turn it is, if it is one of those that fit: a script waits for the call it stands at."""
        counter = f"{self._counts}{rule.id}"
        if await self._store.count(f"{counter}:back"):
            for number, step in enumerate(rule.steps):
                if number in fitting and await self._take_back(counter, number):
                    return AssignedFault(rule.id, step, number)
                if await self._store.count(f"{counter}:back:{number}"):
                    return None
        while True:
            applied = await self._store.count(f"{counter}:applied") or 0
            if rule.total is not None and applied >= rule.total:
                return None
            number = applied % len(rule.steps)
            if number not in fitting:
                return None
            # Exactly one more, or another call took this step meanwhile.
            if (
                await self._store.add(f"{counter}:applied", 1, least=applied + 1, most=applied + 1)
                is not None
            ):
                return AssignedFault(rule.id, rule.steps[number], number)

    async def _take_back(self, counter: str, number: int) -> bool:
        if await self._store.add(f"{counter}:back:{number}", -1, least=0) is None:
            return False
        await self._store.add(f"{counter}:back", -1, least=0)
        return True

    async def give_back(self, order: AssignedFault) -> None:
        """The call ended before this fault could apply: the next matching call gets it."""
        counter = f"{self._counts}{order.rule}"
        if not order.from_prompt and await self._store.count(f"{counter}:applied") is not None:
            await self._store.add(f"{counter}:back:{order.step}", 1)
            await self._store.add(f"{counter}:back", 1)


def rule_to_json(rule: Rule) -> bytes:
    words = {"id": rule.id, "on": rule.on, "times": rule.times, "after": rule.after}
    steps = [to_json(step) for step in rule.steps]
    return json.dumps(words | {"probability": rule.probability, "steps": steps}).encode()


def rule_from_json(row: bytes) -> Rule:
    words = json.loads(row)
    return Rule(**words | {"steps": tuple(from_json(step) for step in words["steps"])})
