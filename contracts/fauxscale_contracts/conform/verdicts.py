"""Evaluates a client in one scenario by facts: how it ended, what it saved, what it asked for and paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from fauxscale_contracts.profiles.profile import Task

from .candidate import ClientResult, Ending
from .judging import Given, NotJudged, what_is_wrong
from .scenario import Expect

Verdict: TypeAlias = Literal["PASS", "FAIL", "accepted", "not run"]
"""accepted: a FAIL that somebody has declared."""

# Waits are measured by the server, from the end of one call to the start of the next.
_SLACK = 0.02
NO_CALL = "made no call"
EITHER = "must return the picture or fail cleanly"
_MAGIC = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one scenario. `made` and `images` in the order of the clients; `gaps` are seconds between calls for
    work, `poll_gaps` those between polls, `scale` is how much larger the picture is to be. `masks`: as `images`, none
    where no client is given one."""

    made: tuple[ClientResult, ...]
    images: tuple[bytes | None, ...]
    calls: int
    operations: frozenset[str]
    gaps: tuple[float, ...]
    charges: int
    micros: int
    params: Mapping[str, Any]
    options: Mapping[str, object]
    scale: float = 2
    task: Task = "upscale"
    masks: tuple[bytes | None, ...] = ()
    poll_gaps: tuple[float, ...] = ()
    asked: Mapping[str, object] = field(default_factory=dict[str, object])
    """What its list asks for in every scenario; not to be seen where a call was refused before it was read."""

    def given(self) -> list[Given]:
        """What each client was given."""
        masks = self.masks or (None,) * len(self.images)
        return [
            Given(image, mask, {**self.asked, **self.options}, self.scale, self.task)
            for image, mask in zip(self.images, masks, strict=True)
        ]

    def __str__(self) -> str:
        said = [str(one) for one in dict.fromkeys(self.made)]
        said.append(f"{self.calls} call{'' if self.calls == 1 else 's'}")
        if self.gaps:
            said.append("waited " + ", ".join(f"{gap:.2f} s" for gap in self.gaps[:4]))
        said.append(f"${self.micros / 1e6:.2f}")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Measured:
    """The facts of one scenario in numbers: calls for work, the seconds between them, what was paid.

    `called`: whether there was a call of any kind, for work or not.
    """

    endings: tuple[Ending, ...] = ()
    calls: int = 0
    waits: tuple[float, ...] = ()
    poll_waits: tuple[float, ...] = ()
    charges: int = 0
    micros: int = 0
    called: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one scenario. `staged` is what was arranged, `expect` what was right, None where any outcome
    was; `faults` are the reasons of a FAIL, `reason` why it is accepted, `notes` what it left behind and is not judged,
    `again` a command that stages it anew.
    """

    id: str
    verdict: Verdict
    staged: str
    expect: Expect | None
    seen: str
    faults: tuple[str, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    measured: Measured = Measured()
    reason: str = ""
    again: str = ""

    @property
    def expected(self) -> str:
        """What was right, in words."""
        return EITHER if self.expect is None else str(self.expect)


def evaluate(expect: Expect, facts: Facts) -> list[str]:
    """List what the client did wrong, a clause each; empty for a PASS."""
    wrong: list[str] = []
    for made, given in zip(facts.made, facts.given(), strict=True):
        wrong += _ending(expect, made)
        wrong += _saved(expect, made, given)
    least, most = expect.calls
    if facts.calls > most:
        wrong.append(f"called {_times(facts.calls)}, {most} at most")
    elif facts.calls < least:
        wrong.append(f"called {_times(facts.calls)}, {least} at least" if facts.calls else NO_CALL)
    if expect.waits and facts.gaps and facts.gaps[0] < expect.waits - _SLACK:
        wrong.append(f"waited {facts.gaps[0]:.2f} s, not {expect.waits:g} s")
    if expect.poll_waits and facts.poll_gaps and facts.poll_gaps[0] < expect.poll_waits - _SLACK:
        wrong.append(f"polled again after {facts.poll_gaps[0]:.2f} s, not {expect.poll_waits:g} s")
    if facts.charges > expect.charges:
        wrong.append(f"paid {_times(facts.charges)}, {expect.charges} at most")
    wrong += [
        f"was asked for {name}={value!r} and sent {facts.params.get(name)!r}"
        for name, value in facts.options.items()
        if facts.calls and facts.params.get(name) != value
    ]
    wrong += [
        f"was asked for {name}={value!r} and sent {facts.params.get(name)!r}"
        for name, value in facts.asked.items()
        if facts.params and name not in facts.options and facts.params.get(name) != value
    ]
    return list(dict.fromkeys(wrong))


def _ending(expect: Expect, made: ClientResult) -> list[str]:
    what = f": {made.said}" if made.said else ""
    if made.ending in ("crashed", "hung"):
        return [f"{made.ending}{what}"]
    wrong: list[str] = []
    if made.ending == "failed":
        if expect.outcome == "succeed":
            wrong.append(f"failed{what}")
        if made.picture is not None or made.unread:
            wrong.append("failed and left an output file")
    elif expect.outcome == "fail":
        wrong.append("says it succeeded")
    if made.ending == "returned" and made.picture is None and not made.unread:
        wrong.append(f"says it succeeded and saved nothing{what}")
    return wrong


def _saved(expect: Expect, made: ClientResult, given: Given) -> list[str]:
    saved, what = made.picture, "text" if given.task == "describe" else "picture"
    if made.unread:
        return [f"saved a wrong {what}: {made.unread}"]
    if saved is None:
        return []
    try:
        wrong = what_is_wrong(given, saved)
    except NotJudged:
        return [f"saved a {what} although there was none"]
    if wrong:
        return [f"saved a wrong {what}: it {wrong}"]
    if expect.format and not saved.startswith(_MAGIC[expect.format]):
        kind = next((name for name, magic in _MAGIC.items() if saved.startswith(magic)), "another file")
        return [f"saved a wrong picture: {kind} under a name that says {expect.format}"]
    return []


def is_silent(findings: Sequence[Finding]) -> bool:
    """Tell whether the client made no call of any kind, though it had to, and nobody has accepted that."""
    had_to = any(NO_CALL in one.faults and one.verdict == "FAIL" for one in findings)
    return had_to and not any(one.measured.called for one in findings)


def counts(findings: Sequence[Finding]) -> tuple[int, int]:
    """Count each PASS, and each FAIL that was not accepted."""
    return (
        sum(one.verdict == "PASS" for one in findings),
        sum(one.verdict == "FAIL" for one in findings),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
