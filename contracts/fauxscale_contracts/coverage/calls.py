"""Reads the calls of one account from its journal: the faults each met, its links, the job it polled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, TypeAlias, cast

from fauxscale_contracts.profiles.profile import Job, Profile

from .shapes import Shape, hint, shape_of

Entry: TypeAlias = Mapping[str, Any]
"""A call in the control API's JSON."""

# The reply to a client that waits for a job after it was cancelled.
_CANCELLED = 499
# The refusal of a read without a staged fault: the clock was moved, or the test itself let the link expire.
_DEAD = {"link_expired": "Expire", "link_unknown": "Purge"}


@dataclass(frozen=True)
class Call:
    """One call, and the shapes of its faults, or of a refusal without one."""

    entry: Entry

    @property
    def operation(self) -> str:
        return str(self.entry["operation"])

    @property
    def is_read(self) -> bool:
        """Whether it read a link."""
        return self.entry.get("kind") == "download"

    @property
    def status(self) -> int | None:
        """None: it was not answered."""
        return cast("int | None", self.entry.get("status"))

    @property
    def rule(self) -> str:
        """Why it was refused; empty if a fault refused it."""
        failed = any(one["fault"] == "Fail" for one in self.entry.get("configured", ()))
        return "" if failed else str(self.entry.get("rule", ""))

    @cached_property
    def shapes(self) -> frozenset[Shape]:
        """The shapes of the faults that applied; for a refusal without a fault, the shape of its error."""
        configured: Sequence[Mapping[str, Any]] = self.entry.get("configured", ())
        if configured:
            return frozenset(map(shape_of, configured))
        if self.status is None or self.status < 400:
            return frozenset()
        if self.is_read and self.rule in _DEAD and not self.was_born_dead:
            return frozenset([(_DEAD[self.rule],)])
        said = next(
            (str(value) for name, value in self.entry.get("reply_headers", ()) if name == "retry-after"), ""
        )
        dated = bool(said) and not said.replace(".", "", 1).isdigit()
        return frozenset(
            [("Fail", self.status, hint(self.status, self.entry.get("retry_after"), dated=dated))]
        )

    @property
    def was_born_dead(self) -> bool:
        """Whether it read a link that had expired when it was given out."""
        return self.rule == "link_expired" and any(one.get("life") == 0 for one in self.entry["results"])

    @property
    def links(self) -> frozenset[str]:
        """The links it gave out, or read."""
        return frozenset(str(one["link"]) for one in self.entry.get("results", ()))

    def reads(self, links: frozenset[str]) -> bool:
        """Whether it read one of these links. A refused call may only name it in its address."""
        path = str(self.entry.get("path", ""))
        return self.is_read and (bool(self.links & links) or any(one in path for one in links))

    @cached_property
    def reply(self) -> object:
        """Its reply's JSON; None if it is none, or more than the journal keeps."""
        try:
            return json.loads(str(self.entry.get("reply", "")))
        except ValueError:
            return None


class Calls:
    """The calls of one account that belong to one list of scenarios, in order."""

    def __init__(self, entries: Sequence[Entry], profile: Profile) -> None:
        self.profile = profile
        every = [Call(one) for one in entries if one["provider"] == profile.name]
        self.asked = [one for one in every if not one.is_read]
        # A read of a link belongs to the list of the operation that gave the link out.
        self.own = [one for one in self.asked if self._is_of_list(one)]
        others = frozenset(link for one in self.asked if one not in self.own for link in one.links)
        self.read = [one for one in every if one.is_read and not one.reads(others)]
        self.work = self.on(profile.work)
        self.shapes = frozenset(shape for one in every for shape in one.shapes)

    def _is_of_list(self, call: Call) -> bool:
        job = self.profile.job
        polled = (job.submit, job.status, job.result) if job is not None else ()
        patterns = (self.profile.work, self.profile.replies, *polled)
        return any(fnmatchcase(call.operation, one) for one in patterns)

    def on(self, pattern: str) -> list[Call]:
        """The calls of operations that match this pattern of a rule."""
        if pattern == self.profile.download:
            return self.read
        return [one for one in self.asked if fnmatchcase(one.operation, pattern)]

    def is_read(self, call: Call) -> bool:
        """Whether a link that this call gave out was read; for a poll, which gives out none itself, whether any was."""
        return any(not call.links or one.reads(call.links) for one in self.read)

    @cached_property
    def jobs(self) -> list[list[Call]]:
        """The polls of each job, in the order the jobs were submitted."""
        job = self.profile.job
        if job is None:
            return []
        ids = [_at(one.reply, job.id_at) for one in self.asked if one.operation == job.submit]
        polls = [one for one in self.asked if one.operation in (job.status, job.result)]
        return [
            [poll for poll in polls if str(one) in str(poll.entry["path"])]
            for one in ids
            if isinstance(one, str)
        ]


def is_pending(poll: Call, job: Job) -> bool:
    """Whether a poll found its job unfinished."""
    state = _at(poll.reply, job.state_at) if job.state_at else None
    return poll.status in job.pending or state in job.pending


def is_cancelled(poll: Call, profile: Profile, job: Job) -> bool:
    """Whether a poll answered that its job ended without a result: by a status, or by a state."""
    if poll.status == _CANCELLED or not job.state_at or poll.status != 200 or poll.shapes:
        return poll.status == _CANCELLED
    return not is_pending(poll, job) and _at(poll.reply, profile.results.at) is None


def _at(value: object, pointer: str) -> object:
    for name in pointer.split("/")[1:]:
        if isinstance(value, list) and name.isdecimal():
            items = cast("list[object]", value)
            value = items[int(name)] if int(name) < len(items) else None
        elif isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value).get(name)
        else:
            return None
    return value
