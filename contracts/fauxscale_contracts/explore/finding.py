"""A finding of an exploration: a test, a situation, the verdict, and what the client did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import Any

from fauxscale.client import CallRecord
from fauxscale_contracts.conform.advice import more_about, topic_of

from .played import Played, Timeout
from .situations import Situation
from .verdict import Judgement, Level

PLAIN = "without-situation"
"""Stands for a situation where a test is run as it is."""
LEVELS: tuple[Level, ...] = ("wrong", "look", "accepted", "withdrawn", "not tried", "not met", "fine")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploredCall:
    """The verdict on one test in one situation. `timeline`: what the client did, a line for each call and wait.
    `reason`: why it is accepted, withdrawn or not tried. `kept`: a test to keep, "" where none can be written."""

    test: str
    situation: str
    level: Level
    staged: str
    reasons: tuple[str, ...] = ()
    timeline: tuple[str, ...] = ()
    reason: str = ""
    kept: str = ""

    @property
    def advice(self) -> str:
        """What a good client does."""
        if self.situation == PLAIN:
            return "Request only as many pictures as you use: each one is paid for."
        return topic_of(self.situation.partition("@")[0]).advice

    @property
    def more(self) -> str:
        """The command that says more; "" where none does."""
        return "" if self.situation == PLAIN else more_about(self.situation.partition("@")[0])

    @property
    def told(self) -> bool:
        """Whether it is told in full: something is wrong, or somebody should look."""
        return self.level in ("wrong", "look")

    def lines(self) -> list[str]:
        """All about it, a line each."""
        parts = (
            ("staged", self.staged),
            ("happened", "; ".join(self.reasons)),
            ("because", self.reason),
            ("what to do", self.advice if self.told else ""),
            ("more", self.more if self.told else ""),
        )
        said = [*(f"{name}: {text}" for name, text in parts if text), *(f"  {one}" for one in self.timeline)]
        kept = [f"  {one}" for one in self.kept.split("\n") if one]
        return [*said, *(["regression test:"] if kept else []), *kept]

    def to_members(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> ExploredCall:
        texts: dict[str, Any] = {name: tuple(members[name]) for name in ("reasons", "timeline")}
        return cls(**{**dict(members), **texts})


@dataclass(frozen=True, slots=True)
class Exploration:
    """All of a run: `findings`; `skipped` tests with the reason; `notes` on what was left out."""

    findings: Sequence[ExploredCall]
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()

    @property
    def counts(self) -> Counter[Level]:
        """How often each level is there."""
        return Counter(one.level for one in self.findings)

    @property
    def told(self) -> list[ExploredCall]:
        """What is wrong or to be looked at, the worst first."""
        return sorted((one for one in self.findings if one.told), key=lambda one: LEVELS.index(one.level))

    def without(self, tests: Iterable[str]) -> Exploration:
        """The same, with what was found of these tests withdrawn: they fail without any situation by now."""
        left = set(tests)
        why = "the test now fails in the normal run: an earlier test affects it"
        return replace(
            self,
            findings=[
                replace(one, level="withdrawn", reason=why) if one.test in left and one.told else one
                for one in self.findings
            ],
        )


def finding_of(
    test: str, situation: Situation, judgement: Judgement, seen: Played, reason: str = "", kept: str = ""
) -> ExploredCall:
    """Put a verdict into words."""
    told = judgement.level in ("wrong", "look")
    return ExploredCall(
        test=test,
        situation=situation.id,
        level=judgement.level,
        staged=situation.scenario.about,
        reasons=judgement.reasons,
        timeline=tuple(timeline(seen)) if told else (),
        reason=reason,
        kept=kept if told else "",
    )


def plain_finding(test: str, judgement: Judgement, seen: Played) -> ExploredCall:
    """Put the verdict on a run without any situation into words."""
    return ExploredCall(
        test=test,
        situation=PLAIN,
        level=judgement.level,
        staged="nothing: the normal run",
        reasons=judgement.reasons,
        timeline=tuple(timeline(seen)),
    )


def timeline(seen: Played) -> Iterable[str]:
    """What a client did, a line for each call and sleep, with seconds since the first call."""
    if not seen.calls:
        return
    begun = seen.calls[0].started
    events = [(one.started, _call(one)) for one in seen.calls]
    events += [(one.at, f"waits {_seconds(one.seconds)} s") for one in seen.sleeps or ()]
    events += [(one.at, _gives_up(one)) for one in seen.timeouts]
    for what, same in groupby(sorted(events), key=lambda one: one[1]):
        (at, _), *more = same
        times = f", {len(more) + 1} times" if more else ""
        yield f"{max(at - begun, 0):6.2f} s  {what}{times}"
    ended = f": {seen.said}" if seen.said else ""
    yield f"   then    {_ENDINGS[seen.ending]}{ended}"


def _gives_up(one: Timeout) -> str:
    return (
        "would wait forever"
        if one.seconds is None
        else f"gives up after {_seconds(one.seconds)} s without a reply"
    )


def _seconds(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def _call(one: CallRecord) -> str:
    status = "no reply" if one.status is None else str(one.status)
    said = [one.operation, status, *(["did not arrive"] if one.status and not one.arrived else [])]
    said += [f"({', '.join(one.faults)})"] if one.faults else []
    said += [f"${one.cost / 1e6:.2f}"] if one.cost else []
    return "  ".join(said)


_ENDINGS = {
    "passed": "the test passed",
    "assertion": "only the test's own assertion failed",
    "surprise": "the client crashed",
    "failed": "the client raised an error",
}
