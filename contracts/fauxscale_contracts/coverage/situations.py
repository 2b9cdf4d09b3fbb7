"""Finds which situations of a list were met, from journals alone; a situation is what its scenario stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import TypeAlias

from fauxscale_contracts.conform.sample_images import looks_like, was_refused_like
from fauxscale_contracts.conform.scenario import Scenario, StagedFault
from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.profiles.installed import profiles
from fauxscale_contracts.profiles.profile import Job, Profile

from .calls import Call, Calls, Entry, is_cancelled, is_pending
from .shapes import FAR, Shape, members_of, shape_of

Matcher: TypeAlias = Callable[[Calls], bool]
Family: TypeAlias = tuple[str, Shape, bool]
"""The operations that a fault is staged on, the family of its shape, and whether it applies every time."""
# They apply to the work, but only a reader of the link sees them.
_SEEN_BY_READERS = ("SameSize", "Smaller", "ForgedUrl")


class SituationList:
    """The situations of one list: `name` is that of the profile's list, empty for its first."""

    def __init__(self, profile: Profile, name: str) -> None:
        self.profile, self.name = profile, name

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Its scenarios, in the order of the list."""
        return scenarios(self.profile.name, self.name)

    @cached_property
    def _matchers(self) -> Mapping[str, Matcher | None]:
        staged = [one for scenario in self.scenarios for one in scenario.faults]
        families = {(one.on, _family(shape_of(members_of(one.fault))), one.times is None) for one in staged}
        return {one.id: _matcher(one, self.profile, families) for one in self.scenarios}

    def asks_for_work(self, operation: str) -> bool:
        """Whether calls of an operation request work of this list."""
        return fnmatchcase(operation, self.profile.work)

    def knows(self, operation: str) -> bool:
        """Whether an operation requests work of this list, or polls it."""
        job = self.profile.job
        return self.asks_for_work(operation) or (job is not None and operation in (job.status, job.result))

    def is_used(self, entries: Iterable[Entry]) -> bool:
        """Whether one of these calls requested work of this list."""
        name = self.profile.name
        return any(one["provider"] == name and self.asks_for_work(str(one["operation"])) for one in entries)

    def met(self, entries: Sequence[Entry]) -> frozenset[str]:
        """The ids of the situations that the calls of one account met."""
        calls = Calls(entries, self.profile)
        return frozenset(
            name for name, matches in self._matchers.items() if matches is not None and matches(calls)
        )

    def can_tell(self, scenario: Scenario) -> bool:
        """Whether a journal shows that this situation was met."""
        return self._matchers[scenario.id] is not None


@cache
def lists_of(provider: str) -> tuple[SituationList, ...]:
    """Every list of a provider; none without a profile."""
    found = profiles().by_name.get(provider)
    if found is None:
        return ()
    named = {"": found, **found.operations}
    return tuple(SituationList(one, name) for name, one in named.items())


def _matcher(scenario: Scenario, profile: Profile, families: Set[Family]) -> Matcher | None:
    """How a journal shows that a scenario's situation was met; None if it does not."""
    if scenario.faults:
        staged = [_staged(one, profile, families) for one in scenario.faults]
        return lambda calls: all(matches(calls) for matches in staged)
    if scenario.key == "wrong":
        return lambda calls: any(one.rule in ("invalid_key", "missing_key") for one in calls.work)
    if scenario.clock:
        return _skewed(scenario.clock)
    if scenario.mask != "fits":
        return lambda calls: any(one.rule == "wrong_size" and _has_mask(one) for one in calls.work)
    if scenario.terms or scenario.meanwhile:
        return _terms(scenario, profile)
    if scenario.options:
        return lambda calls: any(_asks(one, scenario.options) for one in calls.work)
    if scenario.id == f"picture-{scenario.picture}":
        return lambda calls: any(_shows(one, scenario.picture) for one in calls.own)
    return None


