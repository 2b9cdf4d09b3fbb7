"""Judges a client's behaviour in a situation against its behaviour without it: wrong, worth a look, or fine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fauxscale import CorruptChunk, HtmlWith200, SameSize, Smaller, Truncate, WrongContentLength, WrongFormat
from fauxscale.client import CallRecord
from fauxscale_contracts.conform.common_scenarios import PAID

from .played import FINAL, Played, Usual
from .situations import Situation

Level: TypeAlias = Literal["wrong", "look", "fine", "not met", "not tried", "accepted", "withdrawn"]
"""wrong: the client is wrong. look: somebody should look, it may be intended. not met: the situation did not come
about. accepted: the user has declared it. withdrawn: the test now fails without any situation, so nothing is known."""

FAILING: Mapping[str, tuple[Level, ...]] = {"wrong": ("wrong",), "look": ("wrong", "look"), "never": ()}
"""The verdicts from which a run can be made to fail."""
MOST_CALLS = 12
LONGEST_SLEEP = 3600.0
_SLACK = 0.02
_BAD_PICTURES = (CorruptChunk, HtmlWith200, SameSize, Smaller, Truncate, WrongContentLength, WrongFormat)
_OF_RESULTS = (SameSize, Smaller)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reasons, a clause each."""

    level: Level
    reasons: tuple[str, ...] = ()


def judge(situation: Situation, usual: Usual, seen: Played, patience: float = 0.0) -> Judgement:
    """Judge one run in a situation against the plain run. `patience`: the seconds after which a silence was ended, 0 if
    the client ends it."""
    wrong = [*_paid_again(situation, usual, seen), *_asked_again(usual, seen), *_waited(seen)]
    if wrong := [*wrong, *_endured(situation, seen, patience)]:
        return Judgement("wrong", tuple(wrong))
    if look := [
        *_paid_for_another(usual, seen),
        *_took_it(situation, seen),
        *_surprised(seen),
        *_slept(seen),
    ]:
        return Judgement("look", tuple(look))
    return Judgement("fine")


def _paid_again(situation: Situation, usual: Usual, seen: Played) -> Iterable[str]:
    """Paid more often than in the plain run, after the reply to paid work was lost or unreadable."""
    if _is_of_replies(situation) and (reason := _more_charges(usual, seen)):
        yield reason


def _paid_for_another(usual: Usual, seen: Played) -> Iterable[str]:
    if reason := _more_charges(usual, seen):
        yield reason


def _is_of_replies(situation: Situation) -> bool:
    """Whether a situation is about the reply to paid work, not about its picture."""
    scenario = situation.scenario
    in_reply = not scenario.id.startswith(("download-", "result-", "unsafe-"))
    return in_reply and scenario.expect == PAID and bool(scenario.faults)


def _more_charges(usual: Usual, seen: Played) -> str:
    for work, times in seen.charges.items():
        before = usual.charges.get(work, 0)
        if before and times > before:
            return f"paid {times} times for one piece of work, {_times(before)} without the situation"
    if seen.micros > usual.micros:
        return f"paid ${(seen.micros - usual.micros) / 1e6:.2f} more than without the situation"
    return ""


def _asked_again(usual: Usual, seen: Played) -> Iterable[str]:
    again = seen.repeats(FINAL)
    if len(again) > usual.repeats:
        yield f"sent the same request again after {again[-1].status}"
    if (calls := len(seen.work())) > max(MOST_CALLS, usual.work):
        yield f"called {calls} times"
    if len(seen.blocked) > usual.blocked:
        yield f"called the real service: {seen.blocked[-1].path}"


def _waited(seen: Played) -> Iterable[str]:
    if seen.sleeps is None:
        return
    for call, seconds in seen.waits():
        if seconds < (call.retry_after or 0) - _SLACK:
            yield f"was told to wait {call.retry_after:g} s but waited {seconds:.2f} s"
            return


def _endured(situation: Situation, seen: Played, patience: float) -> Iterable[str]:
    if any(one.seconds is None for one in seen.timeouts):
        yield "waits forever for a reply: it has no time-out"
    elif situation.is_silent and patience and any(one.seconds > patience - _SLACK for one in seen.calls):
        yield f"was still waiting after {patience:g} s without a reply"


def unread(plain: Played) -> Judgement:
    """Judge a run without any situation: pictures that are paid for and never read, although others are."""
    read = {link for one in plain.calls if one.kind == "download" and one.ok for link in _links(one)}
    for call in plain.work():
        links = _links(call)
        looked = len(read.intersection(links))
        if call.cost and 0 < looked < len(links):
            return Judgement("look", (f"pays for {len(links)} pictures but reads only {looked}",))
    return Judgement("fine")


def _links(call: CallRecord) -> list[str]:
    return [str(one["link"]) for one in call.results if "link" in one]


def _took_it(situation: Situation, seen: Played) -> Iterable[str]:
    """The last delivered picture was a bad one, or an error, and the client raised nothing."""
    downloads = [one for one in seen.calls if one.kind == "download"]
    carriers = downloads or seen.work()
    if seen.ending not in ("passed", "assertion") or not carriers:
        return
    last = carriers[-1]
    bad = next((one for one in situation.faults if isinstance(one, _BAD_PICTURES)), None)
    # An altered result is another picture, and reading it applies no fault of its own.
    altered = isinstance(bad, _OF_RESULTS) or type(bad).__name__ in last.faults
    noticed = "" if seen.ending == "passed" else ", and only the test's own assertion noticed"
    if bad is not None and altered and last.status == 200:
        yield f"accepted it without an error: {situation.scenario.about}{noticed}"
    elif situation.scenario.id.startswith("download-") and downloads and (last.status or 0) >= 400:
        yield f"treated the {last.status} reply as a picture: {situation.scenario.about}{noticed}"


def _surprised(seen: Played) -> Iterable[str]:
    if seen.ending == "surprise":
        yield f"crashed: {seen.said}"


def _slept(seen: Played) -> Iterable[str]:
    longest = max((one.seconds for one in seen.sleeps or ()), default=0.0)
    if longest > LONGEST_SLEEP:
        yield f"sleeps for {longest:,.0f} s because Retry-After says so"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
