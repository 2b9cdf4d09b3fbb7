"""What is at stake in a scenario, by what it stages, and the order of scenarios by that: money first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from fauxscale_contracts.profiles.profile import Profile

from .scenario import Scenario, StagedFault

Stake: TypeAlias = Literal["paid-work", "paid-result", "jobs", "waits", "outages", "refusals", "inputs"]
STAKES: tuple[Stake, ...] = get_args(Stake)
"""From the most expensive on."""
TITLES = {
    "paid-work": "Paid, and the reply is lost or unreadable: asking again pays again",
    "paid-result": "Paid, and the picture is not what was paid for",
    "jobs": "Jobs: paid when they finish, polled until then",
    "waits": "Told to wait",
    "outages": "Server errors and broken connections, no work done",
    "refusals": "Refused: asking again mends nothing",
    "inputs": "Pictures, options and clocks",
}
# Faults that do not spoil the reply: it comes late, or with something new.
_HARMLESS = ("SlowDrip", "ExtraFields", "Delay")
_PICTURES = ("SameSize", "Smaller", "ForgedUrl")


def stake_of(scenario: Scenario, profile: Profile) -> Stake:
    """What a client loses that handles this scenario wrongly."""
    if scenario.faults:
        stakes = {_of_fault(one, profile) for one in scenario.faults}
        return next(one for one in STAKES if one in stakes)
    if scenario.only or scenario.meanwhile:
        return "jobs"
    if "link_ttl" in scenario.terms:
        return "paid-result"
    if scenario.together > 1:
        return "waits"
    return "refusals" if scenario.expect.charges == 0 else "inputs"


def dearest_first(every: Iterable[Scenario], profile: Profile) -> list[Scenario]:
    """Order scenarios by what is at stake, and within that as in their list."""
    return sorted(every, key=lambda one: STAKES.index(stake_of(one, profile)))


def _of_fault(staged: StagedFault, profile: Profile) -> Stake:
    fault, kind = staged.fault, type(staged.fault).__name__
    status: int | None = getattr(fault, "status", None)
    job = profile.job
    if fault.stage == "webhook" or (job is not None and staged.on in (job.status, job.result)):
        return "jobs"
    if kind in _HARMLESS:
        return "inputs"
    if getattr(fault, "refuse", False):
        return "refusals"
    if staged.on == profile.download or fault.kind == "download" or kind in _PICTURES:
        return "paid-result"
    if fault.stage in ("reply", "outcome"):
        return "paid-work"
    if status is None:
        return "outages"
    if status == 429 or getattr(fault, "retry_after", None) is not None:
        return "waits"
    return "outages" if status >= 500 else "refusals"
