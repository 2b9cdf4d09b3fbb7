"""Evaluates a client in one scenario by facts: how it ended, what it saved, what it asked for and paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fauxscale import assert_is_upscale_of
from fauxscale_contracts.contract.violations import brief

from .candidate import ClientResult
from .scenario import Expect

Verdict: TypeAlias = Literal["PASS", "FAIL", "accepted", "not run"]
"""accepted: a FAIL that somebody has declared."""

# Waits are measured by the server, from the end of one call to the start of the next.
_SLACK = 0.02
NO_CALL = "made no call"
_MAGIC = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF"}


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one scenario. `made` and `images` in the order of the clients; `gaps` are seconds between calls for
    work, `scale` is how much larger the picture is to be."""

    made: tuple[ClientResult, ...]
    images: tuple[bytes, ...]
    calls: int
    operations: frozenset[str]
    gaps: tuple[float, ...]
    charges: int
    micros: int
    params: Mapping[str, Any]
    options: Mapping[str, object]
    scale: float = 2

    def __str__(self) -> str:
        said = [str(one) for one in dict.fromkeys(self.made)]
        said.append(f"{self.calls} call{'' if self.calls == 1 else 's'}")
        if self.gaps:
            said.append("waited " + ", ".join(f"{gap:.2f} s" for gap in self.gaps[:4]))
        said.append(f"${self.micros / 1e6:.2f}")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one scenario. `faults` are the reasons of a FAIL, `notes` what it left behind
    and is not judged, `calls` those for work."""

    id: str
    verdict: Verdict
    expected: str
    seen: str
    faults: tuple[str, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    calls: int = 0


def evaluate(expect: Expect, facts: Facts) -> list[str]:
    """List what the client did wrong, a clause each; empty for a PASS."""
    wrong: list[str] = []
    for made, image in zip(facts.made, facts.images, strict=True):
        wrong += _ending(expect, made)
        wrong += _picture(expect, made, image, facts.scale)
    least, most = expect.calls
    if facts.calls > most:
        wrong.append(f"called {_times(facts.calls)}, {most} at most")
    elif facts.calls < least:
        wrong.append(f"called {_times(facts.calls)}, {least} at least" if facts.calls else NO_CALL)
    if expect.waits and facts.gaps and facts.gaps[0] < expect.waits - _SLACK:
        wrong.append(f"waited {facts.gaps[0]:.2f} s, not {expect.waits:g} s")
    if facts.charges > expect.charges:
        wrong.append(f"paid {_times(facts.charges)}, {expect.charges} at most")
    wrong += [
        f"was asked for {name}={value!r} and sent {facts.params.get(name)!r}"
        for name, value in facts.options.items()
        if facts.calls and facts.params.get(name) != value
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


def _picture(expect: Expect, made: ClientResult, image: bytes, scale: float) -> list[str]:
    saved = made.picture
    if made.unread:
        return [f"saved a wrong picture: {made.unread}"]
    if saved is None:
        return []
    try:
        assert_is_upscale_of(saved, image, scale)
    except AssertionError as error:
        return [f"saved a wrong picture: it {brief(str(error).removeprefix('the result '), 120)}"]
    except (OSError, SyntaxError, ValueError):
        return ["saved a picture of something that is none"]
    if expect.format and not saved.startswith(_MAGIC[expect.format]):
        kind = next((name for name, magic in _MAGIC.items() if saved.startswith(magic)), "another file")
        return [f"saved a wrong picture: {kind} under a name that says {expect.format}"]
    return []


def is_silent(findings: Sequence[Finding]) -> bool:
    """Tell whether the client never made a call for work, though it had to."""
    return any(NO_CALL in one.faults for one in findings) and not any(one.calls for one in findings)


def counts(findings: Sequence[Finding]) -> tuple[int, int]:
    """Count each PASS, and each FAIL that was not accepted."""
    return (
        sum(one.verdict == "PASS" for one in findings),
        sum(one.verdict == "FAIL" for one in findings),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
