"""What is armed on an account: faults still to come, a clock that was moved, terms of its own."""

from __future__ import annotations

from msgspec import Struct

from fauxscale.clock import wall
from fauxscale.faults import to_json
from fauxscale.state.account import Account


class ArmedFault(Struct, frozen=True):
    """A fault rule that is not used up. `left` counts the calls it still applies to, None for ever."""

    id: str
    on: str
    script: list[dict[str, object]]
    left: int | None
    after: int
    probability: float | None


class Armed(Struct, frozen=True):
    """What makes an account answer otherwise than at first. `ahead` is by how many seconds its clock is ahead of real
    time; `terms` are the ones of its own that are set."""

    faults: list[ArmedFault]
    ahead: float
    frozen: bool
    terms: dict[str, object]

    def __bool__(self) -> bool:
        return bool(self.faults or self.terms or self.ahead or self.frozen)


async def armed(account: Account) -> Armed:
    """Read what is armed on an account: one batch, and one more where it has fault rules."""
    head = await account.head.read()
    rules = await account.faults.rules() if head.rules else []
    clock = account.clock_of(head)
    ahead = clock.offset if clock.frozen_at is None else clock.frozen_at - wall() - clock.ahead
    return Armed(
        [
            ArmedFault(
                rule.id,
                rule.on,
                [to_json(step) for step in rule.steps],
                None if rule.total is None else rule.total - applied,
                rule.after,
                rule.probability,
            )
            for rule, applied in rules
            if rule.total is None or applied < rule.total
        ],
        round(ahead, 3),
        clock.frozen_at is not None,
        head.terms.to_mapping(),
    )