def _staged(staged: StagedFault, profile: Profile, families: Set[Family]) -> Matcher:
    """Whether a fault of the same shape applied, as often: if the list has one fault for once and one for ever, it must
    have applied to all calls from one on, at least two; or not."""
    shape = shape_of(members_of(staged.fault))
    family = _family(shape)
    on_both = {(staged.on, family, True), (staged.on, family, False)} <= families
    linked = shape[0] in _SEEN_BY_READERS and bool(profile.download)

    def struck(calls: Calls) -> list[Call]:
        return [
            one for one in calls.on(staged.on) if shape in one.shapes and (not linked or calls.is_read(one))
        ]

    def always(calls: Calls) -> int:
        """How many of the last calls had a fault, each one of the family."""
        count = 0
        for one in reversed(calls.on(staged.on)):
            if family not in map(_family, one.shapes):
                break
            count += 1
        return count

    def once_met(calls: Calls) -> bool:
        if shape not in calls.shapes or not (found := struck(calls)):
            return False
        last = always(calls) if on_both else 0
        return last < 2 or found[0] not in calls.on(staged.on)[-last:]

    def always_met(calls: Calls) -> bool:
        if not on_both:
            return shape in calls.shapes and bool(struck(calls))
        return bool(calls.shapes) and always(calls) >= 2

    return always_met if staged.times is None else once_met


def _family(shape: Shape) -> Shape:
    """The part of a shape that identifies a fault that applies every time: for an error its status alone, unless it
    asks for a wait that no client should sleep through."""
    return shape[:2] if shape[0] == "Fail" and shape[-1] != "far future" else shape


def _skewed(seconds: float) -> Matcher:
    sign = 1 if seconds > 0 else -1
    return lambda calls: any(one.entry.get("ahead", 0.0) * sign >= FAR for one in calls.work)


def _has_mask(call: Call) -> bool:
    named = [*(str(one["name"]) for one in call.entry.get("parts", ())), *call.entry.get("sent", ())]
    return any("mask" in one for one in named)


def _terms(scenario: Scenario, profile: Profile) -> Matcher | None:
    if scenario.terms.get("balance") == 0:
        return lambda calls: any(one.rule == "no_funds" for one in calls.work)
    if scenario.terms.get("link_ttl") == 0:
        return lambda calls: any(one.was_born_dead for one in calls.read)
    if profile.count in scenario.options and scenario.together > 1:
        return lambda calls: any(
            one.rule == "too_many_in_flight" and _number(one, profile.count) > 1 for one in calls.work
        )
    job = profile.job
    if job is None or "options" not in scenario.terms:
        return None
    return _of_jobs(scenario, profile, job)


def _number(call: Call, name: str) -> int:
    value = call.entry.get("params", {}).get(name)
    return value if isinstance(value, int) else 0


def _of_jobs(scenario: Scenario, profile: Profile, job: Job) -> Matcher:
    def pending(polls: list[Call]) -> int:
        return sum(is_pending(one, job) for one in polls)

    def done(polls: list[Call]) -> Call | None:
        ended = (one for one in polls if one.status is not None and not is_pending(one, job))
        return next((one for one in ended if not one.entry.get("configured")), None)

    def cancelled(polls: list[Call]) -> bool:
        return any(is_cancelled(one, profile, job) for one in polls)

    def reordered(jobs: list[list[Call]]) -> bool:
        """Whether a job was seen to be done before one that was submitted earlier."""
        seen = [end.entry["n"] for end in map(done, jobs) if end is not None]
        return seen != sorted(seen)

    if scenario.meanwhile == "reordered":
        return lambda calls: reordered(calls.jobs)
    if scenario.meanwhile == "cancelled":
        return lambda calls: any(map(cancelled, calls.jobs))
    if scenario.expect.outcome == "fail":  # it is never done
        return lambda calls: any(pending(one) > 1 and done(one) is None for one in calls.jobs)
    return lambda calls: any(
        pending(one) and done(one) is not None and not cancelled(one) for one in calls.jobs
    )


def _asks(call: Call, options: Mapping[str, object]) -> bool:
    """Whether a call had the same parameters: equal values, and for a text beyond ASCII any such text."""
    params: Mapping[str, object] = call.entry.get("params", {})
    return all(
        isinstance(asked := params.get(name), str) and not asked.isascii()
        if isinstance(value, str) and not value.isascii()
        else _is_exactly(params.get(name), value)
        for name, value in options.items()
    )


def _is_exactly(asked: object, value: object) -> bool:
    """Whether a parameter has this value: 1 is not true."""
    return asked == value and isinstance(asked, bool) == isinstance(value, bool)


def _shows(call: Call, name: str) -> bool:
    image: Mapping[str, object] | None = call.entry.get("image")
    if image is not None and looks_like(name, image):
        return True
    # A queue accepts the file and refuses it at the result.
    refused: Mapping[str, object] = call.entry.get("refused_file") or {"rule": call.rule}
    return was_refused_like(name, refused)
