"""The values that describe a scenario: what is staged for a client, and what it must do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from fauxscale import Fault

from .dates import LISTS

Outcome: TypeAlias = Literal["succeed", "fail", "either"]
Meanwhile: TypeAlias = Literal["", "reordered", "cancelled"]
"""What happens to queued work unknown to the client: nothing; the second of two jobs is done first; a job is
cancelled."""

_OUTCOMES: Mapping[str, str] = {
    "succeed": "must succeed",
    "fail": "must fail cleanly",
    "either": "must succeed or fail cleanly",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What a client must do. In every scenario the saved file must be the picture, enlarged exactly as the provider
    does.

    `calls`: the least and the most calls that ask for work (not polls, not downloads). `waits`: the least seconds
    between the first of them and the second; `poll_waits`: the same for polls. `charges`: the most pieces of work
    paid for. `format`: the format of the saved file, any if empty.
    """

    outcome: Outcome = "succeed"
    calls: tuple[int, int] = (1, 1)
    waits: float = 0.0
    charges: int = 1
    format: str = ""
    poll_waits: float = 0.0

    def __str__(self) -> str:
        said = [_OUTCOMES[self.outcome]]
        least, most = self.calls
        if most > least:
            said.append(f"with {least} to {most} calls")
        elif least > 1:
            said.append(f"with exactly {least} calls")
        else:
            said.append("must not retry")
        if self.waits:
            said.append(f"must wait at least {self.waits:g} s")
        if self.poll_waits:
            said.append(f"must wait at least {self.poll_waits:g} s before it polls again")
        said.append(
            {0: "must not pay", 1: "must not pay twice"}.get(
                self.charges, f"pays {self.charges} times at most"
            )
        )
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class StagedFault:
    """A fault, the operations it applies to (a pattern), and how often (None: always)."""

    fault: Fault
    on: str
    times: int | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One situation. `id` does not change from version to version of the list; `about` says what is staged.

    `picture` names one of pictures.py; `together` is how many clients run at once, each with its own picture.
    `options` are passed to the client. `terms` are the account's (`balance`, `link_ttl`, provider options in
    `options`). `clock`: seconds by which the service's clock is ahead. `only`: the operation without which a client
    cannot get into this situation. `mask` has the picture's size, or another. `since`: the date of the first list
    that has it. `until`: the date of the first list without it.
    """

    id: str
    about: str
    expect: Expect = Expect()
    picture: str = "png-rgb"
    together: int = 1
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    faults: tuple[StagedFault, ...] = ()
    terms: Mapping[str, object] = field(default_factory=dict[str, object])
    key: Literal["good", "wrong"] = "good"
    clock: float = 0.0
    meanwhile: Meanwhile = ""
    only: str = ""
    mask: Literal["fits", "other-size"] = "fits"
    since: str = LISTS[0]
    until: str = ""
