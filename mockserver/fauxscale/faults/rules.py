"""Fault rules: when faults apply, their steps, and a step as it is assigned to one call."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct, field

from fauxscale.errors import Problem

from .catalogue import from_json, to_json
from .fault import Fault, kind_of
from .replies import UnsafeImage


class Rule(Struct, frozen=True):
    """Says when faults apply: one step for each matching call, in order, `times` rounds of them (None: for ever).

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

    def to_members(self) -> dict[str, object]:
        """Return this rule as JSON members."""
        members = {"id": self.id, "on": self.on, "times": self.times, "after": self.after}
        return {**members, "probability": self.probability, "steps": [to_json(step) for step in self.steps]}

    @classmethod
    def from_members(cls, members: Mapping[str, Any]) -> Rule:
        others = {name: value for name, value in members.items() if name != "steps"}
        return cls(steps=tuple(from_json(step) for step in members["steps"]), **others)

    @property
    def total(self) -> int | None:
        return None if self.times is None else self.times * len(self.steps)

    def fits(self, step: Fault, operation: str, kind: str) -> bool:
        """Whether a step may apply to a call of this operation and request kind."""
        provider, own = operation.partition(".")[0], kind_of(step)
        if kind == "upstream":
            # A gateway's call for its client: only rules that name the upstream apply to it.
            named = self.on.partition(".")[0] == provider
            return named and own == "api" and fnmatchcase(operation, self.on)
        if kind == "inline":
            # A picture about to be sent inside a reply: only faults of pictures apply to it.
            return type(step).kind == "download" and fnmatchcase(operation, self.on)
        if kind == "download":
            if self.on.endswith("download"):
                return fnmatchcase(operation, self.on)
            return own == "download" and fnmatchcase(provider, self.on.partition(".")[0])
        return own == "api" and fnmatchcase(operation, self.on)


class AssignedFault(Struct, frozen=True):
    """A fault assigned to one call: step number `step` of a rule. If it does not apply, it goes back to the plan.

    `from_prompt`: the call's own prompt named it (`fauxscale:429`), not a rule.
    """

    rule: str
    fault: Fault
    step: int = 0
    from_prompt: bool = field(default=False)

    def outlasts(self, rule: str) -> bool:
        """Whether it applied although the work was refused by this rule: a fault of the outcome did not, unless it
        caused the refusal."""
        if self.fault.stage != "outcome":
            return True
        return isinstance(self.fault, UnsafeImage) and (self.fault.refuse or rule == Problem.UNSAFE)
